import { toHex } from "@meterseal/core";

/**
 * Entries of a log by the record that they carry. Most records stand under one; of a record that several
 * collectors carried, or one again, a receipt may name either.
 */
export class RecordLeaves {
    readonly #first = new Map<string, number>();
    readonly #further = new Map<string, number[]>();

    /** Notes that an entry carries a record, by its hash. */
    add(recordHash: Uint8Array, leafIndex: number): void {
        const hash = toHex(recordHash);
        if (!this.#first.has(hash)) {
            this.#first.set(hash, leafIndex);
            return;
        }
        const further = this.#further.get(hash);
        if (further === undefined) this.#further.set(hash, [leafIndex]);
        else further.push(leafIndex);
    }

    /** True where an entry carries a record. */
    has(recordHash: Uint8Array, leafIndex: number): boolean {
        const hash = toHex(recordHash);
        const isFirst = this.#first.get(hash) === leafIndex;
        return isFirst || this.#further.get(hash)?.includes(leafIndex) === true;
    }
}
