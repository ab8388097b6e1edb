import { KeyIndex } from "./key-index.ts";
import { NUMBERED_KEY_BYTES, numberedKey } from "./numbered-name.ts";

/** Names that are remembered with their entries; when full it starts anew. */
const KNOWN_MAX = 8_192;

/**
 * Numbers of entries by names "hexadecimal id / number", see {@link numberedKey}. The rules ask for a
 * name several times a record: of those in use the entry is remembered, which never changes.
 */
export class NumberedIndex {
    readonly #keys = new KeyIndex(NUMBERED_KEY_BYTES);
    readonly #known = new Map<string, number>();

    /** Number of entries: they are numbered from 0 in the order in which they came. */
    get size(): number {
        return this.#keys.size;
    }

    /** Entry with a name; −1 where there is none. */
    find(name: string): number {
        const known = this.#known.get(name);
        if (known !== undefined) return known;
        const entry = this.#keys.find(numberedKey(name));
        if (entry >= 0) this.#keep(name, entry);
        return entry;
    }

    /** Adds a name that is not here yet; returns its entry. */
    add(name: string): number {
        const entry = this.#keys.add(numberedKey(name));
        this.#keep(name, entry);
        return entry;
    }

    /** View of the key of an entry, which never changes. */
    keyOf(entry: number): Uint8Array {
        return this.#keys.keyOf(entry);
    }

    /** What an image holds of it; {@link restored} makes it whole again. */
    get pages(): KeyIndex["pages"] {
        return this.#keys.pages;
    }

    /** Finds its keys again after they were restored. */
    restored(): void {
        this.#known.clear();
        this.#keys.restored();
    }

    #keep(name: string, entry: number): void {
        if (this.#known.size >= KNOWN_MAX) this.#known.clear();
        this.#known.set(name, entry);
    }
}
