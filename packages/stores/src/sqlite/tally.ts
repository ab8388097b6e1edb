import { setImmediate } from "node:timers/promises";
import { toHex } from "@meterseal/core";
import { blobOf, integerOf, optionalIntegerOf, type Row } from "./columns.ts";
import type { Queries } from "./queries.ts";

/** Rows between two turns of the event loop: some 5 ms. */
const ROWS_AT_ONCE = 2_000;

/** What the records of one subject add up to. */
export type SubjectTally = {
    readonly subject: Uint8Array;
    records: number;
    /** Register boundaries in its usage records. */
    readings: number;
    /** Latest record in chain order. */
    lastN: number;
    chainEpoch: number;
    lastSeq: number;
    lastSlot: number | null;
};

/**
 * Running sums over `records`. Rows are only ever added behind the last one and their columns do
 * not change, so each call reads what is new and no more, however large the store.
 */
export class Tally {
    readonly subjects: Map<string, SubjectTally> = new Map();
    records = 0;
    readings = 0;
    readonly #queries: Queries;
    #lastN = 0;
    #busy: Promise<void> = Promise.resolve();

    constructor(queries: Queries) {
        this.#queries = queries;
    }

    /** Takes in the rows that were added since the last call, and lets other work run meanwhile. */
    update(): Promise<void> {
        const done = this.#busy.then(() => this.#catchUp());
        this.#busy = done.catch(() => {}); // the caller hears of it; the next one tries again
        return done;
    }

    async #catchUp(): Promise<void> {
        const sql = `SELECT n, subject, epoch, seq, first_slot, last_slot FROM records
            WHERE n > ? ORDER BY n LIMIT ?`;
        while (true) {
            const rows = await this.#queries.rows(sql, (row) => row, this.#lastN, ROWS_AT_ONCE);
            for (const row of rows) this.#add(row);
            if (rows.length < ROWS_AT_ONCE) return;
            await setImmediate();
        }
    }

    #add(row: Row): void {
        const n = integerOf(row, "n");
        const [chainEpoch, seq] = [integerOf(row, "epoch"), integerOf(row, "seq")];
        const first = optionalIntegerOf(row, "first_slot");
        const last = optionalIntegerOf(row, "last_slot");
        const readings = first === null || last === null ? 0 : last - first + 1;
        const tally = this.#of(blobOf(row, "subject"));
        tally.records++;
        tally.readings += readings;
        if (
            chainEpoch > tally.chainEpoch ||
            (chainEpoch === tally.chainEpoch && seq > tally.lastSeq)
        ) {
            tally.lastN = n;
            tally.chainEpoch = chainEpoch;
            tally.lastSeq = seq;
        }
        if (last !== null) tally.lastSlot = Math.max(last, tally.lastSlot ?? last);
        this.records++;
        this.readings += readings;
        this.#lastN = n;
    }

    #of(subject: Uint8Array): SubjectTally {
        const key = toHex(subject);
        const known = this.subjects.get(key);
        if (known !== undefined) return known;
        const fresh = {
            subject,
            records: 0,
            readings: 0,
            lastN: 0,
            chainEpoch: -1,
            lastSeq: 0,
            lastSlot: null,
        };
        this.subjects.set(key, fresh);
        return fresh;
    }
}
