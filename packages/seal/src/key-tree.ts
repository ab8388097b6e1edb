import { assert, concatBytes, error, fail, ok, type Result, unwrap } from "@meterseal/core";
import { coverOf, type NodePlace } from "./cover.ts";
import { ancestorsOf, leafPlaces, pickChildren } from "./nodes.ts";
import { NODE_BYTES, type Suite } from "./suite.ts";

/** A node whose seed is known: everything below it can be derived, nothing beside it. */
export type TreeNode = NodePlace & { readonly seed: Uint8Array };

/** Key blocks of a stretch of 2^height leaves, among those of the stretches derived with it. */
type Chunk = {
    readonly first: number;
    readonly end: number;
    /** Key blocks of four words each: leaf l is block places[l − first] · stride + offset. */
    readonly words: Uint32Array;
    readonly places: Uint8Array;
    readonly stride: number;
    readonly offset: number;
};

/** A stretch that has to be expanded. */
type MissingChunk = { readonly first: number; readonly height: number; readonly node: TreeNode };

/** Leaves that are expanded in one cipher call, at most; 1 MiB of nodes. */
const BATCH_LEAVES = 65_536;
/** Stretches whose keys stay in memory after a call, so that appending costs no derivation. */
const KEPT_CHUNKS = 2;

/**
 * One key tree, known from its root (the owner) or from the nodes of a cover (a grant). Keys are
 * derived level by level over all leaves that a call asks for: one cipher call per level. The last
 * stretches are kept, so that sealing slot after slot derives a stretch at a time.
 */
export class KeyTree {
    readonly #suite: Suite;
    readonly #treeKey: Uint8Array;
    readonly #depth: number;
    readonly #chunkHeight: number;
    /** Ascending and disjoint. */
    readonly #nodes: readonly TreeNode[];
    readonly #chunks = new Map<number, Chunk>();
    /** The last way down: number and seed of its node at each height. */
    readonly #pathPrefix: Float64Array;
    readonly #pathSeed: Uint8Array;

    /**
     * @param nodes - ascending and disjoint, each at most `depth` high, seeds of 16 bytes.
     * @param chunkHeight - 0 … 8: 2^chunkHeight leaves are derived and kept together.
     */
    constructor(
        suite: Suite,
        treeKey: Uint8Array,
        depth: number,
        nodes: readonly TreeNode[],
        chunkHeight: number,
    ) {
        this.#suite = suite;
        this.#treeKey = treeKey;
        this.#depth = depth;
        this.#nodes = nodes;
        this.#chunkHeight = Math.min(chunkHeight, depth);
        this.#pathPrefix = new Float64Array(depth + 1).fill(-1);
        this.#pathSeed = new Uint8Array((depth + 1) * NODE_BYTES);
    }

    /**
     * Key blocks of leaves in the order asked for, 16 bytes each: two u64 big-endian, the key of
     * channel 0 and that of channel 1.
     * @returns MS_NOT_ALLOWED for a leaf below none of the known nodes, MS_BOUNDARY_ADDRESS for a
     * number that is no leaf.
     */
    keysOf(indices: ArrayLike<number>): Result<Uint8Array> {
        const missing = this.#findMissing(indices);
        if (!missing.ok) return missing;
        if (missing.value.length > 0) this.#expand(missing.value);
        const blocks = new Uint32Array(4 * indices.length);
        let chunk: Chunk | undefined;
        for (let i = 0; i < indices.length; i++) {
            const index = indices[i] as number;
            if (chunk === undefined || index < chunk.first || index >= chunk.end) {
                chunk = this.#chunkOf(index);
            }
            const { words, places, stride, offset } = chunk;
            const from = 4 * ((places[index - chunk.first] as number) * stride + offset);
            const to = 4 * i;
            blocks[to] = words[from] as number;
            blocks[to + 1] = words[from + 1] as number;
            blocks[to + 2] = words[from + 2] as number;
            blocks[to + 3] = words[from + 3] as number;
        }
        if (missing.value.length > 0) this.#forgetOld();
        return ok(new Uint8Array(blocks.buffer));
    }

    /** Seed of one leaf, 16 bytes; errors as {@link KeyTree.keysOf}. */
    leafOf(index: number): Result<Uint8Array> {
        return this.#seedAt({ height: 0, prefix: index });
    }

    /** Nodes of the canonical cover of first … last; errors as {@link KeyTree.keysOf}. */
    cover(first: number, last: number): Result<TreeNode[]> {
        const nodes: TreeNode[] = [];
        for (const place of coverOf(this.#depth, first, last)) {
            const seed = this.#seedAt(place);
            if (!seed.ok) return seed;
            nodes.push({ ...place, seed: seed.value });
        }
        return ok(nodes);
    }

    /** Blinding bytes of a leaf and a channel (64); errors as {@link KeyTree.keysOf}. */
    blindingOf(index: number, channel: 0 | 1): Result<Uint8Array> {
        const leaf = this.leafOf(index);
        if (!leaf.ok) return leaf;
        return ok(this.#suite.blinding(this.#treeKey, leaf.value, channel));
    }

    #seedAt(place: NodePlace): Result<Uint8Array> {
        const first = place.prefix * 2 ** place.height;
        const node = this.#nodeOf(first);
        if (!node.ok) return node;
        if (node.value.height < place.height) return fail(this.#unknown(first));
        return ok(this.#spread(node.value, [place.prefix], place.height));
    }

    #unknown(index: number) {
        return error("MS_NOT_ALLOWED", {
            where: `leaf ${index} of a tree of depth ${this.#depth}`,
            expected: "a key that was granted",
        });
    }

    /** The known node above a leaf. */
    #nodeOf(index: number): Result<TreeNode> {
        if (!Number.isInteger(index) || index < 0 || index >= 2 ** this.#depth) {
            const expected = `a leaf below 2^${this.#depth}`;
            return fail(error("MS_BOUNDARY_ADDRESS", { expected, got: String(index) }));
        }
        let low = 0;
        let high = this.#nodes.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            const { prefix, height } = this.#nodes[middle] as TreeNode;
            if ((prefix + 1) * 2 ** height <= index) low = middle + 1;
            else high = middle;
        }
        const node = this.#nodes[low];
        if (node === undefined || node.prefix * 2 ** node.height > index) {
            return fail(this.#unknown(index));
        }
        return ok(node);
    }

    /** The stretch in memory that holds a leaf; every stretch of a call is there. */
    #chunkOf(index: number): Chunk {
        const whole = this.#chunks.get(index - (index % 2 ** this.#chunkHeight));
        if (whole !== undefined && index < whole.end) return whole;
        const node = unwrap(this.#nodeOf(index));
        const chunk = this.#chunks.get(index - (index % 2 ** this.#heightUnder(node)));
        assert(chunk !== undefined, "every stretch was derived");
        return chunk;
    }

    /** Height of the stretches below a known node: a small node is one stretch. */
    #heightUnder(node: TreeNode): number {
        return Math.min(this.#chunkHeight, node.height);
    }

    #findMissing(indices: ArrayLike<number>): Result<MissingChunk[]> {
        const missing = new Map<number, MissingChunk>();
        let first = 0;
        let end = 0;
        for (let i = 0; i < indices.length; i++) {
            const index = indices[i] as number;
            if (index >= first && index < end && Number.isInteger(index)) continue;
            const node = this.#nodeOf(index);
            if (!node.ok) return node;
            const height = this.#heightUnder(node.value);
            first = index - (index % 2 ** height);
            end = first + 2 ** height;
            if (!this.#chunks.has(first)) missing.set(first, { first, height, node: node.value });
        }
        return ok([...missing.values()].sort((a, b) => a.first - b.first));
    }

    /** Derives stretches (ascending) and keeps their keys. */
    #expand(missing: readonly MissingChunk[]): void {
        const seeds = new Map<MissingChunk, Uint8Array>();
        for (let from = 0; from < missing.length; ) {
            const { node, height } = missing[from] as MissingChunk;
            let to = from + 1;
            while (missing[to]?.node === node) to++;
            const group = missing.slice(from, to);
            const prefixes = group.map(({ first }) => first / 2 ** height);
            const spread = this.#spread(node, prefixes, height);
            group.forEach((chunk, i) => {
                seeds.set(chunk, spread.subarray(i * NODE_BYTES, (i + 1) * NODE_BYTES));
            });
            from = to;
        }
        for (const [height, chunks] of Map.groupBy(missing, (chunk) => chunk.height)) {
            const perBatch = Math.max(1, BATCH_LEAVES / 2 ** height);
            for (let from = 0; from < chunks.length; from += perBatch) {
                const batch = chunks.slice(from, from + perBatch);
                this.#keepKeys(
                    batch,
                    height,
                    batch.map((chunk) => seeds.get(chunk)),
                );
            }
        }
    }

    #keepKeys(
        chunks: readonly MissingChunk[],
        height: number,
        seeds: readonly (Uint8Array | undefined)[],
    ): void {
        let nodes = concatBytes(...seeds.filter((seed) => seed !== undefined));
        for (let level = 0; level < height; level++) {
            nodes = this.#suite.children(this.#treeKey, nodes);
        }
        const blocks = this.#suite.keyBlocks(this.#treeKey, nodes);
        const aligned = blocks.byteOffset % 4 === 0 ? blocks : blocks.slice();
        const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
        const places = leafPlaces(height);
        const stride = chunks.length;
        chunks.forEach(({ first }, offset) => {
            const end = first + 2 ** height;
            this.#chunks.set(first, { first, end, words, places, stride, offset });
        });
    }

    /** Drops the oldest stretches, and what the kept ones share with them. */
    #forgetOld(): void {
        for (const first of this.#chunks.keys()) {
            if (this.#chunks.size <= KEPT_CHUNKS) break;
            this.#chunks.delete(first);
        }
        for (const [first, chunk] of this.#chunks) {
            if (chunk.stride === 1) continue;
            const words = new Uint32Array(4 * chunk.places.length);
            for (const place of chunk.places) {
                const at = 4 * (place * chunk.stride + chunk.offset);
                words.set(chunk.words.subarray(at, at + 4), 4 * place);
            }
            this.#chunks.set(first, { ...chunk, words, stride: 1, offset: 0 });
        }
    }

    /**
     * Seeds of nodes of one height below a known node, joined.
     * @param prefixes - ascending, without repetition, not empty.
     */
    #spread(node: TreeNode, prefixes: readonly number[], height: number): Uint8Array {
        const first = prefixes[0] as number;
        const last = prefixes[prefixes.length - 1] as number;
        let level = node.height;
        let wanted: number[] = [node.prefix];
        let seeds = node.seed;
        for (let lower = height; lower < node.height; lower++) {
            const prefix = Math.floor(first / 2 ** (lower - height));
            if (prefix !== this.#pathPrefix[lower]) continue;
            if (prefix !== Math.floor(last / 2 ** (lower - height))) continue;
            level = lower;
            wanted = [prefix];
            seeds = this.#pathSeed.slice(lower * NODE_BYTES, (lower + 1) * NODE_BYTES);
            break;
        }
        while (level > height) {
            level--;
            const children = this.#suite.children(this.#treeKey, seeds);
            const below = ancestorsOf(prefixes, 2 ** (level - height));
            seeds = pickChildren(children, wanted, below);
            wanted = below;
            this.#pathPrefix[level] = wanted[wanted.length - 1] as number;
            this.#pathSeed.set(seeds.subarray(seeds.length - NODE_BYTES), level * NODE_BYTES);
        }
        return seeds;
    }
}
