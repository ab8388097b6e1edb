import { toHex } from "@meterseal/core";
import { encodeEpoch, type MeterRecord } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TestChain } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Draft } from "../src/accept/draft.ts";
import { freezeChain } from "../src/accept/record-rules.ts";
import { World } from "./world.ts";

let world: World;
let chain: TestChain;
beforeEach(async () => {
    world = await World.open();
    chain = world.chain;
});

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

describe("a later chain epoch", () => {
    it("begins with a record that names the last one, and ends the epoch before", async () => {
        const start = await warnings(2);
        await world.take(start);
        const old = chain.fork();
        const opener = await chain.epoch();
        expect(await world.take([opener, await chain.usage()])).toEqual(["accepted", "accepted"]);
        expect(world.chainState(0)).toMatchObject({ headSeq: 2, closed: true });
        expect(world.chainState(1)).toMatchObject({ headSeq: 2, closed: false });
        expect(await world.take([opener])).toEqual(["duplicate"]);
        expect(await world.take([...start])).toEqual(["duplicate", "duplicate"]);
        await old.warning();
        expect(await world.take([await old.warning()])).toEqual(["conflict"]);
        expectFrozen(3);
        expect(await world.take([await chain.usage()])).toEqual(["MS_FROZEN"]);
    });

    it("takes nothing more into the epoch before: a fork of the key", async () => {
        await world.take(await warnings(2));
        const old = chain.fork();
        await world.take([await chain.epoch(), await chain.warning()]);
        expect(await world.take([await old.warning()])).toEqual(["conflict"]);
        expectFrozen(3);
        expect(await world.take([await chain.warning()])).toEqual(["MS_FROZEN"]);
    });

    it("may begin in an epoch without records", async () => {
        expect(await world.take([await chain.epoch(), await chain.epoch()])).toEqual([
            "accepted",
            "accepted",
        ]);
        expect(world.chainState(2)?.headSeq).toBe(1);
    });

    it.each<[string, (last: Uint8Array) => Map<number, unknown>]>([
        [
            "an earlier record with its own number",
            (last) => encodeEpoch({ chainEpoch: 0, lastSeq: 1, lastHash: last }),
        ],
        [
            "the enrolment",
            () =>
                encodeEpoch({
                    chainEpoch: 0,
                    lastSeq: 0,
                    lastHash: world.meter.enrolment.message.hash,
                }),
        ],
    ])("forks the chain when it names %s", async (_, body) => {
        await world.take(await warnings(2));
        const last = chain.head;
        await chain.epoch();
        chain.seq = 0;
        chain.head = world.meter.enrolment.message.hash;
        expect(await world.take([await chain.other(7, body(last))])).toEqual(["conflict"]);
        expect(world.chainState(0)?.frozenAt).not.toBe(null);
        expect(await world.take([await chain.warning()])).toEqual(["MS_FROZEN"]);
    });

    it.each<[string, number, (last: Uint8Array) => unknown, string]>([
        [
            "another hash",
            7,
            () => encodeEpoch({ chainEpoch: 0, lastSeq: 2, lastHash: testBytes("else", 32) }),
            "MS_CHAIN_MISMATCH",
        ],
        [
            "a record that is not there yet",
            7,
            (last) => encodeEpoch({ chainEpoch: 0, lastSeq: 3, lastHash: last }),
            "pending",
        ],
        [
            "another epoch",
            7,
            (last) => encodeEpoch({ chainEpoch: 1, lastSeq: 2, lastHash: last }),
            "MS_CHAIN_MISMATCH",
        ],
        ["nothing", 7, () => 0, "MS_CHAIN_MISMATCH"],
        [
            "the last one in a warning",
            5,
            (last) => encodeEpoch({ chainEpoch: 0, lastSeq: 2, lastHash: last }),
            "MS_CHAIN_MISMATCH",
        ],
    ])("does not begin with a record that names %s", async (_, recordClass, body, name) => {
        await world.take(await warnings(2));
        const last = chain.head;
        await chain.epoch();
        chain.seq = 0;
        chain.head = world.meter.enrolment.message.hash;
        expect(await world.take([await chain.other(recordClass, body(last))])).toEqual([name]);
        expect(world.chainState(0)?.closed).toBe(false);
        expect(world.chainState(1)?.headSeq ?? 0).toBe(0);
    });

    it("names the enrolment as its own predecessor", async () => {
        await world.take(await warnings(2));
        expect(await world.take([await chain.epoch({ prev: chain.head })])).toEqual([
            "MS_CHAIN_MISMATCH",
        ]);
    });

    it("waits for the one before, with what follows it", async () => {
        const records = await warnings(3);
        const later = [
            await chain.epoch(),
            await chain.usage(),
            await chain.epoch(),
            await chain.warning(),
        ];
        expect(await world.take(later)).toEqual(["pending", "pending", "pending", "pending"]);
        expect(await world.take(records)).toEqual(["accepted", "accepted", "accepted"]);
        expect(world.chainState(0)).toMatchObject({ headSeq: 3, closed: true });
        expect(world.chainState(1)).toMatchObject({ headSeq: 2, closed: true });
        expect(world.chainState(2)).toMatchObject({ headSeq: 2, closed: false });
    });

    it("is not held when it is five epochs ahead", async () => {
        for (let i = 0; i < 5; i++) await chain.epoch();
        expect(await world.take([await chain.warning()])).toEqual(["MS_GAP"]);
        expect(world.chainState(5)).toBe(undefined);
    });

    it.each([
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ])(
        "and a record beyond the end of the one before are a fork, in the order %i, %i, %i",
        async (...order) => {
            const [first] = await warnings(1);
            const fork = chain.fork();
            await fork.warning(); // 2 takes the place of the epoch record, and nobody hears of it
            const records = [first, await chain.epoch(), await fork.warning()] as MeterRecord[];
            for (const i of order) await world.take([records[i] as MeterRecord]);
            expectFrozen(2);
            expect(world.chainState(0)).toMatchObject({ closed: false, closedBy: null });
            expect(world.chainState(0)?.pending.size).toBe(0);
            expect(await world.take([await chain.warning()])).toEqual(["MS_FROZEN"]);
        },
    );

    it("does not free a frozen chain", async () => {
        await world.take(await warnings(1));
        const fork = chain.fork();
        await world.take([await chain.warning("one"), await fork.warning("two")]);
        fork.seq = 1;
        fork.head = world.chainState()?.headHash as Uint8Array;
        expect(await world.take([await fork.epoch()])).toEqual(["MS_FROZEN"]);
    });
});

describe("a meter's next key", () => {
    async function renewed(epoch = 1): Promise<TestChain> {
        const meter = await world.network.meter("meter", {
            signer: testSigner("meter, new key"),
            payload: { epoch },
            descriptor: { sealEpoch: 1 },
        });
        expect(world.enrol(meter, TEST_LATER_MS).ok).toBe(true);
        return new TestChain(meter);
    }

    it("begins its own chain epoch at its own enrolment, also after a freeze", async () => {
        const fork = chain.fork();
        await world.take([await chain.warning("one"), await fork.warning("two")]);
        const next = await renewed();
        expect(await world.take([await next.usage()])).toEqual(["accepted"]);
        expect(world.chainState(1)).toMatchObject({ headSeq: 1, frozenAt: null });
    });

    it.each([
        ["before the enrolment", 0],
        ["after the enrolment", 1],
        ["after the new key's first record", 2],
    ])(
        "C9 can be broken off %s: the old key goes on, and the rest can follow",
        async (_name, done) => {
            expect(await world.take([await chain.warning("before")])).toEqual(["accepted"]);
            let next = done >= 1 ? await renewed() : null;
            if (next !== null && done >= 2) {
                expect(await world.take([await next.usage()])).toEqual(["accepted"]);
            }
            // The break: the meter starts anew with its old key, and loses nothing.
            expect(await world.take([await chain.warning("in between")])).toEqual(["accepted"]);
            expect(world.chainState(0)).toMatchObject({ headSeq: 2, frozenAt: null });
            next ??= await renewed();
            expect(await world.take([await next.usage()])).toEqual(["accepted"]);
            expect(world.chainState(1)).toMatchObject({
                headSeq: done >= 2 ? 2 : 1,
                frozenAt: null,
            });
        },
    );

    it("may not write in the old key's epochs, nor the old key in its", async () => {
        await world.take(await warnings(2));
        const next = await renewed();
        const record = await next.warning();
        const { signer } = next.meter;
        expect(await world.take([await chain.fork().warning(0, { signer })])).toEqual([
            "MS_FROZEN",
        ]);
        expect(await world.take([await chain.fork().epoch()])).toEqual(["MS_FROZEN"]);
        expect(world.chainState(1)?.headSeq ?? 0).toBe(0);
        expect(await world.take([record])).toEqual(["accepted"]);
        expect(await world.take([await chain.warning()])).toEqual(["accepted"]); // records under way
    });

    it("may not write into the old key's streams", async () => {
        const next = await renewed();
        const { stream } = world.meter.descriptor;
        expect(await world.take([await next.usage({ stream, sealEpoch: 0 })])).toEqual([
            "MS_STREAM_RULE",
        ]);
        expect(world.state.streams.get(`${toHex(stream)}/0`)?.frozen).toBe(false);
    });

    it("has every later epoch for itself: what the old key had waiting there is forgotten", async () => {
        await world.take(await warnings(1));
        await chain.warning(); // one that nobody hears of
        const later: MeterRecord[] = [];
        for (let i = 0; i < 4; i++) later.push(await chain.epoch(), await chain.warning());
        expect(await world.take(later)).toEqual(later.map(() => "pending"));
        const before = world.root;
        await renewed();
        for (let epoch = 1; epoch <= 5; epoch++) expect(world.chainState(epoch)).toBe(undefined);
        expect(world.root).not.toBe(before);
    });

    it("serves from an epoch that the old key has not begun", async () => {
        await world.take([await chain.warning(), await chain.epoch()]);
        const taken = await world.network.meter("meter", {
            signer: testSigner("third"),
            payload: { epoch: 1 },
            descriptor: { sealEpoch: 1 },
        });
        expect(world.enrol(taken, TEST_LATER_MS).ok).toBe(false);
        expect(await world.take([await (await renewed(2)).warning()])).toEqual(["accepted"]);
    });
});

describe("freezing a chain", () => {
    it("never moves the freeze to a later place", async () => {
        const records = await warnings(3);
        await world.take(records);
        const draft = new Draft(world.state);
        freezeChain(draft, records[1] as MeterRecord);
        freezeChain(draft, records[2] as MeterRecord);
        draft.commit();
        expectFrozen(2);
    });
});
