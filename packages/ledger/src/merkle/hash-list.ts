import { assert } from "@meterseal/core";
import { HASH_BYTES } from "./hash.ts";

const FIRST_CAPACITY = 4;

/** Growing list of 32-byte hashes in one byte array, without an object for each hash. */
export class HashList {
    #bytes = new Uint8Array(FIRST_CAPACITY * HASH_BYTES);
    #length = 0;

    /** Number of hashes. */
    get length(): number {
        return this.#length;
    }

    /** Adds a copy of a hash of 32 bytes at the end; doubles the byte array when it is full. */
    push(hash: Uint8Array): void {
        assert(hash.length === HASH_BYTES, "a hash has 32 bytes");
        const offset = this.#length * HASH_BYTES;
        if (offset === this.#bytes.length) {
            const larger = new Uint8Array(2 * this.#bytes.length);
            larger.set(this.#bytes);
            this.#bytes = larger;
        }
        this.#bytes.set(hash, offset);
        this.#length += 1;
    }

    /** View of a hash, valid until the next push: copy what is to be kept or handed out. */
    at(index: number): Uint8Array {
        assert(index >= 0 && index < this.#length, "the list has this hash");
        return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
    }
}
