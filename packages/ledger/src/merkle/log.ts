import { assert, error } from "@meterseal/core";
import { emptyRoot, foldRight, HASH_BYTES, nodeHash } from "./hash.ts";
import { ItemPages } from "./item-pages.ts";
import { floorLog2, isTreeSize } from "./tree-size.ts";

/**
 * Append-only Merkle tree over SHA-256 (RFC 9162 section 2.1) with proofs for its present and
 * every earlier size. It keeps the hash of each complete subtree, 64 bytes for each leaf, so that
 * every question costs O(log n) hashes. Fewer than 2^48 leaves.
 */
export class MerkleLog {
    /** `#levels[l]` holds the roots of the complete subtrees of 2^l leaves, in order. */
    readonly #levels: ItemPages[] = [new ItemPages(HASH_BYTES)];

    /** Makes a log that holds these leaf hashes of 32 bytes each. */
    static of(leafHashes: Iterable<Uint8Array>): MerkleLog {
        const log = new MerkleLog();
        for (const leaf of leafHashes) log.append(leaf);
        return log;
    }

    /** Number of leaves. */
    get size(): number {
        return this.#level(0).length;
    }

    /** Appends a leaf hash of 32 bytes and returns its index; O(1) on average. */
    append(leafHash: Uint8Array): number {
        const index = this.size;
        assert(isTreeSize(index + 1), "a log has fewer than 2^48 leaves");
        this.#level(0).push(leafHash);
        let right = leafHash;
        let position = index;
        for (let level = 0; position % 2 === 1; level++) {
            right = nodeHash(this.#level(level).at(position - 1), right);
            position = (position - 1) / 2;
            if (this.#levels.length === level + 1) this.#levels.push(new ItemPages(HASH_BYTES));
            this.#level(level + 1).push(right);
        }
        return index;
    }

    /**
     * Leaf hash at an index.
     * @throws MetersealError MS_NOT_FOUND when the log has no such leaf.
     */
    leafHash(index: number): Uint8Array {
        this.#requireLeaf(index, this.size);
        return new Uint8Array(this.#level(0).at(index));
    }

    /**
     * Root of the first `size` leaves, by default of all (RFC 9162 section 2.1.1).
     * @throws MetersealError MS_NOT_FOUND when the log never had that size.
     */
    root(size: number = this.size): Uint8Array {
        this.#requireSize(size);
        return size === 0 ? emptyRoot() : this.#rangeRoot(0, size);
    }

    /**
     * Sibling hashes from the leaf at `index` up to the root at `size`, at most 48 (RFC 9162
     * section 2.1.3.1).
     * @throws MetersealError MS_NOT_FOUND when that tree has no such leaf.
     */
    inclusionPath(index: number, size: number = this.size): Uint8Array[] {
        this.#requireSize(size);
        this.#requireLeaf(index, size);
        const path: Uint8Array[] = [];
        let position = index;
        for (let width = 1; width < size; width *= 2) {
            const isRight = position % 2 === 1;
            const start = (isRight ? position - 1 : position + 1) * width;
            if (start < size) path.push(this.#rangeRoot(start, Math.min(start + width, size)));
            position = (isRight ? position - 1 : position) / 2;
        }
        return path;
    }

    /**
     * Hashes that prove the tree of `oldSize` leaves to be the beginning of the one of `newSize`,
     * at most 49; none when the sizes are equal or the old tree is empty (RFC 9162 section
     * 2.1.4.1).
     * @throws MetersealError MS_NOT_FOUND when the log never had one of the sizes, or they are
     * not in order.
     */
    consistencyPath(oldSize: number, newSize: number = this.size): Uint8Array[] {
        this.#requireSize(newSize);
        if (!isTreeSize(oldSize) || oldSize > newSize) {
            throw error("MS_NOT_FOUND", {
                where: `tree size ${oldSize}`,
                expected: `a size from 0 to ${newSize}`,
            });
        }
        return oldSize === 0 ? [] : this.#subproof(oldSize, 0, newSize, true);
    }

    /** Roots of the complete subtrees that make up the tree, larger ones first. */
    peaks(): Uint8Array[] {
        const peaks: Uint8Array[] = [];
        for (let offset = 0; offset < this.size; ) {
            const level = floorLog2(this.size - offset);
            peaks.push(new Uint8Array(this.#level(level).at(offset / 2 ** level)));
            offset += 2 ** level;
        }
        return peaks;
    }

    /** Pages of each level, lowest first, for an image. */
    image(): Uint8Array[][] {
        return this.#levels.map((level) => level.image());
    }

    /**
     * Log over the pages of {@link image}, which it takes over.
     * @throws MetersealError MS_MALFORMED where they are none of a log.
     */
    static ofImage(levels: readonly (readonly Uint8Array[])[]): MerkleLog {
        const log = new MerkleLog();
        log.#levels.splice(0);
        for (const pages of levels) {
            const level = new ItemPages(HASH_BYTES);
            level.restore(pages);
            log.#levels.push(level);
        }
        const isTree = log.#levels.every(
            ({ length }, i) => length === Math.floor((log.#levels[0]?.length ?? 0) / 2 ** i),
        );
        if (levels.length === 0 || !isTree) throw error("MS_MALFORMED", { where: "log image" });
        return log;
    }

    /** SUBPROOF(m, D[start:end], b) of RFC 9162 section 2.1.4.1. */
    #subproof(m: number, start: number, end: number, known: boolean): Uint8Array[] {
        const size = end - start;
        if (m === size) return known ? [] : [this.#rangeRoot(start, end)];
        const split = start + largestPowerBelow(size);
        if (start + m <= split) {
            const path = this.#subproof(m, start, split, known);
            path.push(this.#rangeRoot(split, end));
            return path;
        }
        const path = this.#subproof(start + m - split, split, end, false);
        path.push(this.#rangeRoot(start, split));
        return path;
    }

    /** MTH(D[start:end]) for a range that is a node of some tree: its start fits its width. */
    #rangeRoot(start: number, end: number): Uint8Array {
        const subtrees: Uint8Array[] = [];
        let offset = start;
        while (offset < end) {
            const level = floorLog2(end - offset);
            const width = 2 ** level;
            subtrees.push(this.#level(level).at(offset / width));
            offset += width;
        }
        return foldRight(subtrees);
    }

    #level(level: number): ItemPages {
        const list = this.#levels[level];
        assert(list !== undefined, "the log has this level");
        return list;
    }

    #requireSize(size: number): void {
        if (isTreeSize(size) && size <= this.size) return;
        throw error("MS_NOT_FOUND", {
            where: `tree size ${size}`,
            expected: `a size from 0 to ${this.size}`,
        });
    }

    #requireLeaf(index: number, size: number): void {
        if (isTreeSize(index) && index < size) return;
        throw error("MS_NOT_FOUND", {
            where: `leaf ${index}`,
            expected: `an index below ${size}`,
        });
    }
}

/** Largest power of two below a size of at least 2: where RFC 9162 splits a tree. */
function largestPowerBelow(size: number): number {
    return 2 ** floorLog2(size - 1);
}
