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
export function isPrunable(record: MeterRecord, leafIndex: number, range: PruningRange): boolean {
    const lastUnix = lastUsageUnix(record);
    return lastUnix !== null && isWithin(range, lastUnix, leafIndex);
}

/** Last boundary of a usage record, seconds since 1970; null for any other record. */
function lastUsageUnix(record: MeterRecord): number | null {
    const isUsage = record.recordClass === RECORD_CLASS.usage && usageOf(record).ok;
    return isUsage ? lastRegistersUnix(record) : null;
}

function isWithin(
    { beforeUnix, size }: PruningRange,
    lastUnix: number,
    leafIndex: number,
): boolean {
    return leafIndex < size && lastUnix < beforeUnix;
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
    /**
     * Ranges that were about the same records so far share one sum, or each old record would be hashed
     * for every pruning after it: what comes in the order of time parts a range from the rest once.
     */
    readonly #sums: { ranges: readonly PruningRange[]; count: number; digest: Uint8Array }[];

    constructor(ranges: readonly PruningRange[]) {
        this.#sums = [{ ranges, count: 0, digest: new Uint8Array(32) }];
    }

    /** Takes a record of a vertex in the log. @returns true where some pruning is about it. */
    add(record: MeterRecord, leafIndex: number): boolean {
        const lastUnix = lastUsageUnix(record);
        if (lastUnix === null) return false;
        const within = (range: PruningRange): boolean => isWithin(range, lastUnix, leafIndex);
        const about = this.#sums.filter(({ ranges }) => ranges.some(within));
        if (about.length === 0) return false;
        const hash = sha256(summaryOf(record));
        for (const sum of about) {
            const others = sum.ranges.filter((range) => !within(range));
            if (others.length > 0) {
                this.#sums.push({ ...sum, ranges: others });
                sum.ranges = sum.ranges.filter(within);
            }
            sum.digest = sha256(concatBytes(sum.digest, hash));
            sum.count++;
        }
        return true;
    }

    /** Totals of a range that this adds up, so far. */
    totalsOf({ beforeUnix, size }: PruningRange): PruningTotals | undefined {
        const sum = this.#sums.find(({ ranges }) =>
            ranges.some((range) => range.beforeUnix === beforeUnix && range.size === size),
        );
        return sum && { count: sum.count, digest: sum.digest };
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
