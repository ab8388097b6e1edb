import { assert, bytesEqual, concatBytes, error, sha256 } from "@meterseal/core";
import { IntList } from "../packed/int-list.ts";
import { HASH_BYTES, nodeHash } from "./hash.ts";
import { ItemPages } from "./item-pages.ts";

/** Hash in the place of a subtree without facts. */
const EMPTY = new Uint8Array(HASH_BYTES);
const LEAF_PREFIX = Uint8Array.of(0x00);

/** Facts that hang together below a node before it divides: few enough to hash anew, see below. */
const BAG_FACTS = 8;
const NO_ENTRY = -1;
/** No node; also an empty child. */
const NONE = 0;
/** In the place of a number of facts: what is below changed. */
const STALE = -1;

/** What is below a place: nothing, one fact (whose leaf stands there), or more. */
type Subtree = { readonly hash: Uint8Array; readonly facts: 0 | 1 | 2 };

const NOTHING: Subtree = { hash: EMPTY, facts: 0 };

/**
 * Leaf of a fact: SHA-256(0x00 ‖ position ‖ value hash), both 32 bytes. The position is the hash of
 * the fact's name, so nobody chooses where it stands.
 */
function factLeaf(position: Uint8Array, valueHash: Uint8Array): Uint8Array {
    assert(position.length === HASH_BYTES && valueHash.length === HASH_BYTES, "two hashes");
    return sha256(concatBytes(LEAF_PREFIX, position, valueHash));
}

/**
 * Sparse Merkle tree over facts by the bits of their positions, first bit first (ADR 0031). A subtree
 * without a fact is 32 zero bytes, one with a single fact is its leaf, any other
 * SHA-256(0x01 ‖ left ‖ right). The root depends on the facts alone, not on how they came.
 *
 * A change costs the hashes on one way to the root, when the root is asked for next. It takes about
 * 85 bytes a fact: up to eight facts below one node form a bag whose inner hashes are made anew.
 */
export class FactTree {
    readonly #positions = new ItemPages(HASH_BYTES);
    readonly #leaves = new ItemPages(HASH_BYTES);
    /** Next entry of the same bag, or in the list of free entries. */
    readonly #next = new IntList();
    #free = NO_ENTRY;
    #size = 0;
    /** Children of each node: > 0 a node, < 0 the bag that begins with entry −child − 1. */
    readonly #left = new IntList();
    readonly #right = new IntList();
    readonly #hashes = new ItemPages(HASH_BYTES);
    /** Facts below each node as {@link Subtree} counts them; STALE where its hash is to be made anew. */
    readonly #facts = new IntList();
    #root = NONE;

    constructor() {
        this.#newNode(NONE, NONE, 0);
    }

    /** Number of facts. */
    get size(): number {
        return this.#size;
    }

    /** Puts a fact in, or another value in the place of the one before. */
    set(position: Uint8Array, valueHash: Uint8Array): void {
        this.#root = this.#put(this.#root, position, factLeaf(position, valueHash), 0);
    }

    /** Takes a fact out; nothing happens where there is none. */
    delete(position: Uint8Array): void {
        this.#root = this.#remove(this.#root, position, 0);
    }

    /** Root over all facts, 32 bytes; zeros for none. */
    root(): Uint8Array {
        return this.#subtree(this.#root, 0).hash.slice();
    }

    /** Pages of its lists, for an image; {@link ofImage} takes them over. */
    image(): Uint8Array[][] {
        const ends = new IntList();
        for (const each of [this.#free, this.#size, this.#root]) ends.push(each);
        return [...this.#lists(), ends].map((list) => list.image());
    }

    /**
     * Tree over the pages of {@link image}.
     * @throws MetersealError MS_MALFORMED where they are none of a tree.
     */
    static ofImage(pages: readonly (readonly Uint8Array[])[]): FactTree {
        const tree = new FactTree();
        const ends = new IntList();
        const lists = [...tree.#lists(), ends];
        for (const [i, list] of lists.entries()) list.restore(pages[i] ?? []);
        const [entries, , , nodes] = lists.map(({ length }) => length);
        const fits =
            [tree.#leaves, tree.#next].every(({ length }) => length === entries) &&
            [tree.#left, tree.#right, tree.#facts].every(({ length }) => length === nodes) &&
            pages.length === lists.length &&
            ends.length === 3;
        if (!fits) throw error("MS_MALFORMED", { where: "image of facts" });
        [tree.#free, tree.#size, tree.#root] = [ends.at(0), ends.at(1), ends.at(2)];
        return tree;
    }

    /** Lists of entries, then of nodes. */
    #lists(): (ItemPages | IntList)[] {
        const entries = [this.#positions, this.#leaves, this.#next];
        return [...entries, this.#hashes, this.#left, this.#right, this.#facts];
    }

    #put(child: number, position: Uint8Array, leaf: Uint8Array, depth: number): number {
        if (child > NONE) {
            this.#facts.set(child, STALE);
            const side = bitOf(position, depth) ? this.#right : this.#left;
            side.set(child, this.#put(side.at(child), position, leaf, depth + 1));
            return child;
        }
        const first = child === NONE ? NO_ENTRY : -child - 1;
        const entry = this.#find(first, position);
        if (entry !== NO_ENTRY) {
            this.#leaves.set(entry, leaf);
            return child;
        }
        return this.#divide(this.#newEntry(position, leaf, first), depth);
    }

    /** Child that a list of entries makes: one bag, or a node over two where they are too many. */
    #divide(first: number, depth: number): number {
        let [count, entry] = [0, first];
        for (; entry !== NO_ENTRY; entry = this.#next.at(entry)) count++;
        if (count <= BAG_FACTS) return -first - 1;
        const heads: [number, number] = [NO_ENTRY, NO_ENTRY];
        for (let each = first; each !== NO_ENTRY; ) {
            const next = this.#next.at(each);
            const side = this.#bitAt(each, depth);
            this.#next.set(each, heads[side]);
            heads[side] = each;
            each = next;
        }
        const [left, right] = heads.map((head) =>
            head === NO_ENTRY ? NONE : this.#divide(head, depth + 1),
        );
        return this.#newNode(left ?? NONE, right ?? NONE, STALE);
    }

    #newNode(left: number, right: number, facts: number): number {
        this.#left.push(left);
        this.#right.push(right);
        this.#hashes.push(EMPTY);
        return this.#facts.push(facts);
    }

    #remove(child: number, position: Uint8Array, depth: number): number {
        if (child > NONE) {
            this.#facts.set(child, STALE);
            const side = bitOf(position, depth) ? this.#right : this.#left;
            side.set(child, this.#remove(side.at(child), position, depth + 1));
            return child;
        }
        const first = child === NONE ? NO_ENTRY : -child - 1;
        const entry = this.#find(first, position);
        if (entry === NO_ENTRY) return child;
        const behind = this.#next.at(entry);
        this.#next.set(entry, this.#free);
        this.#free = entry;
        this.#size -= 1;
        if (entry === first) return behind === NO_ENTRY ? NONE : -behind - 1;
        for (let each = first; each !== NO_ENTRY; each = this.#next.at(each)) {
            if (this.#next.at(each) === entry) this.#next.set(each, behind);
        }
        return child;
    }

    #newEntry(position: Uint8Array, leaf: Uint8Array, next: number): number {
        this.#size += 1;
        const entry = this.#free;
        if (entry === NO_ENTRY) {
            this.#positions.push(position);
            this.#leaves.push(leaf);
            return this.#next.push(next);
        }
        this.#free = this.#next.at(entry);
        this.#positions.set(entry, position);
        this.#leaves.set(entry, leaf);
        this.#next.set(entry, next);
        return entry;
    }

    #find(first: number, position: Uint8Array): number {
        let entry = first;
        while (entry !== NO_ENTRY && !bytesEqual(this.#positions.at(entry), position)) {
            entry = this.#next.at(entry);
        }
        return entry;
    }

    #bitAt(entry: number, depth: number): 0 | 1 {
        return bitOfByte(this.#positions.byteAt(entry, depth >> 3), depth);
    }

    #subtree(child: number, depth: number): Subtree {
        if (child === NONE) return NOTHING;
        if (child < NONE) return this.#bag(this.#entriesFrom(-child - 1), depth);
        const facts = this.#facts.at(child);
        if (facts !== STALE) {
            return { hash: this.#hashes.at(child), facts: facts as Subtree["facts"] };
        }
        const made = joined(
            this.#subtree(this.#left.at(child), depth + 1),
            this.#subtree(this.#right.at(child), depth + 1),
        );
        this.#hashes.set(child, made.hash);
        this.#facts.set(child, made.facts);
        return made;
    }

    #entriesFrom(first: number): number[] {
        const entries: number[] = [];
        for (let each = first; each !== NO_ENTRY; each = this.#next.at(each)) {
            entries.push(each);
        }
        return entries;
    }

    #bag(entries: readonly number[], depth: number): Subtree {
        const [first] = entries;
        if (first === undefined) return NOTHING;
        if (entries.length === 1) return { hash: this.#leaves.at(first), facts: 1 };
        return joined(
            this.#bag(
                entries.filter((each) => this.#bitAt(each, depth) === 0),
                depth + 1,
            ),
            this.#bag(
                entries.filter((each) => this.#bitAt(each, depth) === 1),
                depth + 1,
            ),
        );
    }
}

/** Subtree over two: a fact that is alone stays its leaf, however deep it stands. */
function joined(left: Subtree, right: Subtree): Subtree {
    if (left.facts + right.facts === 0) return NOTHING;
    if (left.facts === 0 && right.facts === 1) return right;
    if (right.facts === 0 && left.facts === 1) return left;
    return { hash: nodeHash(left.hash, right.hash), facts: 2 };
}

function bitOf(position: Uint8Array, depth: number): 0 | 1 {
    return bitOfByte(position[depth >> 3] ?? 0, depth);
}

function bitOfByte(byte: number, depth: number): 0 | 1 {
    return ((byte >> (7 - (depth & 7))) & 1) as 0 | 1;
}
