import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@meterseal/core";
import type { BlockAppend, BlockStore, RecordStore } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { MemoryServerStore } from "../src/memory/index.ts";
import { openServerStore } from "../src/sqlite/index.ts";

type Store = BlockStore & RecordStore & { close(): Promise<void> };

const scratch = mkdtempSync(join(tmpdir(), "meterseal-blocks-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const samples = new StoreSamples();
let directories = 0;
let store: Store;

/** Each kind of store, and how it is opened again. */
const KINDS: Record<string, () => Promise<{ store: Store; again: () => Promise<Store> }>> = {
    sqlite: async () => {
        const dir = join(scratch, `${directories++}`);
        return { store: await openServerStore(dir), again: () => openServerStore(dir) };
    },
    memory: async () => {
        const memory = new MemoryServerStore();
        return await Promise.resolve({
            store: memory,
            again: () => Promise.resolve(memory.crash()),
        });
    },
};
let again: () => Promise<Store>;

const record = (seq: number): Promise<MeterRecord> => samples.usage({ seq });

async function blockOf(
    height: number,
    bodies: readonly (readonly MeterRecord[])[],
): Promise<BlockAppend> {
    const entries = [];
    for (const records of bodies) {
        const { id, message } = await samples.vertex(records);
        const entry = { timeMs: 1_700_000_000_000 + height, item: message.bytes };
        entries.push({ entry, vertexId: id.bytes, records });
    }
    const engineState = Uint8Array.of(height);
    const appHash = new Uint8Array(32).fill(height);
    return { height, appHash, engineState, entries, checkpoint: `checkpoint ${height}` };
}

/** Bodies of the log, in hexadecimal. */
async function bodies(): Promise<string[][]> {
    const out: string[][] = [];
    for await (const { body } of store.entries(0)) out.push(body.map(toHex));
    return out;
}
const hexOf = ({ message }: MeterRecord): string => toHex(message.bytes);

describe.each(Object.keys(KINDS))("blocks in the %s store", (kind) => {
    beforeEach(async () => {
        const made = await KINDS[kind]?.();
        if (made === undefined) throw new Error("no store");
        ({ store, again } = made);
    });

    it("bring vertices and records of others, and come back as they were", async () => {
        const [one, two, three] = [await record(1), await record(2), await record(3)];
        expect(await store.blockHead()).toBeNull();
        await store.appendBlock(await blockOf(1, [[one, two], [three]]));
        await store.close();
        store = await again();
        expect(await bodies()).toEqual([[hexOf(one), hexOf(two)], [hexOf(three)]]);
        expect(await store.blockHead()).toEqual({
            height: 1,
            appHash: new Uint8Array(32).fill(1),
            engineState: Uint8Array.of(1),
        });
        expect(await store.checkpoint()).toBe("checkpoint 1");
        expect(await Array.fromAsync(store.openVertices())).toEqual([]);
    });
    it("take our own vertex as it is stored, and leave loose records loose", async () => {
        const [one, two] = [await record(1), await record(2)];
        await store.insertRecords([one, two]);
        const block = await blockOf(1, [[one]]);
        const [entry] = block.entries;
        if (entry?.vertexId == null) throw new Error("no vertex");
        await store.insertVertex(entry.vertexId, entry.entry.item, [one]);
        await store.appendBlock(block);
        expect((await store.looseRecords()).map(toHex)).toEqual([hexOf(two)]);
        expect(await bodies()).toEqual([[hexOf(one)]]);
    });
    it("keep a record that two vertices carry, as each of them carries it", async () => {
        const one = await record(1);
        const signedAgain = await samples.signedAgain(one);
        await store.insertRecords([one]); // ours, still loose
        await store.appendBlock(await blockOf(1, [[one]]));
        await store.appendBlock(await blockOf(2, [[signedAgain]]));
        expect(await bodies()).toEqual([[hexOf(one)], [hexOf(signedAgain)]]);
        expect((await store.looseRecords()).map(toHex)).toEqual([hexOf(one)]);
    });
    it("let a record that the ledger passed over be stored and carried again", async () => {
        const one = await record(1);
        await store.appendBlock(await blockOf(1, [[one]]));
        await store.insertRecords([one]);
        await store.insertRecords([one]); // loose now: once is enough
        await store.close();
        store = await again();
        expect((await store.looseRecords()).map(toHex)).toEqual([hexOf(one)]);
        const next = await samples.vertex([one]);
        await store.insertVertex(next.id.bytes, next.message.bytes, [one]);
        expect(await store.looseRecords()).toEqual([]);
        expect(await Array.fromAsync(store.openVertices())).toHaveLength(1);
    });
    it("leave nothing of a block that fails", async () => {
        const [one, two] = [await record(1), await record(2)];
        await store.appendBlock(await blockOf(1, [[one]]));
        const block = await blockOf(2, [[two]]);
        const [entry] = block.entries;
        if (entry === undefined) throw new Error("no entry");
        const twice = { ...block, entries: [entry, entry] };
        await expect(store.appendBlock(twice)).rejects.toThrow("MS_VERTEX_DUPLICATE");
        expect(await bodies()).toEqual([[hexOf(one)]]);
        expect((await store.blockHead())?.height).toBe(1);
    });
    it("keep a checkpoint of somebody else for a size that the log has reached", async () => {
        const block = await blockOf(1, [[await record(1)]]);
        await store.appendBlock({ ...block, checkpoint: null });
        expect(await store.checkpoint()).toBeNull();
        await expect(store.keepCheckpoint(2, "early")).rejects.toThrow("MS_NOT_FOUND");
        await store.keepCheckpoint(1, "theirs");
        await store.keepCheckpoint(1, "another");
        expect(await store.checkpoint()).toBe("theirs");
    });
});
