import { assert, error } from "@meterseal/core";

const PAGE_INTS = 16_384;
const INT_BYTES = 4;

/** Growing list of 32-bit integers in pages. */
export class IntList {
    readonly #pages: Int32Array[] = [];
    #length = 0;

    /** Number of integers. */
    get length(): number {
        return this.#length;
    }

    /** Adds one at the end; returns its index. */
    push(value: number): number {
        const index = this.#length++;
        if (index % PAGE_INTS === 0) this.#pages.push(new Int32Array(PAGE_INTS));
        this.set(index, value);
        return index;
    }

    /** The integer at an index. */
    at(index: number): number {
        return this.#page(index)[index % PAGE_INTS] ?? 0;
    }

    /** Replaces the integer at an index. */
    set(index: number, value: number): void {
        this.#page(index)[index % PAGE_INTS] = value;
    }

    /** Its pages, for an image: views of what is there now. */
    image(): Uint8Array[] {
        const last = this.#pages.length - 1;
        const used = this.#length - Math.max(0, last) * PAGE_INTS;
        return this.#pages.map(({ buffer }, i) =>
            i === last ? new Uint8Array(buffer, 0, used * INT_BYTES) : new Uint8Array(buffer),
        );
    }

    /**
     * Takes in copies of the pages of {@link image}.
     * @throws MetersealError MS_MALFORMED where they are none of such a list.
     */
    restore(pages: readonly Uint8Array[]): void {
        this.#pages.splice(0);
        this.#length = 0;
        for (const [i, page] of pages.entries()) {
            const ints = page.length / INT_BYTES;
            const isWhole = i < pages.length - 1 ? ints === PAGE_INTS : ints <= PAGE_INTS;
            if (!isWhole || !Number.isInteger(ints)) {
                throw error("MS_MALFORMED", { where: "state image" });
            }
            const copy = new Int32Array(PAGE_INTS);
            new Uint8Array(copy.buffer).set(page);
            this.#pages.push(copy);
            this.#length += ints;
        }
    }

    #page(index: number): Int32Array {
        assert(index >= 0 && index < this.#length, "the list has this integer");
        return this.#pages[Math.floor(index / PAGE_INTS)] as Int32Array;
    }
}
