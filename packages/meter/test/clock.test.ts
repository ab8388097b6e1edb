import { LIMITS } from "@meterseal/core";
import { type MeterRecord, RECEIPT_LEVEL } from "@meterseal/record";
import { TEST_START_UNIX } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { MeterAgent } from "../src/index.ts";
import { boundary, FIRST_SLOT, MeterBed, usage } from "./agent-bed.ts";

const DAY_SECONDS = 86_400;

let bed: MeterBed;

beforeEach(() => {
    bed = new MeterBed();
});

/** Refusal of a record by a collector whose clock is so far behind the record's. */
async function refuse(record: MeterRecord, aheadSeconds: number): Promise<void> {
    await bed.answer(record, {
        level: RECEIPT_LEVEL.refused,
        code: 14,
        timeUnix: record.timeUnix - aheadSeconds,
    });
}

describe("a record that was signed under a clock far ahead", () => {
    it("is a state that can be seen, is said once, and ends when the collector takes it", async () => {
        await bed.start();
        await bed.feed(8);
        const [first, second] = (await bed.kept()) as [MeterRecord, MeterRecord];
        expect(bed.agent.clockAhead).toBeNull();
        for (let hour = 0; hour < 3; hour++) {
            const aheadSeconds = DAY_SECONDS - hour * 3600;
            await refuse(first, aheadSeconds);
            const waitSeconds = aheadSeconds - LIMITS.clockAheadSeconds;
            expect(bed.agent.clockAhead).toEqual({ seq: 1, aheadSeconds, waitSeconds });
        }
        expect(bed.clockAheads).toHaveLength(1);
        expect(bed.agent.refusal).toBeNull();
        await bed.answer(second);
        expect(bed.agent.clockAhead).toBeNull();
        expect(bed.clockAheads.at(-1)).toBeNull();
    });

    it("ends with any signed time that shows that the clocks have met, and goes at once", async () => {
        await bed.start();
        await bed.feed(8);
        const [first, second] = (await bed.kept()) as [MeterRecord, MeterRecord];
        await bed.answer(first);
        await refuse(second, DAY_SECONDS);
        bed.link.take();
        const met = second.timeUnix - LIMITS.clockAheadSeconds;
        await bed.answer(first, { timeUnix: met - 1 });
        expect(bed.agent.clockAhead).toMatchObject({ seq: 2 });
        expect(bed.link.take()).toEqual([]);
        await bed.answer(first, { timeUnix: met });
        expect(bed.agent.clockAhead).toBeNull();
        expect(bed.link.take()).toEqual([[2]]);
        expect(bed.clockAheads.map((ahead) => ahead?.seq ?? null)).toEqual([2, null]);
    });

    it("is no state for a record that has been taken since: an old answer says nothing", async () => {
        await bed.start();
        await bed.feed(4);
        const [first] = (await bed.kept()) as [MeterRecord];
        await bed.answer(first);
        await refuse(first, DAY_SECONDS);
        expect(bed.agent.clockAhead).toBeNull();
        expect(bed.clockAheads).toEqual([]);
    });

    it("counts from its last registers where they are later than its date", async () => {
        await bed.start();
        await bed.feed(4, FIRST_SLOT + 4 * 96);
        const [first] = (await bed.kept()) as [MeterRecord];
        const lastUnix = TEST_START_UNIX + (4 * 96 + 3) * 900;
        await bed.answer(first, { level: RECEIPT_LEVEL.refused, code: 14 });
        const aheadSeconds = lastUnix - Math.floor(bed.time.nowMs() / 1000);
        expect(bed.agent.clockAhead).toMatchObject({ seq: 1, aheadSeconds });
    });

    it("stands in the log where nobody watches, once for each end", async () => {
        const lines: string[] = [];
        const say = (message: string): void => void lines.push(message);
        const { onClockAhead: _, ...options } = bed.options();
        const agent = await MeterAgent.open({ ...options, log: { info: say, warn: say } });
        await agent.connect();
        bed.link.up();
        await agent.add(boundary(FIRST_SLOT));
        await agent.flush();
        const [first] = (await bed.kept()) as [MeterRecord];
        await refuse(first, DAY_SECONDS);
        await refuse(first, DAY_SECONDS);
        await bed.answer(first);
        expect(lines).toEqual([
            "a record is dated ahead of its collector and waits",
            "no record is dated ahead of its collector any more",
        ]);
        await agent.close();
    });

    it("goes again in the same bytes, once a minute and not sooner", async () => {
        await bed.start();
        await bed.feed(4);
        const [first] = (await bed.kept()) as [MeterRecord];
        bed.link.take();
        await refuse(first, DAY_SECONDS);
        await bed.time.advance(59_000);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(2_000);
        const sent = bed.link.sent.flat().map(({ message }) => message.bytes);
        expect(sent.length).toBeGreaterThan(0);
        for (const bytes of sent) expect(bytes).toEqual(first.message.bytes);
    });

    it("goes again as soon as the collector's clock is near", async () => {
        await bed.start();
        await bed.feed(4);
        const [first] = (await bed.kept()) as [MeterRecord];
        bed.link.take();
        await refuse(first, LIMITS.clockAheadSeconds + 10);
        await bed.time.advance(9_000);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(2_000);
        expect(bed.link.take()).toContainEqual([1]);
    });
});

describe("a clock that goes back", () => {
    it("seals nothing twice: slots go on where they were, also after a restart", async () => {
        await bed.start();
        await bed.feed(8);
        const back = { nowMs: () => bed.time.nowMs() - 30 * DAY_SECONDS * 1000 };
        await bed.agent.close();
        bed.store = bed.store.crash();
        const agent = await MeterAgent.open({ ...bed.options(), clock: back });
        expect(agent.nextSlot).toBe(FIRST_SLOT + 8);
        for (const slot of [FIRST_SLOT, FIRST_SLOT + 7]) {
            await expect(agent.add(boundary(slot))).rejects.toMatchObject({
                code: "MS_SEAL_ORDER",
            });
        }
        for (let slot = FIRST_SLOT + 8; slot < FIRST_SLOT + 12; slot++) {
            await agent.add(boundary(slot));
        }
        const kept = await bed.kept();
        expect(kept.map(({ seq }) => seq)).toEqual([1, 2, 3]);
        expect(kept.map((record) => usage(record).firstSlot)).toEqual(
            [0, 4, 8].map((offset) => FIRST_SLOT + offset),
        );
        expect(kept[2]?.timeUnix).toBeLessThan(kept[1]?.timeUnix ?? 0);
        expect(kept[2]?.prev).toEqual(kept[1]?.message.hash);
        await agent.close();
    });
});
