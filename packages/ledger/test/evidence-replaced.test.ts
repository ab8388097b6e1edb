import { unixOfSlot } from "@meterseal/core";
import {
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
} from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeAll, describe, expect, it } from "vitest";
import {
    checkEvidence,
    type EvidenceExtent,
    type EvidenceReport,
    type EvidenceTrust,
} from "../src/evidence/check.ts";
import type { Evidence } from "../src/evidence/evidence.ts";
import { Book, faults } from "./evidence-book.ts";
import { World } from "./world.ts";

/** Record of the registers where a seal epoch opens or closes. */
function event(
    chain: TestChain,
    kind: keyof typeof EVENT_KIND,
    before?: RegisterEvent["before"],
): Promise<MeterRecord> {
    const { groups, sealEpoch, stream } = chain.meter.descriptor;
    const body: RegisterEvent = {
        ...{ stream, sealEpoch, groups, kind: EVENT_KIND[kind], index: 0 },
        reason: EVENT_REASON.exchange,
        atUnix: unixOfSlot(chain.nextSlot - 1, 900),
        values: { mode: "sealed", bytes: new Uint8Array(8) },
        ...(before === undefined ? {} : { before }),
    };
    return chain.other(RECORD_CLASS.billing, encodeEvent(body));
}

/** Two keys of one meter and what each signed: places 0/1 … 0/4, of which the last closes, and 1/1 … 1/3. */
async function exchanged(
    isDead: boolean,
): Promise<{ evidence: Evidence; trust: EvidenceTrust; world: World; book: Book; two: TestMeter }> {
    const world = await World.open();
    const { chain, collector, meter, network } = world;
    const book = new Book(network);
    const two = await network.meter("meter", {
        signer: testSigner("second key"),
        payload: { epoch: 1 },
        descriptor: { sealEpoch: 1 },
    });
    for (const { enrolment } of [collector, meter, two])
        book.enrolments.push(enrolment.message.bytes);
    const own = [await chain.usage(), await chain.usage(), await chain.usage()];
    const closing = isDead ? await chain.warning() : await event(chain, "closing");
    const next = Object.assign(new TestChain(two), {
        nextSlot: chain.nextSlot,
        timeUnix: chain.timeUnix,
    });
    const before = isDead ? {} : { closing: closing.message.hash };
    const opening = await event(next, "opening", { sealEpoch: 0, ...before });
    for (const records of [
        [...own, closing],
        [opening, await next.usage(), await next.usage()],
    ]) {
        if (records[0] === opening) expect(world.enrol(two).ok).toBe(true);
        const entry = await collector.vertex(records);
        expect(world.accept(entry)).toMatchObject({ ok: true });
        book.batches.push({ bytes: entry.vertex.message.bytes, records: entry.records });
    }
    const trust = { networkId: network.networkId, subject: meter.subject };
    return { evidence: await book.evidence(meter.subject), trust, world, book, two };
}

describe("evidence over a change of keys", () => {
    let scene: Awaited<ReturnType<typeof exchanged>>;
    beforeAll(async () => {
        scene = await exchanged(false);
    });
    /** Report on the records from one on, without so many in a place. */
    const check = (
        extent: EvidenceExtent,
        from: number,
        [at, count]: readonly [number, number] = [0, 0],
        by = scene,
    ): EvidenceReport => {
        const left = by.evidence.records.filter((_, i) => i < at || i >= at + count);
        const records = left.slice(from);
        return checkEvidence({ ...by.evidence, records }, { ...by.trust, extent });
    };

    it.each(["whole", "stretch"] as const)("holds, %s", (extent) => {
        expect(faults(check(extent, 0))).toEqual([[], []]);
    });

    it("holds as a stretch that begins anywhere", () => {
        for (const from of [1, 2, 3, 4, 5]) {
            expect(faults(check("stretch", from)), `from ${from}`).toEqual([[], []]);
        }
    });

    it.each(["whole", "stretch"] as const)(
        "shows that the last records of the old key are missing, %s",
        (extent) => {
            for (const [at, count] of [
                [1, 3],
                [2, 2],
                [3, 1],
            ] as const) {
                const report = check(extent, 0, [at, count]);
                expect(faults(report), `${count} from ${at}`).toEqual([[], ["MS_CHAIN_MISMATCH"]]);
            }
        },
    );

    it("shows that everything of the old key is missing", () => {
        expect(faults(check("whole", 4))).toEqual([[], ["MS_CHAIN_MISMATCH"]]);
    });

    it("shows another closing record in the place of the one that the opening names", async () => {
        const { chain } = scene.world;
        chain.seq = 3;
        const { book, evidence, trust } = scene;
        const third = book.batches[0]?.records[2] as MeterRecord;
        chain.head = third.message.hash;
        const other = await event(chain, "closing");
        const entry = await scene.world.collector.vertex([other]);
        book.batches.push({ bytes: entry.vertex.message.bytes, records: [other] });
        const all = await book.evidence(trust.subject);
        book.batches.pop();
        const isOther = ({ bytes }: { bytes: Uint8Array }) => bytes === other.message.bytes;
        const records = [
            ...all.records.slice(0, 3),
            ...all.records.filter(isOther),
            ...all.records.filter((each) => !isOther(each)).slice(4),
        ];
        expect(records.length).toBe(evidence.records.length);
        expect(faults(checkEvidence({ ...all, records }, trust))).toEqual([
            [],
            ["MS_CHAIN_MISMATCH"],
        ]);
    });

    it("holds of a dead device, which closed nothing", async () => {
        const dead = await exchanged(true);
        for (const extent of ["whole", "stretch"] as const) {
            expect(faults(check(extent, 0, [0, 0], dead))).toEqual([[], []]);
        }
    });

    it("holds where a pruning took all of the old key, and not where it took less", async () => {
        const { book, trust, world } = scene;
        const cut = async (beforeUnix: number): Promise<EvidenceReport> => {
            const pruning = await world.network.pruning({ beforeUnix, size: 5 });
            book.statements.push(pruning.message.bytes);
            const evidence = await book.evidence(trust.subject);
            book.statements.pop();
            return checkEvidence({ ...evidence, records: evidence.records.slice(4) }, trust);
        };
        const lastUnix = unixOfSlot(world.chain.nextSlot - 1, 900);
        const [held, refused] = [await cut(lastUnix + 1), await cut(lastUnix)];
        expect([faults(held), held.prunedBeforeUnix]).toEqual([[[], []], lastUnix + 1]);
        expect([faults(refused), refused.prunedBeforeUnix]).toEqual([
            [[], ["MS_CHAIN_MISMATCH"]],
            null,
        ]);
    });
});
