import { error, fail, ok, type Result } from "@meterseal/core";
import {
    channelCount,
    channelsOfGroup,
    EVENT_KIND,
    type EventValues,
    GROUP,
    LEVEL,
    type MeterRecord,
    type RegisterEvent,
    type UsageBody,
} from "@meterseal/record";
import {
    expandAddresses,
    expandFlags,
    type OwnerKeys,
    openRegisters,
    type TreeAddress,
} from "@meterseal/seal";

import type { EnteredCorrection } from "./corrections.ts";

/** What the registers of one instant say, in stream units. */
export type Registers = {
    readonly imported: bigint;
    /** Null where the stream has no export. */
    readonly exported: bigint | null;
    /** Null where the stream has no adjustments. */
    readonly adjusted: Adjusted | null;
};

/** Registers of the adjustments: what corrections added so far, and took away. */
export type Adjusted = { readonly plus: bigint; readonly minus: bigint };

/** A slot boundary of one seal epoch. */
export type EpochBoundary = Registers & {
    readonly slot: number;
    readonly level: number;
    readonly flag: number;
};

/** The registers where a seal epoch opens or closes. */
export type EpochEnd = Registers & {
    readonly event: RegisterEvent;
    readonly record: MeterRecord;
    /** Final registers of the epoch before as somebody read them off; null where nobody did. */
    readonly stated: Registers | null;
};

/** What one device measured under one seal epoch of the stream, opened. */
export type OpenEpoch = {
    readonly sealEpoch: number;
    readonly boundaries: EpochBoundary[];
    opening: EpochEnd | null;
    closing: EpochEnd | null;
    readonly corrections: EnteredCorrection[];
};

/**
 * Opens the boundaries of a usage body.
 * @param keys of the body's seal epoch; null for an open stream.
 */
export function openUsage(usage: UsageBody, keys: OwnerKeys | null): Result<EpochBoundary[]> {
    const addresses = expandAddresses(usage);
    if (!addresses.ok) return addresses;
    const flags = expandFlags(usage.flags, usage.count);
    if (!flags.ok) return flags;
    const opened = openValues(usage.groups, usage.values, addresses.value, keys);
    if (!opened.ok) return opened;
    return ok(
        opened.value.map((registers, i) => ({
            ...registers,
            slot: usage.firstSlot + i,
            level: addresses.value[i]?.level ?? LEVEL.slot,
            flag: flags.value[i] ?? 0,
        })),
    );
}

/** Opens the registers of an event, and those that it states of the epoch before. */
export function openEvent(
    event: RegisterEvent,
    record: MeterRecord,
    keys: OwnerKeys | null,
): Result<EpochEnd> {
    const open = (values: EventValues, index: number): Result<Registers> => {
        const opened = openValues(event.groups, values, [{ level: LEVEL.event, index }], keys);
        return opened.ok ? ok(opened.value[0] as Registers) : opened;
    };
    const own = open(event.values, event.index);
    if (!own.ok) return own;
    const before = event.kind === EVENT_KIND.opening ? event.before?.stated : undefined;
    if (before === undefined) return ok({ ...own.value, event, record, stated: null });
    const stated = open(before, event.index + 1);
    return stated.ok ? ok({ ...own.value, event, record, stated: stated.value }) : stated;
}

function openValues(
    groups: readonly number[],
    values: EventValues,
    addresses: readonly TreeAddress[],
    keys: OwnerKeys | null,
): Result<Registers[]> {
    const imports = openGroup(groups, values, addresses, keys, GROUP.import);
    if (!imports.ok) return imports;
    const exports = openGroup(groups, values, addresses, keys, GROUP.export);
    if (!exports.ok) return exports;
    const adjustments = openGroup(groups, values, addresses, keys, GROUP.adjustments);
    if (!adjustments.ok) return adjustments;
    const pairs = adjustments.value;
    return ok(
        addresses.map((_, i) => ({
            imported: imports.value?.[i] ?? 0n,
            exported: exports.value?.[i] ?? null,
            adjusted:
                pairs === null
                    ? null
                    : { plus: pairs[2 * i] as bigint, minus: pairs[2 * i + 1] as bigint },
        })),
    );
}

/** Registers of a group, boundary-major; null where there is no such group. */
function openGroup(
    groups: readonly number[],
    values: EventValues,
    addresses: readonly TreeAddress[],
    keys: OwnerKeys | null,
    group: number,
): Result<ArrayLike<bigint> | null> {
    const position = groups.indexOf(group);
    if (position < 0) return ok(null);
    if (values.mode === "open") {
        const width = channelCount(groups);
        const first = channelCount(groups.slice(0, position));
        const channels = channelsOfGroup(group);
        return ok(
            addresses.flatMap((_, i) =>
                values.registers.slice(i * width + first, i * width + first + channels),
            ),
        );
    }
    if (keys === null) return fail(error("MS_KEY_FILE", { expected: "a master secret" }));
    return openRegisters(keys, group, { addresses, sealed: values.bytes });
}
