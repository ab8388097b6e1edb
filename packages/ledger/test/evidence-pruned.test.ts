import type { MeterRecord, UsageBody } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { TEST_START_SLOT, TEST_START_UNIX, TestChain } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { checkEvidence, type EvidenceReport } from "../src/evidence/check.ts";
import type { Evidence } from "../src/evidence/evidence.ts";
import { Book, faults } from "./evidence-book.ts";
import { codeOf, World } from "./world.ts";

/** Behind the first record of four slots, within the second. */
const BEFORE_UNIX = TEST_START_UNIX + 5 * 900;
const OTHER = testBytes("other stream", 16);

/** A chain in a log with a pruning, of a meter that has so many streams. */
async function pruned(
    streams: 1 | 2,
    make: (chain: TestChain) => Promise<readonly MeterRecord[]>,
): Promise<{ evidence: Evidence; check: (evidence: Evidence) => EvidenceReport }> {
    const world = await World.open();
    const { collector, network } = world;
    const { descriptor } = await network.meter("of streams");
    const all = [descriptor, { ...descriptor, stream: OTHER }].slice(0, streams);
    const meter = await network.meter("of streams", { payload: { streams: all } });
    expect(codeOf(world.enrol(meter))).toBe("ok");
    const entry = await collector.vertex(await make(new TestChain(meter)));
    expect(codeOf(world.accept(entry))).toBe("ok");
    const book = new Book(network);
    for (const { enrolment } of [meter, collector]) book.enrolments.push(enrolment.message.bytes);
    book.batches.push({ bytes: entry.vertex.message.bytes, records: entry.records });
    const pruning = await network.pruning({ beforeUnix: BEFORE_UNIX, size: 3 });
    book.statements.push(pruning.message.bytes);
    const trust = { networkId: network.networkId, subject: meter.subject };
    return {
        evidence: await book.evidence(meter.subject),
        check: (evidence) => checkEvidence(evidence, trust),
    };
}

/** The same evidence without its first records. */
const without = (count: number, evidence: Evidence): Evidence => ({
    ...evidence,
    records: evidence.records.slice(count),
});

describe("evidence whose beginning was pruned", () => {
    it("begins with usage that goes on at the instant or before it, and not one record later", async () => {
        const { check, evidence } = await pruned(1, async (chain) => [
            await chain.usage(),
            await chain.usage(),
            await chain.usage(),
        ]);
        const [whole, rest] = [check(evidence), check(without(1, evidence))];
        expect([faults(whole), whole.prunedBeforeUnix]).toEqual([[[], []], null]);
        expect([faults(rest), rest.prunedBeforeUnix]).toEqual([[[], []], BEFORE_UNIX]);
        expect(faults(check(without(2, evidence)))).toEqual([[], ["MS_CHAIN_MISMATCH"]]);
    });

    it("is refused of a key of several streams: where one goes on says nothing of another", async () => {
        const other = (slot: number): Partial<UsageBody> => ({
            stream: OTHER,
            firstSlot: TEST_START_SLOT + slot,
        });
        const { check, evidence } = await pruned(2, async (chain) => {
            const own = [await chain.usage(), await chain.usage()];
            const late = [await chain.usage(other(1)), await chain.usage(other(5))];
            return [...own, ...late, await chain.usage({ firstSlot: TEST_START_SLOT + 9 })];
        });
        expect(faults(check(evidence))).toEqual([[], []]);
        // Before the third record, which is old enough, the second goes, which is not.
        const rest = check(without(3, evidence));
        expect([faults(rest), rest.prunedBeforeUnix]).toEqual([[[], ["MS_CHAIN_MISMATCH"]], null]);
    });
});
