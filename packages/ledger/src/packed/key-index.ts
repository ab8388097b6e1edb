import { assert, bytesEqual } from "@meterseal/core";
import { ItemPages } from "../merkle/item-pages.ts";

const FIRST_SLOTS = 16;
/** Part of the slots that may be taken before they double. */
const FULL = 0.7;

/** Numbers of entries by their keys, byte strings of one length: no object for each. */
export class KeyIndex {
    readonly #keys: ItemPages;
    /** Entry + 1 of each taken slot, 0 in a free one; open addressing, one after the other. */
    #slots = new Uint32Array(FIRST_SLOTS);

    /** @param keyBytes - length of every key. */
    constructor(keyBytes: number) {
        this.#keys = new ItemPages(keyBytes);
    }

    /** Number of entries: they are numbered from 0 in the order in which they came. */
    get size(): number {
        return this.#keys.length;
    }

    /** Entry with a key; −1 where there is none. */
    find(key: Uint8Array): number {
        return (this.#slots[this.#slotOf(key)] ?? 0) - 1;
    }

    /** Adds a key that is not here yet; returns its entry. */
    add(key: Uint8Array): number {
        const entry = this.size;
        this.#keys.push(key);
        if (this.size > FULL * this.#slots.length) this.#rebuild(2 * this.#slots.length);
        else this.#slots[this.#slotOf(key)] = entry + 1;
        return entry;
    }

    /** View of the key of an entry, which never changes. */
    keyOf(entry: number): Uint8Array {
        return this.#keys.at(entry);
    }

    /** What an image holds of it; {@link restore} takes it back. */
    get pages(): ItemPages {
        return this.#keys;
    }

    /** Finds its keys again after they were restored. */
    restored(): void {
        let slots = FIRST_SLOTS;
        while (this.size > FULL * slots) slots *= 2;
        this.#rebuild(slots);
    }

    #slotOf(key: Uint8Array): number {
        const mask = this.#slots.length - 1;
        for (let slot = hashOf(key) & mask; ; slot = (slot + 1) & mask) {
            const entry = (this.#slots[slot] ?? 0) - 1;
            if (entry < 0 || bytesEqual(this.#keys.at(entry), key)) return slot;
        }
    }

    #rebuild(slots: number): void {
        assert((slots & (slots - 1)) === 0, "a power of two");
        this.#slots = new Uint32Array(slots);
        for (let entry = 0; entry < this.size; entry++) {
            let slot = hashOf(this.#keys.at(entry)) & (slots - 1);
            while (this.#slots[slot] !== 0) slot = (slot + 1) & (slots - 1);
            this.#slots[slot] = entry + 1;
        }
    }
}

/** FNV-1a of 32 bits, its high bits mixed into the low ones. */
function hashOf(key: Uint8Array): number {
    let hash = 0x811c9dc5;
    for (const byte of key) hash = Math.imul(hash ^ byte, 0x01000193);
    return (hash ^ (hash >>> 15)) >>> 0;
}
