import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { summaryOf } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import {
    compactServerStore,
    isCompactionDue,
    noteCompactionDue,
    openServerStore,
    SERVER_FILE,
} from "../src/sqlite/index.ts";
import { listOf, useDirectory } from "./helpers.ts";

const samples = new StoreSamples();
const directory = useDirectory();
const path = (): string => join(directory(), SERVER_FILE);

/** A store whose log holds a vertex of these records. */
async function logged(records: readonly MeterRecord[]) {
    const store = await openServerStore(directory());
    await store.initialize(Uint8Array.of(1));
    await store.insertRecords(records);
    const vertex = await samples.vertex(records);
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
    await store.append({
        entry: { timeMs: 1, item: vertex.message.bytes },
        vertexId: vertex.id.bytes,
        ...{ checkpoint: "note", size: 1 },
    });
    return store;
}

describe("rows of a store that are pruned", () => {
    it("hold their summaries, in bodies and chains too, and the file is in order", async () => {
        const records = await samples.chain(6);
        const store = await logged(records);
        const summaries = records.map(summaryOf);
        const rows = [2, 3].map((n) => ({ n, summary: summaries[n - 1] as Uint8Array }));
        expect(await store.prune(rows)).toBeGreaterThan(0);
        const expected = records.map(({ message }, i) =>
            toHex([1, 2].includes(i) ? (summaries[i] as Uint8Array) : message.bytes),
        );
        const [entry] = await listOf(store.entries(0));
        expect(entry?.body.map(toHex)).toEqual(expected);
        const { subject } = records[0] as MeterRecord;
        const chain = await listOf(store.reader.recordsOf(subject));
        expect(chain.map(({ bytes }) => toHex(bytes))).toEqual(expected);
        expect(await store.reader.lastPruned(subject)).toEqual({ chainEpoch: 0, seq: 3 });
        expect(await store.reader.lastPruned(samples.subject(9))).toBeNull();
        expect(await store.reader.fileFaults()).toEqual([]);
        await store.close();
    });

    it("must be in the log: nothing else is touched", async () => {
        const [first, loose] = [await samples.chain(2), await samples.usage({ seq: 3 })];
        const store = await logged(first);
        await store.insertRecords([loose]);
        const rows = [1, 3].map((n) => ({ n, summary: summaryOf(loose) }));
        for (const last of [
            { n: 3, summary: summaryOf(loose) },
            { n: 99, summary: summaryOf(loose) },
        ]) {
            await expect(store.prune([...rows.slice(0, 1), last])).rejects.toMatchObject({
                code: "MS_NOT_FOUND",
            });
        }
        expect(await store.reader.lastPruned(loose.subject)).toBeNull();
        await store.close();
    });
});

describe("a file that is written anew", () => {
    it("is shorter, and the same store", async () => {
        const records = await samples.chain(300);
        const store = await logged(records);
        await store.prune(records.map((record, i) => ({ n: i + 1, summary: summaryOf(record) })));
        const before = await listOf(store.reader.records());
        await store.close();
        const size = statSync(path()).size;
        noteCompactionDue(directory());
        writeFileSync(`${path()}.compact`, "left by a crash");
        expect(isCompactionDue(directory())).toBe(true);
        const freed = compactServerStore(directory());
        expect(freed).toBeGreaterThan(0);
        expect(statSync(path()).size).toBe(size - freed);
        expect(isCompactionDue(directory())).toBe(false);
        expect([existsSync(`${path()}.compact`), statSync(path()).mode & 0o777]).toEqual([
            false,
            0o600,
        ]);
        const again = await openServerStore(directory());
        expect(await listOf(again.reader.records())).toEqual(before);
        expect(await again.reader.fileFaults()).toEqual([]);
        expect(await again.durability()).toEqual({ journalMode: "wal", synchronous: 2 });
        await again.close();
    });

    it("is not made of somebody else's", () => {
        writeFileSync(path(), "not ours");
        expect(() => compactServerStore(directory())).toThrow("MS_STORE_FORMAT");
        expect(readFileSync(path(), "utf8")).toBe("not ours");
    });
});
