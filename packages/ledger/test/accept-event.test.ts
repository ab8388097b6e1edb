import { unixOfSlot } from "@meterseal/core";
import {
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    STREAM_MODE,
} from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TEST_START_SLOT, TestChain } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { World } from "./world.ts";

const FIRST = TEST_START_SLOT;
const unixOf = (slot: number): number => unixOfSlot(slot, 900);

/** An event of a chain's stream that fits, with changes. */
function event(
    chain: TestChain,
    kind: keyof typeof EVENT_KIND,
    changes: Partial<RegisterEvent> = {},
): Promise<MeterRecord> {
    const { groups, mode, sealEpoch, stream } = chain.meter.descriptor;
    const body: RegisterEvent = {
        stream,
        sealEpoch,
        kind: EVENT_KIND[kind],
        reason: EVENT_REASON.exchange,
        atUnix: unixOf(FIRST),
        index: 0,
        groups,
        values:
            mode === STREAM_MODE.open
                ? { mode: "open", registers: [100n] }
                : { mode: "sealed", bytes: new Uint8Array(8).fill(7) },
        ...(kind === "opening" ? { before: { sealEpoch: 0 } } : {}),
        ...changes,
    };
    return chain.other(RECORD_CLASS.billing, encodeEvent(body));
}

/** A second device of the world's metering point, with a key and a seal epoch of its own. */
async function exchange(world: World): Promise<TestChain> {
    const { descriptor, subject } = world.meter;
    const meter = await world.network.meter("meter", {
        signer: testSigner("second device"),
        payload: { id: subject, epoch: 1 },
        descriptor: { ...descriptor, sealEpoch: 1 },
    });
    expect(world.enrol(meter).ok).toBe(true);
    return new TestChain(meter);
}

const commitments = (count: number): Uint8Array[] =>
    Array.from({ length: count }, () => new Uint8Array(32));

const open = (registers: bigint[], firstSlot: number) => ({
    firstSlot,
    count: registers.length,
    values: { mode: "open" as const, registers },
});

describe("a closing event", () => {
    let world: World;
    beforeEach(async () => {
        world = await World.open();
    });
    const outcome = async (record: MeterRecord): Promise<string> =>
        (await world.take([record]))[0] ?? "";

    it("ends a seal epoch: nothing follows it", async () => {
        const { chain } = world;
        await world.take([await chain.usage({ firstSlot: FIRST })]);
        const atUnix = unixOf(FIRST + 3);
        expect(await outcome(await event(chain, "closing", { atUnix }))).toBe("accepted");
        const root = world.root;
        expect(await outcome(await chain.warning())).toBe("accepted");
        expect(world.root).not.toBe(root);
        expect(await outcome(await chain.usage({ firstSlot: FIRST + 4 }))).toBe("MS_STREAM_RULE");
        expect(world.chainState()?.frozenAt).toBe(4);
    });

    it.each([
        [1, "accepted"],
        [0, "MS_STREAM_RULE"],
        [2, "MS_STREAM_RULE"],
    ])("of a stream with commitments to 1 group, with %i of them: %s", async (count, expected) => {
        const meter = await world.network.meter("committed", {
            groups: [0, 1],
            descriptor: { committed: 1 },
        });
        world.enrol(meter);
        const chain = new TestChain(meter);
        const [first] = await world.take([
            await chain.usage({ firstSlot: FIRST, commitments: [new Uint8Array(128)] }),
        ]);
        expect(first).toBe("accepted");
        const closing = await event(chain, "closing", {
            atUnix: unixOf(FIRST + 3),
            values: { mode: "sealed", bytes: new Uint8Array(16) },
            ...(count === 0 ? {} : { commitments: commitments(count) }),
        });
        expect(await outcome(closing)).toBe(expected);
    });

    it("comes once", async () => {
        const { chain } = world;
        expect(await outcome(await event(chain, "closing"))).toBe("accepted");
        expect(await outcome(await event(chain, "closing", { index: 1 }))).toBe("MS_STREAM_RULE");
    });

    it.each<[string, string, Partial<RegisterEvent>]>([
        ["before the last boundary", "MS_STREAM_RULE", { atUnix: unixOf(FIRST + 3) - 1 }],
        ["of another seal epoch", "MS_STREAM_RULE", { sealEpoch: 1 }],
        ["of other groups", "MS_STREAM_RULE", { groups: [1] }],
        ["of another scale", "MS_STREAM_RULE", { scale: 1 }],
        ["in plain text", "MS_STREAM_RULE", { values: { mode: "open", registers: [1n] } }],
    ])("is refused %s, and freezes its chain", async (_, code, changes) => {
        const { chain } = world;
        await world.take([await chain.usage({ firstSlot: FIRST })]);
        const atUnix = unixOf(FIRST + 4);
        expect(await outcome(await event(chain, "closing", { atUnix, ...changes }))).toBe(code);
        expect(world.chainState()?.frozenAt).toBe(2);
    });

    it("waits while its instant lies ahead", async () => {
        const record = await event(world.chain, "closing", { atUnix: unixOf(FIRST + 40) });
        const last = unixOf(FIRST + 40);
        expect(await world.take([record], (last - 901) * 1000)).toEqual(["MS_CLOCK"]);
        expect(await world.take([record], (last - 900) * 1000)).toEqual(["accepted"]);
    });

    it("is a breach where a billing record has another body", async () => {
        expect(await outcome(await world.chain.other(RECORD_CLASS.billing, 1))).toBe(
            "MS_MALFORMED",
        );
        expect(world.chainState()?.frozenAt).toBe(1);
    });
});

describe("an opening event", () => {
    it("goes before all else in its seal epoch", async () => {
        const world = await World.open();
        const next = await exchange(world);
        const atUnix = unixOf(FIRST + 2) + 1;
        const records = [
            await event(next, "opening", { atUnix }),
            await next.usage({ firstSlot: FIRST + 3 }),
        ];
        expect(await world.take(records)).toEqual(["accepted", "accepted"]);
        const again = await event(next, "opening", { atUnix, index: 1 });
        expect(await world.take([again])).toEqual(["MS_STREAM_RULE"]);
    });

    it("is refused behind a boundary, and lets no boundary before itself", async () => {
        const first = await World.open();
        const late = await exchange(first);
        await first.take([await late.usage({ firstSlot: FIRST })]);
        expect(await first.take([await event(late, "opening")])).toEqual(["MS_STREAM_RULE"]);
        const second = await World.open();
        const next = await exchange(second);
        await second.take([await event(next, "opening", { atUnix: unixOf(FIRST) + 1 })]);
        expect(await second.take([await next.usage({ firstSlot: FIRST })])).toEqual([
            "MS_STREAM_RULE",
        ]);
    });

    it("uses up two leaves where it states the final registers", async () => {
        const stated = { mode: "sealed" as const, bytes: new Uint8Array(8) };
        for (const [index, wanted] of [
            [1, "MS_BOUNDARY_ADDRESS"],
            [2, "accepted"],
        ] as const) {
            const world = await World.open();
            const next = await exchange(world);
            const before = { sealEpoch: 0, stated };
            const records = [
                await event(next, "opening", { before }),
                await event(next, "closing", { index }),
            ];
            expect(await world.take(records)).toEqual(["accepted", wanted]);
        }
    });
});

describe("an open stream", () => {
    it("never runs backwards within an epoch, and begins anew in the next", async () => {
        const world = await World.open(STREAM_MODE.open);
        const { chain } = world;
        await world.take([await chain.usage(open([90n, 100n], FIRST))]);
        const next = await exchange(world);
        const low = { values: { mode: "open" as const, registers: [3n] } };
        const atUnix = unixOf(FIRST + 1) + 60;
        const records = [
            await event(chain, "closing", { atUnix }),
            await event(next, "opening", { atUnix, ...low }),
            await next.usage(open([3n, 4n], FIRST + 2)),
        ];
        expect(await world.take(records)).toEqual(["accepted", "accepted", "accepted"]);
        expect(await world.take([await next.usage(open([3n], FIRST + 4))])).toEqual([
            "MS_REGISTER_DECREASED",
        ]);
    });

    it("is refused a closing below its last boundary, or a boundary below its opening", async () => {
        const world = await World.open(STREAM_MODE.open);
        await world.take([await world.chain.usage(open([101n], FIRST))]);
        expect(await world.take([await event(world.chain, "closing")])).toEqual([
            "MS_REGISTER_DECREASED",
        ]);
        const other = await World.open(STREAM_MODE.open);
        const chain = await exchange(other);
        await other.take([await event(chain, "opening")]);
        expect(await other.take([await chain.usage(open([99n], FIRST))])).toEqual([
            "MS_REGISTER_DECREASED",
        ]);
    });
});

describe("an exchange", () => {
    it("gives the same state whichever device is heard first", async () => {
        const roots: string[] = [];
        for (const order of [
            [0, 1, 2, 3],
            [2, 3, 0, 1],
            [3, 1, 2, 0],
        ]) {
            const world = await World.open();
            const { chain } = world;
            const next = await exchange(world);
            const records = [
                await chain.usage({ firstSlot: FIRST }),
                await event(chain, "closing", { atUnix: unixOf(FIRST + 3) }),
                await event(next, "opening", { atUnix: unixOf(FIRST + 3) }),
                await next.usage({ firstSlot: FIRST + 4 }),
            ];
            const bodies = order.map((i) => records[i] as MeterRecord);
            for (const record of bodies) await world.take([record], TEST_LATER_MS);
            roots.push(rootWithoutVertices(world));
        }
        expect(new Set(roots).size).toBe(1);
    });
});

/** Streams and chains of a world; vertices differ with the order in which they are made. */
function rootWithoutVertices(world: World): string {
    const streams = [...world.state.streams].map(([name, state]) => [
        name,
        state.lastSlot,
        state.lastEvent,
        state.openedUnix,
        state.closed,
    ]);
    const chains = [...world.state.chains].map(([name, chain]) => [name, chain.headSeq]);
    return JSON.stringify([streams.sort(), chains.sort()]);
}
