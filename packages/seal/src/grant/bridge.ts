import { assert, ok, type Result } from "@meterseal/core";
import { malformed, toArray, toBytes, toInteger } from "@meterseal/record";
import type { OwnerKeys } from "../key-source.ts";
import { TREE_DEPTH, type Tree, type TreeAddress } from "../stream.ts";
import { grantedChannels, toChannelGroup } from "./terms.ts";

/** Where a sealed register stands among all seal epochs of a stream. */
export type EpochAddress = TreeAddress & { readonly sealEpoch: number };

/**
 * How the sums of one seal epoch go on into the next: over the registers at the end of the old one
 * and at the begin of the new one. Both stand in register events, under keys that no grant holds.
 */
export type BridgeEnds = {
    /** Final registers: sealed by the old device, or stated by whoever exchanged it. */
    readonly close: EpochAddress;
    /** First registers of the new epoch. */
    readonly open: EpochAddress;
};

/**
 * A bridge with its tokens, one for each register of the granted groups in order. With c and o the
 * sealed registers at the ends, the sum from a (old epoch) to b (new epoch) is
 * (c − a) + (b − o) + token + k_b − k_a mod 2^64. A token opens nothing but sums over the change.
 */
export type Bridge = BridgeEnds & { readonly tokens: BigUint64Array };

/**
 * Tokens of a bridge (formats 9): k_close − k_open of each register. Where the final registers were
 * stated they are sealed under the new epoch, and the token carries the difference of the shifts too.
 * @param before - keys of the old epoch; `after` of the new one, of the same stream.
 * @returns errors of keysOf.
 */
export function bridgeTokens(
    before: OwnerKeys,
    after: OwnerKeys,
    ends: BridgeEnds,
    groups: readonly number[],
): Result<BigUint64Array> {
    const { close, open } = ends;
    const isStated = close.sealEpoch === after.stream.sealEpoch;
    assert(isStated || close.sealEpoch === before.stream.sealEpoch, "an end of one of the epochs");
    const tokens = new BigUint64Array(grantedChannels({ groups }));
    let at = 0;
    for (const group of groups) {
        const closing = (isStated ? after : before).keysOf(group, close.level, [close.index]);
        if (!closing.ok) return closing;
        const opening = after.keysOf(group, open.level, [open.index]);
        if (!opening.ok) return opening;
        const [oldShifts, newShifts] = [before.shiftsOf(group), after.shiftsOf(group)];
        for (let channel = 0; channel < toChannelGroup(group).channels; channel++) {
            const shift = isStated
                ? (oldShifts[channel] as bigint) - (newShifts[channel] as bigint)
                : 0n;
            tokens[at++] = BigInt.asUintN(
                64,
                keyAt(closing.value, channel) - keyAt(opening.value, channel) + shift,
            );
        }
    }
    return ok(tokens);
}

/** Key of a channel from a key block: u64 big-endian. */
export function keyAt(block: Uint8Array, channel: number): bigint {
    return new DataView(block.buffer, block.byteOffset).getBigUint64(8 * channel);
}

/** Numbers of 64 bits, big-endian one after the other. */
export function encodeTokens(tokens: BigUint64Array): Uint8Array {
    const bytes = new Uint8Array(8 * tokens.length);
    const view = new DataView(bytes.buffer);
    tokens.forEach((token, i) => {
        view.setBigUint64(8 * i, token);
    });
    return bytes;
}

/** Inverse of {@link encodeTokens}; so many numbers, or MS_MALFORMED. */
export function parseTokens(value: unknown, count: number, where: string): BigUint64Array {
    const bytes = toBytes(value, where, 8 * count);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    return BigUint64Array.from({ length: count }, (_, i) => view.getBigUint64(8 * i));
}

/** Ends of a bridge as CBOR: two arrays of epoch, level and index. */
export function encodeEnds({ close, open }: BridgeEnds): number[][] {
    return [close, open].map(({ sealEpoch, level, index }) => [sealEpoch, level, index]);
}

/**
 * Reads {@link encodeEnds}; the open end is one of the new epoch, the close end of either.
 * @throws MetersealError MS_MALFORMED.
 */
export function parseEnds(
    value: readonly unknown[],
    oldEpoch: number,
    newEpoch: number,
    where: string,
): BridgeEnds {
    const close = parseAddress(value[0], where);
    const open = parseAddress(value[1], where);
    const isClose = close.sealEpoch === oldEpoch || close.sealEpoch === newEpoch;
    if (!isClose || open.sealEpoch !== newEpoch) malformed(where, "ends in the two seal epochs");
    return { close, open };
}

function parseAddress(value: unknown, where: string): EpochAddress {
    const parts = toArray(value, where, 3);
    if (parts.length !== 3) malformed(where, "an epoch, a tree and a leaf");
    const level = toInteger(parts[1], where, 0, 4) as Tree;
    return {
        sealEpoch: toInteger(parts[0], where, 0, 0xffff_ffff),
        level,
        index: toInteger(parts[2], where, 0, 2 ** TREE_DEPTH[level] - 1),
    };
}
