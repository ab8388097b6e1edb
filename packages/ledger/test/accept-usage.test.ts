import type { AddressException, MeterRecord, UsageBody } from "@meterseal/record";
import { testBytes } from "@meterseal/testkit/keys";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { TEST_START_SLOT, TEST_START_UNIX, TestChain } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { utcMonthIndex } from "../src/accept/usage-rules.ts";
import { World } from "./world.ts";

// First slot of a test chain is 15 minutes into 2013-01-01 UTC; slot + 3 is 01:00.
const DAY = 4749;
const MONTH = 156;

async function outcomeOf(world: World, record: MeterRecord): Promise<string> {
    const [name] = await world.take([record]);
    return name ?? "";
}

describe("a sealed usage record", () => {
    let world: World;
    let chain: TestChain;
    beforeEach(async () => {
        world = await World.open();
        chain = world.chain;
    });

    it.each<[string, Partial<UsageBody>]>([
        ["a stream that nobody enrolled", { stream: testBytes("nobody", 16) }],
        ["a seal epoch that nobody enrolled", { sealEpoch: 1 }],
        ["another slot length", { slotSeconds: 300 }],
        ["another group", { groups: [1] }],
        ["a further group", { groups: [0, 1] }],
        ["plain registers", { values: { mode: "open", registers: [1n, 2n, 3n, 4n] } }],
        ["another scale", { scale: 1 }],
        ["commitments that nobody enrolled", { commitments: [new Uint8Array(128)] }],
    ])("is refused with %s", async (_, usage) => {
        expect(await outcomeOf(world, await chain.usage(usage))).toBe("MS_STREAM_RULE");
        expect(world.chainState()?.frozenAt).toBe(1);
    });

    it.each([
        [2, "accepted"],
        [1, "MS_STREAM_RULE"],
        [3, "MS_STREAM_RULE"],
        [0, "MS_STREAM_RULE"],
    ])("of a stream with commitments to 2 groups, with %i of them: %s", async (lists, expected) => {
        const meter = await world.network.meter("committed", {
            groups: [0, 1, 15],
            descriptor: { committed: 2 },
        });
        world.enrol(meter);
        const commitments = Array.from({ length: lists }, () => new Uint8Array(128));
        const usage = lists === 0 ? {} : { commitments };
        expect(await outcomeOf(world, await new TestChain(meter).usage(usage))).toBe(expected);
    });

    it("is refused for a stream of another subject", async () => {
        const other = await world.network.meter("other");
        world.enrol(other);
        const { stream } = other.descriptor;
        expect(await outcomeOf(world, await chain.usage({ stream }))).toBe("MS_STREAM_RULE");
        expect(await outcomeOf(world, await new TestChain(other).usage())).toBe("accepted");
    });

    it("is refused with a body of another shape, and freezes its chain", async () => {
        expect(await outcomeOf(world, await chain.other(4, 1))).toBe("MS_MALFORMED");
        expect(world.chainState()?.frozenAt).toBe(1);
    });

    it("may follow with a hole, and not with a slot twice", async () => {
        const first = TEST_START_SLOT;
        expect(await outcomeOf(world, await chain.usage({ firstSlot: first }))).toBe("accepted");
        expect(await outcomeOf(world, await chain.usage({ firstSlot: first + 100 }))).toBe(
            "accepted",
        );
        expect(await outcomeOf(world, await chain.usage({ firstSlot: first + 103 }))).toBe(
            "MS_RESEALED",
        );
    });

    it.each([0, 1, 2, 3])("is refused when it begins %i slots before the end", async (before) => {
        const first = TEST_START_SLOT;
        await world.take([await chain.usage({ firstSlot: first })]);
        const again = await chain.usage({ firstSlot: first + 3 - before });
        expect(await outcomeOf(world, again)).toBe("MS_RESEALED");
    });

    it("may touch the end", async () => {
        const first = TEST_START_SLOT;
        await world.take([await chain.usage({ firstSlot: first })]);
        expect(await outcomeOf(world, await chain.usage({ firstSlot: first + 4 }))).toBe(
            "accepted",
        );
    });

    it("waits, in place of being refused, while its last boundary lies ahead", async () => {
        const usage = await chain.usage(
            { firstSlot: TEST_START_SLOT },
            { timeUnix: TEST_START_UNIX },
        );
        const last = TEST_START_UNIX + 3 * 900;
        expect(await world.take([usage], (last - 901) * 1000)).toEqual(["MS_CLOCK"]);
        expect(world.chainState()?.frozenAt ?? null).toBe(null);
        expect(await world.take([usage], (last - 900) * 1000)).toEqual(["accepted"]);
    });

    const at = (offset: number, level: 2 | 3, index: number): AddressException => ({
        offset,
        level,
        index,
    });
    const slot = (offset: number): AddressException => ({ offset, level: 0 });
    const hour = (offset: number): AddressException => ({ offset, level: 1 });
    it.each<[string, string, number, AddressException[]]>([
        ["nothing", "accepted", 1, []],
        ["a slot in place of an hour", "accepted", 1, [slot(3)]],
        ["an hour twice", "MS_BOUNDARY_ADDRESS", 1, [hour(4)]],
        ["a day", "accepted", 0, [at(0, 2, DAY)]],
        ["a day 26 h before", "accepted", 104, [at(0, 2, DAY)]],
        ["a day 26 h and a slot before", "MS_BOUNDARY_ADDRESS", 105, [at(0, 2, DAY)]],
        ["a day 26 h after", "accepted", -8, [at(0, 2, DAY + 1)]],
        ["a day 26 h and a slot after", "MS_BOUNDARY_ADDRESS", -9, [at(0, 2, DAY + 1)]],
        ["a day twice", "MS_BOUNDARY_ADDRESS", 0, [at(0, 2, DAY), at(1, 2, DAY)]],
        ["days that fall", "MS_BOUNDARY_ADDRESS", 0, [at(0, 2, DAY), at(1, 2, DAY - 1)]],
        ["a month", "accepted", 0, [at(0, 3, MONTH)]],
        ["the month before", "accepted", 0, [at(0, 3, MONTH - 1)]],
        ["the month after", "accepted", 0, [at(0, 3, MONTH + 1)]],
        ["two months before", "MS_BOUNDARY_ADDRESS", 0, [at(0, 3, MONTH - 2)]],
        ["two months after", "MS_BOUNDARY_ADDRESS", 0, [at(0, 3, MONTH + 2)]],
        ["a month twice", "MS_BOUNDARY_ADDRESS", 0, [at(0, 3, MONTH), at(1, 3, MONTH)]],
        ["one of each", "accepted", 0, [at(0, 3, MONTH), at(1, 2, DAY), slot(4)]],
    ])("with %s as address is %s", async (_, name, skip, exceptions) => {
        const usage = { firstSlot: TEST_START_SLOT + skip, count: 8, exceptions };
        const shifted = skip === 1 ? { ...usage, firstSlot: TEST_START_SLOT + 1 } : usage;
        expect(await outcomeOf(world, await chain.usage(shifted))).toBe(name);
    });

    it("remembers the addresses of the records before, for each level", async () => {
        const first = await chain.usage({
            firstSlot: TEST_START_SLOT,
            exceptions: [at(0, 3, MONTH), at(1, 2, DAY)],
        });
        expect(await outcomeOf(world, first)).toBe("accepted");
        expect(await outcomeOf(world, await chain.usage())).toBe("accepted");
        const month = await chain.usage({ exceptions: [at(0, 3, MONTH)] });
        expect(await outcomeOf(world, month)).toBe("MS_BOUNDARY_ADDRESS");
    });

    it("may not use an hour again that an earlier record has used in another phase", async () => {
        expect(await outcomeOf(world, await chain.usage())).toBe("accepted");
        const fork = chain.fork();
        const phased = await fork.usage({ hourPhaseSeconds: 900 });
        expect(await outcomeOf(world, phased)).toBe("MS_BOUNDARY_ADDRESS");
    });

    it("may change the phase of its hours", async () => {
        expect(await outcomeOf(world, await chain.usage())).toBe("accepted");
        const later = { firstSlot: TEST_START_SLOT + 6, hourPhaseSeconds: 900 };
        expect(await outcomeOf(world, await chain.usage(later))).toBe("accepted");
    });

    it("keeps nothing of a record that it refuses", async () => {
        await world.take([await chain.usage()]);
        const before = structuredClone(
            [...world.state.streams.values()].map((s) => [s.lastSlot, s.lastIndex]),
        );
        await world.take([
            await chain.usage({ count: 8, exceptions: [at(1, 2, DAY), at(2, 2, DAY - 5)] }),
        ]);
        expect([...world.state.streams.values()].map((s) => [s.lastSlot, s.lastIndex])).toEqual(
            before,
        );
    });
});

describe("an open usage record", () => {
    let world: World;
    let chain: TestChain;
    const open = (...registers: number[]): Partial<UsageBody> => ({
        values: { mode: "open", registers: registers.map(BigInt) },
    });
    beforeEach(async () => {
        world = await World.open(1);
        chain = world.chain;
    });

    it("may stand still and rise", async () => {
        expect(await outcomeOf(world, await chain.usage(open(0, 0, 5, 5)))).toBe("accepted");
        expect(await outcomeOf(world, await chain.usage(open(5, 6, 7, 8)))).toBe("accepted");
    });

    it("may not run backwards within", async () => {
        expect(await outcomeOf(world, await chain.usage(open(0, 5, 4, 5)))).toBe(
            "MS_REGISTER_DECREASED",
        );
        expect(world.chainState()?.frozenAt).toBe(1);
    });

    it("may not run backwards from one to the next", async () => {
        expect(await outcomeOf(world, await chain.usage(open(0, 1, 2, 3)))).toBe("accepted");
        expect(await outcomeOf(world, await chain.usage(open(2, 3, 4, 5)))).toBe(
            "MS_REGISTER_DECREASED",
        );
        expect(world.chainState()?.frozenAt).toBe(2);
    });

    it("may not be sealed", async () => {
        expect(await outcomeOf(world, await chain.usage())).toBe("MS_STREAM_RULE");
    });

    it("compares each channel with itself", async () => {
        const two = await World.open(1, { groups: [0, 15] });
        const rows = [
            [9, 0, 5],
            [9, 1, 5],
            [10, 1, 6],
            [10, 1, 6],
        ];
        expect(await outcomeOf(two, await two.chain.usage(open(...rows.flat())))).toBe("accepted");
        const fork = two.chain.fork();
        expect(await outcomeOf(two, await two.chain.usage({ count: 1, ...open(10, 1, 5) }))).toBe(
            "MS_REGISTER_DECREASED",
        );
        expect(await outcomeOf(two, await fork.usage({ count: 1, ...open(10, 1, 6) }))).toBe(
            "MS_FROZEN",
        );
    });

    it("compares large registers exactly", async () => {
        const big = (1n << 62n) + 1n;
        const values = (...registers: bigint[]) => ({
            count: 1,
            values: { mode: "open" as const, registers },
        });
        expect(await outcomeOf(world, await chain.usage(values(big)))).toBe("accepted");
        expect(await outcomeOf(world, await chain.usage(values(big - 1n)))).toBe(
            "MS_REGISTER_DECREASED",
        );
    });

    it("may begin anew in another stream", async () => {
        const own = world.meter.descriptor;
        const streams = [own, { ...own, sealEpoch: 1 }];
        const meter = await world.network.meter("second", { payload: { streams } });
        world.enrol(meter);
        const second = new TestChain(meter);
        const { stream } = own;
        expect(world.state.streams.size).toBe(1);
        expect(stream).toEqual(testBytes("stream meter", 16));
        const fresh = await world.network.meter("third", {
            payload: {
                streams: [0, 1].map((sealEpoch) => ({
                    ...own,
                    stream: testBytes("third", 16),
                    sealEpoch,
                })),
            },
        });
        expect(world.enrol(fresh).ok).toBe(true);
        const third = new TestChain(fresh);
        const into = (sealEpoch: number, firstSlot: number, value: number) =>
            third.usage({
                stream: testBytes("third", 16),
                sealEpoch,
                firstSlot,
                count: 1,
                ...open(value),
            });
        expect(await outcomeOf(world, await into(0, TEST_START_SLOT, 9))).toBe("accepted");
        expect(await outcomeOf(world, await into(1, TEST_START_SLOT, 1))).toBe("accepted");
        expect(second.seq).toBe(0);
    });
});

describe("calendar arithmetic", () => {
    it("has the months of Date, in UTC", () => {
        const random = seededRandom(seedOf(1));
        const days = Array.from({ length: 50_000 }, () => (random.below(2 ** 31) - 2 ** 29) * 8);
        for (let year = 1970; year < 2410; year++) {
            for (let month = 0; month < 12; month++) {
                const start = Date.UTC(year, month, 1) / 1000;
                days.push(start - 1, start);
            }
        }
        for (const unix of days) {
            const date = new Date(unix * 1000);
            const expected = 12 * (date.getUTCFullYear() - 2000) + date.getUTCMonth();
            if (utcMonthIndex(unix) !== expected) expect.fail(`${date.toISOString()}`);
        }
    });
});
