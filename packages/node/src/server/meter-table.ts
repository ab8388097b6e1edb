import { fromHex } from "@meterseal/core";
import { IntList, ItemPages, KeyIndex } from "@meterseal/ledger";
import type { MeterFacts } from "./facts.ts";

/** Fields of a row, numbers of eight bytes. */
const FIELDS = [
    "records",
    "readings",
    "missingIntervals",
    "holes",
    "lastRecordUnix",
    "lastSlot",
    "lastSlotUnix",
    "chainEpoch",
    "lastSeq",
] as const satisfies readonly (keyof MeterFacts)[];
const NUMBER_BYTES = 8;
const ROW_BYTES = FIELDS.length * NUMBER_BYTES;
const LAST_SLOT_UNIX = FIELDS.indexOf("lastSlotUnix") * NUMBER_BYTES;
const SUBJECT_BYTES = 16;
const HASH_BYTES = 32;

/** Facts by the subject of a meter, hexadecimal; packed, about 100 bytes each. */
export class MeterTable {
    readonly #index = new KeyIndex(SUBJECT_BYTES);
    readonly #rows = new ItemPages(ROW_BYTES);

    /** A copy of what is known of a meter; undefined for one without a record. */
    get(subjectHex: string): MeterFacts | undefined {
        const entry = this.#index.find(fromHex(subjectHex));
        if (entry < 0) return undefined;
        const row = viewOf(this.#rows.at(entry));
        const values = FIELDS.map((name, i) => [name, row.getFloat64(i * NUMBER_BYTES)]);
        return Object.fromEntries(values) as MeterFacts;
    }

    /** Puts facts in the place of those before. */
    set(subjectHex: string, facts: MeterFacts): void {
        const key = fromHex(subjectHex);
        const row = new Uint8Array(ROW_BYTES);
        for (const [i, name] of FIELDS.entries()) {
            viewOf(row).setFloat64(i * NUMBER_BYTES, facts[name]);
        }
        const entry = this.#index.find(key);
        if (entry >= 0) this.#rows.set(entry, row);
        else {
            this.#index.add(key);
            this.#rows.push(row);
        }
    }

    /** Instant of the last reading of each meter, seconds since 1970; 0 for one without. */
    *lastSlots(): Generator<number> {
        for (let entry = 0; entry < this.#rows.length; entry++) {
            yield viewOf(this.#rows.at(entry)).getFloat64(LAST_SLOT_UNIX);
        }
    }

    /** Pages for an image. */
    save(): Uint8Array[][] {
        return [this.#index.pages.image(), this.#rows.image()];
    }

    /** Takes over pages of {@link save}. @throws MetersealError MS_MALFORMED */
    load([keys = [], rows = []]: readonly (readonly Uint8Array[])[]): void {
        this.#index.pages.restore(keys);
        this.#rows.restore(rows);
        this.#index.restored();
    }
}

/** Log indexes by the hash of a message, hexadecimal; packed, about 45 bytes each. */
export class LeafTable {
    readonly #index = new KeyIndex(HASH_BYTES);
    readonly #leaves = new IntList();

    /** Log index of a message; undefined where the log does not hold it, or not finally. */
    get(hashHex: string): number | undefined {
        if (hashHex.length !== 2 * HASH_BYTES) return undefined;
        const entry = this.#index.find(fromHex(hashHex));
        return entry < 0 ? undefined : this.#leaves.at(entry);
    }

    /** Adds a message; the same one again moves. */
    set(hash: Uint8Array, leafIndex: number): void {
        const entry = this.#index.find(hash);
        if (entry >= 0) this.#leaves.set(entry, leafIndex);
        else {
            this.#index.add(hash);
            this.#leaves.push(leafIndex);
        }
    }

    /** Pages for an image. */
    save(): Uint8Array[][] {
        return [this.#index.pages.image(), this.#leaves.image()];
    }

    /** Takes over pages of {@link save}. @throws MetersealError MS_MALFORMED */
    load([keys = [], leaves = []]: readonly (readonly Uint8Array[])[]): void {
        this.#index.pages.restore(keys);
        this.#leaves.restore(leaves);
        this.#index.restored();
    }
}

function viewOf(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
