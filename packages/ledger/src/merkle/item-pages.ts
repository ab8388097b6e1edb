import { assert, error } from "@meterseal/core";

/** Bytes of a page: a list of few items takes little more than they do. */
const FIRST_PAGE_ITEMS = 4;
const PAGE_ITEMS = 4_096;

/**
 * Growing list of byte strings of one length, without an object for each. A short list doubles; a long
 * one grows page by page, so that growing copies nothing and leaves at most one page unused.
 */
export class ItemPages {
    readonly #itemBytes: number;
    readonly #pages: Uint8Array[] = [];
    #length = 0;

    /** @param itemBytes - length of every item. */
    constructor(itemBytes: number) {
        this.#itemBytes = itemBytes;
    }

    /** Number of items. */
    get length(): number {
        return this.#length;
    }

    /** Adds a copy of an item at the end. */
    push(item: Uint8Array): void {
        assert(item.length === this.#itemBytes, "items have one length");
        const index = this.#length;
        this.#makeRoom(index);
        this.#length += 1;
        this.set(index, item);
    }

    /** Replaces an item by a copy of another. */
    set(index: number, item: Uint8Array): void {
        assert(item.length === this.#itemBytes, "items have one length");
        this.#page(index).set(item, (index % PAGE_ITEMS) * this.#itemBytes);
    }

    /** View of an item, valid until the next push: copy what is to be kept or handed out. */
    at(index: number): Uint8Array {
        const start = (index % PAGE_ITEMS) * this.#itemBytes;
        return this.#page(index).subarray(start, start + this.#itemBytes);
    }

    /** One byte of an item, without a view. */
    byteAt(index: number, offset: number): number {
        return this.#page(index)[(index % PAGE_ITEMS) * this.#itemBytes + offset] ?? 0;
    }

    /** Its pages, for an image: views of what is there now. */
    image(): Uint8Array[] {
        const last = this.#pages.length - 1;
        const used = (this.#length - Math.max(0, last) * PAGE_ITEMS) * this.#itemBytes;
        return this.#pages.map((page, i) => (i === last ? page.subarray(0, used) : page));
    }

    /**
     * Takes over the pages of {@link image}.
     * @throws MetersealError MS_MALFORMED where they are none of such a list.
     */
    restore(pages: readonly Uint8Array[]): void {
        const full = PAGE_ITEMS * this.#itemBytes;
        const isWhole = ({ length }: Uint8Array, i: number): boolean =>
            i < pages.length - 1
                ? length === full
                : length > 0 && length <= full && length % this.#itemBytes === 0;
        if (!pages.every(isWhole)) throw error("MS_MALFORMED", { where: "state image" });
        this.#pages.splice(0, this.#pages.length, ...pages);
        const last = pages.at(-1)?.length ?? 0;
        this.#length = Math.max(0, pages.length - 1) * PAGE_ITEMS + last / this.#itemBytes;
    }

    #page(index: number): Uint8Array {
        assert(index >= 0 && index < this.#length, "the list has this item");
        return this.#pages[Math.floor(index / PAGE_ITEMS)] as Uint8Array;
    }

    #makeRoom(index: number): void {
        const page = this.#pages[Math.floor(index / PAGE_ITEMS)];
        const offset = (index % PAGE_ITEMS) * this.#itemBytes;
        if (page !== undefined && offset < page.length) return;
        const items = index === 0 ? FIRST_PAGE_ITEMS : PAGE_ITEMS;
        if (page === undefined) {
            this.#pages.push(new Uint8Array(items * this.#itemBytes));
            return;
        }
        const larger = new Uint8Array(Math.min(PAGE_ITEMS * this.#itemBytes, 2 * page.length));
        larger.set(page);
        this.#pages[this.#pages.length - 1] = larger;
    }
}
