import {
    bytesEqual,
    concatBytes,
    error,
    type MetersealError,
    sha256,
    unwrap,
} from "@meterseal/core";
import {
    isSummary,
    lastRegistersUnix,
    type MeterRecord,
    type PruningPayload,
    parseSummary,
    RECORD_CLASS,
    summarizeRecord,
    usageOf,
} from "@meterseal/record";
import { leafHash } from "./merkle/hash.ts";
import { recordLeafHash } from "./vertex/body.ts";

/** Which records a pruning is about; see {@link PruningPayload}. */
export type PruningRange = Pick<PruningPayload, "beforeUnix" | "size">;

/** What a pruning states of them. */
export type PruningTotals = Pick<PruningPayload, "count" | "digest">;

/** True for a record that a pruning is about, in a vertex at a place of the log. */
export function isPrunable(
    record: MeterRecord,
    leafIndex: number,
    { beforeUnix, size }: PruningRange,
): boolean {
    if (leafIndex >= size || record.recordClass !== RECORD_CLASS.usage) return false;
    return usageOf(record).ok && lastRegistersUnix(record) < beforeUnix;
}

/** What is left of a usage record when its bytes go; see `summarizeRecord`. */
export function summaryOf(record: MeterRecord): Uint8Array {
    return unwrap(summarizeRecord(record, recordLeafHash(record)));
}

/** Leaf hash in its vertex, 32 bytes, of a record of our own store or of the summary that is left. */
export function storedLeafHash(bytes: Uint8Array): Uint8Array {
    return isSummary(bytes) ? recordLeafHash(unwrap(parseSummary(bytes))) : leafHash(bytes);
}

/**
 * Adds up what prunings say of the records of a log, in one walk in the order of log and bodies; a
 * record may be whole or a summary already. A digest begins as 32 zero bytes and becomes
 * SHA-256(digest ‖ SHA-256(summary)) with each record.
 */
export class PruningSums {
    readonly #sums: { range: PruningRange; count: number; digest: Uint8Array }[];

    constructor(ranges: readonly PruningRange[]) {
        this.#sums = ranges.map((range) => ({ range, count: 0, digest: new Uint8Array(32) }));
    }

    /** Takes a record of a vertex in the log. @returns true where some pruning is about it. */
    add(record: MeterRecord, leafIndex: number): boolean {
        const about = this.#sums.filter(({ range }) => isPrunable(record, leafIndex, range));
        if (about.length === 0) return false;
        const hash = sha256(summaryOf(record));
        for (const sum of about) {
            sum.digest = sha256(concatBytes(sum.digest, hash));
            sum.count++;
        }
        return true;
    }

    /** Totals of a range that this adds up, so far. */
    totalsOf({ beforeUnix, size }: PruningRange): PruningTotals | undefined {
        return this.#sums.find(
            ({ range }) => range.beforeUnix === beforeUnix && range.size === size,
        );
    }
}

/** Why records do not add up to what a pruning states; null where they do. */
export function pruningFault(stated: PruningTotals, found: PruningTotals): MetersealError | null {
    if (stated.count !== found.count) {
        const [expected, got] = [stated, found].map(({ count }) => `${count} records`);
        return error("MS_PRUNING", { expected: `${expected}`, got: `${got}` });
    }
    if (bytesEqual(stated.digest, found.digest)) return null;
    return error("MS_PRUNING", { expected: "the summaries that its digest binds" });
}
