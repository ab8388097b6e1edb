import { assert, type Ladder, ok, type Result } from "@meterseal/core";
import { blindOf } from "../commit/commit.ts";
import { addBlinds } from "../commit/weigh.ts";
import type { TreeAddress } from "../stream.ts";
import { addressAt, bridgesOf, type GrantEpoch } from "./body.ts";
import { type Bridge, type BridgeEnds, keyAt } from "./bridge.ts";
import { type GrantTerms, toChannelGroup } from "./terms.ts";
import { encodeBlinds, encodeTokenBody } from "./token-body.ts";
import type { Window } from "./windows.ts";

/** Keys of which windows, over which changes of the epoch. */
type Columns = {
    readonly epochs: readonly GrantEpoch[];
    readonly ladder: Ladder;
    readonly windows: readonly Window[];
    readonly bridges: readonly Bridge[];
};

/**
 * Body of a D grant: k_b − k_a of each window, over changes of the epoch with the bridges' tokens, and
 * s_b − s_a of what is committed to, by which its reader checks the sum.
 * @returns MS_STREAM_RULE where a change of the seal epoch has no registers; errors of keysOf.
 */
export function differenceBody(
    terms: GrantTerms,
    ladder: Ladder,
    epochs: readonly GrantEpoch[],
    windows: readonly Window[],
): Result<Uint8Array> {
    const bridges = bridgesOf(epochs, terms.groups);
    if (!bridges.ok) return bridges;
    const columns = { epochs, ladder, windows, bridges: bridges.value };
    const tokens: BigUint64Array[] = [];
    const blinds: Uint8Array[] = [];
    const committed = committedGroups(terms, epochs);
    let firstRegister = 0;
    for (const [place, group] of terms.groups.entries()) {
        const own = tokensOf(columns, group, firstRegister);
        if (!own.ok) return own;
        tokens.push(own.value);
        firstRegister += toChannelGroup(group).channels;
        if (place >= committed) continue;
        const shown = blindsOf(columns, group);
        if (!shown.ok) return shown;
        blinds.push(encodeBlinds(shown.value));
    }
    const table = {
        windows,
        tokens,
        ...(blinds.length === 0 ? {} : { blinds }),
        bridges: bridges.value,
    };
    return ok(encodeTokenBody(table, terms.slotSeconds));
}

/** Numbers of a group, window by window. */
function tokensOf(
    { bridges, epochs, ladder, windows }: Columns,
    group: number,
    firstRegister: number,
): Result<BigUint64Array> {
    const { channels } = toChannelGroup(group);
    const column = new BigUint64Array(windows.length * channels);
    for (const [w, { fromUnix, toUnix }] of windows.entries()) {
        const [from, to] = [epochAt(epochs, fromUnix), epochAt(epochs, toUnix)];
        const early = keysAt(epochs, from, ladder, group, fromUnix);
        if (!early.ok) return early;
        const late = keysAt(epochs, to, ladder, group, toUnix);
        if (!late.ok) return late;
        for (let channel = 0; channel < channels; channel++) {
            let sum = keyAt(late.value, channel) - keyAt(early.value, channel);
            for (const { tokens: own } of bridges.slice(from, to)) {
                sum += own[firstRegister + channel] as bigint;
            }
            column[w * channels + channel] = BigInt.asUintN(64, sum);
        }
    }
    return ok(column);
}

/**
 * How many of the granted groups, the first ones, every register of the grant is committed to: none
 * where a device's last ones were only read off it, which no meter signed.
 */
function committedGroups(
    { groups, streamGroups }: GrantTerms,
    epochs: readonly GrantEpoch[],
): number {
    const isStated = epochs.some(({ ends, span }) => ends?.close.sealEpoch === span.sealEpoch);
    const committed = Math.min(...epochs.map((epoch) => epoch.committed ?? 0));
    return isStated ? 0 : groups.filter((group) => streamGroups.indexOf(group) < committed).length;
}

/** s_b − s_a of each window of a group, and s_close − s_open of each change of the epoch in it. */
function blindsOf({ epochs, ladder, windows }: Columns, group: number): Result<bigint[]> {
    const member = toChannelGroup(group);
    const blinds: bigint[] = [];
    for (const { fromUnix, toUnix } of windows) {
        const [from, to] = [epochAt(epochs, fromUnix), epochAt(epochs, toUnix)];
        const ends: [number, TreeAddress, 1n | -1n][] = [
            [from, addressAt(ladder, fromUnix), -1n],
            [to, addressAt(ladder, toUnix), 1n],
        ];
        for (let place = from + 1; place <= to; place++) {
            const { close, open } = (epochs[place] as GrantEpoch).ends as BridgeEnds;
            ends.push([place - 1, close, 1n], [place, open, -1n]);
        }
        const parts: bigint[] = [];
        for (const [place, address, sign] of ends) {
            const blind = blindOf((epochs[place] as GrantEpoch).owner, member, address);
            if (!blind.ok) return blind;
            parts.push(sign * blind.value);
        }
        blinds.push(addBlinds(parts));
    }
    return ok(blinds);
}

/** Place of the epoch whose device sealed a boundary; at a change the newer one. */
function epochAt(epochs: readonly GrantEpoch[], unix: number): number {
    const place = epochs.findLastIndex(({ span }) => span.fromUnix <= unix);
    assert(place >= 0, "a boundary in the range of the grant");
    return place;
}

function keysAt(
    epochs: readonly GrantEpoch[],
    place: number,
    ladder: Ladder,
    group: number,
    unix: number,
): Result<Uint8Array> {
    const { level, index } = addressAt(ladder, unix);
    return (epochs[place] as GrantEpoch).owner.keysOf(group, level, [index]);
}
