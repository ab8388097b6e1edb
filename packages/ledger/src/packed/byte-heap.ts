import { assert, error } from "@meterseal/core";

const PAGE_BYTES = 262_144;
const FIRST_PAGE_BYTES = 1_024;
const LENGTH_BYTES = 4;

/** Byte strings of any length one after the other, named by where they begin; none is ever changed. */
export class ByteHeap {
    #pages: Uint8Array[] = [];
    /** Bytes taken of the last page. */
    #used = 0;

    /** Keeps a copy; returns its name, below 2^48. At most 256 KiB less its length. */
    add(bytes: Uint8Array): number {
        const size = LENGTH_BYTES + bytes.length;
        assert(size <= PAGE_BYTES, "a string fits a page");
        const start = this.#reserve(size);
        const page = this.#pages.at(-1) as Uint8Array;
        new DataView(page.buffer, page.byteOffset).setUint32(start, bytes.length);
        page.set(bytes, start + LENGTH_BYTES);
        return (this.#pages.length - 1) * PAGE_BYTES + start;
    }

    /** View of a string by its name. */
    get(name: number): Uint8Array {
        const page = this.#pages[Math.floor(name / PAGE_BYTES)];
        assert(page !== undefined, "the heap has this string");
        const start = name % PAGE_BYTES;
        const length = new DataView(page.buffer, page.byteOffset).getUint32(start);
        return page.subarray(start + LENGTH_BYTES, start + LENGTH_BYTES + length);
    }

    /** Its pages, for an image. */
    image(): Uint8Array[] {
        const last = this.#pages.length - 1;
        return this.#pages.map((page, i) => (i === last ? page.subarray(0, this.#used) : page));
    }

    /**
     * Takes over the pages of {@link image}.
     * @throws MetersealError MS_MALFORMED for one that is too long.
     */
    restore(pages: readonly Uint8Array[]): void {
        if (pages.some(({ length }) => length > PAGE_BYTES)) {
            throw error("MS_MALFORMED", { where: "state image" });
        }
        this.#pages = [...pages];
        this.#used = pages.at(-1)?.length ?? 0;
    }

    #reserve(size: number): number {
        const page = this.#pages.at(-1);
        const end = this.#used + size;
        if (page === undefined || end > PAGE_BYTES) {
            const length = page === undefined ? FIRST_PAGE_BYTES : PAGE_BYTES;
            this.#pages.push(new Uint8Array(Math.max(length, size)));
            this.#used = 0;
        } else if (end > page.length) {
            const larger = new Uint8Array(Math.min(PAGE_BYTES, Math.max(2 * page.length, end)));
            larger.set(page);
            this.#pages[this.#pages.length - 1] = larger;
        }
        const start = this.#used;
        this.#used += size;
        return start;
    }
}
