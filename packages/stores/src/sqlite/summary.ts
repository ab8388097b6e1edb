import { toHex } from "@meterseal/core";
import { parseRecord } from "@meterseal/record";
import { blobOf, integerOf } from "./columns.ts";
import type { Queries } from "./queries.ts";
import { type SubjectTally, Tally } from "./tally.ts";

/** Sizes of a store. */
export type StoreCounts = {
    readonly records: number;
    /** Records that are in no vertex yet. */
    readonly looseRecords: number;
    /** Register boundaries in all usage records. */
    readonly readings: number;
    readonly vertices: number;
    readonly logSize: number;
    readonly checkpoints: number;
};

/** One subject at a glance. */
export type MeterSummary = {
    /** 16 bytes. */
    readonly subject: Uint8Array;
    readonly records: number;
    /** Its records that are in no vertex yet. */
    readonly looseRecords: number;
    readonly readings: number;
    /** Chain epoch and sequence number of its latest record. */
    readonly chainEpoch: number;
    readonly lastSeq: number;
    /** Largest slot of its usage records, in units of their stream; null before the first. */
    readonly lastSlot: number | null;
    /** The meter's clock in its latest record; null where the bytes do not parse. */
    readonly lastTimeUnix: number | null;
};

/** Sums over a server store. */
export class StoreSummary {
    readonly #queries: Queries;
    readonly #tally: Tally;
    readonly #times = new Map<string, { readonly n: number; readonly timeUnix: number | null }>();

    constructor(queries: Queries) {
        this.#queries = queries;
        this.#tally = new Tally(queries);
    }

    /** Sizes of the store. */
    async counts(): Promise<StoreCounts> {
        await this.#tally.update();
        return this.#queries.settle(() => {
            const row = this.#queries.get(
                `SELECT (SELECT count(*) FROM records WHERE vertex IS NULL) AS loose,
                 (SELECT count(*) FROM vertices) AS vertices,
                 (SELECT count(*) FROM log) AS log,
                 (SELECT count(*) FROM checkpoints) AS checkpoints`,
            );
            return {
                records: this.#tally.records,
                looseRecords: integerOf(row, "loose"),
                readings: this.#tally.readings,
                vertices: integerOf(row, "vertices"),
                logSize: integerOf(row, "log"),
                checkpoints: integerOf(row, "checkpoints"),
            };
        });
    }

    /** All subjects that have records, in the order of their first one. */
    async meters(): Promise<MeterSummary[]> {
        await this.#tally.update();
        return this.#queries.settle(() => {
            const loose = new Map(
                this.#queries
                    .all(
                        `SELECT subject, count(*) AS records FROM records WHERE vertex IS NULL
                     GROUP BY subject`,
                    )
                    .map((row) => [toHex(blobOf(row, "subject")), integerOf(row, "records")]),
            );
            return [...this.#tally.subjects].map(([key, tally]) =>
                this.#summary(key, tally, loose.get(key) ?? 0),
            );
        });
    }

    /** One subject; null when it has no record. */
    async meter(subject: Uint8Array): Promise<MeterSummary | null> {
        await this.#tally.update();
        return this.#queries.settle(() => {
            const key = toHex(subject);
            const tally = this.#tally.subjects.get(key);
            if (tally === undefined) return null;
            const row = this.#queries.get(
                "SELECT count(*) AS records FROM records WHERE vertex IS NULL AND subject = ?",
                subject,
            );
            return this.#summary(key, tally, integerOf(row, "records"));
        });
    }

    #summary(key: string, tally: SubjectTally, looseRecords: number): MeterSummary {
        const { lastN, ...sums } = tally;
        const known = this.#times.get(key);
        if (known?.n === lastN) return { ...sums, looseRecords, lastTimeUnix: known.timeUnix };
        const row = this.#queries.get("SELECT bytes FROM records WHERE n = ?", lastN);
        const record = parseRecord(blobOf(row, "bytes"));
        const lastTimeUnix = record.ok ? record.value.timeUnix : null;
        this.#times.set(key, { n: lastN, timeUnix: lastTimeUnix });
        return { ...sums, looseRecords, lastTimeUnix };
    }
}
