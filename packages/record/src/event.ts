import { LIMITS, type Result } from "@meterseal/core";
import { attempt, MapReader, malformed } from "./parse.ts";
import { type MeterRecord, RECORD_CLASS, TIME_MAX_UNIX } from "./record.ts";
import {
    channelCount,
    parseCommitments,
    parseGroups,
    parseScale,
    parseValues,
    putValues,
    type UsageBody,
} from "./usage.ts";

/** What a register event says of its seal epoch. */
export const EVENT_KIND = { opening: 1, closing: 2 } as const;

/** Why a seal epoch ends and the next one begins. */
export const EVENT_REASON = { exchange: 1, reset: 2, keyRotation: 3 } as const;

/** Registers that travel sealed, 8 bytes each, or plain. */
export type EventValues = UsageBody["values"];

/** The seal epoch that an opening follows, and how much is known of its end. */
export type EpochBefore = {
    readonly sealEpoch: number;
    /** Hash of the record that closed it, 32 bytes; absent where the old device could sign none. */
    readonly closing?: Uint8Array;
    /**
     * Final registers as read off the old device by whoever installed the new one: sealed under the
     * **new** epoch, at the leaf after the opening's. Never together with a closing.
     */
    readonly stated?: EventValues;
};

/**
 * Body of a billing record: the registers at one instant off the slot grid, where a seal epoch opens
 * or closes (formats 3). In a sealed stream they are sealed under the event tree.
 */
export type RegisterEvent = {
    /** Stream, 16 bytes. */
    readonly stream: Uint8Array;
    readonly sealEpoch: number;
    /** One of {@link EVENT_KIND}. */
    readonly kind: number;
    /** One of {@link EVENT_REASON}. */
    readonly reason: number;
    /** Instant of the registers, seconds since 1970. */
    readonly atUnix: number;
    /** Leaf of the event tree. */
    readonly index: number;
    /** Group ids, ascending. */
    readonly groups: readonly number[];
    /** One register a channel. */
    readonly values: EventValues;
    /** Registers count in 10^scale Wh; absent = 0. */
    readonly scale?: number;
    /** Pedersen commitments of the first groups, 32 bytes each; absent where the stream has none. */
    readonly commitments?: readonly Uint8Array[];
    /** The epoch that ended; in an opening, and only there. */
    readonly before?: EpochBefore;
};

/** Leaves of the event tree: two to the power of its depth (formats 3). */
const EVENT_LEAVES = 2 ** 24;

/** CBOR map of a register event; keys that a usage body has too mean the same here. */
export function encodeEvent(event: RegisterEvent): Map<number, unknown> {
    const { before } = event;
    const map = new Map<number, unknown>([
        [0, event.stream],
        [1, event.sealEpoch],
        [2, event.kind],
        [3, event.atUnix],
        [4, event.index],
        [5, event.groups],
        [7, event.reason],
    ]);
    putValues(map, event.values, 6, 12);
    if (event.scale !== undefined) map.set(10, event.scale);
    if (event.commitments !== undefined) map.set(13, event.commitments);
    if (before === undefined) return map;
    map.set(8, before.sealEpoch);
    if (before.closing !== undefined) map.set(9, before.closing);
    if (before.stated !== undefined) putValues(map, before.stated, 11, 14);
    return map;
}

/** Parses the body of a register event strictly; MS_MALFORMED names the field. */
export function decodeEvent(value: unknown): Result<RegisterEvent> {
    return attempt(() => {
        const map = new MapReader(value, "event");
        const sealEpoch = map.integer(1, 0, 0xffff_ffff);
        const kind = map.integer(2, EVENT_KIND.opening, EVENT_KIND.closing);
        const groups = parseGroups(map.array(5, LIMITS.usageGroups), map.at(5));
        const channels = channelCount(groups);
        const values = parseValues(map, channels, 6, 12);
        const before =
            kind === EVENT_KIND.opening
                ? parseBefore(map, sealEpoch, values.mode, channels)
                : undefined;
        const leaves = before?.stated === undefined ? 1 : 2;
        const event: RegisterEvent = {
            stream: map.bytes(0, 16),
            sealEpoch,
            kind,
            reason: map.integer(7, EVENT_REASON.exchange, EVENT_REASON.keyRotation),
            atUnix: map.integer(3, 0, TIME_MAX_UNIX),
            index: map.integer(4, 0, EVENT_LEAVES - leaves),
            groups,
            values,
            ...(map.has(10) ? { scale: parseScale(map) } : {}),
            ...(map.has(13) ? { commitments: parseCommitments(map, 13, groups.length, 1) } : {}),
            ...(before === undefined ? {} : { before }),
        };
        map.end();
        if (event.commitments !== undefined && values.mode === "open") {
            malformed(map.at(13), "commitments to sealed registers");
        }
        return event;
    });
}

/** Register event of a record; MS_MALFORMED for a record of another class. */
export function eventOf(record: MeterRecord): Result<RegisterEvent> {
    if (record.recordClass === RECORD_CLASS.billing) return decodeEvent(record.body);
    return attempt(() => malformed("record[0]", "a billing record"));
}

function parseBefore(
    map: MapReader,
    sealEpoch: number,
    mode: EventValues["mode"],
    channels: number,
): EpochBefore {
    const ended = map.integer(8, 0, 0xffff_ffff);
    if (ended >= sealEpoch) malformed(map.at(8), "an earlier seal epoch");
    if (map.has(9)) return { sealEpoch: ended, closing: map.bytes(9, 32) };
    if (!map.has(11) && !map.has(14)) return { sealEpoch: ended };
    const stated = parseValues(map, channels, 11, 14);
    if (stated.mode !== mode) malformed("event", "both registers sealed, or both open");
    return { sealEpoch: ended, stated };
}
