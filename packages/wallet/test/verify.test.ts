import { toHex, unwrap } from "@meterseal/core";
import { EmbeddedEngine } from "@meterseal/engines/embedded";
import {
    decodeEvidence,
    type Evidence,
    encodeEntry,
    encodeEvidence,
    entryLeafHash,
    MerkleLog,
    parseItem,
    recordLeafHash,
} from "@meterseal/ledger";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, it } from "vitest";
import { type HouseholdReport, type KeyFile, openHousehold, type Verdicts } from "../src/index.ts";
import { grow, Home, type Reading } from "./home.ts";

const SLOT = 500_000;

type Ledger = { readonly home: Home; readonly evidence: Evidence };

/** A ledger with the records of a home, two to a vertex, and the evidence for them. */
async function ledgerOf(
    name: string,
    batches: readonly (readonly Reading[])[],
    timeUnix?: number,
): Promise<Ledger> {
    const groups = batches[0]?.[0]?.registers.length === 2 ? [0, 1] : [0];
    const home = await Home.create({ name, groups });
    const { network } = home;
    const store = new MemoryServerStore();
    await store.initialize(network.genesis);
    const engine = await EmbeddedEngine.open({
        store,
        clock: { nowMs: () => (946_684_800 + (SLOT + 1_000) * 900) * 1000 },
        logSigner: network.logSigner,
        observer: { entryFinal: () => undefined },
    });
    const collector = await network.collector();
    await engine.submit(collector.enrolment.message.bytes, []);
    await engine.submit(home.meter.enrolment.message.bytes, []);
    const records: MeterRecord[] = [];
    for (const batch of batches) records.push(await home.record(batch, timeUnix));
    for (let i = 0; i < records.length; i += 2) {
        const entry = await collector.vertex(records.slice(i, i + 2));
        await store.insertRecords(entry.records);
        await store.insertVertex(entry.vertex.id.bytes, entry.vertex.message.bytes, entry.records);
        await engine.submit(entry.vertex.message.bytes, entry.records);
    }
    return { home, evidence: await evidenceOf(store, network.genesis) };
}

/** Evidence for everything in a store. */
async function evidenceOf(store: MemoryServerStore, genesis: Uint8Array): Promise<Evidence> {
    const rows = [];
    for await (const row of store.entries(0)) rows.push(row);
    const log = MerkleLog.of(rows.map(entryLeafHash));
    const enrolments = [];
    const vertices = [];
    const records = [];
    for (const row of rows) {
        const leaf = {
            index: row.index,
            entry: encodeEntry(row),
            path: log.inclusionPath(row.index),
        };
        if (unwrap(parseItem(row.item)).kind === "enrolment") {
            enrolments.push(leaf);
            continue;
        }
        vertices.push(leaf);
        const parsed = row.body.map((bytes) => unwrap(parseRecord(bytes)));
        const tree = MerkleLog.of(parsed.map(recordLeafHash));
        for (const [position, { message }] of parsed.entries()) {
            const path = tree.inclusionPath(position);
            records.push({ bytes: message.bytes, vertex: vertices.length - 1, position, path });
        }
    }
    const checkpoint = (await store.checkpoint()) as string;
    return { genesis, checkpoint, enrolments, vertices, records };
}

const batches = [0, 4, 8, 12].map((from) => grow(SLOT + from, BigInt(from * 10), [10, 10, 10, 10]));
let ledger: Ledger;
let other: Ledger;

beforeAll(async () => {
    ledger = await ledgerOf("home", batches);
    other = await ledgerOf("neighbour", batches);
});

function report(evidence: Evidence, key: KeyFile = ledger.home.key): HouseholdReport {
    return unwrap(openHousehold(unwrap(decodeEvidence(encodeEvidence(evidence))), key));
}

/** Names of the verdicts that do not hold. */
function broken(evidence: Evidence, key?: KeyFile): string[] {
    const { verdicts } = report(evidence, key);
    const names = ["signature", "continuity", "clock", "plausibility"] as const;
    return names.filter((name) => !verdicts[name].holds);
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
    const out = bytes.slice();
    const index = at < 0 ? out.length + at : at;
    out[index] = (out[index] ?? 0) ^ 1;
    return out;
}

function change<T>(list: readonly T[], at: number, by: (value: T) => T): T[] {
    return list.map((value, i) => (i === at ? by(value) : value));
}

describe("a household's check", () => {
    it("holds for what is whole, and opens it", () => {
        const { records, series, verdicts } = report(ledger.evidence);
        expect(broken(ledger.evidence)).toEqual([]);
        expect(records).toHaveLength(4);
        expect(series.map(({ importWh }) => Number(importWh))).toEqual(
            Array.from({ length: 16 }, (_, i) => (i + 1) * 10),
        );
        expect(verdicts.checkpoint?.size).toBe(4);
        for (const verdict of [verdicts.signature, verdicts.continuity, verdicts.clock]) {
            expect(verdict.checked).toBeGreaterThan(3);
        }
    });

    it("does not hold over nothing", () => {
        expect(broken({ ...ledger.evidence, records: [] })).toEqual([
            "continuity",
            "clock",
            "plausibility",
        ]);
    });

    const attacks: [string, (evidence: Evidence) => Evidence, keyof Verdicts][] = [
        [
            "a flipped signature of a record",
            (e) => ({
                ...e,
                records: change(e.records, 1, (r) => ({ ...r, bytes: flip(r.bytes, -9) })),
            }),
            "signature",
        ],
        [
            "a flipped signature of a vertex",
            (e) => ({
                ...e,
                vertices: change(e.vertices, 0, (v) => ({ ...v, entry: flip(v.entry, -9) })),
            }),
            "continuity",
        ],
        [
            "a missing record in the middle",
            (e) => ({ ...e, records: e.records.filter((_, i) => i !== 1) }),
            "continuity",
        ],
        ["a missing first record", (e) => ({ ...e, records: e.records.slice(1) }), "continuity"],
        [
            "records in another order",
            (e) => ({ ...e, records: [...e.records].reverse() }),
            "continuity",
        ],
        [
            "a record twice",
            (e) => ({ ...e, records: [...e.records, ...e.records.slice(-1)] }),
            "continuity",
        ],
        [
            "a record at another position",
            (e) => ({ ...e, records: change(e.records, 0, (r) => ({ ...r, position: 1 })) }),
            "continuity",
        ],
        [
            "a record in another vertex",
            (e) => ({ ...e, records: change(e.records, 0, (r) => ({ ...r, vertex: 1 })) }),
            "continuity",
        ],
        [
            "a changed path",
            (e) => ({
                ...e,
                records: change(e.records, 0, (r) => ({
                    ...r,
                    path: r.path.map((hash) => flip(hash, 0)),
                })),
            }),
            "continuity",
        ],
        [
            "an entry at another index",
            (e) => ({
                ...e,
                vertices: change(e.vertices, 0, (v) => ({ ...v, index: v.index + 1 })),
            }),
            "continuity",
        ],
        [
            "a changed checkpoint",
            (e) => ({ ...e, checkpoint: e.checkpoint.replace("\n4\n", "\n5\n") }),
            "continuity",
        ],
        [
            "a checkpoint of another network",
            (e) => ({ ...e, checkpoint: other.evidence.checkpoint }),
            "continuity",
        ],
        ["a changed genesis", (e) => ({ ...e, genesis: flip(e.genesis, -1) }), "continuity"],
        ["no enrolment", (e) => ({ ...e, enrolments: [] }), "signature"],
        [
            "the enrolments of another network",
            (e) => ({ ...e, enrolments: other.evidence.enrolments }),
            "signature",
        ],
        [
            "a garbage record",
            (e) => ({
                ...e,
                records: change(e.records, 3, (r) => ({ ...r, bytes: testBytes("x", 32) })),
            }),
            "continuity",
        ],
    ];
    it.each(attacks)("names %s", (_name, attack, verdict) => {
        expect(broken(attack(ledger.evidence))).toContain(verdict);
    });

    it("finds every flipped byte of the records", () => {
        for (const [i, { bytes }] of ledger.evidence.records.slice(0, 2).entries()) {
            for (let at = 0; at < bytes.length; at += 7) {
                const records = change(ledger.evidence.records, i, (r) => ({
                    ...r,
                    bytes: flip(r.bytes, at),
                }));
                const outcome = openHousehold({ ...ledger.evidence, records }, ledger.home.key);
                const holds =
                    outcome.ok &&
                    outcome.value.verdicts.continuity.holds &&
                    outcome.value.verdicts.signature.holds;
                expect(holds, `byte ${at} of record ${i}`).toBe(false);
            }
        }
    });

    it("says that the key is another network's, or another meter's", () => {
        expect(openHousehold(other.evidence, ledger.home.key)).toMatchObject({
            ok: false,
            error: { code: "MS_KEY_FOREIGN" },
        });
        const meter = { ...ledger.home.key, meter: testBytes("x", 16) };
        expect(openHousehold(ledger.evidence, meter)).toMatchObject({
            ok: false,
            error: { code: "MS_KEY_FOREIGN" },
        });
    });

    it("does not open with another secret", () => {
        const key = { ...ledger.home.key, master: testBytes("another", 32) };
        expect(broken(ledger.evidence, key)).toEqual(["plausibility"]);
        expect(report(ledger.evidence, key).series).toEqual([]);
    });

    it("names records dated before their readings, or long after the ledger took them", async () => {
        const early = await ledgerOf("early", batches, 946_684_800);
        expect(broken(early.evidence, early.home.key)).toEqual(["clock"]);
        const { verdicts } = report(early.evidence, early.home.key);
        expect(verdicts.clock.faults).toHaveLength(4);
        expect(verdicts.clock.faults[0]?.where).toContain(toHex(early.home.key.meter));
    });

    it.each(["import", "export"])("names an %s register that moves too fast", async (name) => {
        const channel = name === "import" ? 0 : 1;
        const jump = [0, 1, 2].map((i): Reading => {
            const registers = [0, 1].map((c) => (c === channel ? BigInt(i) * 17_251n : 5n));
            return { slot: SLOT + i, registers };
        });
        const fast = await ledgerOf(`fast ${name}`, [jump]);
        expect(broken(fast.evidence, fast.home.key)).toEqual(["plausibility"]);
        const fault = report(fast.evidence, fast.home.key).verdicts.plausibility.faults[0];
        expect(fault?.where).toContain(name);
        expect(fault?.error.code).toBe("MS_REGISTER_CAP");
    });

    it("names a register that runs backwards from one record to the next", async () => {
        const back = await ledgerOf("back", [
            grow(SLOT, 100n, [1, 1]),
            grow(SLOT + 2, 50n, [1, 1]),
        ]);
        const { verdicts } = report(back.evidence, back.home.key);
        expect(verdicts.plausibility.faults).toMatchObject([
            { error: { code: "MS_REGISTER_DECREASED" } },
        ]);
    });

    it("does not trust a self-made ledger", async () => {
        const forged = await ledgerOf("forged", batches);
        const key = {
            ...ledger.home.key,
            meter: forged.home.key.meter,
            stream: forged.home.key.stream,
        };
        const evidence = { ...forged.evidence, genesis: ledger.evidence.genesis };
        expect(broken(evidence, key)).toContain("continuity");
        expect(testSigner("forged").publicKey).not.toEqual(testSigner("home").publicKey);
    });
});
