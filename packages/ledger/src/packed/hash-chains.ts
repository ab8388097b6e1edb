import { HASH_BYTES } from "../merkle/hash.ts";
import { ItemPages } from "../merkle/item-pages.ts";

/** Hashes in a block: few, because most lists of a young ledger are short. */
const BLOCK_HASHES = 4;
const BLOCK_BYTES = BLOCK_HASHES * HASH_BYTES;
const BEFORE_BYTES = 4;
const NONE = 0;

/**
 * Many growing lists of 32-byte hashes in common pages: blocks of four, each naming the one before, and
 * a list is the name of its last block and a length. What is near the end is near.
 */
export class HashChains {
    /** Name of the block before (32 bits, 0 for none), then the hashes. Block n has the name n + 1. */
    readonly pages: ItemPages = new ItemPages(BEFORE_BYTES + BLOCK_BYTES);

    /** Adds a hash to a list of so many; returns the name of its last block. */
    push(last: number, length: number, hash: Uint8Array): number {
        const place = length % BLOCK_HASHES;
        let name = last;
        if (place === 0) {
            const block = new Uint8Array(BEFORE_BYTES + BLOCK_BYTES);
            new DataView(block.buffer).setUint32(0, last);
            this.pages.push(block);
            name = this.pages.length;
        }
        this.pages.at(name - 1).set(hash, BEFORE_BYTES + place * HASH_BYTES);
        return name;
    }

    /** Copy of a hash of a list. */
    at(last: number, length: number, index: number): Uint8Array {
        let name = last;
        const steps = Math.floor((length - 1) / BLOCK_HASHES) - Math.floor(index / BLOCK_HASHES);
        for (let i = 0; i < steps && name !== NONE; i++) name = this.#before(name);
        const start = BEFORE_BYTES + (index % BLOCK_HASHES) * HASH_BYTES;
        return this.pages.at(name - 1).slice(start, start + HASH_BYTES);
    }

    #before(name: number): number {
        let before = 0;
        for (let i = 0; i < BEFORE_BYTES; i++)
            before = before * 256 + this.pages.byteAt(name - 1, i);
        return before;
    }
}
