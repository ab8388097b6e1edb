import { bytesEqual, error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import { type Fault, recordName } from "@meterseal/ledger";
import {
    decodeCorrection,
    decodeWarning,
    EVENT_KIND,
    eventOf,
    FLAG,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    type UsageBody,
    unitOfMedium,
    usageOf,
    WARNING_KIND,
} from "@meterseal/record";
import { LOST, type OwnerKeys, ownerKeys } from "@meterseal/seal";
import {
    correctionFaults,
    type OwnCorrection,
    openCorrection,
    ownCorrections,
} from "./corrections.ts";
import { type EpochBoundary, type OpenEpoch, openEvent, openUsage } from "./epoch.ts";
import { type Join, joinEpochs } from "./join.ts";
import type { KeyFile } from "./key-file.ts";

/** An opened register boundary of the metering point. */
export type OpenBoundary = {
    /** Instant, seconds since 1970. */
    readonly unix: number;
    readonly slot: number;
    /** Ladder level, 0 slot … 3 month, as the signed record says. */
    readonly level: number;
    /**
     * Whole Wh, or whole litres of gas and water; a register in finer units is rounded down, so that differences still add up. The
     * register of the first device, carried on by those that followed it.
     */
    readonly importWh: bigint;
    readonly exportWh: bigint | null;
    /** What corrections added and took away so far; absent in a stream without adjustments. */
    readonly adjusted?: { readonly plusWh: bigint; readonly minusWh: bigint };
    /** Quality of the interval that ends here: 0 = measured, a flag of the record, or {@link LOST}. */
    readonly flag: number;
};

/** A metering point over all its devices. */
export type ServicePoint = {
    readonly series: OpenBoundary[];
    /** Where one seal epoch follows another: exchanges, resets, new keys. */
    readonly joins: readonly Join[];
    /** Corrections in the order in which they were entered. */
    readonly corrections: readonly OwnCorrection[];
    /** Adjustments that no note explains, and notes that do not open. */
    readonly faults: readonly Fault[];
};

/** The series of {@link openServicePoint}. */
export function openSeries(key: KeyFile, records: Iterable<MeterRecord>): Result<OpenBoundary[]> {
    const opened = openServicePoint(key, records);
    return opened.ok ? ok(opened.value.series) : opened;
}

/**
 * Opens the registers of a household's records with its key, in the browser or on the command line,
 * and joins the seal epochs of its stream: from the one in the key file on, under one master secret.
 * @returns MS_KEY_FOREIGN for records of another meter or stream, or with other slots, groups, units
 * or another medium than the key says; MS_REGISTER_CAP where the key opens to nonsense; and as
 * {@link joinEpochs}.
 */
export function openServicePoint(
    key: KeyFile,
    records: Iterable<MeterRecord>,
): Result<ServicePoint> {
    const epochs = new EpochOpener(key);
    for (const record of ownRecords(key, records)) {
        const fault = epochs.take(record);
        if (!fault.ok) return fault;
    }
    const joined = joinEpochs(epochs.opened);
    if (!joined.ok) return joined;
    const shift = key.scale - unitOfMedium(key.medium).baseScale;
    const factor = 10n ** BigInt(Math.abs(shift));
    const toWh = (units: bigint): bigint => (shift < 0 ? units / factor : units * factor);
    const series = joined.value.boundaries.map(
        ({ adjusted, exported, flag, imported, level, slot }): OpenBoundary => ({
            unix: unixOfSlot(slot, key.stream.slotSeconds),
            slot,
            level,
            importWh: toWh(imported),
            exportWh: exported === null ? null : toWh(exported),
            ...(adjusted === null
                ? {}
                : { adjusted: { plusWh: toWh(adjusted.plus), minusWh: toWh(adjusted.minus) } }),
            flag,
        }),
    );
    const { slotSeconds } = key.stream;
    return ok({
        series,
        joins: joined.value.joins,
        corrections: ownCorrections(epochs.opened, slotSeconds, toWh),
        faults: [...epochs.faults, ...correctionFaults(epochs.opened, slotSeconds)],
    });
}

/**
 * Records of a meter without those of another household's stream: what was measured before this tenant
 * moved in, or after. Where nothing is left all of them are given, and none will open.
 */
export function ownRecords(key: KeyFile, records: Iterable<MeterRecord>): MeterRecord[] {
    const all = [...records];
    const isOwn = (record: MeterRecord): boolean => {
        const stream = streamOf(record);
        return stream === null || bytesEqual(stream, key.stream.streamId);
    };
    const hasOwn = all.some((record) => streamOf(record) !== null && isOwn(record));
    return hasOwn ? all.filter((each) => isOwn(each) || !bytesEqual(each.subject, key.meter)) : all;
}

/** Stream that a record speaks of; null for a record of none. */
function streamOf(record: MeterRecord): Uint8Array | null {
    const { body, recordClass } = record;
    if (recordClass === RECORD_CLASS.warning) {
        const warning = decodeWarning(body);
        if (warning.ok) return warning.value.stream;
        const correction = decodeCorrection(body);
        return correction.ok ? correction.value.stream : null;
    }
    if (recordClass === RECORD_CLASS.usage) {
        const usage = usageOf(record);
        return usage.ok ? usage.value.stream : null;
    }
    const event = recordClass === RECORD_CLASS.billing ? eventOf(record) : null;
    return event?.ok ? event.value.stream : null;
}

/** Opens records one by one into their seal epochs. */
class EpochOpener {
    readonly #key: KeyFile;
    readonly #epochs = new Map<number, OpenEpoch & { readonly keys: OwnerKeys | null }>();
    /** First slot of each seal epoch from which on what is missing is lost. */
    readonly #lostFrom = new Map<number, number>();
    readonly faults: Fault[] = [];

    constructor(key: KeyFile) {
        this.#key = key;
    }

    get opened(): OpenEpoch[] {
        return [...this.#epochs.values()].map((epoch) => {
            const lostFrom = this.#lostFrom.get(epoch.sealEpoch) ?? Number.POSITIVE_INFINITY;
            const isLost = ({ flag, slot }: EpochBoundary): boolean =>
                flag === FLAG.missing && slot >= lostFrom;
            const boundaries = epoch.boundaries.map((each) =>
                isLost(each) ? { ...each, flag: LOST } : each,
            );
            return { ...epoch, boundaries };
        });
    }

    take(record: MeterRecord): Result<null> {
        if (record.recordClass === RECORD_CLASS.usage) return this.#takeUsage(record);
        if (record.recordClass === RECORD_CLASS.billing) return this.#takeEvent(record);
        if (record.recordClass === RECORD_CLASS.warning) {
            this.#takeWarning(record);
            this.#takeCorrection(record);
        }
        return ok(null);
    }

    /** A note that does not open is a fault of its record; the registers are shown all the same. */
    #takeCorrection(record: MeterRecord): void {
        const correction = decodeCorrection(record.body);
        if (!correction.ok) return;
        const { sealEpoch, stream } = correction.value;
        const { groups, streamId } = this.#key.stream;
        if (!bytesEqual(record.subject, this.#key.meter) || !bytesEqual(stream, streamId)) return;
        const epoch = this.#epochAt(sealEpoch);
        const numbers = groups.map(({ group }) => group);
        const note = epoch.ok ? openCorrection(correction.value, numbers, epoch.value.keys) : epoch;
        if (epoch.ok && note.ok) {
            epoch.value.corrections.push({
                record,
                correction: correction.value,
                note: note.value,
            });
        } else if (!note.ok) this.faults.push({ error: note.error, where: recordName(record) });
    }

    #takeWarning({ body, subject }: MeterRecord): void {
        const warning = decodeWarning(body);
        if (!warning.ok || warning.value.kind !== WARNING_KIND.lost) return;
        const { fromSlot, sealEpoch, stream } = warning.value;
        const { meter, stream: own } = this.#key;
        if (!bytesEqual(subject, meter) || !bytesEqual(stream, own.streamId)) return;
        const known = this.#lostFrom.get(sealEpoch) ?? fromSlot;
        this.#lostFrom.set(sealEpoch, Math.min(known, fromSlot));
    }

    #takeUsage(record: MeterRecord): Result<null> {
        const usage = usageOf(record);
        if (!usage.ok) return usage;
        if (usage.value.slotSeconds !== this.#key.stream.slotSeconds) return foreign(record);
        if (usage.value.medium !== this.#key.medium) return foreign(record);
        const epoch = this.#epochOf(record, usage.value);
        if (!epoch.ok) return epoch;
        const opened = openUsage(usage.value, epoch.value.keys);
        if (!opened.ok) return opened;
        for (const boundary of opened.value) epoch.value.boundaries.push(boundary);
        return ok(null);
    }

    #takeEvent(record: MeterRecord): Result<null> {
        const event = eventOf(record);
        if (!event.ok) return event;
        const epoch = this.#epochOf(record, event.value);
        if (!epoch.ok) return epoch;
        const opened = openEvent(event.value, record, epoch.value.keys);
        if (!opened.ok) return opened;
        const end = event.value.kind === EVENT_KIND.opening ? "opening" : "closing";
        epoch.value[end] = opened.value;
        return ok(null);
    }

    #epochOf(
        record: MeterRecord,
        body: UsageBody | RegisterEvent,
    ): Result<OpenEpoch & { readonly keys: OwnerKeys | null }> {
        const { meter, scale, stream } = this.#key;
        const isOwn =
            bytesEqual(record.subject, meter) &&
            bytesEqual(body.stream, stream.streamId) &&
            body.sealEpoch >= stream.sealEpoch &&
            body.groups.join() === stream.groups.map(({ group }) => group).join() &&
            (body.scale ?? 0) === scale;
        return isOwn ? this.#epochAt(body.sealEpoch) : foreign(record);
    }

    #epochAt(sealEpoch: number): Result<OpenEpoch & { readonly keys: OwnerKeys | null }> {
        const { master, stream } = this.#key;
        const known = this.#epochs.get(sealEpoch);
        if (known !== undefined) return ok(known);
        const keys = master === null ? ok(null) : ownerKeys(master, { ...stream, sealEpoch });
        if (!keys.ok) return keys;
        const epoch = {
            sealEpoch,
            keys: keys.value,
            boundaries: [],
            opening: null,
            closing: null,
            corrections: [],
        };
        this.#epochs.set(sealEpoch, epoch);
        return ok(epoch);
    }
}

function foreign(record: MeterRecord): Result<never> {
    return fail(error("MS_KEY_FOREIGN", { where: `record ${record.seq}` }));
}
