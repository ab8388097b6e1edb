import { LIMITS, type Result } from "@meterseal/core";
import { type AddressedBoundaries, encodeAddresses, parseAddresses } from "./address.ts";
import { attempt, MapReader, malformed, toArray, toBytes, toInteger, toRegister } from "./parse.ts";

/** Quality of the interval that ends at a boundary (formats 4); absent = measured. */
export const FLAG = { missing: 1, powerOff: 2, clockAdjusted: 3, late: 4, estimated: 5 } as const;

/** Channel groups with a fixed meaning (formats 4). */
export const GROUP = { import: 0, export: 1, importSquares: 2, adjustments: 15 } as const;

/** Run of equal flags: first offset, number of boundaries, flag. */
export type FlagRun = { readonly offset: number; readonly length: number; readonly flag: number };

/** Body of a usage record: consecutive register boundaries of one stream (formats 4). */
export type UsageBody = AddressedBoundaries & {
    /** Stream, 16 bytes. */
    readonly stream: Uint8Array;
    readonly sealEpoch: number;
    /** Group ids, ascending. */
    readonly groups: readonly number[];
    /** Sealed: count × channels × 8 bytes. Open: one register per boundary and channel. */
    readonly values:
        | { readonly mode: "sealed"; readonly bytes: Uint8Array }
        | { readonly mode: "open"; readonly registers: readonly bigint[] };
    readonly flags: readonly FlagRun[];
    /** Pedersen commitments of the first groups, count × 32 bytes each; absent where there are none. */
    readonly commitments?: readonly Uint8Array[];
    /** Registers count in 10^scale Wh (or the medium's unit); absent = 0. */
    readonly scale?: number;
    /** Medium, one of MEDIUM; absent for electricity. */
    readonly medium?: number;
};

/** Channels of a group: two for adjustments (plus, minus), one for every other. */
export function channelsOfGroup(group: number): number {
    return group === GROUP.adjustments ? 2 : 1;
}

/** Channels of all groups of a record together. */
export function channelCount(groups: readonly number[]): number {
    return groups.reduce((sum, group) => sum + channelsOfGroup(group), 0);
}

/** CBOR map of a usage body (formats 4). */
export function encodeUsage(usage: UsageBody): Map<number, unknown> {
    const map = new Map<number, unknown>([
        [0, usage.stream],
        [1, usage.sealEpoch],
        [2, usage.slotSeconds],
        [3, usage.firstSlot],
        [4, usage.count],
        [5, usage.groups],
    ]);
    encodeAddresses(usage, map);
    putValues(map, usage.values, 6, 12);
    if (usage.flags.length > 0)
        map.set(
            8,
            usage.flags.map((f) => [f.offset, f.length, f.flag]),
        );
    if (usage.commitments !== undefined) map.set(9, usage.commitments);
    if (usage.scale !== undefined) map.set(10, usage.scale);
    if (usage.medium !== undefined) map.set(11, usage.medium);
    return map;
}

/** Puts registers under the key of sealed or of open ones; inverse of {@link parseValues}. */
export function putValues(
    map: Map<number, unknown>,
    values: UsageBody["values"],
    sealed: number,
    open: number,
): void {
    if (values.mode === "sealed") map.set(sealed, values.bytes);
    else map.set(open, values.registers);
}

/** Parses a usage body strictly; MS_MALFORMED names the field. */
export function decodeUsage(value: unknown): Result<UsageBody> {
    return readUsage(value, (map, count, groups) => ({
        values: parseValues(map, count * channelCount(groups), 6, 12),
        ...(map.has(9) ? { commitments: parseCommitments(map, 9, groups.length, count) } : {}),
    }));
}

/**
 * CBOR map of what remains of a usage body without its registers: under key 12 the last boundary of an
 * open stream, under key 9 the number of groups with commitments.
 */
export function encodeUsageRemains({ commitments, ...usage }: UsageBody): Map<number, unknown> {
    const map = encodeUsage(usage);
    map.delete(6);
    const { groups, values } = usage;
    if (values.mode === "open") map.set(12, values.registers.slice(-channelCount(groups)));
    if (commitments !== undefined) map.set(9, commitments.length);
    return map;
}

/** Parses {@link encodeUsageRemains} strictly: a body whose registers and commitments are empty. */
export function decodeUsageRemains(value: unknown): Result<UsageBody> {
    const nothing = new Uint8Array(0);
    return readUsage(value, (map, _count, groups) => ({
        values: map.has(12)
            ? parseValues(map, channelCount(groups), 6, 12)
            : { mode: "sealed", bytes: nothing },
        ...(map.has(9)
            ? { commitments: Array(map.integer(9, 1, groups.length)).fill(nothing) }
            : {}),
    }));
}

type Carried = Pick<UsageBody, "values" | "commitments">;

function readUsage(
    value: unknown,
    carried: (map: MapReader, count: number, groups: readonly number[]) => Carried,
): Result<UsageBody> {
    return attempt(() => {
        const map = new MapReader(value, "usage");
        const slotSeconds = map.integer(2, 1, 3600);
        if (3600 % slotSeconds !== 0) malformed(map.at(2), "a divisor of 3600");
        const count = map.integer(4, 1, LIMITS.usageBoundaries);
        const groups = parseGroups(map.array(5, LIMITS.usageGroups), map.at(5));
        const firstSlot = map.integer(3, 0, 0xffff_ffff - LIMITS.usageBoundaries);
        const slots = { slotSeconds, firstSlot, count };
        const usage: UsageBody = {
            stream: map.bytes(0, 16),
            sealEpoch: map.integer(1, 0, 0xffff_ffff),
            ...slots,
            groups,
            ...carried(map, count, groups),
            ...parseAddresses(map, slots),
            flags: map.has(8) ? parseFlags(map.array(8, count), count) : [],
            ...(map.has(10) ? { scale: parseScale(map) } : {}),
            ...(map.has(11) ? { medium: map.integer(11, 1, 3) } : {}),
        };
        map.end();
        return usage;
    });
}

/** Key 10; the default is left out: one meaning has one encoding. MS_MALFORMED otherwise. */
export function parseScale(map: MapReader): number {
    return map.integer(10, -6, 6) || malformed(map.at(10), "no field for scale 0");
}

/** Group ids, ascending, at least one; MS_MALFORMED otherwise. */
export function parseGroups(values: readonly unknown[], where: string): number[] {
    const groups = values.map((value) => toInteger(value, where, 0, LIMITS.usageGroups - 1));
    if (
        groups.length === 0 ||
        groups.some((group, i) => i > 0 && group <= (groups[i - 1] as number))
    ) {
        malformed(where, "ascending group ids");
    }
    return groups;
}

/** So many registers under the key of sealed or else of open ones; MS_MALFORMED otherwise. */
export function parseValues(
    map: MapReader,
    count: number,
    sealed: number,
    open: number,
): UsageBody["values"] {
    if (map.has(sealed)) return { mode: "sealed", bytes: map.bytes(sealed, count * 8) };
    const registers = map.array(open, count).map((value) => toRegister(value, map.at(open)));
    if (registers.length !== count) malformed(map.at(open), `${count} registers`);
    return { mode: "open", registers };
}

function parseFlags(values: readonly unknown[], count: number): FlagRun[] {
    let next = 0;
    let lastFlag = 0;
    if (values.length === 0) malformed("usage[8]", "at least one run");
    return values.map((value) => {
        const [first, second, third] = triple(value, "usage[8]");
        const offset = toInteger(first, "usage[8] offset", next, count - 1);
        const length = toInteger(second, "usage[8] length", 1, count - offset);
        const flag = toInteger(third, "usage[8] flag", FLAG.missing, FLAG.estimated);
        if (offset === next && flag === lastFlag) malformed("usage[8]", "neighbours in one run");
        next = offset + length;
        lastFlag = flag;
        return { offset, length, flag };
    });
}

/** Lists of 32 bytes a boundary for the first groups, one or more; MS_MALFORMED otherwise. */
export function parseCommitments(
    map: MapReader,
    key: number,
    groups: number,
    count: number,
): Uint8Array[] {
    const entries = toArray(map.value(key), map.at(key), groups);
    if (entries.length === 0) malformed(map.at(key), "at least one group");
    return entries.map((entry) => toBytes(entry, map.at(key), count * 32));
}

function triple(value: unknown, where: string): readonly unknown[] {
    if (Array.isArray(value) && value.length === 3) return value;
    return malformed(where, "entries of three numbers");
}
