import { unwrap } from "@meterseal/core";
import { createRevocation, type MeterRecord, parseRevocation } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { checkEvidence, type EvidenceTrust } from "../src/evidence/check.ts";
import type { Evidence } from "../src/evidence/evidence.ts";
import { Book, faults } from "./evidence-book.ts";
import { World } from "./world.ts";

/** A world, its log, and what checks evidence of its meter. */
async function open(): Promise<{ world: World; book: Book; trust: EvidenceTrust }> {
    const world = await World.open();
    const book = new Book(world.network);
    for (const { enrolment } of [world.collector, world.meter])
        book.enrolments.push(enrolment.message.bytes);
    const trust = { networkId: world.network.networkId, subject: world.meter.subject };
    return { world, book, trust };
}

/** Puts records into the log as a collector does that does not care what becomes of them. */
async function carry(
    { book, world }: Awaited<ReturnType<typeof open>>,
    ...records: MeterRecord[]
): Promise<string[]> {
    const entry = await world.collector.vertex(records);
    const accepted = unwrap(world.accept(entry));
    book.batches.push({ bytes: entry.vertex.message.bytes, records: entry.records });
    return accepted.outcomes.map((outcome) =>
        outcome.kind === "refused" ? outcome.error.code : outcome.kind,
    );
}

function secondKey({ network }: World): Promise<TestMeter> {
    const signer = testSigner("second key");
    return network.meter("meter", { signer, payload: { epoch: 1 }, descriptor: { sealEpoch: 1 } });
}

describe("evidence with what the ledger refused", () => {
    it("does not hold with a record of a replaced key in an epoch of the next one", async () => {
        const scene = await open();
        const { book, trust, world } = scene;
        expect(await carry(scene, await world.chain.usage())).toEqual(["accepted"]);
        const two = await secondKey(world);
        expect(world.enrol(two).ok).toBe(true);
        book.enrolments.push(two.enrolment.message.bytes);
        const honest = await book.evidence(world.meter.subject);
        expect(faults(checkEvidence(honest, trust))).toEqual([[], []]);
        const stolen = [await world.chain.epoch(), await world.chain.usage()];
        expect(await carry(scene, ...stolen)).toEqual(["MS_FROZEN", "MS_FROZEN"]);
        const evidence = await book.evidence(world.meter.subject);
        for (const extent of ["whole", "stretch", "single"] as const) {
            const report = checkEvidence(evidence, { ...trust, extent });
            expect(faults(report), extent).toEqual([[], ["MS_FROZEN"]]);
        }
    });

    it("does not hold with a record of a key in an epoch before its own", async () => {
        const scene = await open();
        const { book, trust, world } = scene;
        const two = await secondKey(world);
        expect(world.enrol(two).ok).toBe(true);
        book.enrolments.push(two.enrolment.message.bytes);
        expect(await carry(scene, await world.chain.usage())).toEqual(["accepted"]);
        const early = Object.assign(new TestChain(two, 0), {
            ...{ seq: world.chain.seq, head: world.chain.head, nextSlot: world.chain.nextSlot },
        });
        expect(await carry(scene, await early.usage())).toEqual(["MS_FROZEN"]);
        const evidence = await book.evidence(world.meter.subject);
        expect(faults(checkEvidence(evidence, trust))).toEqual([[], ["MS_FROZEN"]]);
    });

    it("does not hold with a record that came after its meter was removed", async () => {
        const scene = await open();
        const { book, trust, world } = scene;
        const { network } = world;
        expect(await carry(scene, await world.chain.usage())).toEqual(["accepted"]);
        const removal = (id: Uint8Array, by = network.operator): Promise<Uint8Array> =>
            createRevocation(by, { network: network.networkId, id, timeUnix: 1 });
        const bytes = await removal(world.meter.subject);
        const revocation = unwrap(parseRevocation(bytes));
        expect(world.accept({ kind: "revocation", revocation }).ok).toBe(true);
        const others = await removal(testBytes("author elsewhere", 16));
        const forged = await removal(world.meter.subject, testSigner("stranger", "edDsa"));
        for (const item of [bytes, others, forged]) book.batches.push({ bytes: item, records: [] });
        expect(await carry(scene, await world.chain.usage())).toEqual(["MS_FROZEN"]);
        const all = await book.evidence(world.meter.subject);
        const { vertices } = all;
        /** The records and the removals at some places of the log, which stand behind the first vertex. */
        const shown = (records: number, ...removals: number[]): Evidence => ({
            ...all,
            records: all.records.slice(0, records).map((r) => ({ ...r, vertex: r.vertex && 1 })),
            vertices: [vertices[0], vertices[4]].map((leaf) => leaf as (typeof vertices)[number]),
            statements: removals.map((at) => vertices[at] as (typeof vertices)[number]),
        });
        const check = (evidence: Evidence) => faults(checkEvidence(evidence, trust));
        expect(check(shown(1, 1))).toEqual([[], []]);
        expect(check(shown(2, 1))).toEqual([[], ["MS_FROZEN"]]);
        // A removal of somebody else says nothing of it, and one that is forged is a fault by itself.
        expect(check(shown(2, 2))).toEqual([[], []]);
        expect(check(shown(1, 3))).toEqual([["MS_SIGNATURE_BAD"], []]);
    });
});
