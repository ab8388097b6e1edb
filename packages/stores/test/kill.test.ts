import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { unwrap, utf8 } from "@meterseal/core";
import { parseRecord } from "@meterseal/record";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import { openMeterStore, openServerStore, type ServerStore } from "../src/sqlite/index.ts";
import { listOf, useDirectory } from "./helpers.ts";

const KILLS = 10;
const child = fileURLToPath(new URL("kill-child.ts", import.meta.url));
const directory = useDirectory();

/** Numbers between 0 and 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** Lets a child write, kills it some time after its first step, and returns what it reported. */
async function killed(kind: string, start: number, delayMs: number): Promise<Map<string, number>> {
    const writer = spawn(process.execPath, [child, kind, directory(), `${start}`], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    const reported = new Map<string, number>();
    let killing: Promise<void> | null = null;
    for await (const line of createInterface(writer.stdout)) {
        const [what = "", number] = line.split(" ");
        reported.set(what, Number(number));
        killing ??= setTimeout(delayMs).then(() => void writer.kill("SIGKILL"));
    }
    await killing;
    return reported;
}

describe(`kill -9, ${KILLS} times`, () => {
    const seed = randomInt(2 ** 31);
    const random = randomOf(seed);
    console.log(`kill.test.ts: seed ${seed}`);

    it("the server's store holds all that was reported and nothing half", async () => {
        let round = 0;
        for (let kill = 0; kill < KILLS; kill++) {
            const reported = await killed("server", round, random() * 60);
            expect(reported.get("records")).toBeGreaterThanOrEqual(round);
            const store = await openServerStore(directory());
            const counts = await store.reader.counts();
            expect(counts.records % 20).toBe(0);
            expect(counts.records).toBeGreaterThanOrEqual(
                20 * ((reported.get("records") ?? 0) + 1),
            );
            expect(counts.vertices).toBeGreaterThanOrEqual((reported.get("vertex") ?? -1) + 1);
            expect(counts.logSize).toBeGreaterThanOrEqual((reported.get("append") ?? -1) + 1);
            expect(counts.checkpoints).toBe(counts.logSize);
            expect(counts.looseRecords).toBe(counts.records - 20 * counts.vertices);
            expect(await store.reader.fileFaults()).toEqual([]);
            for await (const { body } of store.entries(0)) expect(body).toHaveLength(20);
            round = await finishRound(store, counts.logSize);
            await store.close();
        }
    }, 120_000);

    it("a meter's store holds all that was reported and nothing half", async () => {
        let seq = 1;
        for (let kill = 0; kill < KILLS; kill++) {
            const reported = await killed("meter", seq, random() * 60);
            const store = await openMeterStore(directory());
            const state = Number(new TextDecoder().decode((await store.state()) ?? utf8("0")));
            const final = (await store.receipts()).final ?? utf8("0");
            const finalSeq = Number(new TextDecoder().decode(final));
            const outbox = await store.outbox();
            expect(state).toBeGreaterThanOrEqual(reported.get("append") ?? 0);
            expect(finalSeq).toBeGreaterThanOrEqual(reported.get("final") ?? 0);
            const expected = Array.from({ length: state - finalSeq }, (_, i) => finalSeq + 1 + i);
            expect(outbox.map((record) => record.seq)).toEqual(expected);
            await store.close();
            seq = state + 1;
        }
    }, 120_000);
});

/** Brings what the kill left open to its end, as the collector does at its start. */
async function finishRound(store: ServerStore, logSize: number): Promise<number> {
    const loose = (await store.looseRecords()).map((bytes) => unwrap(parseRecord(bytes)));
    if (loose.length > 0) {
        const { id, message } = await new StoreSamples().vertex(loose);
        await store.insertVertex(id.bytes, message.bytes, loose);
    }
    let size = logSize;
    const open = await listOf(store.openVertices());
    const rows = await listOf(store.reader.vertices());
    for (const { bytes, body } of open) {
        expect(body).toHaveLength(20);
        const row = rows.find((candidate) => Buffer.compare(candidate.bytes, bytes) === 0);
        size++;
        await store.append({
            entry: { timeMs: size, item: bytes },
            vertexId: row?.id ?? null,
            checkpoint: `${size}`,
            size,
        });
    }
    return size;
}
