import { bytesEqual, type MetersealError, toHex, unixOfSlot } from "@meterseal/core";
import {
    type Enrolment,
    EVENT_KIND,
    epochOf,
    eventOf,
    type MeterRecord,
    type Pruning,
    RECORD_CLASS,
    type RegisterEvent,
    usageOf,
} from "@meterseal/record";
import { recordName } from "../accept/accept.ts";
import { streamKey } from "../accept/state.ts";

/** What bears on a chain beside its records; all of it was signed by the operator and is in the log. */
export type ChainBasis = {
    /** By key id, hexadecimal. */
    readonly enrolments: ReadonlyMap<string, Enrolment>;
    readonly prunings: readonly Pruning[];
};

/** Notes of a thing whether it holds. */
export type Note = (holds: boolean, code: MetersealError["code"], where: string) => void;

/**
 * Checks that each record follows the one before; the first of a key names its enrolment, and an opening
 * the record that closed the seal epoch before, which must be here. A stretch begins anywhere, and a
 * whole chain of which the beginning was pruned where that ends.
 * @param records - of one subject, in chain order.
 * @returns the instant of that pruning, seconds since 1970; null without one.
 */
export function checkChain(
    records: readonly MeterRecord[],
    extent: "whole" | "stretch",
    basis: ChainBasis,
    note: Note,
): number | null {
    const prunedBeforeUnix = extent === "whole" ? prunedBefore(records, basis) : null;
    const isCut = extent === "stretch" || prunedBeforeUnix !== null;
    const joins = new Joins(isCut);
    let before: MeterRecord | null = null;
    for (const [i, record] of records.entries()) {
        const isJoined = joins.take(record);
        if (i > 0 || !isCut) {
            const links = follows(record, before) || beginsEpoch(record, before, basis);
            note(links && isJoined, "MS_CHAIN_MISMATCH", recordName(record));
        }
        before = record;
    }
    return prunedBeforeUnix;
}

/** Which seal epochs have begun in a chain so far, and which records closed them. */
class Joins {
    readonly #isCut: boolean;
    readonly #begun = new Set<string>();
    /** Hash of the closing record by stream and seal epoch. */
    readonly #closings = new Map<string, Uint8Array>();

    /** @param isCut - whether older records may stand before the first one. */
    constructor(isCut: boolean) {
        this.#isCut = isCut;
    }

    /** Takes the next record. @returns false for an opening whose closing record is missing. */
    take(record: MeterRecord): boolean {
        if (record.recordClass === RECORD_CLASS.usage) {
            const usage = usageOf(record);
            if (usage.ok) this.#begun.add(streamKey(usage.value.stream, usage.value.sealEpoch));
            return true;
        }
        const event = registersOf(record);
        if (event === null) return true;
        const epoch = streamKey(event.stream, event.sealEpoch);
        this.#begun.add(epoch);
        if (event.kind !== EVENT_KIND.opening) this.#closings.set(epoch, record.message.hash);
        const { closing, sealEpoch = 0 } = event.before ?? {};
        if (closing === undefined) return true;
        const ended = streamKey(event.stream, sealEpoch);
        const found = this.#closings.get(ended);
        // Behind a cut the whole epoch may be missing, but no end of one that is here.
        if (found === undefined) return this.#isCut && !this.#begun.has(ended);
        return bytesEqual(found, closing);
    }
}

function registersOf(record: MeterRecord): RegisterEvent | null {
    const event = record.recordClass === RECORD_CLASS.billing ? eventOf(record) : null;
    return event?.ok ? event.value : null;
}

function follows(record: MeterRecord, before: MeterRecord | null): boolean {
    return (
        before !== null &&
        before.chainEpoch === record.chainEpoch &&
        record.seq === before.seq + 1 &&
        bytesEqual(record.prev, before.message.hash)
    );
}

/** True for a record 1 that names its key's enrolment and, in a later epoch, the record before. */
function beginsEpoch(
    record: MeterRecord,
    before: MeterRecord | null,
    { enrolments }: ChainBasis,
): boolean {
    const enrolment = enrolments.get(toHex(record.message.kid));
    if (enrolment === undefined || record.seq !== 1) return false;
    if (before !== null && before.chainEpoch >= record.chainEpoch) return false;
    const anchor = enrolment.message.hash;
    if (!bytesEqual(record.prev, anchor)) return false;
    if (record.chainEpoch === enrolment.epoch) return true;
    const body = record.recordClass === RECORD_CLASS.epoch ? epochOf(record) : null;
    if (body === null || !body.ok || body.value.chainEpoch !== record.chainEpoch - 1) return false;
    const last = before?.chainEpoch === body.value.chainEpoch ? before : null;
    return (
        body.value.lastSeq === (last?.seq ?? 0) &&
        bytesEqual(body.value.lastHash, last?.message.hash ?? anchor)
    );
}

/**
 * Instant of a pruning that took what stood before the records: the first usage among them goes on
 * where that ended, so what lacks can only be older. Null where nothing lacks, or no pruning says so.
 * Null also under a key of several streams, which a meter need not send in one order of time: what
 * lacks of one may be younger than where another goes on.
 */
function prunedBefore(records: readonly MeterRecord[], basis: ChainBasis): number | null {
    const [first] = records;
    if (first === undefined || isBeginning(first, basis)) return null;
    for (const record of records) {
        const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
        if (usage === null || !usage.ok) continue;
        const signer = basis.enrolments.get(toHex(record.message.kid));
        if (signer?.streams.length !== 1) return null;
        const { firstSlot, slotSeconds } = usage.value;
        const lastUnix = unixOfSlot(firstSlot, slotSeconds) - slotSeconds;
        return basis.prunings.find((each) => lastUnix < each.beforeUnix)?.beforeUnix ?? null;
    }
    return null;
}

/** True for a first record that names none before it. */
function isBeginning(first: MeterRecord, basis: ChainBasis): boolean {
    return beginsEpoch(first, null, basis) && registersOf(first)?.before?.closing === undefined;
}
