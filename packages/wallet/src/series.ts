import { bytesEqual, error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import {
    channelCount,
    FLAG,
    GROUP,
    type MeterRecord,
    RECORD_CLASS,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import {
    expandAddresses,
    expandFlags,
    type OwnerKeys,
    openRegisters,
    ownerKeys,
} from "@meterseal/seal";
import type { KeyFile } from "./key-file.ts";

/** An opened register boundary. */
export type OpenBoundary = {
    /** Instant, seconds since 1970. */
    readonly unix: number;
    readonly slot: number;
    /** Ladder level, 0 slot … 3 month, as the signed record says. */
    readonly level: number;
    /** Whole Wh; a register in finer units is rounded down, so that differences still add up. */
    readonly importWh: bigint;
    readonly exportWh: bigint | null;
    /** Quality of the interval that ends here; 0 = measured. */
    readonly flag: number;
};

/** True for a flag that says: no measured value for this interval. */
export function isUnmeasured(flag: number): boolean {
    return flag === FLAG.missing || flag === FLAG.powerOff;
}

/**
 * Opens the registers of a household's records with its key, in the browser or on the command line.
 * @returns MS_KEY_FOREIGN for records of another meter or stream, or with other slots, groups or
 * units than the key says; MS_REGISTER_CAP where the key opens to nonsense.
 */
export function openSeries(key: KeyFile, records: Iterable<MeterRecord>): Result<OpenBoundary[]> {
    const keys = key.master === null ? ok(null) : ownerKeys(key.master, key.stream);
    if (!keys.ok) return keys;
    const series: OpenBoundary[] = [];
    for (const record of records) {
        if (record.recordClass !== RECORD_CLASS.usage) continue;
        const usage = usageOf(record);
        if (!usage.ok) return usage;
        if (!bytesEqual(record.subject, key.meter) || !isOfStream(usage.value, key)) {
            return fail(error("MS_KEY_FOREIGN", { where: `record ${record.seq}` }));
        }
        const opened = openUsage(usage.value, keys.value, key.scale);
        if (!opened.ok) return opened;
        for (const boundary of opened.value) series.push(boundary);
    }
    series.sort((a, b) => a.slot - b.slot);
    return ok(series);
}

function isOfStream(usage: UsageBody, { scale, stream }: KeyFile): boolean {
    return (
        bytesEqual(usage.stream, stream.streamId) &&
        usage.sealEpoch === stream.sealEpoch &&
        usage.slotSeconds === stream.slotSeconds &&
        usage.groups.join() === stream.groups.map(({ group }) => group).join() &&
        (usage.scale ?? 0) === scale
    );
}

function openUsage(
    usage: UsageBody,
    keys: OwnerKeys | null,
    scale: number,
): Result<OpenBoundary[]> {
    const addresses = expandAddresses(usage);
    if (!addresses.ok) return addresses;
    const flags = expandFlags(usage.flags, usage.count);
    if (!flags.ok) return flags;
    const imports = openGroup(usage, keys, GROUP.import, addresses.value);
    if (!imports.ok) return imports;
    const exports = openGroup(usage, keys, GROUP.export, addresses.value);
    if (!exports.ok) return exports;
    const factor = 10n ** BigInt(Math.abs(scale));
    const toWh = (units: bigint): bigint => (scale < 0 ? units / factor : units * factor);
    return ok(
        addresses.value.map((address, i) => {
            const slot = usage.firstSlot + i;
            const exported = exports.value?.[i];
            return {
                unix: unixOfSlot(slot, usage.slotSeconds),
                slot,
                level: address.level,
                importWh: toWh(imports.value?.[i] ?? 0n),
                exportWh: exported === undefined ? null : toWh(exported),
                flag: flags.value[i] ?? 0,
            };
        }),
    );
}

/** Registers of a one-channel group; null where the record has no such group. */
function openGroup(
    usage: UsageBody,
    keys: OwnerKeys | null,
    group: number,
    addresses: Parameters<typeof openRegisters>[2]["addresses"],
): Result<ArrayLike<bigint> | null> {
    const position = usage.groups.indexOf(group);
    if (position < 0) return ok(null);
    if (usage.values.mode === "open") {
        const { registers } = usage.values;
        const width = channelCount(usage.groups);
        const first = channelCount(usage.groups.slice(0, position));
        return ok(addresses.map((_, i) => registers[i * width + first] as bigint));
    }
    if (keys === null) return fail(error("MS_KEY_FILE", { expected: "a master secret" }));
    return openRegisters(keys, group, { addresses, sealed: usage.values.bytes });
}
