import { concatBytes, LIMITS, plainBytes, type Signer, toHex } from "@meterseal/core";
import {
    createSign1,
    encodeCbor,
    MESSAGE_TYPE,
    type MeterRecord,
    RECEIPT_LEVEL,
    STREAM_MODE,
} from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { seededRandom } from "@meterseal/testkit/random";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { type Answer, Bed, badlySigned, codes, START_MS } from "./bed.ts";

const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

let bed: Bed;
let meter: TestMeter;
let other: TestMeter;
let chain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter("one");
    other = await bed.network.meter("two");
    await bed.enrol(meter);
    await bed.enrol(other);
    chain = new TestChain(meter);
});

/** The same record with the other valid ECDSA signature. */
function highS(record: MeterRecord): Uint8Array {
    const bytes = record.message.bytes.slice();
    const s = BigInt(`0x${toHex(bytes.subarray(-32))}`);
    bytes.set(Uint8Array.fromHex((ORDER - s).toString(16).padStart(64, "0")), bytes.length - 32);
    return bytes;
}

/** Expects one answer with a code, and that nothing was kept; then that good records still pass. */
async function expectRefused(
    answers: readonly Answer[],
    code: number,
    next: MeterRecord,
): Promise<void> {
    expect(codes(answers)).toEqual([code]);
    expect(answers[0]?.level).toBe(RECEIPT_LEVEL.refused);
    expect(answers[0]?.signed).toBe(code > 4);
    expect(await bed.store.looseRecords()).toEqual([]);
    expect(bed.fatal).toEqual([]);
    const good = await bed.send(meter, next);
    expect(codes(good)).toEqual([0]);
    expect(good[0]).toMatchObject({ level: RECEIPT_LEVEL.stored, seq: next.seq, signed: true });
    expect(await bed.store.looseRecords()).toEqual([next.message.bytes]);
}

describe("a message that is no sequence of records", () => {
    const noise = seededRandom(7);
    const cases: [string, number, (good: Uint8Array) => Uint8Array | Promise<Uint8Array>][] = [
        ["empty", 1, () => new Uint8Array()],
        ["garbage", 1, () => noise.bytes(200)],
        ["truncated", 1, (good) => good.subarray(0, -1)],
        ["with a byte more", 1, (good) => concatBytes(good, Uint8Array.of(0))],
        ["oversized", 11, () => new Uint8Array(LIMITS.messageBytes + 1).fill(0xd2)],
        ["not canonical", 1, (good) => concatBytes(good.subarray(0, 2), longHead(good))],
        ["with a good record before the garbage", 1, (good) => concatBytes(good, noise.bytes(9))],
        [
            "of another type",
            2,
            () =>
                createSign1(testSigner("one"), MESSAGE_TYPE.receipt, encodeCbor(new Map([[0, 1]]))),
        ],
        ["of an unknown type", 2, (good) => replaceText(good, "record/v2", "record/v9")],
        ["of a newer algorithm", 2, (good) => replaceByte(good, 6, 0x33)],
    ];

    it.each(cases)("%s", async (_name, code, spoil) => {
        const good = await chain.usage();
        await expectRefused(await bed.send(meter, await spoil(good.message.bytes)), code, good);
    });

    it("of too many records", async () => {
        const good = await chain.usage();
        const many = Array.from({ length: LIMITS.messageRecords + 1 }, () => good);
        await expectRefused(await bed.send(meter, ...many), 11, good);
    });

    it("is answered once a second to each sender", async () => {
        const garbage = noise.bytes(50);
        expect(codes(await bed.send(meter, garbage))).toEqual([1]);
        for (let i = 0; i < 5; i++) expect(await bed.send(meter, garbage)).toEqual([]);
        expect(codes(await bed.send(other, garbage))).toEqual([1]);
        await bed.time.advance(1_000);
        expect(codes(await bed.send(meter, garbage))).toEqual([1]);
        expect(bed.warnings.length).toBe(3);
    });
});

describe("a record that may not pass", () => {
    const stranger: Signer = testSigner("a stranger");

    it("has an unknown key", async () => {
        const bad = await chain.fork().usage({}, { signer: stranger });
        await expectRefused(await bed.send(meter, bad), 3, await chain.usage());
    });

    it("has a key that is enrolled for another subject", async () => {
        const bad = await chain.fork().usage({}, { signer: other.signer });
        await expectRefused(await bed.send(meter, bad), 10, await chain.usage());
    });

    it("has no verdict from the threads that check signatures", async () => {
        const { verify } = bed;
        const bad = await chain.fork().usage();
        bed.verify = () => Promise.resolve([]);
        const answers = await bed.send(meter, bad);
        bed.verify = verify;
        await expectRefused(answers, 4, await chain.usage());
    });

    it("is another meter's: nobody gets our word on it", async () => {
        const genuine = await new TestChain(other).usage();
        const answers = await bed.send(meter, genuine);
        expect(answers[0]).toMatchObject({ subject: meter.subject, seq: 0 });
        expect(answers[0]?.recordHash).toEqual(new Uint8Array(32));
        await expectRefused(answers, 10, await chain.usage());
    });

    it("has a bad signature", async () => {
        const good = await chain.usage();
        await expectRefused(await bed.send(meter, badlySigned(good)), 4, good);
    });

    it("has a signature with high s", async () => {
        const good = await chain.usage();
        await expectRefused(await bed.send(meter, highS(good)), 4, good);
    });

    it("does not name its predecessor", async () => {
        const bad = await chain.fork().usage({}, { prev: new Uint8Array(32).fill(9) });
        await expectRefused(await bed.send(meter, bad), 7, await chain.usage());
    });

    it("is past its expiry", async () => {
        const bad = await chain.fork().usage({}, { expiresUnix: START_MS / 1000 - 60 });
        await expectRefused(await bed.send(meter, bad), 9, await chain.usage());
    });

    const rules: [string, Parameters<TestChain["usage"]>[0]][] = [
        ["another stream", { stream: new Uint8Array(16).fill(1) }],
        ["another seal epoch", { sealEpoch: 1 }],
        ["other groups", { groups: [0, 1] }],
        ["another slot length", { slotSeconds: 450 }],
        ["another scale", { scale: 1 }],
        ["an open body", { values: { mode: "open", registers: [1n, 2n, 3n, 4n] } }],
        ["an address far from its slot", { exceptions: [{ offset: 0, level: 2, index: 1 }] }],
    ];
    it.each(rules)("has %s", async (_name, usage) => {
        const bad = await chain.fork().usage(usage);
        await expectRefused(await bed.send(meter, bad), 8, await chain.usage());
    });

    it("seals a boundary again", async () => {
        const first = await chain.usage();
        await bed.send(meter, first);
        const again = await chain.usage({ firstSlot: chain.nextSlot - 1 });
        expect(codes(await bed.send(meter, again))).toEqual([8]);
        expect(await bed.store.looseRecords()).toEqual([first.message.bytes]);
    });

    it("is dated too far ahead, and passes later", async () => {
        const aheadUnix = START_MS / 1000 + 16 * 60;
        const early = await chain.usage({}, { timeUnix: aheadUnix });
        const answers = await bed.send(meter, early);
        expect(codes(answers)).toEqual([14]);
        expect(answers[0]).toMatchObject({ signed: true, timeUnix: START_MS / 1000 });
        expect(answers[0]?.retryAfterSeconds).toBeGreaterThan(0);
        expect(await bed.store.looseRecords()).toEqual([]);
        await bed.time.advance(70_000);
        expect(codes(await bed.send(meter, early))).toEqual([0]);
    });
});

describe("an open stream", () => {
    it("never runs backwards", async () => {
        bed = await Bed.create({ mode: STREAM_MODE.open });
        const home = await bed.network.meter("open");
        await bed.enrol(home);
        const open = new TestChain(home);
        const body = (registers: bigint[]) => ({ values: { mode: "open" as const, registers } });
        expect(codes(await bed.send(home, await open.usage(body([5n, 6n, 7n, 8n]))))).toEqual([0]);
        const back = await open.fork().usage(body([8n, 9n, 7n, 9n]));
        expect(codes(await bed.send(home, back))).toEqual([8]);
        expect(codes(await bed.send(home, await open.usage(body([8n, 8n, 9n, 9n]))))).toEqual([0]);
    });
});

/** The payload's byte string head one byte longer than it must be. */
function longHead(good: Uint8Array): Uint8Array {
    return concatBytes(Uint8Array.of(0x59, 0, good[3] as number), good.subarray(4));
}

function replaceText(bytes: Uint8Array, from: string, to: string): Uint8Array {
    const text = Buffer.from(bytes).toString("latin1").replace(from, to);
    return plainBytes(Buffer.from(text, "latin1"));
}

function replaceByte(bytes: Uint8Array, at: number, value: number): Uint8Array {
    const out = bytes.slice();
    out[at] = value;
    return out;
}
