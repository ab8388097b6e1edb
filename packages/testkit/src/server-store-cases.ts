import { toHex, utf8 } from "@meterseal/core";
import type { BranchStore, LogAppend, RecordStore, StoredEntry, Vertex } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { StoreSamples } from "./store-samples.ts";

/** A server store: both ports of the ledger on one place. */
export type ServerStoreUnderTest = BranchStore & RecordStore & { close(): Promise<void> };

/** Samples that the whole suite shares. */
export const samples: StoreSamples = new StoreSamples();

/** Three records in a row of one chain. */
export async function triple(): Promise<[MeterRecord, MeterRecord, MeterRecord]> {
    const record = (seq: number): Promise<MeterRecord> => samples.usage({ seq });
    return [await record(1), await record(2), await record(3)];
}

/** Makes a vertex over stored records and puts it into the store. */
export async function insertVertex(
    store: ServerStoreUnderTest,
    records: readonly MeterRecord[],
): Promise<Vertex> {
    const vertex = await samples.vertex(records);
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
    return vertex;
}

/** Log entry of a vertex that becomes the last of so many. */
export function vertexEntry(vertex: Vertex, size: number): LogAppend {
    const entry = { timeMs: 1_700_000_000_000 + size, item: vertex.message.bytes };
    return { entry, vertexId: vertex.id.bytes, checkpoint: `checkpoint ${size}`, size };
}

/** Log entry of an enrolment that becomes the last of so many. */
export function enrolmentEntry(size: number): LogAppend {
    const entry = { timeMs: 1_700_000_000_000 + size, item: utf8(`enrolment ${size}`) };
    return { entry, vertexId: null, checkpoint: `checkpoint ${size}`, size };
}

/** A log entry in plain text, for comparison. */
export type PlainEntry = { index: number; timeMs: number; item: string; body: string[] };

/** Appends entries, every third an enrolment; returns what the log must give back. */
export async function fillLog(
    store: ServerStoreUnderTest,
    count: number,
): Promise<{ entries: PlainEntry[]; notes: string[] }> {
    const entries: PlainEntry[] = [];
    const notes: string[] = [];
    for (let index = 0; index < count; index++) {
        const records = [1, 2].map((i) => samples.usage({ seq: 2 * index + i }));
        const body = index % 3 === 0 ? [] : await Promise.all(records);
        await store.insertRecords(body);
        const append =
            body.length === 0
                ? enrolmentEntry(index + 1)
                : vertexEntry(await insertVertex(store, body), index + 1);
        await store.append(append);
        const { timeMs, item } = append.entry;
        entries.push({ index, timeMs, item: toHex(item), body: body.map(hexOf) });
        notes.push(append.checkpoint);
    }
    return { entries, notes };
}

/** A log entry for comparison. */
export function plainEntry({ index, timeMs, item, body }: StoredEntry): PlainEntry {
    return { index, timeMs, item: toHex(item), body: body.map(toHex) };
}

/** Hexadecimal text of a record's message. */
export function hexOf(record: MeterRecord): string {
    return toHex(record.message.bytes);
}

/** Records by hash: the order of a body where a chain forked. */
export function sortByHash(records: readonly MeterRecord[]): MeterRecord[] {
    const key = (record: MeterRecord): string => toHex(record.message.hash);
    return [...records].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Loose records in hexadecimal. */
export async function looseOf(store: ServerStoreUnderTest): Promise<string[]> {
    return (await store.looseRecords()).map(toHex);
}

/** Open vertices in hexadecimal. */
export async function openOf(
    store: ServerStoreUnderTest,
): Promise<{ bytes: string; body: string[] }[]> {
    const open = await listOf(store.openVertices());
    return open.map(({ bytes, body }) => ({ bytes: toHex(bytes), body: body.map(toHex) }));
}

/** All items of an async iterable. */
export async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
    const list: T[] = [];
    for await (const item of items) list.push(item);
    return list;
}

/** Everything that the ports show of a store. */
export async function stateOf(store: ServerStoreUnderTest) {
    return {
        genesis: await store.genesis(),
        loose: await looseOf(store),
        open: await openOf(store),
        entries: (await listOf(store.entries(0))).map(plainEntry),
        checkpoint: await store.checkpoint(),
    };
}
