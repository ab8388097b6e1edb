import { LIMITS, toHex } from "@meterseal/core";
import { type MeterRecord, RECEIPT_LEVEL } from "@meterseal/record";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed, badlySigned, codes, records } from "./bed.ts";

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

describe("a record out of its turn", () => {
    it("waits for the missing one, and both are stored", async () => {
        const [first, second, third] = (await records(chain, 3)) as [
            MeterRecord,
            MeterRecord,
            MeterRecord,
        ];
        const gap = await bed.send(meter, second, third);
        expect(codes(gap)).toEqual([6]);
        expect(gap[0]).toMatchObject({ nextSeq: 1, signed: true, level: RECEIPT_LEVEL.refused });
        expect(await bed.store.looseRecords()).toEqual([]);
        const answers = await bed.send(meter, first);
        expect(answers).toMatchObject([{ code: 0, level: RECEIPT_LEVEL.stored, seq: 3 }]);
        expect(await bed.store.looseRecords()).toHaveLength(3);
        await bed.finish();
        for (const record of [first, second, third]) expect(await bed.timesLogged(record)).toBe(1);
    });

    it("finds room for 64 and no more", async () => {
        const all = await records(chain, LIMITS.pendingRecords + 2);
        const waiting = all.slice(1, -1);
        expect(codes(await bed.send(meter, ...waiting))).toEqual([6]);
        const beyond = await bed.send(meter, all.at(-1) as MeterRecord);
        expect(beyond).toMatchObject([{ code: 6, nextSeq: 1, seq: LIMITS.pendingRecords + 2 }]);
        const answers = await bed.send(meter, all[0] as MeterRecord);
        expect(answers).toMatchObject([{ code: 0, seq: LIMITS.pendingRecords + 1 }]);
    });

    it("that waited and then breaks a rule is refused as if it had come in order", async () => {
        const first = await chain.usage();
        const bad = await chain.fork().usage({}, { prev: new Uint8Array(32).fill(9) });
        expect(codes(await bed.send(meter, bad))).toEqual([6]);
        const answers = await bed.send(meter, first);
        expect(answers).toMatchObject([
            { code: 0, seq: 1 },
            { code: 7, seq: 2 },
        ]);
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([0]);
        await bed.finish();
        expect(bed.fatal).toEqual([]);
        expect(await bed.logged()).toHaveLength(2);
    });

    it("is stored up to the fault where good and bad ones share a message", async () => {
        const [first, second, third] = (await records(chain, 3)) as [
            MeterRecord,
            MeterRecord,
            MeterRecord,
        ];
        const answers = await bed.send(meter, first, badlySigned(second), third);
        expect(codes(answers)).toEqual([0, 4, 6]);
        expect(answers[2]).toMatchObject({ nextSeq: 2 });
        expect(await bed.store.looseRecords()).toEqual([first.message.bytes]);
        expect(await bed.send(meter, second)).toMatchObject([{ code: 0, seq: 3 }]);
    });

    it("gets one answer for each code in a message", async () => {
        const bad = await Promise.all(
            Array.from({ length: 50 }, () =>
                chain.fork().usage({}, { prev: new Uint8Array(32).fill(9) }),
            ),
        );
        expect(codes(await bed.send(meter, ...bad))).toEqual([7]);
    });
});

describe("a record that comes again", () => {
    it("gets the receipt of the first time, and no second row", async () => {
        const all = await records(chain, 3);
        const first = await bed.send(meter, ...all);
        const again = await bed.send(meter, all[0] as MeterRecord);
        expect(again).toEqual(first);
        expect(await bed.store.looseRecords()).toHaveLength(3);
        await bed.finish();
        expect(await bed.send(meter, all[1] as MeterRecord)).toMatchObject([
            { level: RECEIPT_LEVEL.final, seq: 3 },
        ]);
        expect(await bed.logged()).toHaveLength(3);
    });

    it("is not acknowledged before the first copy is durable", async () => {
        const record = await chain.usage();
        const subject = toHex(meter.subject);
        const first = bed.collector.receive(subject, record.message.bytes);
        await bed.time.settle();
        const order: string[] = [];
        const second = bed.collector.receive(subject, record.message.bytes).then(() => {
            order.push("second");
        });
        await bed.time.settle();
        expect(order).toEqual([]);
        await bed.time.run(Promise.all([first, second]));
        expect(order).toEqual(["second"]);
        expect(bed.answers.map(({ level, seq }) => [level, seq])).toEqual([[1, 1]]); // for both
    });

    it("with other content and a bad signature changes nothing", async () => {
        const fork = chain.fork();
        await bed.send(meter, await chain.usage());
        const answers = await bed.send(meter, badlySigned(await fork.warning()));
        expect(codes(answers)).toEqual([4]);
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([0]);
    });

    it("with other content and a good signature freezes the chain; the ledger keeps both", async () => {
        const fork = chain.fork();
        const all = await records(chain, 3);
        await bed.send(meter, ...all);
        const twin = await fork.warning();
        const answers = await bed.send(meter, twin);
        expect(answers).toMatchObject([{ code: 15, seq: 1, recordHash: twin.message.hash }]);
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([15]);
        await bed.finish();
        expect(await bed.timesLogged(twin)).toBe(1);
        expect(await bed.timesLogged(all[0] as MeterRecord)).toBe(1);
        const frozen = [...bed.state.chains.values()].find(({ headSeq }) => headSeq === 0);
        expect(frozen?.frozenAt).toBe(1);
        await bed.restart();
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([15]);
        expect(bed.fatal).toEqual([]);
    });

    it("freezes also where both histories still wait for an earlier record", async () => {
        await chain.usage();
        const fork = chain.fork();
        const one = await chain.usage();
        const two = await fork.warning();
        await bed.send(meter, one);
        expect(codes(await bed.send(meter, two))).toEqual([15]);
        await bed.finish();
        expect(bed.fatal).toEqual([]);
        expect(await bed.timesLogged(one)).toBe(1);
        expect(await bed.timesLogged(two)).toBe(1);
        expect([...bed.state.chains.values()].some(({ frozenAt }) => frozenAt === 2)).toBe(true);
    });

    it("does not count evidence as stored: what it follows may be missing", async () => {
        const [first] = (await records(chain, 2)) as [MeterRecord];
        await bed.send(meter, first);
        const fork = chain.fork();
        await bed.send(meter, await chain.usage());
        expect(codes(await bed.send(meter, await fork.warning()))).toEqual([15]);
        expect(await bed.send(meter, first)).toMatchObject([{ level: 1, seq: 1 }]);
        expect(await bed.finish()).toMatchObject([{ level: 2, seq: 1 }]);
    });

    it("never makes what is in dispute final", async () => {
        const fork = chain.fork();
        await bed.send(meter, ...(await records(chain, 3)));
        for (let i = 0; i < 2; i++) await fork.usage();
        await bed.send(meter, await fork.warning());
        const final = await bed.finish();
        expect(final).toMatchObject([
            { level: RECEIPT_LEVEL.final, seq: 2 },
            { level: 1, seq: 3 },
        ]);
        expect(bed.fatal).toEqual([]);
    });
});
