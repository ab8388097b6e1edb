import { LIMITS, toHex } from "@meterseal/core";
import { createRevocation, type MeterRecord } from "@meterseal/record";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed, codes, records } from "./bed.ts";

let bed: Bed;
let meter: TestMeter;
let chain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter();
    await bed.enrol(meter);
    chain = new TestChain(meter);
});

/** The operator removes a meter or a collector. */
async function remove(id: Uint8Array): Promise<void> {
    const bytes = await createRevocation(bed.network.operator, {
        network: bed.network.networkId,
        id,
        timeUnix: Math.floor(bed.time.nowMs() / 1000),
    });
    await bed.engine.submit(bytes, []);
    await bed.time.settle();
}

describe("a meter that was removed", () => {
    it("gets no receipt for what the ledger would pass over", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        expect(codes(await bed.send(meter, first))).toEqual([0]);
        await bed.finish();
        await remove(meter.subject);
        expect(codes(await bed.send(meter, second))).toEqual([15]);
        await bed.restart();
        expect(codes(await bed.send(meter, second))).toEqual([15]);
        await bed.finish();
        expect(await bed.timesLogged(first)).toBe(1);
        expect(await bed.timesLogged(second)).toBe(0);
    });

    it("has nothing waiting any more", async () => {
        const made = await records(chain, 2);
        expect(codes(await bed.send(meter, made[1] as MeterRecord))).toEqual([6]);
        await remove(meter.subject);
        expect(codes(await bed.send(meter, made[0] as MeterRecord))).toEqual([15]);
        await bed.finish();
        expect(await bed.logged()).toEqual([]);
    });

    it("does not touch the others", async () => {
        const other = await bed.network.meter("other");
        await bed.enrol(other);
        await remove(meter.subject);
        expect(codes(await bed.send(other, ...(await records(new TestChain(other), 1))))).toEqual([
            0,
        ]);
    });
});

describe("a collector that was removed", () => {
    it("takes nothing more, also after a start", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        await bed.send(meter, first);
        await bed.finish();
        await remove(bed.author);
        await expect(bed.send(meter, second)).rejects.toMatchObject({ code: "MS_FROZEN" });
        expect(bed.refused).toEqual(["MS_FROZEN"]);
        expect(bed.warnings).toEqual([
            "the operator removed this collector: it takes nothing more",
        ]);
        await bed.restart();
        await expect(bed.send(meter, second)).rejects.toMatchObject({ code: "MS_FROZEN" });
        expect(bed.fatal).toEqual([]);
    });

    it("leaves what it stored last out of the log, and lets the log go on", async () => {
        const [first] = (await records(chain, 1)) as [MeterRecord];
        expect(codes(await bed.send(meter, first))).toEqual([0]);
        await remove(bed.author);
        await bed.time.advance(LIMITS.vertexAgeMs);
        await bed.finish();
        expect(bed.fatal).toEqual([]);
        expect(bed.warnings.at(-1)).toMatch(/stays out of the log/);
        await bed.restart();
        await bed.finish();
        expect(bed.fatal).toEqual([]);
        expect(await bed.timesLogged(first)).toBe(0);
        const next = await bed.network.meter("next");
        await bed.enrol(next);
        expect(bed.state.subjects.has(toHex(next.subject))).toBe(true);
    });
});
