import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { recordName } from "@meterseal/ledger";
import {
    EVENT_KIND,
    eventOf,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import {
    BoundaryLine,
    type PlacedEvent,
    type Point,
    StreamLine,
    type SumEnd,
    sumEndOf,
} from "@meterseal/seal";

/** What checked records say of a stream: nothing here comes from the store's own word. */
export type SignedStream = {
    readonly line: StreamLine;
    /** What is metered, one of MEDIUM; undefined for electricity. */
    readonly medium: number | undefined;
    /** Registers of a point of the line; MS_NOT_FOUND where no record carries it. */
    endOf(point: Point): Result<SumEnd>;
};

/** A usage record and the slots that it reaches over. */
type Stretch = {
    readonly firstSlot: number;
    readonly lastSlot: number;
    readonly record: MeterRecord;
};

type Epoch = {
    readonly line: BoundaryLine;
    readonly stretches: Stretch[];
    opening: PlacedEvent | null;
    closing: PlacedEvent | null;
};

/**
 * Reads the boundaries of a stream off records whose signatures, chain and inclusion were checked.
 * @param records - of one subject, in chain order; those of other streams do not count.
 * @returns MS_RESEALED where boundaries are not in order; MS_STREAM_RULE where the medium changes; MS_MALFORMED for a body of another shape;
 * MS_CHAIN_MISMATCH where an opening names another closing record than the one that is there, or one that
 * lacks behind others of its epoch.
 */
export function signedStream(
    records: readonly MeterRecord[],
    streamId: Uint8Array,
): Result<SignedStream> {
    const reader = new StreamReader(streamId);
    for (const record of records) {
        const taken = reader.take(record);
        if (!taken.ok) return taken;
    }
    return reader.finish();
}

class StreamReader {
    readonly #streamId: Uint8Array;
    readonly #epochs = new Map<number, Epoch>();
    readonly #events = new Map<string, MeterRecord>();
    /** Null for electricity, undefined before the first usage record. */
    #medium: number | null | undefined = undefined;

    constructor(streamId: Uint8Array) {
        this.#streamId = streamId;
    }

    take(record: MeterRecord): Result<null> {
        if (record.recordClass === RECORD_CLASS.usage) {
            const usage = usageOf(record);
            return usage.ok ? this.#takeUsage(record, usage.value) : usage;
        }
        if (record.recordClass === RECORD_CLASS.billing) {
            const event = eventOf(record);
            if (!event.ok) return event;
            this.#takeEvent(record, event.value);
        }
        return ok(null);
    }

    finish(): Result<SignedStream> {
        const joins = this.#checkJoins();
        if (!joins.ok) return joins;
        const lines = [...this.#epochs].map(([sealEpoch, { closing, line, opening }]) => ({
            sealEpoch,
            line,
            endSlot: line.last ?? 0,
            opening,
            closing,
        }));
        const line = StreamLine.of(lines);
        if (!line.ok) return line;
        const medium = this.#medium ?? undefined;
        return ok({ line: line.value, medium, endOf: (point) => this.#endOf(point) });
    }

    #takeUsage(record: MeterRecord, usage: UsageBody): Result<null> {
        if (!bytesEqual(usage.stream, this.#streamId)) return ok(null);
        const { count, firstSlot, flags, medium = null, sealEpoch } = usage;
        if (this.#medium === undefined) this.#medium = medium;
        if (this.#medium !== medium) {
            const expected = "the same medium in all records";
            return fail(error("MS_STREAM_RULE", { where: recordName(record), expected }));
        }
        const { line, stretches } = this.#epoch(sealEpoch);
        if (firstSlot <= (line.last ?? -1)) {
            return fail(error("MS_RESEALED", { where: recordName(record) }));
        }
        line.append(firstSlot, count, flags);
        stretches.push({ firstSlot, lastSlot: firstSlot + count - 1, record });
        return ok(null);
    }

    #takeEvent(record: MeterRecord, event: RegisterEvent): void {
        if (!bytesEqual(event.stream, this.#streamId)) return;
        const { chainEpoch, seq } = record;
        const end = event.kind === EVENT_KIND.opening ? "opening" : "closing";
        this.#epoch(event.sealEpoch)[end] = { event, place: { chainEpoch, seq } };
        this.#events.set(`${chainEpoch}/${seq}`, record);
    }

    #epoch(sealEpoch: number): Epoch {
        const known = this.#epochs.get(sealEpoch);
        if (known !== undefined) return known;
        const made = { line: new BoundaryLine(), stretches: [], opening: null, closing: null };
        this.#epochs.set(sealEpoch, made);
        return made;
    }

    /**
     * An opening that names the record that closed the epoch before holds both together; records that
     * begin behind that epoch need not have it.
     */
    #checkJoins(): Result<null> {
        for (const { opening } of this.#epochs.values()) {
            const before = opening?.event.before;
            const ended = this.#epochs.get(before?.sealEpoch ?? -1);
            if (opening === null || before?.closing === undefined || ended === undefined) continue;
            const { chainEpoch, seq } = ended.closing?.place ?? {};
            const record = this.#events.get(`${chainEpoch}/${seq}`);
            if (record !== undefined && bytesEqual(record.message.hash, before.closing)) continue;
            const where = `record ${opening.place.chainEpoch}/${opening.place.seq}`;
            const expected = `the closing record of seal epoch ${before.sealEpoch}`;
            return fail(error("MS_CHAIN_MISMATCH", { where, expected }));
        }
        return ok(null);
    }

    #endOf(point: Point): Result<SumEnd> {
        const record = this.#recordOf(point);
        if (record !== undefined) return sumEndOf(record, point);
        return fail(error("MS_NOT_FOUND", { where: `seal epoch ${point.sealEpoch}` }));
    }

    #recordOf(point: Point): MeterRecord | undefined {
        if (point.kind !== "boundary") {
            const { chainEpoch, seq } = point.placed.place;
            return this.#events.get(`${chainEpoch}/${seq}`);
        }
        const stretches = this.#epochs.get(point.sealEpoch)?.stretches ?? [];
        let low = 0;
        let high = stretches.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if ((stretches[middle] as Stretch).lastSlot < point.slot) low = middle + 1;
            else high = middle;
        }
        const found = stretches[low];
        return found !== undefined && found.firstSlot <= point.slot ? found.record : undefined;
    }
}
