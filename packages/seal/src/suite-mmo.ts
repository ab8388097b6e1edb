import { aes128Blocks } from "@meterseal/core";
import { NODE_BYTES, type Suite } from "./suite.ts";

/**
 * Constants that are XORed into a node before the hash. Disjoint by use, so that no output of one
 * use is an output of another (privacy note 6, invariant 18).
 */
export const TWEAK = {
    leftChild: 0,
    rightChild: 1,
    keyBlock: 2,
    /** First of four for channel 0. */
    blinding0: 3,
    /** First of four for channel 1. */
    blinding1: 7,
} as const;

/** Cipher input, 2 MiB at most, used again: a fresh one per call would cost as much as AES. */
let scratch = new Uint8Array(0);

/**
 * Hashes all nodes under each tweak: H(x) = AES128(treeKey, x) xor x with x = node xor
 * be128(tweak). The output holds the first tweak of all nodes, then the second of all nodes, …
 *
 * Copying whole lists and XORing 64 bits at a time is what keeps this near the speed of AES.
 */
function hashNodes(treeKey: Uint8Array, nodes: Uint8Array, tweaks: readonly number[]): Uint8Array {
    const length = nodes.length * tweaks.length;
    if (scratch.length < length) scratch = new Uint8Array(length);
    const input = scratch.subarray(0, length);
    for (let i = 0; i < tweaks.length; i++) {
        const start = i * nodes.length;
        const tweak = tweaks[i] as number;
        input.set(nodes, start);
        if (tweak === 0) continue;
        for (let at = start + NODE_BYTES - 1; at < start + nodes.length; at += NODE_BYTES) {
            input[at] = (input[at] as number) ^ tweak;
        }
    }
    const output = aes128Blocks(treeKey, input);
    const hashed = output.byteOffset % 8 === 0 ? output : output.slice();
    xorInto(
        new BigUint64Array(hashed.buffer, hashed.byteOffset, length / 8),
        new BigUint64Array(input.buffer, 0, length / 8),
    );
    return hashed;
}

/** XORs whole blocks, two words at a time. */
function xorInto(target: BigUint64Array, other: BigUint64Array): void {
    for (let i = 0; i < target.length; i += 2) {
        target[i] = (target[i] as bigint) ^ (other[i] as bigint);
        target[i + 1] = (target[i + 1] as bigint) ^ (other[i + 1] as bigint);
    }
}

/**
 * Suite 1: a binary tree of AES-128 under one public key per tree in Matyas–Meyer–Oseas form. The
 * fixed key lets a whole level be one cipher call. Its security rests on the ideal-cipher model.
 * @see privacy note 3.2; P3: keys per granularity.
 */
export const mmoSuite: Suite = {
    id: 1,
    children: (treeKey, nodes) => hashNodes(treeKey, nodes, [TWEAK.leftChild, TWEAK.rightChild]),
    keyBlocks: (treeKey, leaves) => hashNodes(treeKey, leaves, [TWEAK.keyBlock]),
    blinding(treeKey, leaf, channel) {
        const first = channel === 0 ? TWEAK.blinding0 : TWEAK.blinding1;
        return hashNodes(treeKey, leaf, [first, first + 1, first + 2, first + 3]);
    },
};
