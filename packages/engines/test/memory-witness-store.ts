import type { WitnessedHead, WitnessStore } from "../src/witness/index.ts";

/** Memory of a witness that a test can look into and make fail. */
export class MemoryWitnessStore implements WitnessStore {
    readonly heads = new Map<string, WitnessedHead>();
    readonly splitViews = new Map<string, readonly [string, string]>();
    failing = false;

    latest(origin: string): WitnessedHead | null {
        return this.heads.get(origin) ?? null;
    }

    advance(origin: string, latest: WitnessedHead): void {
        if (this.failing) throw new Error("injected fault");
        this.heads.set(origin, latest);
    }

    keepSplitView(origin: string, notes: readonly [string, string]): void {
        if (this.failing) throw new Error("injected fault");
        if (!this.splitViews.has(origin)) this.splitViews.set(origin, notes);
    }
}
