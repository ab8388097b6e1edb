import { join } from "node:path";
import { LIMITS, type LinkHandler } from "@meterseal/core";
import { PlainRows } from "./plain-rows.ts";

/** A plain reading as it travels: JSON, as small meters send it. */
export type PlainReading = { readonly meter: number; readonly slot: number; readonly wh: number };

type Waiting = { readonly readings: readonly PlainReading[]; done(): void };

/**
 * A collector without any protection, behind the same link: it parses readings and writes rows,
 * acknowledged when durable, with the same group commit as ours.
 */
export class PlainHandler implements LinkHandler {
    readonly #rows: PlainRows;
    #waiting: Waiting[] = [];
    #count = 0;
    #timer: NodeJS.Timeout | null = null;

    constructor(dataDir: string) {
        this.#rows = new PlainRows(join(dataDir, "plain.db"), 1);
    }

    authenticate(): Promise<boolean> {
        return Promise.resolve(true);
    }

    connected(): void {}

    receive(_subjectHex: string, message: Uint8Array): Promise<void> {
        const readings: PlainReading[] = JSON.parse(Buffer.from(message).toString("utf8"));
        return new Promise((done) => {
            this.#waiting.push({ readings, done });
            this.#count += readings.length;
            if (this.#count >= LIMITS.commitRecords) this.#flush();
            else this.#timer ??= setTimeout(() => this.#flush(), LIMITS.commitDelayMs);
        });
    }

    #flush(): void {
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = null;
        const batch = this.#waiting;
        this.#waiting = [];
        this.#count = 0;
        this.#rows.begin();
        for (const { readings } of batch) {
            for (const { meter, slot, wh } of readings) this.#rows.add(meter, slot, () => wh);
        }
        this.#rows.commit();
        for (const { done } of batch) done();
    }
}
