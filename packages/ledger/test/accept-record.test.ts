import { LIMITS } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TEST_START_UNIX, TestChain } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Draft } from "../src/accept/draft.ts";
import { applyRecord } from "../src/accept/record-rules.ts";
import { World } from "./world.ts";

let world: World;
let chain: TestChain;
beforeEach(async () => {
    world = await World.open();
    chain = world.chain;
});

const DATED_MS = (TEST_START_UNIX + 86_400) * 1000;
/** Makes some records, one after the other. */
async function warnings(count: number, from: TestChain = chain): Promise<MeterRecord[]> {
    const out: MeterRecord[] = [];
    while (out.length < count) out.push(await from.warning(out.length));
    return out;
}
/** Checks that the chain is cut before a place and takes nothing after it. */
function expectFrozen(at: number, epoch = 0): void {
    const state = world.chainState(epoch);
    expect([state?.frozenAt, state?.headSeq]).toEqual([at, at - 1]);
    expect([...world.state.streams.values()].every((stream) => stream.frozen)).toBe(true);
}

describe("a record's place", () => {
    it("follows its chain, record by record", async () => {
        const records = [await chain.usage(), await chain.warning(), await chain.usage()];
        expect(await world.take(records)).toEqual(["accepted", "accepted", "accepted"]);
        expect(world.chainState()?.headSeq).toBe(3);
        expect(world.chainState()?.headHash).toEqual(records[2]?.message.hash);
    });

    it("is ignored the second time, in one vertex after the other", async () => {
        const records = await warnings(3);
        await world.take(records);
        const before = new Map(world.state.chains);
        expect(await world.take(records)).toEqual(["duplicate", "duplicate", "duplicate"]);
        expect(world.chainState()?.headSeq).toBe(3);
        expect(world.state.chains.size).toBe(before.size);
    });

    it("begins at the enrolment", async () => {
        expect(await world.take([await chain.usage({}, { prev: new Uint8Array(32) })])).toEqual([
            "MS_CHAIN_MISMATCH",
        ]);
        expectFrozen(1);
    });

    it("begins at the enrolment of its own network", async () => {
        const elsewhere = await World.open(0, { payload: { timeUnix: TEST_START_UNIX + 1 } });
        expect(await world.take([await elsewhere.chain.usage()])).toEqual(["MS_CHAIN_MISMATCH"]);
    });

    it("names the record before", async () => {
        await world.take(await warnings(2));
        expect(await world.take([await chain.warning(0, { prev: testBytes("else", 32) })])).toEqual(
            ["MS_CHAIN_MISMATCH"],
        );
        expectFrozen(3);
        expect(await world.take([await chain.warning()])).toEqual(["MS_FROZEN"]);
    });

    it("waits for the record before, and is released in order", async () => {
        const [a, b, c, d] = (await warnings(4)) as [
            MeterRecord,
            MeterRecord,
            MeterRecord,
            MeterRecord,
        ];
        expect(await world.take([c])).toEqual(["pending"]);
        expect(await world.take([d, c])).toEqual(["pending", "pending"]);
        expect(await world.take([a])).toEqual(["accepted"]);
        expect(world.chainState()?.headSeq).toBe(1);
        const outcome = applyRecord(new Draft(world.state), b, TEST_LATER_MS);
        expect(outcome.kind === "accepted" ? outcome.released.map((r) => r.seq) : []).toEqual([
            3, 4,
        ]);
        expect(await world.take([b])).toEqual(["accepted"]);
        expect(world.chainState()?.headSeq).toBe(4);
        expect(world.chainState()?.pending.size).toBe(0);
        expect(world.chainState()?.headHash).toEqual(d.message.hash);
    });

    it("says what it waits for", async () => {
        const records = await warnings(3);
        const outcome = applyRecord(
            new Draft(world.state),
            records[2] as MeterRecord,
            TEST_LATER_MS,
        );
        expect(outcome).toEqual({ kind: "pending", nextSeq: 1 });
    });

    it("waits with 63 others at most", async () => {
        const records = await warnings(LIMITS.pendingRecords + 2);
        const late = records.slice(1);
        const outcomes = await world.take(late);
        expect(outcomes.filter((name) => name === "pending")).toHaveLength(LIMITS.pendingRecords);
        expect(outcomes.at(-1)).toBe("MS_GAP");
        expect(world.chainState()?.frozenAt).toBe(null);
        expect(await world.take(late.slice(0, 1))).toEqual(["pending"]); // it waits already
        expect(await world.take(records.slice(0, 1))).toEqual(["accepted"]);
        expect(world.chainState()?.headSeq).toBe(LIMITS.pendingRecords + 1);
        expect(await world.take(late.slice(-1))).toEqual(["accepted"]);
    });

    it("freezes the chain when the record that waited breaks a rule", async () => {
        const first = await chain.warning();
        const second = await chain.warning(0, { prev: testBytes("else", 32) });
        expect(await world.take([second])).toEqual(["pending"]);
        expect(await world.take([first])).toEqual(["accepted"]);
        expectFrozen(2);
        expect(world.chainState()?.headHash).toEqual(first.message.hash);
    });
});

describe("two histories of one key", () => {
    it.each([
        [0, 1],
        [1, 0],
    ])("freeze the chain before the fork, whichever came first: %i, %i", async (first, second) => {
        const start = await warnings(2);
        const fork = chain.fork();
        const histories = [
            await warnings(3),
            [await fork.warning("other"), await fork.warning("more")],
        ];
        await world.take(start);
        await world.take(histories[first] as MeterRecord[]);
        expect(await world.take(histories[second] as MeterRecord[])).toEqual(
            (histories[second] as MeterRecord[]).map((_, i) =>
                i === 0 ? "conflict" : "MS_FROZEN",
            ),
        );
        expectFrozen(3);
        expect(world.chainState()?.headHash).toEqual(start[1]?.message.hash);
        expect(await world.take([await chain.warning()])).toEqual(["MS_FROZEN"]);
        expect(await world.take(start)).toEqual(["duplicate", "duplicate"]);
    });

    it("freeze a chain whose records wait, and what is before the fork still comes in", async () => {
        const start = await warnings(2);
        const fork = chain.fork();
        const one = await chain.warning("one");
        expect(await world.take([one, await chain.warning()])).toEqual(["pending", "pending"]);
        expect(await world.take([await fork.warning("two")])).toEqual(["conflict"]);
        expect([...(world.chainState()?.pending.keys() ?? [])]).toEqual([]);
        expect(await world.take(start)).toEqual(["accepted", "accepted"]);
        expectFrozen(3);
    });

    it("freeze a chain whose usage before the fork comes late", async () => {
        const usage = await chain.usage();
        const fork = chain.fork();
        await world.take([await chain.warning("one"), await fork.warning("two")]);
        expect(world.chainState()?.frozenAt).toBe(2);
        expect(await world.take([usage])).toEqual(["accepted"]);
        expectFrozen(2);
    });

    it("freeze at the earlier of two forks", async () => {
        const start = await warnings(1);
        const early = chain.fork();
        const middle = await warnings(1);
        const late = chain.fork();
        await world.take([...start, ...middle, ...(await warnings(1))]);
        expect(await world.take([await late.warning("late")])).toEqual(["conflict"]);
        expectFrozen(3);
        expect(await world.take([await early.warning("early")])).toEqual(["conflict"]);
        expectFrozen(2);
    });

    it("leave other meters alone", async () => {
        const other = await world.network.meter("other");
        world.enrol(other);
        const fork = chain.fork();
        const outcomes = await world.take([
            await chain.warning("one"),
            await fork.warning("two"),
            await new TestChain(other).usage(),
        ]);
        expect(outcomes.sort()).toEqual(["accepted", "accepted", "conflict"]);
        expect(world.chainState(0, other.subject)).toMatchObject({ headSeq: 1, frozenAt: null });
    });

    it("of record 1 leave the chain at its enrolment", async () => {
        const fork = chain.fork();
        await world.take([await chain.warning("one")]);
        await world.take([await fork.warning("two")]);
        expectFrozen(1);
        expect(world.chainState()?.headHash).toEqual(world.meter.enrolment.message.hash);
    });
});

describe("a record's date", () => {
    const nowUnix = DATED_MS / 1000;

    it("may be 15 minutes ahead of the entry, not a second more, and may come again", async () => {
        const ahead = await chain.warning(0, { timeUnix: nowUnix + 901 });
        const before = world.root;
        expect(await world.take([ahead], DATED_MS)).toEqual(["MS_CLOCK"]);
        expect(world.chainState()?.headSeq ?? 0).toBe(0);
        expect(world.root).not.toBe(before); // the vertex itself counts
        expect(await world.take([ahead], DATED_MS + 1000)).toEqual(["accepted"]);
        const just = await chain.warning(0, { timeUnix: nowUnix + 1 + 900 });
        expect(await world.take([just], DATED_MS + 1000)).toEqual(["accepted"]);
    });

    it("need not rise", async () => {
        const late = await chain.warning(0, { timeUnix: nowUnix });
        const early = await chain.warning(0, { timeUnix: 0 });
        expect(await world.take([late, early])).toEqual(["accepted", "accepted"]);
    });

    it("counts at once for a record that would wait: no freeze later, and it may come again", async () => {
        const first = await chain.warning();
        const ahead = await chain.warning(0, { timeUnix: nowUnix + 3600 });
        expect(await world.take([ahead], DATED_MS)).toEqual(["MS_CLOCK"]);
        expect(await world.take([first], DATED_MS)).toEqual(["accepted"]);
        expect(world.chainState()?.frozenAt).toBe(null);
        expect(await world.take([ahead], DATED_MS + 3_600_000)).toEqual(["accepted"]);
    });

    it("does not depend on its expiry: that is judged once, when the collector takes it", async () => {
        const old = await chain.warning(0, { expiresUnix: nowUnix - 1 });
        const next = await chain.warning();
        expect(await world.take([old, next], DATED_MS)).toEqual(["accepted", "accepted"]);
    });
});
