import { toHex, unwrap } from "@meterseal/core";
import {
    accept,
    checkEvidence,
    type Entry,
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    originOf,
    signCheckpoint,
} from "@meterseal/ledger";
import { encodeCbor, type MeterRecord } from "@meterseal/record";
import { openServerStore, type ServerStore } from "@meterseal/stores/sqlite";
import {
    TEST_LATER_MS,
    TEST_START_SLOT,
    TestChain,
    type TestMeter,
    TestNetwork,
} from "@meterseal/testkit/records";
import type { KeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readOwnRecords } from "../src/commands/own-records.ts";
import { distinctRecords } from "../src/distinct-records.ts";
import { claimDirectory, PLACES } from "../src/files.ts";
import type { ServerEngine } from "../src/server/engine.ts";
import { EvidenceBuilder } from "../src/server/evidence.ts";
import { Facts } from "../src/server/facts.ts";
import { StreamIndex } from "../src/server/stream-index.ts";
import { stretchRows } from "../src/server/stretch.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { useScratch } from "./fixture.ts";

/**
 * A meter that went from one organisation's collector to another's and sent again what was not final:
 * three records, the second of which both collectors carried.
 */
const dir = useScratch();
const network = new TestNetwork("roaming");
let store: ServerStore;
let meter: TestMeter;
let records: MeterRecord[];
const state: LedgerState = network.state();
const log = new MerkleLog();
const [facts, streams] = [new Facts(), new StreamIndex()];
let evidence: EvidenceBuilder;

/** Takes an entry in as a block of its own. */
async function block(entry: Entry, item: Uint8Array): Promise<void> {
    const timeMs = TEST_LATER_MS;
    const { outcomes } = unwrap(accept(state, entry, timeMs, () => true));
    const leafIndex = log.append(entryLeafHash({ timeMs, item }));
    const head = { size: log.size, root: log.root() };
    const isVertex = entry.kind === "vertex";
    await store.appendBlock({
        height: log.size,
        appHash: new Uint8Array(32),
        engineState: encodeCbor([[], 0]),
        entries: [
            {
                entry: { timeMs, item },
                vertexId: isVertex ? entry.vertex.id.bytes : null,
                records: isVertex ? entry.records : [],
            },
        ],
        checkpoint: await signCheckpoint(
            network.logSigner,
            originOf(network.networkId),
            head.size,
            head.root,
        ),
    });
    facts.entryFinal(entry, timeMs, { leafIndex, checkpoint: head }, outcomes);
    streams.entryFinal(entry, timeMs, { leafIndex, checkpoint: head }, outcomes);
}

beforeAll(async () => {
    claimDirectory(dir);
    store = await openServerStore(PLACES.server(dir));
    await store.initialize(network.genesis);
    const head = () => ({ size: log.size, root: log.root() });
    streams.attach({ state, head, reader: store.reader });
    const [one, other] = [await network.collector("one"), await network.collector("other")];
    meter = await network.meter();
    for (const { enrolment } of [one, other, meter]) {
        await block({ kind: "enrolment", enrolment }, enrolment.message.bytes);
    }
    const chain = new TestChain(meter);
    records = [await chain.usage(), await chain.usage(), await chain.usage()];
    const [a, b, c] = records as [MeterRecord, MeterRecord, MeterRecord];
    // The other collector has it first, before the one writes its vertex.
    await store.insertRecords([b]);
    for (const vertex of [await one.vertex([a, b]), await other.vertex([b, c])]) {
        await block(vertex, vertex.vertex.message.bytes);
    }
    const unused = () => Promise.reject(new Error("nothing is submitted here"));
    const engine: ServerEngine = {
        ...{ state, log, origin: originOf(network.networkId), submit: unused, append: unused },
        markVerified: () => undefined,
        settled: () => Promise.resolve(),
        head: () => ({ size: log.size, root: log.root() }),
        close: () => undefined,
    };
    evidence = new EvidenceBuilder(store.reader, engine, facts, network.genesis);
});
afterAll(() => store.close());

const hashes = (list: readonly MeterRecord[]): string[] =>
    list.map(({ message }) => toHex(message.hash));

describe("a record that two collectors carried", () => {
    it("stands in the store in the vertex of each", async () => {
        const rows = await Array.fromAsync(store.reader.recordsOf(meter.subject));
        expect(rows.length).toBeGreaterThan(records.length);
        const once = await Array.fromAsync(distinctRecords(rows));
        expect(once.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    });

    it("counts once", () => {
        expect(facts.totals).toEqual({ vertices: 2, records: 3, readings: 12 });
        expect(facts.meters.get(toHex(meter.subject))?.holes).toBe(0);
    });

    it("stands once in the evidence of its meter, which holds", async () => {
        const bundle = await evidence.evidenceOf(meter.subject);
        expect(bundle.records).toHaveLength(3);
        const { networkId } = network;
        const report = checkEvidence(bundle, { networkId, subject: meter.subject });
        expect([...report.signatures.faults, ...report.continuity.faults]).toEqual([]);
        expect(hashes(report.records.map(({ record }) => record))).toEqual(hashes(records));
    });

    it("stands once in the evidence of a stretch that ends with it", async () => {
        const stream = await streams.get(meter.descriptor.stream);
        const toSlot = TEST_START_SLOT + 8; // the last one of the second record
        const rows = await stretchRows(stream, state, store.reader, { from: null, toSlot });
        const bundle = await evidence.evidenceFor(meter.subject, rows, {
            sinceSize: null,
            grant: null,
        });
        const { networkId } = network;
        const trust = { networkId, subject: meter.subject, extent: "stretch" } as const;
        const report = checkEvidence(bundle, trust);
        expect([...report.signatures.faults, ...report.continuity.faults]).toEqual([]);
        expect(hashes(report.records.map(({ record }) => record))).toEqual(
            hashes(records.slice(0, 2)),
        );
    });

    it("is read once by its household", async () => {
        const key = { meter: meter.subject, network: network.networkId } as KeyFile;
        const own = await readOwnRecords("store", store.reader, key);
        expect([hashes(own.records), own.isPruned]).toEqual([hashes(records), false]);
    });

    it("is no fault of the store, but a state that nobody agreed on is", async () => {
        const report = await verifyDirectory(dir, [], () => undefined);
        expect(report.faults.map(({ code }) => code)).toEqual(["MS_CHECKPOINT"]);
    });
});
