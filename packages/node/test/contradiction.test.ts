import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error, toHex, utf8 } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import { originOf, signCheckpoint, type Vertex } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import {
    TEST_LATER_MS,
    TestChain,
    type TestCollector,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContradictionFiles } from "../src/contradictions/files.ts";
import { ContradictionWatcher } from "../src/contradictions/watcher.ts";
import { claimDirectory, PLACES } from "../src/files.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { run } from "./command.ts";
import { quiet, useScratch } from "./fixture.ts";

const scratch = useScratch();
const dataDir = join(scratch, "data");
const network = new TestNetwork("contradictions");
const id = toHex(network.networkId);
const said: string[] = [];
let store: ServerStore;
let engine: EmbeddedEngine;
let watcher: ContradictionWatcher;
let meter: TestMeter;
let author: TestCollector;
let honest: TestChain;

const files = (): ContradictionFiles =>
    new ContradictionFiles(PLACES.contradictions(dataDir), network.networkId);

/** Opens engine and watcher as a server does. */
async function open(): Promise<void> {
    const log = { ...quiet, warn: (text: string) => said.push(text) };
    watcher = new ContradictionWatcher({
        ...{ files: files(), genesis: network.genesis, reader: store.reader, log },
    });
    engine = await EmbeddedEngine.open({
        store,
        clock: { nowMs: () => TEST_LATER_MS },
        logSigner: network.logSigner,
        observer: {
            vertexForked: (vertex) => watcher.vertexForked(vertex),
            entryFinal: (entry, _time, _finality, outcomes) => watcher.entryFinal(entry, outcomes),
        },
    });
    watcher.start(engine.state);
}

async function submit({ vertex, records }: { vertex: Vertex; records: readonly MeterRecord[] }) {
    await store.insertRecords(records);
    await store.insertVertex(vertex.id.bytes, vertex.message.bytes, records);
    await engine.submit(vertex.message.bytes, records);
}

beforeAll(async () => {
    claimDirectory(dataDir);
    mkdirSync(PLACES.server(dataDir), { recursive: true });
    store = await openServerStore(PLACES.server(dataDir));
    await store.initialize(network.genesis);
    await open();
    meter = await network.meter();
    author = await network.collector();
    await engine.submit(author.enrolment.message.bytes, []);
    await engine.submit(meter.enrolment.message.bytes, []);
    honest = new TestChain(meter);
    await submit(await author.vertex([await honest.usage(), await honest.usage()]));
});
afterAll(async () => {
    engine.close();
    await store.close();
});

describe("a server that is told two histories", () => {
    it("says nothing of copies, also signed anew", async () => {
        const again = honest.fork();
        const [first, copy] = [await honest.usage(), await again.usage()];
        const entry = await author.vertex([first]);
        await submit(entry);
        expect(copy.message.hash).toEqual(first.message.hash);
        const outcome = { kind: "conflict", error: error("MS_REPLAYED") } as const;
        watcher.entryFinal({ ...entry, records: [copy] }, [outcome]);
        await watcher.settled();
        expect([files().names(), said]).toEqual([[], []]);
    });

    it("keeps a proof of a meter's, once, and makes it again from the log", async () => {
        author.last =
            engine.state.authors.get(toHex(author.enrolment.id)) === undefined ? null : author.last;
        const forked = honest.fork();
        await submit(await author.vertex([await honest.usage()]));
        await submit(await author.vertex([await forked.warning()]));
        await watcher.settled();
        const name = `meter-${toHex(meter.subject)}-0.contradiction`;
        expect(files().names()).toEqual([name]);
        expect(said).toEqual(["a meter signed what contradicts itself; the proof is kept"]);
        const proof = files().read(name);
        expect(proof.proven).toMatchObject({ culprit: "meter", id: toHex(meter.subject) });
        rmSync(PLACES.contradictions(dataDir), { recursive: true });
        engine.close();
        await open();
        await watcher.settled();
        expect(files().read(name).bytes).toEqual(proof.bytes);
    });

    it("keeps a proof of a collector's, whose vertex the rule refuses", async () => {
        const other = await network.meter("other");
        await engine.submit(other.enrolment.message.bytes, []);
        const chain = new TestChain(other);
        const record = await chain.fork().warning(3);
        const side = author.header([record]);
        await submit(await author.vertex([await chain.usage()]));
        const fork = await author.sign(side);
        await expect(engine.append(fork.message.bytes, [record])).rejects.toMatchObject({
            code: "MS_VERTEX_FORK",
        });
        await watcher.settled();
        const name = `collector-${toHex(author.enrolment.id)}-0.contradiction`;
        expect(files().names()).toContain(name);
        expect(files().read(name).proven.culprit).toBe("collector");
    });

    it("names them in verify, in the archive too, and faults one that was changed", async () => {
        const { counts, faults, notes } = await verifyDirectory(dataDir, [], () => undefined);
        expect([faults, counts.contradictions]).toEqual([[], 2]);
        expect(notes.filter((note) => note.includes("contradicted itself"))).toHaveLength(2);
        const car = join(scratch, "ledger.car");
        expect((await run("export", "--format", "car", "--data", dataDir, "--out", car)).code).toBe(
            0,
        );
        const archived = await run("verify", car);
        expect(archived.code).toBe(0);
        expect(archived.stdout).toMatch(/2 proofs of contradictions checked/);
        const [backup, restored] = [join(scratch, "backup"), join(scratch, "restored")];
        mkdirSync(PLACES.serverKeys(dataDir), { recursive: true });
        expect((await run("backup", "--data", dataDir, "--to", backup)).code).toBe(0);
        expect((await run("restore", "--from", backup, "--data", restored)).code).toBe(0);
        expect(readdirSync(PLACES.contradictions(restored))).toEqual(files().names());
        const path = join(PLACES.contradictions(dataDir), files().names()[0] ?? "");
        const bytes = readFileSync(path);
        const changed = Buffer.from(bytes);
        changed[bytes.length - 20] = (changed[bytes.length - 20] ?? 0) ^ 1;
        writeFileSync(path, changed);
        const after = await verifyDirectory(dataDir, [], () => undefined);
        expect(after.faults.map(({ where }) => where)).toEqual([
            expect.stringContaining("contradiction collector-"),
        ]);
        writeFileSync(path, bytes);
    });
});

describe("the commands", () => {
    it("list and check proofs with the network's id alone", async () => {
        const listed = await run("contradiction", "list", "--data", dataDir);
        expect([listed.code, listed.stdout.split("\n").length]).toEqual([0, 5]);
        for (const name of files().names()) {
            const path = join(PLACES.contradictions(dataDir), name);
            const good = await run("contradiction", "verify", path, "--network", id);
            expect([good.code, good.stderr]).toEqual([0, ""]);
            expect(good.stdout).toMatch(/signed two statements that contradict each other/);
            const other = await run("contradiction", "verify", path, "--network", "00".repeat(32));
            expect(other.stderr).toMatch(/MS_NETWORK/);
        }
    });

    it("make a proof of what a witness kept", async () => {
        const note = (root: number): Promise<string> =>
            signCheckpoint(
                network.logSigner,
                originOf(network.networkId),
                9,
                new Uint8Array(32).fill(root),
            );
        const kept = join(scratch, "split-view.json");
        const origin = originOf(network.networkId);
        writeFileSync(kept, JSON.stringify({ origin, notes: [await note(1), await note(2)] }));
        const path = join(scratch, "log.contradiction");
        const words = ["--data", dataDir, "--out", path];
        expect((await run("contradiction", "pack", kept, ...words)).code).toBe(0);
        const good = await run("contradiction", "verify", path, "--network", id, "--json");
        expect(JSON.parse(good.stdout)).toMatchObject({ verified: true, culprit: "log", epoch: 9 });
        writeFileSync(kept, JSON.stringify({ origin, notes: [await note(1), await note(1)] }));
        const same = await run(
            "contradiction",
            "pack",
            kept,
            "--data",
            dataDir,
            "--out",
            `${path}2`,
        );
        expect([same.code, same.stderr]).toEqual([1, expect.stringMatching(/MS_CONTRADICTION/)]);
        writeFileSync(kept, utf8("no notes"));
        const none = await run(
            "contradiction",
            "pack",
            kept,
            "--data",
            dataDir,
            "--out",
            `${path}3`,
        );
        expect(none.stderr).toMatch(/MS_MALFORMED/);
    });
});
