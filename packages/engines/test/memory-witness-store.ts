import type { WitnessedHead, WitnessStore } from "../src/witness/index.ts";

/** Memory of a witness that a test can look into and make fail. */
export class MemoryWitnessStore implements WitnessStore {
    readonly heads = new Map<string, WitnessedHead>();
    readonly splitViews: (readonly [string, string])[] = [];
    failing = false;

    latest(origin: string): WitnessedHead | null {
        return this.heads.get(origin) ?? null;
    }

    advance(origin: string, latest: WitnessedHead): void {
        if (this.failing) throw new Error("injected fault");
        this.heads.set(origin, latest);
    }

    keepSplitView(_origin: string, notes: readonly [string, string]): void {
        this.splitViews.push(notes);
    }
}
