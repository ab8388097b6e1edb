import { toHex, utf8 } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { branchCases, followedEntry, takeVertex } from "./branch-store-cases.ts";
import {
    enrolmentEntry,
    fillLog,
    hexOf,
    insertVertex,
    listOf,
    looseOf,
    openOf,
    plainEntry,
    type ServerStoreUnderTest,
    samples,
    sortByHash,
    stateOf,
    triple,
    vertexEntry,
} from "./server-store-cases.ts";
import {
    type CurrentBed,
    expectCode,
    failAt,
    inBothLives,
    type StoreBed,
    useBed,
} from "./store-bed.ts";

type Bed = CurrentBed<ServerStoreUnderTest>;

const GENESIS = utf8("a genesis");

/** Registers the compliance suite of a server store; `make` gives a new, empty bed each time. */
export function describeServerStoreCompliance(
    name: string,
    make: () => Promise<StoreBed<ServerStoreUnderTest>>,
): void {
    describe(`${name}: server store`, () => {
        const bed = useBed(make);
        describe("genesis", () => genesisCases(bed));
        describe("records", () => recordCases(bed));
        describe("vertices", () => vertexCases(bed));
        describe("log", () => logCases(bed));
        describe("branch", () => branchCases(bed));
        describe("atomicity", () => atomicityCases(bed));
        describe("size", () => sizeCases(bed));
    });
}

function genesisCases(bed: Bed): void {
    it("is absent at first, then kept", async () => {
        const store = await bed.open();
        expect(await store.genesis()).toBeNull();
        await store.initialize(GENESIS);
        expect(await store.genesis()).toEqual(GENESIS);
        expect(await (await bed.reopen(store)).genesis()).toEqual(GENESIS);
    });
    it("is written once: the same again is no change, another is refused", async () => {
        const store = await bed.open();
        await store.initialize(GENESIS);
        await store.initialize(GENESIS);
        await expectCode(store.initialize(utf8("another")), "MS_GENESIS");
        expect(await store.genesis()).toEqual(GENESIS);
    });
    it("every call on a closed store rejects", async () => {
        const store = await bed.open();
        await store.close();
        await store.close();
        await expectCode(store.genesis(), "MS_STORE_UNWRITABLE");
        await expectCode(store.insertRecords([]), "MS_STORE_UNWRITABLE");
        await expectCode(listOf(store.entries(0)), "MS_STORE_UNWRITABLE");
    });
}

function recordCases(bed: Bed): void {
    it("come back byte-equal in the order of admission, also after reopening", async () => {
        const store = await bed.open();
        const records = [...(await samples.chain(3, { subject: 9 })), ...(await samples.chain(3))];
        await store.insertRecords(records.slice(0, 4));
        await store.insertRecords(records.slice(4));
        expect(await looseOf(store)).toEqual(records.map(hexOf));
        expect(await looseOf(await bed.reopen(store))).toEqual(records.map(hexOf));
    });
    it("keep their order when calls are not awaited", async () => {
        const store = await bed.open();
        const records = await samples.chain(20);
        await Promise.all(records.map((record) => store.insertRecords([record])));
        expect(await looseOf(store)).toEqual(records.map(hexOf));
    });
    it("an empty list is no change", async () => {
        const store = await bed.open();
        await store.insertRecords([]);
        expect(await store.looseRecords()).toEqual([]);
    });
    it("duplicates are ignored and the bytes stored first win", async () => {
        const store = await bed.open();
        const record = await samples.usage({ seq: 1 });
        const again = await samples.signedAgain(record);
        expect(toHex(again.message.hash)).toBe(toHex(record.message.hash));
        expect(hexOf(again)).not.toBe(hexOf(record));
        await store.insertRecords([record, record, again]);
        await store.insertRecords([again, await samples.usage({ seq: 2 })]);
        const loose = await looseOf(store);
        expect(loose).toHaveLength(2);
        expect(loose[0]).toBe(hexOf(record));
    });
    it("two records for one place of a forked chain are both kept", async () => {
        const store = await bed.open();
        const records = [
            await samples.usage({ seq: 1 }),
            await samples.usage({ seq: 1, timeUnix: 1_400_000_000 }),
        ];
        await store.insertRecords(records);
        expect(await looseOf(store)).toEqual(records.map(hexOf));
        const sorted = sortByHash(records);
        await insertVertex(store, sorted);
        expect(await openOf(store)).toMatchObject([{ body: sorted.map(hexOf) }]);
    });
}

function vertexCases(bed: Bed): void {
    it("take their records out of the loose ones and give them back in body order", async () => {
        const store = await bed.open();
        const [a, b] = [await samples.chain(3, { subject: 9 }), await samples.chain(12)];
        await store.insertRecords([...a, ...b]);
        const first = await insertVertex(store, [...b, ...a.slice(0, 2)]);
        expect(await looseOf(store)).toEqual(a.slice(2).map(hexOf));
        const second = await insertVertex(store, a.slice(2));
        const expected = [
            { bytes: toHex(first.message.bytes), body: [...b, ...a.slice(0, 2)].map(hexOf) },
            { bytes: toHex(second.message.bytes), body: a.slice(2).map(hexOf) },
        ];
        expect(await openOf(store)).toEqual(expected);
        const reopened = await bed.reopen(store);
        expect(await openOf(reopened)).toEqual(expected);
        expect(await reopened.looseRecords()).toEqual([]);
    });
    it("a record that is not loose, or not these bytes, is refused and nothing changes", async () => {
        const store = await bed.open();
        const [stored, taken, missing] = await triple();
        await store.insertRecords([stored, taken]);
        await insertVertex(store, [taken]);
        const before = await stateOf(store);
        const again = await samples.signedAgain(stored);
        for (const body of [[stored, taken], [stored, missing], [again]]) {
            await expectCode(insertVertex(store, body), "MS_VERTEX_BODY");
            expect(await stateOf(store)).toEqual(before);
        }
        await insertVertex(store, [stored]);
    });
    it("records out of order are refused, for the body would come back in another", async () => {
        const store = await bed.open();
        const [a, b] = await triple();
        await store.insertRecords([a, b]);
        await expectCode(insertVertex(store, [b, a]), "MS_VERTEX_BODY");
        await expectCode(insertVertex(store, [a, a]), "MS_VERTEX_BODY");
        expect(await listOf(store.openVertices())).toEqual([]);
    });
    it("a known id is refused", async () => {
        const store = await bed.open();
        const [a, b] = await triple();
        await store.insertRecords([a, b]);
        const { id, message } = await insertVertex(store, [a]);
        const again = store.insertVertex(id.bytes, message.bytes, [b]);
        await expectCode(again, "MS_VERTEX_DUPLICATE");
        expect(await looseOf(store)).toEqual([hexOf(b)]);
    });
}

function logCases(bed: Bed): void {
    it("gives entries back in order from any index, with bodies, also after reopening", async () => {
        const store = await bed.open();
        const { entries, notes } = await fillLog(store, 40);
        await inBothLives(bed, store, async (current) => {
            for (const from of [0, 1, 17, 39, 40, 1000]) {
                const found = (await listOf(current.entries(from))).map(plainEntry);
                expect(found).toEqual(entries.slice(from));
            }
            expect(await current.checkpoint()).toBe(notes.at(-1));
            expect(await listOf(current.openVertices())).toEqual([]);
        });
    });
    it("holds open the vertices that it does not have", async () => {
        const store = await bed.open();
        const [a, b] = await triple();
        await store.insertRecords([a, b]);
        const first = await insertVertex(store, [a]);
        const second = await insertVertex(store, [b]);
        await store.append(vertexEntry(second, 1));
        const open = [{ bytes: toHex(first.message.bytes), body: [hexOf(a)] }];
        expect(await openOf(store)).toEqual(open);
        expect(await openOf(await bed.reopen(store))).toEqual(open);
    });
    it("has no checkpoint and no entry at first", async () => {
        const store = await bed.open();
        expect(await store.checkpoint()).toBeNull();
        expect(await listOf(store.entries(0))).toEqual([]);
    });
    it("refuses a wrong size, an unknown vertex, other bytes, and a vertex twice", async () => {
        const store = await bed.open();
        const [a, b] = await triple();
        await store.insertRecords([a, b]);
        const stored = await insertVertex(store, [a]);
        const foreign = await samples.vertex([b]);
        const again = await samples.vertexSignedAgain(stored);
        expect(again.id.toString()).toBe(stored.id.toString());
        await expectCode(store.append(vertexEntry(stored, 2)), "MS_LOG_LEAF");
        await expectCode(store.append(enrolmentEntry(0)), "MS_LOG_LEAF");
        await expectCode(store.append(vertexEntry(foreign, 1)), "MS_NOT_FOUND");
        await expectCode(store.append(vertexEntry(again, 1)), "MS_VERTEX_DUPLICATE");
        expect(await listOf(store.entries(0))).toEqual([]);
        await store.append(vertexEntry(stored, 1));
        await expectCode(store.append(vertexEntry(stored, 2)), "MS_VERTEX_DUPLICATE");
        expect(await store.checkpoint()).toBe("checkpoint 1");
        await store.append(enrolmentEntry(2));
        expect(await listOf(store.entries(0))).toHaveLength(2);
    });
    it("keeps the latest cosigned checkpoint, in the place of the one of its size", async () => {
        let store = await bed.open();
        expect(await store.cosigned()).toBeNull();
        await expectCode(store.keepCosigned(1, "cosigned 1"), "MS_NOT_FOUND");
        await store.append(enrolmentEntry(1));
        await store.append(enrolmentEntry(2));
        await store.keepCosigned(1, "cosigned 1");
        expect(await store.cosigned()).toBe("cosigned 1");
        expect(await store.checkpoint()).toBe("checkpoint 2");
        await store.keepCosigned(2, "cosigned 2");
        store = await bed.reopen(store);
        expect(await store.cosigned()).toBe("cosigned 2");
        expect(await store.checkpoint()).toBe("cosigned 2");
        await expectCode(store.keepCosigned(3, "cosigned 3"), "MS_NOT_FOUND");
    });
}

type Step = { readonly point: string; run(store: ServerStoreUnderTest): Promise<unknown> };

/** One call of every method that writes, each on top of those before it. */
async function steps(): Promise<Step[]> {
    const [a, b, c] = await triple();
    const vertex = await samples.vertex([a, b]);
    const { id, message } = vertex;
    const d = await samples.usage({ seq: 4 });
    const other = await samples.vertex([d]);
    return [
        { point: "initialize", run: (store) => store.initialize(GENESIS) },
        { point: "insertRecords", run: (store) => store.insertRecords([a, b, c]) },
        {
            point: "insertVertex",
            run: (store) => store.insertVertex(id.bytes, message.bytes, [a, b]),
        },
        { point: "append", run: (store) => store.append(vertexEntry(vertex, 1)) },
        { point: "keepCosigned", run: (store) => store.keepCosigned(1, "cosigned 1") },
        { point: "takeVertices", run: (store) => takeVertex(store, [d]) },
        { point: "followLog", run: (store) => store.followLog([followedEntry(other, [d], 2)]) },
    ];
}

function atomicityCases(bed: Bed): void {
    it("an error before the commit leaves nothing, and the call succeeds when repeated", async () => {
        let store = await bed.open();
        for (const { point, run } of await steps()) {
            store = await bed.reopen(store, failAt(point, "beforeCommit"));
            const before = await stateOf(store);
            await expect(run(store)).rejects.toThrow(`injected fault in ${point}`);
            expect(await stateOf(store)).toEqual(before);
            store = await bed.reopen(store);
            expect(await stateOf(store)).toEqual(before);
            await run(store);
            expect(await stateOf(store)).not.toEqual(before);
        }
    });
    it("an error after the commit loses nothing", async () => {
        let store = await bed.open();
        let before = await stateOf(store);
        for (const { point, run } of await steps()) {
            store = await bed.reopen(store, failAt(point, "afterCommit"));
            await expect(run(store)).rejects.toThrow(`injected fault in ${point}`);
            store = await bed.reopen(store);
            const after = await stateOf(store);
            expect(after).not.toEqual(before);
            before = after;
        }
        expect((await stateOf(store)).entries).toHaveLength(2);
    });
    it("an error in the middle of a batch leaves nothing of it", async () => {
        const store = await bed.open();
        const [a, b, c] = await triple();
        const broken = { ...b, message: { ...b.message, bytes: undefined } };
        const batch = [a, broken as unknown as MeterRecord, c];
        await expect(store.insertRecords(batch)).rejects.toThrow();
        expect(await store.looseRecords()).toEqual([]);
        await store.insertRecords([a, b, c]);
        expect(await store.looseRecords()).toHaveLength(3);
    });
}

function sizeCases(bed: Bed): void {
    it("keeps records of nearly 64 KiB", async () => {
        const store = await bed.open();
        const records = await Promise.all([1, 2, 3].map((seq) => samples.warning(seq, 65_300)));
        await store.insertRecords(records);
        await insertVertex(store, records);
        expect(await openOf(await bed.reopen(store))).toMatchObject([{ body: records.map(hexOf) }]);
    });
    it("keeps 10 000 records in order, and vertices of 500", async () => {
        const store = await bed.open();
        const records = await samples.chain(10_000);
        for (let i = 0; i < records.length; i += 1_000) {
            await store.insertRecords(records.slice(i, i + 1_000));
        }
        const reopened = await bed.reopen(store);
        expect(await looseOf(reopened)).toEqual(records.map(hexOf));
        for (let i = 0; i < 2_000; i += 500)
            await insertVertex(reopened, records.slice(i, i + 500));
        expect(await looseOf(reopened)).toEqual(records.slice(2_000).map(hexOf));
        const bodies = (await openOf(reopened)).map((vertex) => vertex.body);
        expect(bodies.flat()).toEqual(records.slice(0, 2_000).map(hexOf));
    }, 60_000);
}
