import { refuse } from "../result.ts";
import { SML_DEPTH, SML_ELEMENTS } from "./tables.ts";

/** An element of SML's type–length–value encoding (SML 1.05 section 6): null stands for an optional one that is absent. */
export type SmlElement = Uint8Array | bigint | boolean | readonly SmlElement[] | null;

const TYPE = { octets: 0, boolean: 4, integer: 5, unsigned: 6, list: 7 };
const END_OF_MESSAGE = 0;

/** Reads elements one after the other. Bounded in depth and number; for use inside `attempt`. */
export class SmlReader {
    readonly #bytes: Uint8Array;
    #elements = 0;
    /** Offset of the next element. */
    at = 0;

    constructor(bytes: Uint8Array) {
        this.#bytes = bytes;
    }

    /** True behind the last byte. */
    get isAtEnd(): boolean {
        return this.at >= this.#bytes.length;
    }

    /** Reads the header of a list and returns its length, with the elements still to come. */
    list(length: number): void {
        const start = this.at;
        const header = this.#header();
        if (header.type !== TYPE.list || header.length !== length)
            refuse("malformed", `byte ${start}`, `a list of ${length}`);
    }

    /** Reads the byte that ends a message. */
    endOfMessage(): void {
        if (this.#bytes[this.at++] !== END_OF_MESSAGE)
            refuse("malformed", `byte ${this.at - 1}`, "the end of a message");
    }

    /** Reads one element with all that is in it. */
    element(depth: number = SML_DEPTH): SmlElement {
        const start = this.at;
        if (++this.#elements > SML_ELEMENTS)
            refuse("too-large", `byte ${start}`, `at most ${SML_ELEMENTS} elements`);
        const { type, length } = this.#header();
        if (type === TYPE.list) {
            if (depth === 0)
                refuse("too-large", `byte ${start}`, `at most ${SML_DEPTH} lists deep`);
            const items: SmlElement[] = [];
            for (let i = 0; i < length; i++) items.push(this.element(depth - 1));
            return items;
        }
        const end = start + length;
        if (end < this.at || end > this.#bytes.length)
            refuse("truncated", `byte ${start}`, "an element that ends within the file");
        const content = this.#bytes.slice(this.at, end);
        this.at = end;
        if (type === TYPE.octets) return length === 1 ? null : content;
        if (type === TYPE.boolean) return content[0] !== 0;
        if (type !== TYPE.integer && type !== TYPE.unsigned)
            refuse("unsupported", `byte ${start}`, "octets, boolean, number or list");
        if (content.length < 1 || content.length > 8)
            refuse("malformed", `byte ${start}`, "a number of 1 … 8 bytes");
        const number = content.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
        return type === TYPE.integer ? BigInt.asIntN(8 * content.length, number) : number;
    }

    /** Type and length; a length counts its own bytes but for lists. */
    #header(): { type: number; length: number } {
        const start = this.at;
        let byte = this.#next(start);
        const type = (byte >> 4) & 7;
        let length = byte & 15;
        while ((byte & 0x80) !== 0) {
            if (this.at - start >= 3) refuse("too-large", `byte ${start}`, "a length of 3 bytes");
            byte = this.#next(start);
            length = length * 16 + (byte & 15);
        }
        return { type, length };
    }

    #next(start: number): number {
        return this.#bytes[this.at++] ?? refuse("truncated", `byte ${start}`, "an element");
    }
}
