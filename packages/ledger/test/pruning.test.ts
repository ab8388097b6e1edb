import { LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    isSummarized,
    lastRegistersUnix,
    type MeterRecord,
    type PruningPayload,
    parseSummary,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { type SeededRandom, seededRandom, seedOf } from "@meterseal/testkit/random";
import { TEST_LATER_MS, TEST_START_UNIX, TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { accept, type Entry } from "../src/accept/accept.ts";
import type { RecordOutcome } from "../src/accept/record-rules.ts";
import { stateRoot } from "../src/accept/state-root.ts";
import { rawBlock } from "../src/car/blocks.ts";
import { parseRoot, rootBlock } from "../src/car/contents.ts";
import {
    type PruningRange,
    PruningSums,
    pruningFault,
    storedLeafHash,
    summaryOf,
} from "../src/pruning.ts";
import { parseEntry, parseStoredEntry } from "../src/replay.ts";
import { recordLeafHash } from "../src/vertex/body.ts";
import { codeOf, expectRefused, World } from "./world.ts";

const SEED = seedOf(35);
const SEEDS = 200;

type Made = Extract<Entry, { kind: "vertex" }> & { outcomes: readonly RecordOutcome[] };
type Story = { network: TestNetwork; plain: Entry[]; vertices: Made[]; root: string };

/** A random log: meters that send twice, out of turn, two histories, warnings and new epochs. */
async function tell(random: SeededRandom): Promise<Story> {
    const network = new TestNetwork("pruned");
    const collector = await network.collector();
    const meters = await Promise.all([0, 1, 2].map((i) => network.meter(`meter ${i}`)));
    const plain: Entry[] = [collector, ...meters].map(({ enrolment }) => ({
        kind: "enrolment",
        enrolment,
    }));
    const state = network.state();
    for (const entry of plain) unwrap(accept(state, entry, 0));
    const chains = meters.map((meter) => new TestChain(meter));
    const sent: MeterRecord[] = [];
    const vertices: Made[] = [];
    for (let step = 0; step < 10; step++) {
        const records = new Map<string, MeterRecord>();
        const add = (record: MeterRecord): void => {
            records.set(toHex(record.message.hash), record);
            sent.push(record);
        };
        for (let i = random.below(4); i >= 0; i--) {
            const chain = random.pick(chains);
            const what = random.below(10);
            if (what === 0) add(await chain.warning(step));
            else if (what === 1) add(await chain.epoch());
            else if (what === 2) add(await chain.fork().usage({ count: 3 }));
            else if (what < 5) {
                const late = await chain.usage();
                add(await chain.usage());
                if (random.chance(0.7)) sent.push(late);
            } else add(await chain.usage());
            if (random.chance(0.3)) add(random.pick(sent));
        }
        const entry = await collector.vertex([...records.values()]);
        const { outcomes } = unwrap(accept(state, entry, TEST_LATER_MS + step));
        vertices.push({ ...entry, outcomes });
    }
    return { network, plain, vertices, root: toHex(stateRoot(state)) };
}

/** What stands in the place of a record that was simply taken, by chance; the record otherwise. */
function left(
    record: MeterRecord,
    outcome: RecordOutcome | undefined,
    isGone: boolean,
): Uint8Array {
    const isTaken = outcome?.kind === "accepted" || outcome?.kind === "duplicate";
    const isUsage = lastRegistersUnix(record) > 0;
    return isGone && isTaken && isUsage ? summaryOf(record) : record.message.bytes;
}

describe("a log of which records were pruned", () => {
    it(`replays to the same state, root by root, with the same digests (${SEEDS} stories, seed ${SEED})`, async () => {
        let gone = 0;
        for (let i = 0; i < SEEDS; i++) {
            const random = seededRandom(SEED + i);
            const { network, plain, root, vertices } = await tell(random);
            const state = network.state();
            for (const entry of plain) unwrap(accept(state, entry, 0));
            const range = { beforeUnix: 2 ** 32, size: plain.length + vertices.length };
            const [whole, pruned] = [new PruningSums([range]), new PruningSums([range])];
            for (const [step, { outcomes, records, vertex }] of vertices.entries()) {
                const body = records.map((record, at) =>
                    left(record, outcomes[at], random.chance(0.6)),
                );
                expect(body.map(storedLeafHash)).toEqual(records.map(recordLeafHash));
                const entry = unwrap(parseStoredEntry(vertex.message.bytes, body)) as Made;
                const again = accept(state, entry, TEST_LATER_MS + step, () => true);
                expect(unwrap(again).outcomes.map(({ kind }) => kind)).toEqual(
                    outcomes.map(({ kind }) => kind),
                );
                for (const record of records) whole.add(record, plain.length + step);
                for (const record of entry.records) {
                    pruned.add(record, plain.length + step);
                    if (isSummarized(record)) gone++;
                }
            }
            expect([i, toHex(stateRoot(state))]).toEqual([i, root]);
            expect(pruned.totalsOf(range)).toEqual(whole.totalsOf(range));
        }
        expect(gone).toBeGreaterThan(5 * SEEDS);
    }, 60_000);

    it("is not taken from anybody else, nor where a summary is not of the record that was there", async () => {
        const world = await World.open();
        const records = [await world.chain.usage(), await world.chain.usage()];
        const { vertex } = await world.collector.vertex(records);
        const [first, second] = records.map(summaryOf) as [Uint8Array, Uint8Array];
        const item = vertex.message.bytes;
        expect(codeOf(parseEntry(item, [first, second]))).toBe("MS_PRUNED");
        const after = (body: Uint8Array[]): string => {
            const entry = parseStoredEntry(item, body);
            return entry.ok
                ? codeOf(accept(world.network.state(), entry.value, 1, () => true))
                : codeOf(entry);
        };
        const other = summaryOf(await world.chain.usage());
        for (const body of [[first], [second, first], [first, other], [first, second, other]]) {
            // The author is not enrolled there: what is wrong with a body shows in the world that has it.
            expect(after(body)).not.toBe("ok");
            const entry = unwrap(parseStoredEntry(item, body));
            expectRefused(world, entry, "MS_VERTEX_BODY");
        }
        const longer = { ...unwrap(parseSummary(first)) };
        const forged = { ...longer, summary: { ...longer.summary, byteLength: 9 } };
        const records2 = [forged, unwrap(parseSummary(second))];
        expectRefused(world, { kind: "vertex", vertex, records: records2 }, "MS_VERTEX_BODY");
        const entry = unwrap(parseStoredEntry(item, [first, second]));
        expect(codeOf(accept(world.state, entry, TEST_LATER_MS, () => true))).toBe("ok");
    });
});

describe("a pruning", () => {
    const range = { beforeUnix: 1_356_998_400 + 9 * 900, size: 3 };

    it("is about usage before its instant in the first entries, and binds count, order and content", async () => {
        const world = await World.open();
        const [one, two, three] = [
            await world.chain.usage(),
            await world.chain.usage(),
            await world.chain.usage(),
        ];
        const warning = await world.chain.warning();
        const sums = new PruningSums([range, { ...range, beforeUnix: 0 }]);
        // Boundaries 1 … 4, 5 … 8, 9 … 12: the instant itself is not before it.
        expect([one, two, three, warning].map((record) => sums.add(record, 2))).toEqual([
            true,
            true,
            false,
            false,
        ]);
        expect(sums.add(one, 3)).toBe(false);
        const stated = sums.totalsOf(range) ?? { count: 0, digest: new Uint8Array(32) };
        expect(stated.count).toBe(2);
        expect(sums.totalsOf({ ...range, beforeUnix: 0 })?.count).toBe(0);
        const of = (records: MeterRecord[]): string => {
            const found = new PruningSums([range]);
            for (const record of records) found.add(record, 0);
            return pruningFault(stated, found.totalsOf(range) ?? stated)?.code ?? "ok";
        };
        expect([of([one, two]), of([two, one]), of([one]), of([one, two, two])]).toEqual([
            "ok",
            "MS_PRUNING",
            "MS_PRUNING",
            "MS_PRUNING",
        ]);
    });

    it("is taken from the operator of the network alone, and changes no fact", async () => {
        const world = await World.open();
        const { network } = world;
        const entry = async (...of: Parameters<TestNetwork["pruning"]>) =>
            ({ kind: "pruning", pruning: await network.pruning(...of) }) as const;
        const foreign = { network: testBytes("other", 32) };
        expectRefused(world, await entry(foreign), "MS_PRUNING");
        expectRefused(world, await entry({}, testSigner("somebody")), "MS_SIGNATURE_BAD");
        const before = world.root;
        expect(codeOf(world.accept(await entry()))).toBe("ok");
        expect(world.root).toBe(before);
    });

    it("is about entries before its own: size of the log passes, one more is refused", async () => {
        const world = await World.open();
        const { size } = world.state;
        expect(size).toBe(2); // the collector and the meter
        const entry = async (size: number) =>
            ({ kind: "pruning", pruning: await world.network.pruning({ size }) }) as const;
        expectRefused(world, await entry(size + 1), "MS_PRUNING");
        expect(world.state.size).toBe(size);
        expect(codeOf(world.accept(await entry(size)))).toBe("ok");
        await world.take([await world.chain.usage()]);
        expect(world.state.size).toBe(size + 2);
        expect(codeOf(world.accept(await entry(size + 2)))).toBe("ok");
    });

    it("is about what may not be disputed any more: 62 days before its own time, and no second less", async () => {
        const world = await World.open();
        const latest = Math.floor(TEST_LATER_MS / 1000) - LIMITS.disputeSeconds;
        const entry = async (beforeUnix: number) =>
            ({ kind: "pruning", pruning: await world.network.pruning({ beforeUnix }) }) as const;
        expectRefused(world, await entry(latest + 1), "MS_PRUNING", TEST_LATER_MS + 999);
        expect(codeOf(world.accept(await entry(latest), TEST_LATER_MS))).toBe("ok");
    });

    it("is one of a bounded number in a log", async () => {
        const world = await World.open();
        const { prunings } = world.state;
        for (let i = 1; i < LIMITS.prunings; i++) prunings.add(`${i}`);
        const entry = async (timeUnix: number) =>
            ({ kind: "pruning", pruning: await world.network.pruning({ timeUnix }) }) as const;
        expect(codeOf(world.accept(await entry(1)))).toBe("ok");
        expectRefused(world, await entry(2), "MS_PRUNING");
        expect(prunings.size).toBe(LIMITS.prunings);
    });

    it("names in an archive no more ranges than a log holds", () => {
        const root = (count: number): Uint8Array => {
            const { cid } = rawBlock(new Uint8Array());
            const range = { beforeUnix: 1, size: 1 };
            const none = { entries: [], checkpoints: [], waiting: [], contradictions: [] };
            const prunings = Array.from({ length: count }, () => range);
            return rootBlock({ genesis: cid, size: 0, ...none, prunings }).bytes;
        };
        expect(codeOf(parseRoot(root(LIMITS.prunings)))).toBe("ok");
        expect(codeOf(parseRoot(root(LIMITS.prunings + 1)))).toBe("MS_ARCHIVE");
    });

    it("adds up to the same beside others as by itself, in whatever order records and instants are", async () => {
        const random = seededRandom(SEED);
        const { vertices } = await tell(random);
        const ranges: PruningRange[] = Array.from({ length: 64 }, () => ({
            beforeUnix: TEST_START_UNIX + random.below(80) * 900,
            size: random.below(vertices.length + 2),
        }));
        const together = new PruningSums(ranges);
        const alone = ranges.map((range) => new PruningSums([range]));
        const isAbout: boolean[] = [];
        for (const [leafIndex, { records }] of vertices.entries()) {
            for (const record of records) {
                const each = alone.map((sums) => sums.add(record, leafIndex));
                expect(together.add(record, leafIndex)).toBe(each.includes(true));
                isAbout.push(each.includes(true));
            }
        }
        expect(new Set(isAbout)).toEqual(new Set([true, false]));
        for (const [i, range] of ranges.entries()) {
            expect(together.totalsOf(range)).toEqual(alone[i]?.totalsOf(range));
        }
        expect(
            new Set(ranges.map((range) => together.totalsOf(range)?.count)).size,
        ).toBeGreaterThan(8);
    });

    it("is taken once, also when it was signed anew, and another one after it", async () => {
        const world = await World.open();
        const { network } = world;
        const entry = async (changes: Partial<PruningPayload> = {}) =>
            ({ kind: "pruning", pruning: await network.pruning(changes) }) as const;
        const first = await entry();
        expect(codeOf(world.accept(first))).toBe("ok");
        expectRefused(world, first, "MS_PRUNING");
        expectRefused(world, await entry(), "MS_PRUNING");
        expect(codeOf(world.accept(await entry({ timeUnix: 2 })))).toBe("ok");
    });
});
