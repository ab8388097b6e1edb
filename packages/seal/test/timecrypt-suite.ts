import { aes128Blocks, concatBytes } from "@meterseal/core";
import type { Suite } from "../src/suite.ts";

/** 16 bytes big-endian of two 64-bit halves. */
export function block(high: bigint, low: bigint): Uint8Array {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt.asUintN(64, high));
    view.setBigUint64(8, BigInt.asUintN(64, low));
    return bytes;
}

/**
 * Value key of TimeCrypt (KeyUtil.deriveKeyLong): the halves of AES128_leaf(label) XORed; the label
 * is ff^8 ‖ i64 metadata id. Plain HEAC uses ff^16, which is metadata id −1.
 */
export function timeCryptKey(leaf: Uint8Array, metadataId: bigint): bigint {
    const value = aes128Blocks(leaf, block(-1n, metadataId));
    const view = new DataView(value.buffer, value.byteOffset, 16);
    return view.getBigUint64(0) ^ view.getBigUint64(8);
}

function nodesOf(nodes: Uint8Array): Uint8Array[] {
    return Array.from({ length: nodes.length / 16 }, (_, i) => nodes.slice(16 * i, 16 * i + 16));
}

/**
 * Suite 0: the tree of TimeCrypt, child_b = AES128_node(be128(b)), rekeyed at every node. Only for
 * tests: an independent oracle of the tree walk, known answers by TimeCrypt's own Java classes.
 */
export const timeCryptSuite: Suite = {
    id: 0,
    children(_treeKey, nodes) {
        const child = (bit: bigint): Uint8Array[] =>
            nodesOf(nodes).map((node) => aes128Blocks(node, block(0n, bit)));
        return concatBytes(...child(0n), ...child(1n));
    },
    keyBlocks(_treeKey, leaves) {
        const keys = nodesOf(leaves).map((leaf) =>
            block(timeCryptKey(leaf, 0n), timeCryptKey(leaf, 1n)),
        );
        return concatBytes(...keys);
    },
    blinding() {
        throw new Error("TimeCrypt has no commitments");
    },
};
