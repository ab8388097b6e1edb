import { error, fail, ok, type Result, slotOfUnix, unixOfSlot } from "@meterseal/core";
import {
    EVENT_KIND,
    eventOf,
    LEVEL,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    usageOf,
} from "@meterseal/record";
import {
    type BridgeEnds,
    type EpochAddress,
    expandAddresses,
    type GrantEpoch,
    type GrantSpan,
    ownerKeys,
    type TreeAddress,
} from "@meterseal/seal";
import type { KeyFile } from "../key-file.ts";
import type { EpochChange } from "../policy/journal.ts";
import { ownRecords } from "../series.ts";

/** A seal epoch of a stream as its records show it. */
export type StreamEpoch = {
    readonly sealEpoch: number;
    /** When it began; minus infinity for the first one. */
    readonly fromUnix: number;
    /** Registers over which sums go on from the epoch before; absent in the first one. */
    readonly ends?: BridgeEnds;
    /** When the registers that end the epoch before were read, and whether they are its last ones. */
    readonly before?: Pick<EpochChange, "endUnix" | "isFinal">;
    /** Groups that its records commit to, the first of the stream. */
    readonly committed: number;
};

/** What the records of one seal epoch say of its two ends. */
type Seen = {
    readonly sealEpoch: number;
    committed: number;
    opening?: RegisterEvent;
    closing?: RegisterEvent;
    first?: { readonly slot: number; readonly address: TreeAddress };
    last?: { readonly slot: number; readonly address: TreeAddress };
};

/**
 * Seal epochs of a household's stream, ascending, from records that were verified. The registers at a
 * change are the ones that the household's own series is joined over: a closing record, else what was
 * stated, else the last boundary.
 * @returns errors of the records' bodies.
 */
export function streamEpochs(key: KeyFile, records: Iterable<MeterRecord>): Result<StreamEpoch[]> {
    const seen = new Map<number, Seen>();
    for (const record of ownRecords(key, records)) {
        const read = takeRecord(seen, record);
        if (!read.ok) return read;
    }
    const sorted = [...seen.values()].sort((a, b) => a.sealEpoch - b.sealEpoch);
    if (sorted.length === 0) {
        const { sealEpoch } = key.stream;
        return ok([{ sealEpoch, fromUnix: Number.NEGATIVE_INFINITY, committed: 0 }]);
    }
    return ok(
        sorted.map((epoch, i) => {
            const { committed, sealEpoch } = epoch;
            const before = sorted[i - 1];
            if (before === undefined) {
                return { sealEpoch, fromUnix: Number.NEGATIVE_INFINITY, committed };
            }
            const open = openingEnd(epoch);
            const close = closingEnd(before, epoch, key.stream.slotSeconds);
            const fromUnix = beginOf(epoch, key.stream.slotSeconds);
            if (open === null || close === null) return { sealEpoch, fromUnix, committed };
            const { address, ...end } = close;
            return { sealEpoch, fromUnix, committed, ends: { close: address, open }, before: end };
        }),
    );
}

/**
 * The household's keys of the epochs that a range lies in.
 * @param epochs - of {@link streamEpochs}.
 * @returns MS_KEY_FILE for an open stream, which has no keys to grant; errors of ownerKeys.
 */
export function grantEpochs(
    key: KeyFile,
    epochs: readonly StreamEpoch[],
    fromUnix: number,
    toUnix: number,
): Result<GrantEpoch[]> {
    const { master, stream } = key;
    if (master === null) {
        const expected = "a sealed stream; everybody may read an open one";
        return fail(error("MS_KEY_FILE", { expected }));
    }
    const parts: GrantEpoch[] = [];
    for (const [i, { committed, ends, fromUnix: begin, sealEpoch }] of epochs.entries()) {
        const end = epochs[i + 1]?.fromUnix ?? Number.POSITIVE_INFINITY;
        if (end <= fromUnix || begin > toUnix) continue;
        const owner = ownerKeys(master, { ...stream, sealEpoch });
        if (!owner.ok) return owner;
        const span = {
            sealEpoch,
            fromUnix: Math.max(begin, fromUnix),
            toUnix: Math.min(end, toUnix),
        };
        const bridged = parts.length > 0 && ends !== undefined ? { ends } : {};
        parts.push({ span, owner: owner.value, committed, ...bridged });
    }
    return ok(parts);
}

/**
 * Changes of the seal epoch over which the sums of a grant go on.
 * @param epochs - of {@link streamEpochs}.
 */
export function changesOf(
    epochs: readonly StreamEpoch[],
    spans: readonly GrantSpan[],
): EpochChange[] {
    return spans.slice(1).flatMap(({ sealEpoch }) => {
        const before = epochs.find((epoch) => epoch.sealEpoch === sealEpoch)?.before;
        return before === undefined ? [] : [{ sealEpoch, ...before }];
    });
}

function takeRecord(seen: Map<number, Seen>, record: MeterRecord): Result<null> {
    if (record.recordClass === RECORD_CLASS.billing) {
        const event = eventOf(record);
        if (!event.ok) return event;
        const epoch = seenOf(seen, event.value.sealEpoch);
        if (event.value.kind === EVENT_KIND.opening) epoch.opening = event.value;
        else epoch.closing = event.value;
    }
    if (record.recordClass !== RECORD_CLASS.usage) return ok(null);
    const usage = usageOf(record);
    if (!usage.ok) return usage;
    const addresses = expandAddresses(usage.value);
    if (!addresses.ok) return addresses;
    const epoch = seenOf(seen, usage.value.sealEpoch);
    epoch.committed = usage.value.commitments?.length ?? 0;
    for (const [offset, address] of addresses.value.entries()) {
        const slot = usage.value.firstSlot + offset;
        if (epoch.first === undefined || slot < epoch.first.slot) epoch.first = { slot, address };
        if (epoch.last === undefined || slot > epoch.last.slot) epoch.last = { slot, address };
    }
    return ok(null);
}

function seenOf(seen: Map<number, Seen>, sealEpoch: number): Seen {
    const known = seen.get(sealEpoch) ?? { sealEpoch, committed: 0 };
    seen.set(sealEpoch, known);
    return known;
}

function openingEnd({ first, opening, sealEpoch }: Seen): EpochAddress | null {
    if (opening !== undefined) return { sealEpoch, level: LEVEL.event, index: opening.index };
    return first === undefined ? null : { sealEpoch, ...first.address };
}

type ClosingEnd = NonNullable<StreamEpoch["before"]> & { readonly address: EpochAddress };

function closingEnd(
    { closing, last, sealEpoch: old }: Seen,
    { opening, sealEpoch }: Seen,
    slotSeconds: number,
): ClosingEnd | null {
    if (closing !== undefined) {
        const address = { sealEpoch: old, level: LEVEL.event, index: closing.index };
        return { address, endUnix: closing.atUnix, isFinal: true };
    }
    if (opening?.before?.stated !== undefined) {
        const address = { sealEpoch, level: LEVEL.event, index: opening.index + 1 };
        return { address, endUnix: opening.atUnix, isFinal: true };
    }
    if (last === undefined) return null;
    const endUnix = unixOfSlot(last.slot, slotSeconds);
    return { address: { sealEpoch: old, ...last.address }, endUnix, isFinal: false };
}

/** When an epoch began: at its opening, or the slot before its first boundary. */
function beginOf({ first, opening }: Seen, slotSeconds: number): number {
    if (opening !== undefined) return opening.atUnix;
    const slot = first?.slot ?? slotOfUnix(0, slotSeconds);
    return unixOfSlot(slot, slotSeconds);
}
