import { LIMITS, toHex } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { RateLimit } from "../src/rate-limit.ts";
import { Bed, codes, records } from "./bed.ts";

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

describe("too much at once", () => {
    it("counts messages, not records, and answers once a second", async () => {
        const all = await records(chain, 100);
        for (let i = 0; i < 10; i++) expect(codes(await bed.send(meter, ...all))).toEqual([0]);
        const subject = toHex(meter.subject);
        const flood = Array.from({ length: LIMITS.ingestBurst + 200 }, () =>
            bed.collector.receive(subject, (all[0] as MeterRecord).message.bytes),
        );
        bed.answers.length = 0;
        await bed.time.run(Promise.all(flood));
        expect(bed.answers.filter(({ code }) => code === 12)).toHaveLength(1);
        expect(bed.answers.filter(({ code }) => code === 0).length).toBeLessThan(
            LIMITS.ingestBurst + 10,
        );
        expect(codes(await bed.send(other, await new TestChain(other).usage()))).toEqual([0]);
        await bed.time.advance(1_000);
        expect(codes(await bed.send(meter, all[0] as MeterRecord))).toEqual([0]);
    });

    it("refills by time, and not at all by a clock that went back", () => {
        let nowMs = 10_000_000;
        const rate = new RateLimit({ nowMs: () => nowMs });
        const burst = () => Array.from({ length: 2_000 }, () => rate.take("x")).filter(Boolean);
        expect(burst()).toHaveLength(LIMITS.ingestBurst);
        nowMs -= 3_600_000;
        expect(rate.take("x")).toBe(false);
        nowMs += 1_000;
        expect(burst()).toHaveLength(LIMITS.ingestRatePerSecond);
        nowMs += 3_600_000;
        expect(burst()).toHaveLength(LIMITS.ingestBurst);
    });

    it("costs map look-ups where the key is unknown", async () => {
        let checked = 0;
        const verify = bed.verify;
        bed.verify = (jobs) => {
            checked += jobs.length;
            return verify(jobs);
        };
        const unknown = await chain.fork().usage({}, { signer: testSigner("a stranger") });
        for (let i = 0; i < 50; i++) await bed.send(meter, ...Array(50).fill(unknown));
        expect(checked).toBe(0);
        expect(codes(await bed.send(meter, await chain.usage()))).toEqual([0]);
    });

    it("rejects what is more than it can hold, and goes on", async () => {
        const record = await chain.usage();
        let release = (): void => undefined;
        const gate = new Promise<void>((resolve) => {
            release = resolve;
        });
        bed.verify = async (jobs) => {
            await gate;
            return jobs.map(() => false);
        };
        const held = Array.from({ length: LIMITS.ingestMessages }, (_, i) =>
            bed.collector.receive(
                toHex(i % 2 === 0 ? meter.subject : other.subject),
                record.message.bytes,
            ),
        );
        await expect(
            bed.collector.receive(toHex(other.subject), record.message.bytes),
        ).rejects.toMatchObject({ code: "MS_BUSY" });
        release();
        await bed.time.run(Promise.all(held));
        bed.verify = async (jobs) => jobs.map(() => true);
        await bed.time.advance(5_000);
        expect(codes(await bed.send(meter, record))).toEqual([0]);
    });
});
