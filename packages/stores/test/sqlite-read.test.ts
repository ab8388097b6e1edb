import { toHex, utf8 } from "@meterseal/core";
import { type MeterRecord, sign1HeadBytes } from "@meterseal/record";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import { openServerStore, type ServerStore, slotsOf } from "../src/sqlite/index.ts";
import { listOf, useDirectory } from "./helpers.ts";

const samples = new StoreSamples();
const directory = useDirectory();
const hex = (records: readonly MeterRecord[]): string[] =>
    records.map((record) => toHex(record.message.bytes));
const rowsHex = (rows: readonly { bytes: Uint8Array }[]): string[] =>
    rows.map((row) => toHex(row.bytes));

async function filled() {
    const store = await openServerStore(directory());
    const [one, two] = [await samples.chain(5), await samples.chain(3, { subject: 2 })];
    await store.initialize(utf8("genesis"));
    await store.insertRecords([...two, ...one]);
    const vertex = await samples.vertex(one.slice(0, 3));
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, one.slice(0, 3));
    await store.append(entry(utf8("enrolment"), null, 1));
    await store.append(entry(vertex.message.bytes, vertex.id.bytes, 2));
    return { store, one, two, vertex };
}

function entry(item: Uint8Array, vertexId: Uint8Array | null, size: number) {
    return { entry: { timeMs: size, item }, vertexId, checkpoint: `note ${size}`, size };
}

describe("sums", () => {
    it("count everything", async () => {
        const { store } = await filled();
        expect(await store.reader.counts()).toEqual({
            records: 8,
            looseRecords: 5,
            vertices: 1,
            logSize: 2,
            checkpoints: 2,
        });
        await store.close();
    });
    it("follow what is written later, by this connection or by another", async () => {
        const { store, one } = await filled();
        const reader = await openServerStore(directory());
        expect(await reader.reader.counts()).toMatchObject({ records: 8, looseRecords: 5 });
        await store.insertRecords((await samples.chain(7)).slice(3));
        const more = [await samples.usage({ seq: 8 }), await samples.warning(9, 10)];
        await store.insertRecords(more);
        for (const current of [store, reader]) {
            // The first two of these are the same payloads signed again, so ignored.
            expect(await current.reader.counts()).toMatchObject({ records: 12 });
        }
        expect(hex(one)).toEqual(
            rowsHex(await listOf(reader.reader.recordsOf(samples.subject(1)))).slice(0, 5),
        );
        await reader.close();
        await store.close();
    });
});

describe("vertices of the log", () => {
    it("come with their places and checkpoints, from either end, between two places", async () => {
        const { store, vertex } = await filled();
        const { reader } = store;
        const row = {
            ...{ n: 1, id: vertex.id.bytes, bytes: vertex.message.bytes },
            ...{ index: 1, timeMs: 2, checkpoint: 2 },
        };
        const most = Number.MAX_SAFE_INTEGER;
        expect(await reader.loggedVertices(-1, most, 9)).toEqual([row]);
        expect(await reader.loggedVertices(0, 2, 9)).toEqual([row]);
        expect(await reader.latestVertices(0, 2, 9)).toEqual([row]);
        for (const [after, before, limit] of [
            [1, most, 9],
            [-1, 1, 9],
            [-1, most, 0],
        ] as const) {
            expect(await reader.loggedVertices(after, before, limit)).toEqual([]);
            expect(await reader.latestVertices(after, before, limit)).toEqual([]);
        }
        expect(await reader.leafOfVertex(vertex.id.bytes)).toBe(1);
        const open = await samples.vertex((await samples.chain(5)).slice(3));
        expect(await reader.leafOfVertex(open.id.bytes)).toBeNull();
        await store.close();
    });
});

describe("records", () => {
    it("come in chain order over pages, from any place on", async () => {
        const store = await openServerStore(directory());
        const epochs = [await samples.chain(300), await samples.chain(300, { chainEpoch: 1 })];
        const fork = await samples.usage({ seq: 150, timeUnix: 1_400_000_000 });
        await store.insertRecords([...(epochs[1] ?? []), fork, ...(epochs[0] ?? [])]);
        const rows = await listOf(store.reader.recordsOf(samples.subject(1)));
        expect(rows.map((row) => row.chainEpoch * 1_000 + row.seq)).toEqual(
            [...epochs.flat(), fork].map((r) => r.chainEpoch * 1_000 + r.seq).sort((a, b) => a - b),
        );
        const at = await store.reader.recordsAt(samples.subject(1), 0, 150);
        expect(at.map((row) => row.fork)).toEqual([0, 1]);
        expect(rowsHex(at)).toEqual(hex([fork, epochs[0]?.[149] as MeterRecord]));
        const from = { chainEpoch: 1, seq: 299 };
        const tail = await listOf(store.reader.recordsOf(samples.subject(1), from));
        expect(tail.map((row) => row.seq)).toEqual([299, 300]);
        expect(await listOf(store.reader.recordsOf(samples.subject(9)))).toEqual([]);
        await store.close();
    });
    it("are found by slots: those that reach into the range, and no others", async () => {
        const store = await openServerStore(directory());
        const chain = await samples.chain(600, { count: 4 });
        await store.insertRecords([...chain, await samples.warning(1_000, 5)]);
        const first = slotsOf(chain[0] as MeterRecord).firstSlot as number;
        const find = async (from: number, to: number): Promise<number[]> => {
            const rows = store.reader.recordsInSlots(samples.subject(1), first + from, first + to);
            return (await listOf(rows)).map((row) => row.seq);
        };
        expect(await find(0, 3)).toEqual([1]);
        expect(await find(3, 4)).toEqual([1, 2]);
        expect(await find(5, 6)).toEqual([2]);
        expect(await find(-10, -1)).toEqual([]);
        expect(await find(-10, 0)).toEqual([1]);
        expect(await find(2_399, 9_999)).toEqual([600]);
        expect(await find(2_400, 9_999)).toEqual([]);
        expect(await find(0, 2_399)).toEqual(chain.map((record) => record.seq));
        await store.close();
    });
    it("are found by the longest record that the format allows", async () => {
        const store = await openServerStore(directory());
        const long = await samples.usage({ seq: 1, count: 384 });
        await store.insertRecords([long]);
        const { firstSlot, lastSlot } = slotsOf(long) as { firstSlot: number; lastSlot: number };
        for (const slot of [firstSlot, firstSlot + 200, lastSlot]) {
            const rows = store.reader.recordsInSlots(samples.subject(1), slot, slot);
            expect(await listOf(rows)).toHaveLength(1);
        }
        await store.close();
    });
});

describe("raw rows", () => {
    it("hold every column, as verify needs it", async () => {
        const { store, one, two, vertex } = await filled();
        const { reader } = store;
        const rows = await listOf(reader.records());
        expect(rowsHex(rows)).toEqual(hex([...two, ...one]));
        for (const [i, record] of [...two, ...one].entries()) {
            expect(rows[i]).toEqual({
                n: i + 1,
                subject: record.subject,
                chainEpoch: record.chainEpoch,
                seq: record.seq,
                fork: 0,
                ...slotsOf(record),
                vertex: i >= 3 && i < 6 ? 1 : null,
                head: record.message.bytes.subarray(0, sign1HeadBytes(record.message.bytes)),
                bytes: record.message.bytes,
            });
        }
        const row = { n: 1, id: vertex.id.bytes, bytes: vertex.message.bytes };
        expect(await listOf(reader.vertices())).toEqual([row]);
        expect(await reader.vertex(1)).toEqual(row);
        await expect(reader.vertex(2)).rejects.toMatchObject({ code: "MS_NOT_FOUND" });
        expect(rowsHex(await reader.bodyOf(1))).toEqual(hex(one.slice(0, 3)));
        const log = [
            { index: 0, timeMs: 1, vertex: null, item: utf8("enrolment") },
            { index: 1, timeMs: 2, vertex: 1, item: null },
        ];
        expect(await listOf(reader.log())).toEqual(log);
        expect(await listOf(reader.log(1))).toEqual(log.slice(1));
        expect(await reader.logOfVertex(1)).toEqual(log[1]);
        expect(await reader.logOfVertex(7)).toBeNull();
        expect((await listOf(reader.checkpoints())).map((c) => c.note)).toEqual([
            "note 1",
            "note 2",
        ]);
        expect(await reader.checkpoint(2)).toEqual({ size: 2, note: "note 2" });
        expect(await reader.meta()).toEqual([{ key: "genesis", value: utf8("genesis") }]);
        expect(await reader.fileFaults()).toEqual([]);
        await store.close();
    });
});

describe("a read-only store", () => {
    it("sees the store as it was when opened, while another one writes", async () => {
        const { store } = await filled();
        const snapshot = await openServerStore(directory(), { readOnly: true });
        await store.insertRecords([await samples.usage({ seq: 100 })]);
        expect(await snapshot.reader.counts()).toMatchObject({ records: 8 });
        expect(await listOf(snapshot.reader.records())).toHaveLength(8);
        await snapshot.close();
        const later = await openServerStore(directory(), { readOnly: true });
        expect(await later.reader.counts()).toMatchObject({ records: 9 });
        await later.close();
        await store.close();
    });
    it("refuses every write", async () => {
        const { store, two } = await filled();
        await store.close();
        const reader: ServerStore = await openServerStore(directory(), { readOnly: true });
        const refused = { code: "MS_STORE_UNWRITABLE" };
        await expect(reader.initialize(utf8("genesis"))).rejects.toMatchObject(refused);
        await expect(reader.insertRecords(two)).rejects.toMatchObject(refused);
        await expect(reader.probe()).rejects.toMatchObject(refused);
        await reader.close();
    });
});
