import {
    HPKE_SUITE,
    isSlotSeconds,
    isWindowName,
    LIMITS,
    WINDOW_NAMES,
    type WindowName,
} from "@meterseal/core";
import {
    channelsOfGroup,
    GROUP,
    type MapReader,
    malformed,
    toArray,
    toInteger,
} from "@meterseal/record";
import type { ChannelGroup, SealedStream } from "../stream.ts";

/**
 * Kinds of a grant by what its sealed body holds (privacy note 3.5): K keys of every boundary from a
 * level of the ladder on, D one number for each window, W one number for a weighted sum, C one number
 * for each window masked by a cohort, E keys of listed boundaries.
 */
export const GRANT_KIND = { K: 1, D: 2, W: 3, C: 4, E: 5 } as const;

/** One of {@link GRANT_KIND}. */
export type GrantKind = (typeof GRANT_KIND)[keyof typeof GRANT_KIND];

/** Stretch of one seal epoch that a grant covers; both ends count. */
export type GrantSpan = {
    readonly sealEpoch: number;
    readonly fromUnix: number;
    readonly toUnix: number;
};

/**
 * What a grant says in the open: everybody who holds its bytes reads it, and the household signs it.
 * Ids are 16 bytes, hashes 32, instants seconds since 1970.
 */
export type GrantTerms = {
    readonly network: Uint8Array;
    readonly grantId: Uint8Array;
    /** Party id of the household. */
    readonly household: Uint8Array;
    /** Subject of the meter. */
    readonly subject: Uint8Array;
    readonly streamId: Uint8Array;
    /** Ascending, end to end: the first begins at `fromUnix`, the last ends at `toUnix`. */
    readonly spans: readonly GrantSpan[];
    /** Group ids that are granted, ascending. */
    readonly groups: readonly number[];
    readonly kind: GrantKind;
    /** Finest level of the ladder whose boundaries open, 0 slot … 3 month: in a K grant, and only there. */
    readonly level?: number;
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Party id of the recipient. */
    readonly recipient: Uint8Array;
    /** Which of the recipient's keys: first 8 bytes of its SHA-256. */
    readonly recipientKeyId: Uint8Array;
    readonly issuedUnix: number;
    /** When the recipient's right to read ends; absent = with the range itself. */
    readonly leaseEndUnix?: number;
    /** Standing policy that this grant is a lease of. */
    readonly policyId?: Uint8Array;
    /** Tariff by whose weights a W grant was made. */
    readonly tariffHash?: Uint8Array;
    /** Cohort whose masks a C grant carries. */
    readonly cohortHash?: Uint8Array;
    /** What the windows of an E or D grant are. */
    readonly window?: WindowName;
    /** IANA zone whose days and months are meant. */
    readonly zone: string;
    readonly slotSeconds: number;
    /** Registers count in 10^scale Wh. */
    readonly scale: number;
    /** One of HPKE_SUITE. */
    readonly hpkeSuite: number;
    /** Suite byte of the stream's key trees. */
    readonly sealSuite: number;
    /** Group ids of the stream, ascending: the order of the registers in its records. */
    readonly streamGroups: readonly number[];
};

/** Longest name of a zone. */
export const ZONE_MAX = 64;
/** Last instant of a grant: the end of 2399. */
export const UNIX_MAX = 13_569_465_599;
/** Shortest civil day: a sum of squares together with shorter sums would give short windows away. */
const SHORTEST_DAY_SECONDS = 23 * 3600;

/** Fields 0 … 22, 25 and 26 of a grant's payload; their CBOR is what the sealed body is bound to. */
export function encodeTerms(terms: GrantTerms): Map<number, unknown> {
    const map = new Map<number, unknown>([
        [0, terms.network],
        [1, terms.grantId],
        [2, terms.household],
        [3, terms.subject],
        [4, terms.streamId],
        [5, terms.spans.map((span) => [span.sealEpoch, span.fromUnix, span.toUnix])],
        [6, terms.groups],
        [7, terms.kind],
        [9, terms.fromUnix],
        [10, terms.toUnix],
        [11, terms.recipient],
        [12, terms.recipientKeyId],
        [13, terms.issuedUnix],
        [19, terms.zone],
        [20, terms.slotSeconds],
        [21, terms.scale],
        [22, terms.hpkeSuite],
        [25, terms.sealSuite],
        [26, terms.streamGroups],
    ]);
    const optional: readonly [number, unknown][] = [
        [8, terms.level],
        [14, terms.leaseEndUnix],
        [15, terms.policyId],
        [16, terms.tariffHash],
        [17, terms.cohortHash],
        [18, terms.window],
    ];
    for (const [key, value] of optional) if (value !== undefined) map.set(key, value);
    return map;
}

/**
 * Reads the fields of {@link encodeTerms} strictly, with the rules that need nothing else: what a kind
 * must and may not carry, spans end to end, granted groups that the stream has.
 * @throws MetersealError MS_MALFORMED names the field.
 */
export function parseTerms(map: MapReader): GrantTerms {
    const unix = (key: number): number => map.integer(key, 0, UNIX_MAX);
    const kind = map.integer(7, GRANT_KIND.K, GRANT_KIND.E) as GrantKind;
    const slotSeconds = map.integer(20, 1, 3600);
    if (!isSlotSeconds(slotSeconds)) malformed(map.at(20), "a divisor of 3600");
    const terms: GrantTerms = {
        network: map.bytes(0, 32),
        grantId: map.bytes(1, 16),
        household: map.bytes(2, 16),
        subject: map.bytes(3, 16),
        streamId: map.bytes(4, 16),
        spans: map.array(5, LIMITS.grantSpans).map((span) => parseSpan(span, map.at(5))),
        groups: parseGroups(map, 6),
        kind,
        ...(map.has(8) ? { level: map.integer(8, 0, 3) } : {}),
        fromUnix: unix(9),
        toUnix: unix(10),
        recipient: map.bytes(11, 16),
        recipientKeyId: map.bytes(12, 8),
        issuedUnix: unix(13),
        ...(map.has(14) ? { leaseEndUnix: unix(14) } : {}),
        ...(map.has(15) ? { policyId: map.bytes(15, 16) } : {}),
        ...(map.has(16) ? { tariffHash: map.bytes(16, 32) } : {}),
        ...(map.has(17) ? { cohortHash: map.bytes(17, 32) } : {}),
        ...(map.has(18) ? { window: parseWindow(map) } : {}),
        zone: map.text(19, ZONE_MAX) || malformed(map.at(19), "the name of a time zone"),
        slotSeconds,
        scale: map.integer(21, -6, 6),
        hpkeSuite: map.integer(22, HPKE_SUITE.x25519, HPKE_SUITE.hybrid),
        sealSuite: map.integer(25, 1, 1),
        streamGroups: parseGroups(map, 26),
    };
    const fault = findTermsFault(terms);
    if (fault !== null) malformed("grant", fault);
    return terms;
}

/** What is wrong with terms that a parser could not see field by field; null for nothing. */
export function findTermsFault(terms: GrantTerms): string | null {
    const { fromUnix, groups, issuedUnix, kind, leaseEndUnix, level, spans, toUnix } = terms;
    if ((kind === GRANT_KIND.K) !== (level !== undefined)) return "a level in a K grant only";
    if ((kind === GRANT_KIND.W) !== (terms.tariffHash !== undefined)) {
        return "a tariff in a W grant only";
    }
    if ((kind === GRANT_KIND.C) !== (terms.cohortHash !== undefined)) {
        return "a cohort in a C grant only";
    }
    const hasWindow = kind === GRANT_KIND.E || kind === GRANT_KIND.D;
    if (hasWindow !== (terms.window !== undefined)) return "a window's name in E and D grants only";
    if (fromUnix >= toUnix) return "a range that ends after it begins";
    if (leaseEndUnix !== undefined && leaseEndUnix <= issuedUnix) {
        return "a lease that ends after it was issued";
    }
    if (!areEndToEnd(spans, fromUnix, toUnix)) return "spans end to end over the range";
    if (groups.some((group) => !terms.streamGroups.includes(group))) return "groups of the stream";
    if (groups.includes(GROUP.importSquares) && isFinerThanDay(terms)) {
        return "sums of squares over days or longer only";
    }
    return null;
}

function isFinerThanDay({ fromUnix, kind, level, toUnix, window }: GrantTerms): boolean {
    if (kind === GRANT_KIND.K) return (level ?? 0) < 2;
    if (window !== undefined && window !== "total") {
        return WINDOW_NAMES.indexOf(window) < WINDOW_NAMES.indexOf("day");
    }
    return toUnix - fromUnix < SHORTEST_DAY_SECONDS;
}

function areEndToEnd(spans: readonly GrantSpan[], fromUnix: number, toUnix: number): boolean {
    let at = fromUnix;
    let epoch = -1;
    for (const span of spans) {
        if (span.fromUnix !== at || span.toUnix < at || span.sealEpoch <= epoch) return false;
        at = span.toUnix;
        epoch = span.sealEpoch;
    }
    return spans.length > 0 && at === toUnix;
}

function parseSpan(value: unknown, where: string): GrantSpan {
    const parts = toArray(value, where, 3);
    if (parts.length !== 3) malformed(where, "an epoch and two instants");
    return {
        sealEpoch: toInteger(parts[0], where, 0, 0xffff_ffff),
        fromUnix: toInteger(parts[1], where, 0, UNIX_MAX),
        toUnix: toInteger(parts[2], where, 0, UNIX_MAX),
    };
}

/** Ascending group ids of a field, at least one. */
export function parseGroups(map: MapReader, key: number): number[] {
    let next = 0;
    const groups = map.array(key, LIMITS.usageGroups).map((value) => {
        const group = toInteger(value, map.at(key), next, LIMITS.usageGroups - 1);
        next = group + 1;
        return group;
    });
    if (groups.length === 0) malformed(map.at(key), "at least one group");
    return groups;
}

function parseWindow(map: MapReader): WindowName {
    const text = map.text(18, 16);
    return isWindowName(text) ? text : malformed(map.at(18), WINDOW_NAMES.join(", "));
}

/** The stream of one seal epoch as the grant's terms describe it. */
export function streamOfTerms(terms: GrantTerms, sealEpoch: number): SealedStream {
    return {
        streamId: terms.streamId,
        sealEpoch,
        suite: terms.sealSuite,
        slotSeconds: terms.slotSeconds,
        groups: terms.streamGroups.map(toChannelGroup),
    };
}

/** A group with its registers. */
export function toChannelGroup(group: number): ChannelGroup {
    return { group, channels: channelsOfGroup(group) === 2 ? 2 : 1 };
}

/** Registers of all granted groups together. */
export function grantedChannels(terms: Pick<GrantTerms, "groups">): number {
    return terms.groups.reduce((sum, group) => sum + channelsOfGroup(group), 0);
}
