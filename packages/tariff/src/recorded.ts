import {
    bytesEqual,
    error,
    fail,
    ok,
    type Result,
    SLOT_ORIGIN_UNIX,
    unixOfSlot,
} from "@meterseal/core";
import {
    channelCount,
    EVENT_KIND,
    eventOf,
    LEVEL,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    type UsageBody,
    unitOfMedium,
    usageOf,
} from "@meterseal/record";
import { expandAddresses, expandFlags, type TreeAddress } from "@meterseal/seal";

/** Sealed registers of one instant as a record says them, with their commitments. */
export type RecordedBoundary = {
    /** Seconds since 1970: a slot boundary, or any instant where a seal epoch opens or closes. */
    readonly atUnix: number;
    readonly address: TreeAddress;
    /** Quality of the interval that ends here; 0 = measured. */
    readonly flag: number;
    /** Sealed registers, 8 bytes a channel. */
    readonly sealed: Uint8Array;
    /** Of the first groups, 32 bytes each; none in a stream without commitments. */
    readonly commitments: readonly Uint8Array[];
    /** Record that carries it, with its hash of 32 bytes. */
    readonly record: Pick<MeterRecord, "chainEpoch" | "seq"> & { readonly hash: Uint8Array };
};

/** Boundaries of one seal epoch in the order of time. */
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

/** Slot in which an interval begins that begins at an instant. */
export function beginSlot(atUnix: number, slotSeconds: number): number {
    return Math.floor((atUnix - SLOT_ORIGIN_UNIX) / slotSeconds);
}

/** Slot in which an interval ends that ends at an instant: at a slot boundary the slot before it. */
export function endSlot(atUnix: number, slotSeconds: number): number {
    return Math.ceil((atUnix - SLOT_ORIGIN_UNIX) / slotSeconds) - 1;
}

/**
 * Sorts what the records of a meter say of one of its streams. Whether they are signed, whole and in
 * the ledger is for whoever hands them over to check.
 * @returns MS_NOT_FOUND without usage of the stream; MS_TARIFF for gas and water, which no price of
 * energy fits; MS_STREAM_RULE where slots, groups or units
 * change, or the stream is open; MS_RESEALED where a slot repeats in a seal epoch.
 */
export function readStream(
    records: Iterable<MeterRecord>,
    stream: Uint8Array,
): Result<RecordedStream> {
    const reader = new StreamReader(stream);
    for (const record of records) {
        const taken =
            record.recordClass === RECORD_CLASS.usage
                ? reader.takeUsage(record)
                : record.recordClass === RECORD_CLASS.billing
                  ? reader.takeEvent(record)
                  : ok(null);
        if (!taken.ok) return taken;
    }
    return reader.finish();
}

type Shape = Pick<UsageBody, "groups" | "scale" | "sealEpoch" | "values">;

/** Takes records one by one into their seal epochs. */
class StreamReader {
    readonly #stream: Uint8Array;
    readonly #epochs = new Map<number, RecordedEpoch>();
    #shape: string | null = null;
    #first: UsageBody | null = null;

    constructor(stream: Uint8Array) {
        this.#stream = stream;
    }

    takeUsage(record: MeterRecord): Result<null> {
        const usage = usageOf(record);
        if (!usage.ok) return usage;
        if (!bytesEqual(usage.value.stream, this.#stream)) return ok(null);
        const { base, name } = unitOfMedium(usage.value.medium);
        if (base !== "Wh") {
            const expected = "energy: prices are by the kWh";
            return fail(error("MS_TARIFF", { expected, got: `a stream of ${name}` }));
        }
        this.#first ??= usage.value;
        const { medium, slotSeconds } = this.#first;
        const isSame = slotSeconds === usage.value.slotSeconds && medium === usage.value.medium;
        if (!isSame) return this.#otherShape(record);
        const epoch = this.#epochOf(record, usage.value);
        return epoch.ok ? addUsage(epoch.value.boundaries, record, usage.value) : epoch;
    }

    /** Only what is committed to can be in a bill; so an event counts as the boundary that it is. */
    takeEvent(record: MeterRecord): Result<null> {
        const event = eventOf(record);
        if (!event.ok) return event;
        if (!bytesEqual(event.value.stream, this.#stream)) return ok(null);
        const epoch = this.#epochOf(record, event.value);
        if (!epoch.ok) return epoch;
        const boundary = boundaryOf(record, event.value);
        // An opening lies before the boundaries of its epoch and a closing behind, also of its instant.
        if (event.value.kind === EVENT_KIND.opening) epoch.value.boundaries.unshift(boundary);
        else epoch.value.boundaries.push(boundary);
        return ok(null);
    }

    finish(): Result<RecordedStream> {
        if (this.#first === null) {
            return fail(error("MS_NOT_FOUND", { where: "usage records of the stream" }));
        }
        const { groups, scale = 0, slotSeconds } = this.#first;
        const epochs = [...this.#epochs.values()].sort((a, b) => a.sealEpoch - b.sealEpoch);
        for (const { boundaries } of epochs) boundaries.sort((a, b) => a.atUnix - b.atUnix);
        const fault = findRepeat(epochs);
        if (fault !== null) {
            const where = new Date(fault * 1000).toISOString();
            return fail(error("MS_RESEALED", { where }));
        }
        return ok({ stream: this.#stream, slotSeconds, groups, scale, epochs });
    }

    #epochOf(record: MeterRecord, body: Shape): Result<RecordedEpoch> {
        const { groups, scale = 0, sealEpoch, values } = body;
        const shape = [scale, values.mode, groups.join(" ")].join();
        this.#shape ??= shape;
        if (values.mode !== "sealed") {
            const expected = "a sealed stream";
            return fail(error("MS_STREAM_RULE", { expected, got: "an open one" }));
        }
        if (this.#shape !== shape) return this.#otherShape(record);
        const epoch = this.#epochs.get(sealEpoch) ?? { sealEpoch, boundaries: [] };
        this.#epochs.set(sealEpoch, epoch);
        return ok(epoch);
    }

    #otherShape({ seq }: MeterRecord): Result<never> {
        const expected = "the same slots, groups and units in all records";
        return fail(error("MS_STREAM_RULE", { where: `record ${seq}`, expected }));
    }
}

function boundaryOf(record: MeterRecord, event: RegisterEvent): RecordedBoundary {
    return {
        atUnix: event.atUnix,
        address: { level: LEVEL.event, index: event.index },
        flag: 0,
        sealed: event.values.mode === "sealed" ? event.values.bytes : new Uint8Array(0),
        commitments: event.commitments ?? [],
        record: placeOf(record),
    };
}

function placeOf({ chainEpoch, message, seq }: MeterRecord): RecordedBoundary["record"] {
    return { chainEpoch, seq, hash: message.hash };
}

function addUsage(
    boundaries: RecordedBoundary[],
    record: MeterRecord,
    usage: UsageBody,
): Result<null> {
    const addresses = expandAddresses(usage);
    if (!addresses.ok) return addresses;
    const flags = expandFlags(usage.flags, usage.count);
    if (!flags.ok) return flags;
    const width = channelCount(usage.groups) * 8;
    const bytes = usage.values.mode === "sealed" ? usage.values.bytes : new Uint8Array(0);
    const place = placeOf(record);
    for (const [i, address] of addresses.value.entries()) {
        boundaries.push({
            atUnix: unixOfSlot(usage.firstSlot + i, usage.slotSeconds),
            address,
            flag: flags.value[i] ?? 0,
            sealed: bytes.subarray(i * width, (i + 1) * width),
            commitments: (usage.commitments ?? []).map((list) =>
                list.subarray(i * 32, (i + 1) * 32),
            ),
            record: place,
        });
    }
    return ok(null);
}

/** First instant of a slot that is twice in an epoch; or null. */
function findRepeat(epochs: readonly RecordedEpoch[]): number | null {
    for (const { boundaries } of epochs) {
        let slotUnix = Number.NEGATIVE_INFINITY;
        for (const { address, atUnix } of boundaries) {
            if (address.level === LEVEL.event) continue;
            if (atUnix <= slotUnix) return atUnix;
            slotUnix = atUnix;
        }
    }
    return null;
}
