/** Bytes of a tree node; a leaf is one too. */
export const NODE_BYTES = 16;
/** Bytes of the key block of a leaf: two u64 big-endian. */
export const KEY_BLOCK_BYTES = 16;

/**
 * How a key tree is expanded. All functions are deterministic and work on many nodes at once,
 * because one call of AES per tree level is what makes sealing fast (privacy note, 3.2).
 */
export type Suite = {
    /** The byte that names the suite in every derivation: 0 TimeCrypt (tests only), 1 MMO. */
    readonly id: number;
    /** Children of n nodes (n × 16 bytes): the n left ones, then the n right ones. */
    children(treeKey: Uint8Array, nodes: Uint8Array): Uint8Array;
    /** Key blocks of n leaves (n × 16 bytes): two u64 big-endian, channel 0 and channel 1. */
    keyBlocks(treeKey: Uint8Array, leaves: Uint8Array): Uint8Array;
    /** 64 bytes from which the commitment blinding of a leaf and a channel is reduced. */
    blinding(treeKey: Uint8Array, leaf: Uint8Array, channel: 0 | 1): Uint8Array;
};
