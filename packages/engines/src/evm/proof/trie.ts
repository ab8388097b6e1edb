import { bytesEqual } from "@meterseal/core";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { RLP } from "micro-eth-signer/core/rlp.js";

/** A node of a trie after RLP: two or seventeen parts, each bytes or a node within the node. */
type Part = Uint8Array | readonly Part[];

/** Longest path of a proof: a node for each half byte of a 32-byte key. */
const NODES = 65;

/**
 * Looks a key up in a Merkle Patricia trie through the nodes of a proof (`eth_getProof`; Ethereum
 * yellow paper, appendix D).
 * @param root - hash of the trie's root node, 32 bytes.
 * @param key - the key itself; the trie is keyed by its keccak-256.
 * @returns the value, null where the proof shows that there is none; undefined where it shows nothing.
 */
export function readTrie(
    root: Uint8Array,
    key: Uint8Array,
    nodes: readonly Uint8Array[],
): Uint8Array | null | undefined {
    if (nodes.length === 0 || nodes.length > NODES) return undefined;
    const path = [...keccak_256(key)].flatMap((byte) => [byte >> 4, byte & 15]);
    let expected: Part = root;
    let at = 0;
    let used = 0;
    for (;;) {
        const node = resolve(expected, nodes, used);
        if (node === undefined) return undefined;
        if (!isInner(expected)) used++;
        const step = descend(node, path, at);
        if (step === undefined || step === null) return step;
        if (step.value !== undefined) return used === nodes.length ? step.value : undefined;
        ({ next: expected, at } = step);
        if (expected instanceof Uint8Array && expected.length === 0) return null;
    }
}

const isInner = (part: Part): part is readonly Part[] => !(part instanceof Uint8Array);

/** The node behind a reference: one that stands within its parent, or the next of the proof. */
function resolve(
    reference: Part,
    nodes: readonly Uint8Array[],
    used: number,
): readonly Part[] | undefined {
    if (isInner(reference)) return reference;
    const bytes = nodes[used];
    if (bytes === undefined || !bytesEqual(keccak_256(bytes), reference)) return undefined;
    try {
        const decoded = RLP.decode(bytes) as Part;
        return isInner(decoded) ? decoded : undefined;
    } catch {
        return undefined;
    }
}

type Step =
    | { readonly value: Uint8Array; readonly next?: never; readonly at?: never }
    | { readonly value?: undefined; readonly next: Part; readonly at: number };

/** One node further; null where the key is not in the trie, undefined for what is no node. */
function descend(
    node: readonly Part[],
    path: readonly number[],
    at: number,
): Step | null | undefined {
    if (node.length === 17) return branch(node, path, at);
    const [encoded, behind] = node;
    if (node.length !== 2 || !(encoded instanceof Uint8Array) || behind === undefined)
        return undefined;
    const [flags = 0xff] = encoded;
    const isLeaf = (flags & 0x20) !== 0;
    const own = [...encoded].flatMap((byte) => [byte >> 4, byte & 15]);
    const part = own.slice((flags & 0x10) !== 0 ? 1 : 2);
    if (flags >= 0x40 || ((flags & 0x10) === 0 && (flags & 0x0f) !== 0)) return undefined;
    if (part.some((half, i) => half !== path[at + i])) return null;
    const end = at + part.length;
    if (!isLeaf) return part.length > 0 ? { next: behind, at: end } : undefined;
    if (end !== path.length || !(behind instanceof Uint8Array)) return undefined;
    return { value: behind };
}

function branch(node: readonly Part[], path: readonly number[], at: number): Step | undefined {
    const half = path[at];
    const next = half === undefined ? undefined : node[half];
    return next === undefined ? undefined : { next, at: at + 1 };
}
