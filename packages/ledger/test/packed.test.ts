import { sha256, toHex, u32be, utf8 } from "@meterseal/core";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import type { Chain } from "../src/accept/state.ts";
import { ByteHeap } from "../src/packed/byte-heap.ts";
import { ChainTable } from "../src/packed/chain-table.ts";
import { HashChains } from "../src/packed/hash-chains.ts";
import { KeyIndex } from "../src/packed/key-index.ts";
import { NumberedIndex } from "../src/packed/numbered-index.ts";
import { nameOfKey, numberedKey } from "../src/packed/numbered-name.ts";

const SEED = seedOf(32);
const hash = (text: string): Uint8Array => sha256(utf8(text));
const NO_HASHES: Chain["hashes"] = { length: 0, block: 0, at: () => new Uint8Array() };

function chainOf(name: string, changes: Partial<Chain>): Chain {
    const [id = "", epoch] = name.split("/");
    const anchor = hash(`anchor ${name}`);
    return {
        subject: Uint8Array.fromHex(id),
        epoch: Number(epoch),
        anchor,
        headSeq: 0,
        headHash: changes.appended?.at((changes.headSeq ?? 0) - 1) ?? anchor,
        hashes: NO_HASHES,
        appended: [],
        pending: new Map(),
        frozenAt: null,
        closed: false,
        closedBy: null,
        ...changes,
    };
}

describe("an index of numbered names", () => {
    const nameOf = (i: number): string =>
        `${toHex(hash(`subject ${i >> 1}`).slice(0, 16))}/${i & 1}`;

    it("finds each name before and after it has forgotten what it remembered", () => {
        const [count, index] = [20_000, new NumberedIndex()];
        for (let i = 0; i < count; i++) {
            expect(index.find(nameOf(i))).toBe(-1);
            expect(index.add(nameOf(i))).toBe(i);
        }
        const found = (): number[] =>
            Array.from({ length: count }, (_, i) => index.find(nameOf(i)));
        const entries = Array.from({ length: count }, (_, i) => i);
        expect(found()).toEqual(entries);
        expect(found()).toEqual(entries);
        expect(index.find(nameOf(count))).toBe(-1);
        expect(index.size).toBe(count);
    });

    it("remembers nothing of what it held before it was restored", () => {
        const [one, other] = [new NumberedIndex(), new NumberedIndex()];
        for (const i of [1, 2, 3]) one.add(nameOf(i));
        for (const i of [3, 2]) other.add(nameOf(i));
        one.pages.restore(other.pages.image());
        one.restored();
        expect([1, 2, 3].map((i) => one.find(nameOf(i)))).toEqual([-1, 1, 0]);
    });
});

describe("an index of keys", () => {
    it("finds each of many keys, and none that it has not", () => {
        const index = new KeyIndex(4);
        for (let i = 0; i < 20_000; i++) expect(index.add(u32be(i * 7))).toBe(i);
        for (let i = 0; i < 20_000; i++) {
            expect(index.find(u32be(i * 7))).toBe(i);
            expect(index.find(u32be(i * 7 + 1))).toBe(-1);
        }
        index.restored();
        for (let i = 0; i < 20_000; i++) expect(index.find(index.keyOf(i))).toBe(i);
    });
});

describe("a heap of byte strings", () => {
    it(`gives back what it took, over the ends of its pages (seed ${SEED})`, () => {
        const random = seededRandom(SEED);
        const heap = new ByteHeap();
        const names = new Map<number, Uint8Array>();
        for (let i = 0; i < 600; i++) {
            const bytes = new Uint8Array(random.below(4_000)).fill(i);
            names.set(heap.add(bytes), bytes);
        }
        names.set(heap.add(new Uint8Array(262_140).fill(9)), new Uint8Array(262_140).fill(9));
        expect(() => heap.add(new Uint8Array(262_141))).toThrow("fits a page");
        for (const [name, bytes] of names) expect(heap.get(name)).toEqual(bytes);
        const restored = new ByteHeap();
        restored.restore(heap.image());
        names.set(restored.add(utf8("more")), utf8("more"));
        for (const [name, bytes] of names) expect(restored.get(name)).toEqual(bytes);
    });
});

describe("lists of hashes", () => {
    it("keep apart however they grow together", () => {
        const random = seededRandom(SEED);
        const hashes = new HashChains();
        const lists = Array.from({ length: 7 }, () => ({ last: 0, all: [] as Uint8Array[] }));
        for (let i = 0; i < 500; i++) {
            const list = random.pick(lists);
            const next = hash(`${i}`);
            list.last = hashes.push(list.last, list.all.length, next);
            list.all.push(next);
        }
        for (const { all, last } of lists) {
            for (const [i, each] of all.entries())
                expect(hashes.at(last, all.length, i)).toEqual(each);
        }
    });
});

describe("the table of chains", () => {
    const name = (i: number, epoch = 0): string => `${toHex(hash(`${i}`).slice(0, 16))}/${epoch}`;

    it("names a chain by its subject and every epoch of 32 bits", () => {
        for (const epoch of [0, 1, 0xffff_ffff]) {
            expect(nameOfKey(numberedKey(name(1, epoch)))).toBe(name(1, epoch));
        }
    });

    it("gives back every field, and the hashes in their order", () => {
        const table = new ChainTable();
        const pending = new Map([[9, { hash: hash("p"), bytes: utf8("p") }]]);
        const all = Array.from({ length: 6 }, (_, i) => hash(`record ${i}`));
        table.set(name(1), chainOf(name(1), { headSeq: 6, appended: all, pending }));
        const first = table.get(name(1)) as Chain;
        expect(first.pending).toEqual(pending);
        const headHash = all[3] as Uint8Array;
        const end = hash("end");
        const closing = { frozenAt: 5, headSeq: 4, headHash, closed: true, closedBy: end };
        table.set(name(1), { ...first, pending: new Map(), ...closing });
        const { hashes, ...rest } = table.get(name(1)) as Chain;
        const { hashes: _, ...expected } = chainOf(name(1), closing);
        expect(rest).toEqual(expected);
        expect(Array.from({ length: hashes.length }, (_, i) => hashes.at(i))).toEqual(all);
    });

    it("keeps its own: what was set may change afterwards", () => {
        const table = new ChainTable();
        const chain = chainOf(name(1), { frozenAt: 3, appended: [hash("a")], headSeq: 1 });
        table.set(name(1), chain);
        chain.frozenAt = 1;
        chain.pending.set(2, { hash: hash("p"), bytes: utf8("p") });
        expect(table.get(name(1))).toMatchObject({ frozenAt: 3, pending: new Map(), appended: [] });
    });

    it("gives the same chain packed as unpacked, beyond those that stay unpacked too", () => {
        const table = new ChainTable();
        for (let i = 0; i < 9_000; i++) {
            table.set(name(i), chainOf(name(i), { headSeq: 1, appended: [hash(`${i}`)] }));
        }
        for (const i of [0, 1, 8_999]) {
            expect(table.get(name(i))).toMatchObject({ headSeq: 1, headHash: hash(`${i}`) });
            expect(table.get(name(i))?.hashes.at(0)).toEqual(hash(`${i}`));
        }
    });

    it("forgets a chain, and takes a new one of its name without the old hashes", () => {
        const table = new ChainTable();
        table.set(name(1), chainOf(name(1), { headSeq: 1, appended: [hash("old")] }));
        table.set(name(2), chainOf(name(2), {}));
        expect([table.delete(name(1)), table.delete(name(1)), table.size]).toEqual([
            true,
            false,
            1,
        ]);
        expect([table.has(name(1)), table.get(name(1))]).toEqual([false, undefined]);
        expect([...table.keys()]).toEqual([name(2)]);
        table.set(name(1), chainOf(name(1), { headSeq: 1, appended: [hash("new")] }));
        expect(table.get(name(1))?.hashes.at(0)).toEqual(hash("new"));
        expect([table.size, [...table].length, [...table.values()].length]).toEqual([2, 2, 2]);
    });
});
