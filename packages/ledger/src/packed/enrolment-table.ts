import { assert, concatBytes, fromHex, toHex, unwrap } from "@meterseal/core";
import { type Enrolment, parseEnrolment } from "@meterseal/record";
import { HASH_BYTES } from "../merkle/hash.ts";
import { ItemPages } from "../merkle/item-pages.ts";
import type { ByteHeap } from "./byte-heap.ts";
import { KeyIndex } from "./key-index.ts";
import type { Table } from "./table.ts";

/** Parsed enrolments that are kept, each some kilobytes; the one that came first goes first. */
const PARSED_MAX = 8_192;
const NAME_BYTES = 8;

/** Enrolments as their messages, each behind its hash, parsed when asked for. */
export class Enrolments {
    readonly heap: ByteHeap;
    readonly #parsed = new Map<number, Enrolment>();
    readonly #names = new WeakMap<Enrolment, number>();

    constructor(heap: ByteHeap) {
        this.heap = heap;
    }

    /** Keeps an enrolment once; returns its name. */
    add(enrolment: Enrolment): number {
        const known = this.#names.get(enrolment);
        if (known !== undefined) return known;
        const { bytes, hash } = enrolment.message;
        const name = this.heap.add(concatBytes(hash, bytes));
        this.#keep(name, enrolment);
        return name;
    }

    /** Enrolment by its name. */
    get(name: number): Enrolment {
        const known = this.#parsed.get(name);
        if (known !== undefined) return known;
        const enrolment = unwrap(parseEnrolment(this.heap.get(name).subarray(HASH_BYTES)));
        this.#keep(name, enrolment);
        return enrolment;
    }

    /** Hash of its message, which needs no parsing. */
    hashOf(name: number): Uint8Array {
        return this.heap.get(name).subarray(0, HASH_BYTES);
    }

    #keep(name: number, enrolment: Enrolment): void {
        this.#names.set(enrolment, name);
        keepRecent(this.#parsed, name, enrolment);
    }
}

/** Enrolments by an id in hexadecimal: of a key, or of whom they enrol. */
export class EnrolmentTable implements Table<Enrolment> {
    readonly index: KeyIndex;
    /** Name of the enrolment of each entry, as a float of 64 bits. */
    readonly rows: ItemPages = new ItemPages(NAME_BYTES);
    readonly #enrolments: Enrolments;
    /** Those that were asked for, by id: every record asks for its key some times. */
    readonly #recent = new Map<string, Enrolment>();

    /** @param idBytes - length of the ids. */
    constructor(enrolments: Enrolments, idBytes: number) {
        this.#enrolments = enrolments;
        this.index = new KeyIndex(idBytes);
    }

    /** Number of ids. */
    get size(): number {
        return this.index.size;
    }

    /** True where there is one with this id. */
    has(id: string): boolean {
        return this.index.find(fromHex(id)) >= 0;
    }

    /** Enrolment with an id. */
    get(id: string): Enrolment | undefined {
        const recent = this.#recent.get(id);
        if (recent !== undefined) return recent;
        const name = this.nameOf(fromHex(id));
        if (name === null) return undefined;
        const enrolment = this.#enrolments.get(name);
        keepRecent(this.#recent, id, enrolment);
        return enrolment;
    }

    /** Hash of the message that enrols an id. */
    hashOf(id: string): Uint8Array | undefined {
        const name = this.nameOf(fromHex(id));
        return name === null ? undefined : this.#enrolments.hashOf(name);
    }

    /** Name of the enrolment with an id; null where there is none. */
    nameOf(id: Uint8Array): number | null {
        const entry = this.index.find(id);
        return entry < 0 ? null : this.#nameAt(entry);
    }

    /** Puts an enrolment in the place of the one before. */
    set(id: string, enrolment: Enrolment): void {
        const key = fromHex(id);
        const row = new Uint8Array(NAME_BYTES);
        new DataView(row.buffer).setFloat64(0, this.#enrolments.add(enrolment));
        const entry = this.index.find(key);
        if (entry >= 0) this.rows.set(entry, row);
        else {
            this.index.add(key);
            this.rows.push(row);
        }
        keepRecent(this.#recent, id, enrolment);
    }

    *keys(): Generator<string> {
        for (let entry = 0; entry < this.size; entry++) yield toHex(this.index.keyOf(entry));
    }

    *values(): Generator<Enrolment> {
        for (let entry = 0; entry < this.size; entry++) {
            yield this.#enrolments.get(this.#nameAt(entry));
        }
    }

    *[Symbol.iterator](): Generator<[string, Enrolment]> {
        for (const id of this.keys()) {
            const enrolment = this.get(id);
            assert(enrolment !== undefined, "an id of the table");
            yield [id, enrolment];
        }
    }

    #nameAt(entry: number): number {
        const row = this.rows.at(entry);
        return new DataView(row.buffer, row.byteOffset).getFloat64(0);
    }
}

function keepRecent<Key>(kept: Map<Key, Enrolment>, key: Key, enrolment: Enrolment): void {
    kept.set(key, enrolment);
    if (kept.size <= PARSED_MAX) return;
    const [oldest] = kept.keys();
    if (oldest !== undefined) kept.delete(oldest);
}
