import { fromHex, type Result, toHex } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    MapReader,
    malformed,
    toArray,
    toBytes,
} from "@meterseal/record";
import { type BridgeEnds, encodeEnds, encodeTokens, parseEnds, parseTokens } from "./bridge.ts";
import { GRANT_KIND, type GrantSpan, type GrantTerms, toChannelGroup } from "./terms.ts";
import { encodeWindows, parseWindows, type Window } from "./windows.ts";

/** What a D, W or C grant carries: numbers that open one sum each, and nothing else. */
export type TokenTable = {
    /** Ascending, without overlap. In a W grant one: the period of the weighted sum. */
    readonly windows: readonly Window[];
    /**
     * By granted group: one number for each window and register, window by window. A window's sum is
     * the difference of its sealed boundaries and the number, mod 2^64.
     */
    readonly tokens: readonly BigUint64Array[];
    /**
     * By granted group that has commitments: for each window 32 bytes, the blinding of the same sum.
     * Absent where none are granted.
     */
    readonly blinds?: readonly Uint8Array[];
    /** Where sums of a D grant pass from one span to the next; the tokens are in the windows' numbers. */
    readonly bridges: readonly BridgeEnds[];
};

const BLIND_BYTES = 32;

/** Blinds of one group, window by window, as the body carries them: 32 bytes each, big-endian. */
export function encodeBlinds(blinds: readonly bigint[]): Uint8Array {
    return fromHex(
        blinds.map((blind) => blind.toString(16).padStart(2 * BLIND_BYTES, "0")).join(""),
    );
}

/** Blind of a window among those of its group; inverse of {@link encodeBlinds}. */
export function blindAt(blinds: Uint8Array, window: number): bigint {
    const bytes = blinds.subarray(window * BLIND_BYTES, (window + 1) * BLIND_BYTES);
    return BigInt(`0x${toHex(bytes)}`);
}

/** CBOR body of a D, W or C grant. */
export function encodeTokenBody(table: TokenTable, slotSeconds: number): Uint8Array {
    const map = new Map<number, unknown>([
        [0, encodeWindows(table.windows, slotSeconds)],
        [1, table.tokens.map(encodeTokens)],
    ]);
    if (table.blinds !== undefined) map.set(2, table.blinds);
    if (table.bridges.length > 0) map.set(3, table.bridges.map(encodeEnds));
    return encodeCbor(map);
}

/** Reads {@link encodeTokenBody} strictly; windows lie in the range of the terms. */
export function parseTokenBody(body: Uint8Array, terms: GrantTerms): Result<TokenTable> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(body), "body");
        const windows = parseWindows(map.value(0), terms.slotSeconds, map.at(0));
        const isInside = windows.every(({ fromUnix, toUnix }) => {
            return fromUnix >= terms.fromUnix && toUnix <= terms.toUnix;
        });
        if (!isInside) malformed(map.at(0), "windows in the range of the grant");
        const strings = map.array(1, terms.groups.length);
        if (strings.length !== terms.groups.length) malformed(map.at(1), "one string a group");
        const tokens = strings.map((value, i) => {
            const { channels } = toChannelGroup(terms.groups[i] as number);
            return parseTokens(value, windows.length * channels, map.at(1));
        });
        const blinds = map.has(2) ? parseBlinds(map, terms, windows.length) : undefined;
        const bridges = parseBridges(map, terms);
        map.end();
        return { windows, tokens, ...(blinds === undefined ? {} : { blinds }), bridges };
    });
}

function parseBlinds(map: MapReader, terms: GrantTerms, windows: number): Uint8Array[] {
    const strings = map.array(2, terms.groups.length);
    if (strings.length === 0) malformed(map.at(2), "at least one group");
    return strings.map((value) => toBytes(value, map.at(2), BLIND_BYTES * windows));
}

/** The weights of a W grant cancel within each epoch, and a cohort's window lies in one. */
function parseBridges(map: MapReader, { kind, spans }: GrantTerms): BridgeEnds[] {
    const changes = kind === GRANT_KIND.D ? spans.length - 1 : 0;
    const bridges = changes > 0 ? map.array(3, changes) : [];
    if (bridges.length !== changes) malformed(map.at(3), "one bridge a change of epoch");
    return bridges.map((value, i) => {
        const parts = toArray(value, map.at(3), 2);
        if (parts.length !== 2) malformed(map.at(3), "two ends");
        const [before, after] = [spans[i], spans[i + 1]] as [GrantSpan, GrantSpan];
        return parseEnds(parts, before.sealEpoch, after.sealEpoch, map.at(3));
    });
}
