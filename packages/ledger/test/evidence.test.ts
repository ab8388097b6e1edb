import { fromHex, toHex, unwrap } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { TEST_LATER_MS, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { beforeAll, describe, expect, it } from "vitest";
import { signCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { checkEvidence, type EvidenceTrust } from "../src/evidence/check.ts";
import {
    decodeEvidence,
    type Evidence,
    encodeEvidence,
    type LogLeaf,
} from "../src/evidence/evidence.ts";
import { originOf } from "../src/genesis.ts";
import { type Book, faults, openScene } from "./evidence-book.ts";
import type { World } from "./world.ts";

let world: World;
let book: Book;
let trust: EvidenceTrust;
let valid: Evidence;
beforeAll(async () => {
    ({ world, book, trust, valid } = await openScene());
});
const check = (evidence: Evidence, by: EvidenceTrust = trust): [string[], string[]] =>
    faults(checkEvidence(evidence, by));

describe("evidence", () => {
    it("holds, and gives the records with their times", () => {
        const report = checkEvidence(valid, trust);
        expect(faults(report)).toEqual([[], []]);
        expect(report.records.map(({ record }) => [record.chainEpoch, record.seq])).toEqual([
            [0, 1],
            [0, 2],
            [0, 3],
            [1, 1],
            [1, 2],
        ]);
        expect(report.records.map(({ entryTimeMs }) => entryTimeMs - TEST_LATER_MS)).toEqual([
            3, 3, 4, 5, 5,
        ]);
        expect(report.checkpoint?.size).toBe(6);
        expect(report.signatures.checked).toBe(3 + 3 + 5);
    });

    it("comes back as it was made, and holds then too", () => {
        const decoded = unwrap(decodeEvidence(encodeEvidence(valid)));
        expect(decoded).toEqual(valid);
        expect(check(decoded)).toEqual([[], []]);
    });

    it("holds with nothing in it but the beginning of a network", () => {
        const empty: Evidence = { ...valid, enrolments: [], vertices: [], records: [] };
        expect(check(empty)).toEqual([[], []]);
        expect(checkEvidence(empty, trust).records).toEqual([]);
    });

    it("fails with any one byte changed", { timeout: 120_000 }, () => {
        const bytes = encodeEvidence(valid);
        const seed = seedOf(3);
        const random = seededRandom(seed);
        const tail = bytes.length <= 2200 ? bytes.length : 2200;
        const positions =
            tail === bytes.length
                ? [...bytes.keys()]
                : Array.from({ length: tail }, () => random.below(bytes.length));
        let parsed = 0;
        for (const position of positions) {
            const changed = bytes.slice();
            changed[position] = (changed[position] as number) ^ (1 << random.below(8));
            const decoded = decodeEvidence(changed);
            if (!decoded.ok) {
                expect(decoded.error.code).toBe("MS_MALFORMED");
                continue;
            }
            parsed++;
            const [signatures, continuity] = check(decoded.value);
            expect(
                signatures.length + continuity.length,
                `seed ${seed}, byte ${position}`,
            ).toBeGreaterThan(0);
        }
        expect(parsed).toBeGreaterThan(1000);
    });

    const without = <T>(list: readonly T[], index: number): T[] =>
        list.filter((_, i) => i !== index);
    const swapped = <T>(list: readonly T[], i: number, j: number): T[] =>
        list.map((each, at) => (at === i ? (list[j] as T) : at === j ? (list[i] as T) : each));

    it.each([0, 1, 2, 3])("shows that record %i is missing", (index) => {
        expect(check({ ...valid, records: without(valid.records, index) })).toEqual([
            [],
            ["MS_CHAIN_MISMATCH"],
        ]);
    });

    it.each([
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 4],
        [0, 3],
    ])("shows that records %i and %i are swapped", (i, j) => {
        expect(check({ ...valid, records: swapped(valid.records, i, j) })).toEqual([
            [],
            ["MS_CHAIN_MISMATCH"],
        ]);
    });

    it("shows that records come twice", () => {
        const { records } = valid;
        expect(check({ ...valid, records: [...records, ...records] })[1]).toEqual([
            "MS_CHAIN_MISMATCH",
        ]);
        expect(
            check({ ...valid, records: [...records.slice(0, 3), ...records.slice(0, 3)] })[1],
        ).toEqual(["MS_CHAIN_MISMATCH"]);
    });

    it("shows that the end of an epoch before the last is missing", () => {
        expect(
            check({
                ...valid,
                records: [...valid.records.slice(0, 2), ...valid.records.slice(3)],
            })[1],
        ).toEqual(["MS_CHAIN_MISMATCH"]);
        expect(check({ ...valid, records: valid.records.slice(3) })[1]).toEqual([
            "MS_CHAIN_MISMATCH",
        ]);
    });

    it("names a vertex that was exchanged for another", () => {
        const records = valid.records.map((record) => ({
            ...record,
            vertex: (record.vertex + 1) % 3,
        }));
        expect(check({ ...valid, records })).toEqual([[], ["MS_PROOF"]]);
        expect(check({ ...valid, vertices: swapped(valid.vertices, 0, 1) })[1]).toEqual([
            "MS_PROOF",
        ]);
    });

    it("names a vertex that is missing", () => {
        expect(check({ ...valid, vertices: valid.vertices.slice(0, 2) })[1]).toEqual(["MS_PROOF"]);
        expect(check({ ...valid, vertices: [] })[1]).toEqual(["MS_PROOF"]);
    });

    it("fails for another network", () => {
        const elsewhere = { ...trust, networkId: testBytes("elsewhere", 32) };
        expect(check(valid, elsewhere)).toEqual([[], ["MS_GENESIS"]]);
        expect(checkEvidence(valid, elsewhere).records).toEqual([]);
        const genesis = new TestNetwork("elsewhere").genesis;
        expect(check({ ...valid, genesis })).toEqual([[], ["MS_GENESIS"]]);
    });

    it("fails for another subject", async () => {
        const { subject } = await world.network.meter("other");
        expect(check(valid, { ...trust, subject })[0]).toEqual(["MS_KEY_UNKNOWN"]);
        const others = await book.evidence(subject);
        expect(check(others)[0]).toEqual(["MS_KEY_UNKNOWN"]);
        expect(check(others, { ...trust, subject })).toEqual([[], []]);
        const mixed = { ...valid, records: [...valid.records, ...others.records] };
        expect(check(mixed)).toEqual([["MS_KEY_UNKNOWN"], ["MS_CHAIN_MISMATCH"]]);
    });

    it("fails by an older checkpoint than its proofs", async () => {
        const older = await book.evidence(world.meter.subject, 5);
        expect(check({ ...valid, checkpoint: older.checkpoint })[1]).toContain("MS_PROOF");
    });

    it("fails by a checkpoint of somebody else", async () => {
        const { networkId } = world.network;
        const root = fromHex("00".repeat(32));
        for (const [signer, origin] of [
            [testSigner("somebody", "edDsa"), originOf(networkId)],
            [world.network.logSigner, originOf(testBytes("elsewhere", 32))],
            [world.network.operator, originOf(networkId)],
        ] as const) {
            const checkpoint = await signCheckpoint(signer, origin, 6, root);
            expect(check({ ...valid, checkpoint })).toEqual([[], ["MS_CHECKPOINT"]]);
        }
        expect(check({ ...valid, checkpoint: "" })).toEqual([[], ["MS_CHECKPOINT"]]);
        const forged = await signCheckpoint(world.network.logSigner, originOf(networkId), 6, root);
        expect(check({ ...valid, checkpoint: forged })[1]).toContain("MS_PROOF");
    });

    it("fails without the enrolment of the meter, or of the collector", () => {
        expect(check({ ...valid, enrolments: without(valid.enrolments, 0) })).toEqual([
            ["MS_KEY_UNKNOWN"],
            ["MS_CHAIN_MISMATCH"],
        ]);
        expect(check({ ...valid, enrolments: without(valid.enrolments, 2) })).toEqual([
            ["MS_VERTEX_AUTHOR"],
            ["MS_PROOF"],
        ]);
        expect(check({ ...valid, enrolments: without(valid.enrolments, 1) })).toEqual([[], []]);
    });

    it("fails with a vertex in the place of an enrolment, and the other way", () => {
        const [enrolment, vertex] = [valid.enrolments[0] as LogLeaf, valid.vertices[0] as LogLeaf];
        expect(check({ ...valid, enrolments: [...valid.enrolments, vertex] })[1]).toEqual([
            "MS_ENROLMENT",
        ]);
        expect(check({ ...valid, vertices: [...valid.vertices, enrolment] })[1]).toEqual([
            "MS_LOG_LEAF",
        ]);
    });

    it("fails with a record signed by another key, or again", async () => {
        const first = valid.records[0] as Evidence["records"][number];
        const original = book.batches[0]?.records.find(
            (r) => toHex(r.message.bytes) === toHex(first.bytes),
        ) as MeterRecord;
        const { message: _, ...payload } = original;
        const chain = new TestChain(world.meter);
        const again = await chain.other(4, payload.body, payload);
        const replaced = { ...first, bytes: again.message.bytes };
        expect(check({ ...valid, records: [replaced, ...valid.records.slice(1)] })).toEqual([
            [],
            ["MS_PROOF"],
        ]);
        const stranger = await chain.other(4, payload.body, {
            ...payload,
            signer: testSigner("stranger"),
        });
        const foreign = { ...first, bytes: stranger.message.bytes };
        expect(check({ ...valid, records: [foreign, ...valid.records.slice(1)] })[0]).toEqual([
            "MS_KEY_UNKNOWN",
        ]);
    });
});
