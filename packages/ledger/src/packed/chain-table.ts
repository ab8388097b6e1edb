import type { AcceptedHashes, Chain, PendingRecord } from "../accept/state.ts";
import { ItemPages } from "../merkle/item-pages.ts";
import { HashChains } from "./hash-chains.ts";
import { NumberedIndex } from "./numbered-index.ts";
import { nameOfKey, partsOfKey } from "./numbered-name.ts";
import type { Table } from "./table.ts";

/** Layout of a row: flags, three numbers, the last block of hashes, the anchor. */
const AT = { flags: 0, headSeq: 1, frozenAt: 9, hashes: 17, block: 25, anchor: 29 } as const;
const ROW_BYTES = AT.anchor + 32;
const FLAG = { present: 1, closed: 2 } as const;
const NOT_FROZEN = 0;

/** Chains that stay unpacked, some hundred bytes each; the one that was asked for first goes first. */
const UNPACKED_MAX = 8_192;

/** What few chains have, by row. */
export type RareOfChain = {
    readonly pending: ReadonlyMap<number, PendingRecord>;
    readonly closedBy: Uint8Array | null;
};

/**
 * Chains by name, packed: about 90 bytes each and 33 for each accepted record. A chain that is handed
 * out is to be copied before it is changed; {@link ChainTable.set} takes the copy, with the hashes that
 * were appended to it.
 */
export class ChainTable implements Table<Chain> {
    readonly index: NumberedIndex = new NumberedIndex();
    readonly rows: ItemPages = new ItemPages(ROW_BYTES);
    readonly hashes: HashChains = new HashChains();
    readonly rare: Map<number, RareOfChain> = new Map();
    readonly #unpacked = new Map<string, Chain>();
    #size = 0;

    /** Number of chains. */
    get size(): number {
        return this.#size;
    }

    /** True where a chain has this name. */
    has(name: string): boolean {
        return this.#find(name) >= 0;
    }

    /** A chain, not to be changed. */
    get(name: string): Chain | undefined {
        const known = this.#unpacked.get(name);
        if (known !== undefined) return known;
        const entry = this.#find(name);
        if (entry < 0) return undefined;
        const chain = this.#chain(entry);
        this.#keep(name, chain);
        return chain;
    }

    #keep(name: string, chain: Chain): void {
        this.#unpacked.set(name, chain);
        if (this.#unpacked.size <= UNPACKED_MAX) return;
        const [oldest] = this.#unpacked.keys();
        if (oldest !== undefined) this.#unpacked.delete(oldest);
    }

    /** Puts a chain in the place of the one before, and its appended hashes behind those it has. */
    set(name: string, chain: Chain): void {
        const found = this.index.find(name);
        const entry = found < 0 ? this.index.add(name) : found;
        if (found < 0) this.rows.push(new Uint8Array(ROW_BYTES));
        const row = viewOf(this.rows.at(entry));
        if (row.getUint8(AT.flags) === 0) this.#size++;
        let [count, block] = [chain.hashes.length, chain.hashes.block];
        for (const hash of chain.appended) block = this.hashes.push(block, count++, hash);
        row.setUint8(AT.flags, FLAG.present | (chain.closed ? FLAG.closed : 0));
        row.setFloat64(AT.headSeq, chain.headSeq);
        row.setFloat64(AT.frozenAt, chain.frozenAt ?? NOT_FROZEN);
        row.setFloat64(AT.hashes, count);
        row.setUint32(AT.block, block);
        this.rows.at(entry).set(chain.anchor, AT.anchor);
        const pending = new Map(chain.pending);
        if (pending.size === 0 && chain.closedBy === null) this.rare.delete(entry);
        else this.rare.set(entry, { pending, closedBy: chain.closedBy });
        this.#keep(name, { ...chain, hashes: this.#hashes(block, count), appended: [], pending });
    }

    /** Forgets a chain; false where there is none. */
    delete(name: string): boolean {
        const entry = this.#find(name);
        if (entry < 0) return false;
        viewOf(this.rows.at(entry)).setUint8(AT.flags, 0);
        this.rare.delete(entry);
        this.#unpacked.delete(name);
        this.#size--;
        return true;
    }

    /** Counts its chains again after they were restored. */
    restored(): void {
        this.index.restored();
        this.#size = 0;
        for (const _ of this.#entries()) this.#size++;
    }

    *keys(): Generator<string> {
        for (const entry of this.#entries()) yield nameOfKey(this.index.keyOf(entry));
    }

    *values(): Generator<Chain> {
        for (const entry of this.#entries()) yield this.#chain(entry);
    }

    *[Symbol.iterator](): Generator<[string, Chain]> {
        for (const entry of this.#entries()) {
            yield [nameOfKey(this.index.keyOf(entry)), this.#chain(entry)];
        }
    }

    *#entries(): Generator<number> {
        for (let entry = 0; entry < this.index.size; entry++) {
            if (this.rows.byteAt(entry, AT.flags) !== 0) yield entry;
        }
    }

    #find(name: string): number {
        const entry = this.index.find(name);
        return entry >= 0 && this.rows.byteAt(entry, AT.flags) !== 0 ? entry : -1;
    }

    #chain(entry: number): Chain {
        const bytes = this.rows.at(entry);
        const row = viewOf(bytes);
        const { id, number } = partsOfKey(this.index.keyOf(entry));
        const headSeq = row.getFloat64(AT.headSeq);
        const frozenAt = row.getFloat64(AT.frozenAt);
        const anchor = bytes.slice(AT.anchor);
        const [length, block] = [row.getFloat64(AT.hashes), row.getUint32(AT.block)];
        const hashes = this.#hashes(block, length);
        const rare = this.rare.get(entry);
        return {
            subject: id,
            epoch: number,
            anchor,
            headSeq,
            // The head is the last record that counts, before the first the anchor.
            headHash: headSeq === 0 ? anchor : hashes.at(headSeq - 1),
            hashes,
            appended: [],
            pending: new Map(rare?.pending),
            frozenAt: frozenAt === NOT_FROZEN ? null : frozenAt,
            closed: (row.getUint8(AT.flags) & FLAG.closed) !== 0,
            closedBy: rare?.closedBy ?? null,
        };
    }

    #hashes(block: number, length: number): AcceptedHashes {
        return { length, block, at: (index) => this.hashes.at(block, length, index) };
    }
}

function viewOf(bytes: Uint8Array): DataView {
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
