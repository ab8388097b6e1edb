import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import {
    channelCount,
    type MeterRecord,
    RECORD_CLASS,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import { expandAddresses, expandFlags, type TreeAddress } from "@meterseal/seal";

/** A sealed boundary of a stream as its record says, with its commitments. */
export type RecordedBoundary = {
    readonly slot: number;
    readonly address: TreeAddress;
    /** Quality of the interval that ends here; 0 = measured. */
    readonly flag: number;
    /** Sealed registers, 8 bytes a channel. */
    readonly sealed: Uint8Array;
    /** Of the first groups, 32 bytes each; none in a stream without commitments. */
    readonly commitments: readonly Uint8Array[];
};

/** Boundaries of one seal epoch, ascending by slot. */
export type RecordedEpoch = {
    readonly sealEpoch: number;
    readonly boundaries: RecordedBoundary[];
};

/** The boundaries of one stream over all its seal epochs. */
export type RecordedStream = {
    /** 16 bytes. */
    readonly stream: Uint8Array;
    readonly slotSeconds: number;
    readonly groups: readonly number[];
    /** Registers count in 10^scale Wh. */
    readonly scale: number;
    /** Ascending by seal epoch. */
    readonly epochs: readonly RecordedEpoch[];
};

/**
 * Sorts what the records of a meter say of one of its streams. Whether they are signed, whole and in
 * the ledger is for whoever hands them over to check.
 * @returns MS_NOT_FOUND without a boundary of the stream; MS_STREAM_RULE where slots, groups or units
 * change, or the stream is open; MS_RESEALED where epochs overlap or slots repeat.
 */
export function readStream(
    records: Iterable<MeterRecord>,
    stream: Uint8Array,
): Result<RecordedStream> {
    const epochs = new Map<number, RecordedEpoch>();
    let first: UsageBody | null = null;
    for (const record of records) {
        if (record.recordClass !== RECORD_CLASS.usage) continue;
        const usage = usageOf(record);
        if (!usage.ok) return usage;
        if (!bytesEqual(usage.value.stream, stream)) continue;
        first ??= usage.value;
        if (shapeOf(first) !== shapeOf(usage.value)) {
            const expected = "the same slots, groups and units in all records";
            return fail(error("MS_STREAM_RULE", { where: `record ${record.seq}`, expected }));
        }
        const { sealEpoch } = usage.value;
        const epoch = epochs.get(sealEpoch) ?? { sealEpoch, boundaries: [] };
        epochs.set(sealEpoch, epoch);
        const added = addBoundaries(epoch.boundaries, usage.value);
        if (!added.ok) return added;
    }
    if (first === null) {
        return fail(error("MS_NOT_FOUND", { where: "usage records of the stream" }));
    }
    const { groups, scale = 0, slotSeconds } = first;
    const sorted = [...epochs.values()].sort((a, b) => a.sealEpoch - b.sealEpoch);
    for (const { boundaries } of sorted) boundaries.sort((a, b) => a.slot - b.slot);
    const fault = findOverlap(sorted);
    if (fault !== null) return fail(error("MS_RESEALED", { where: `slot ${fault}` }));
    return ok({ stream, slotSeconds, groups, scale, epochs: sorted });
}

function shapeOf({ groups, scale = 0, slotSeconds, values }: UsageBody): string {
    return [slotSeconds, scale, values.mode, groups.join(" ")].join();
}

function addBoundaries(boundaries: RecordedBoundary[], usage: UsageBody): Result<null> {
    if (usage.values.mode !== "sealed") {
        return fail(error("MS_STREAM_RULE", { expected: "a sealed stream", got: "an open one" }));
    }
    const addresses = expandAddresses(usage);
    if (!addresses.ok) return addresses;
    const flags = expandFlags(usage.flags, usage.count);
    if (!flags.ok) return flags;
    const width = channelCount(usage.groups) * 8;
    for (const [i, address] of addresses.value.entries()) {
        boundaries.push({
            slot: usage.firstSlot + i,
            address,
            flag: flags.value[i] ?? 0,
            sealed: usage.values.bytes.subarray(i * width, (i + 1) * width),
            commitments: (usage.commitments ?? []).map((list) =>
                list.subarray(i * 32, (i + 1) * 32),
            ),
        });
    }
    return ok(null);
}

/** First slot that an epoch has twice, or that lies before the end of the epoch before; or null. */
function findOverlap(epochs: readonly RecordedEpoch[]): number | null {
    let end = -1;
    for (const { boundaries } of epochs) {
        const start = boundaries[0]?.slot ?? end;
        // Two devices may share the boundary at which one follows the other.
        if (start < end) return start;
        for (let i = 1; i < boundaries.length; i++) {
            const slot = boundaries[i]?.slot ?? 0;
            if (slot <= (boundaries[i - 1]?.slot ?? 0)) return slot;
        }
        end = boundaries.at(-1)?.slot ?? end;
    }
    return null;
}
