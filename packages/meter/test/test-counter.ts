import type { MonotonicCounter } from "../src/index.ts";

/** Counter in memory, which may crash once around its next raise. */
export class TestCounter implements MonotonicCounter {
    value: number | null;
    crash: "before" | "after" | null = null;

    constructor(value: number | null) {
        this.value = value;
    }

    read(): Promise<number | null> {
        return Promise.resolve(this.value);
    }

    raise(to: number): Promise<void> {
        const { crash } = this;
        this.crash = null;
        if (crash === "before") return Promise.reject(new Error("crash"));
        this.value = Math.max(this.value ?? 0, to);
        return crash === "after" ? Promise.reject(new Error("crash")) : Promise.resolve();
    }
}
