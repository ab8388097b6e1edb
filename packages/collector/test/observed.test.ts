import { LIMITS } from "@meterseal/core";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed } from "./bed.ts";

let bed: Bed;
let meter: TestMeter;
let chain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter("one");
    await bed.enrol(meter);
    chain = new TestChain(meter);
});

describe("whoever watches a collector", () => {
    it("learns the code of each refused record and message, answered or not", async () => {
        const [first, second, third] = [
            await chain.usage(),
            await chain.usage(),
            await chain.usage(),
        ];
        await bed.send(meter, second, third);
        expect(bed.refused).toEqual(["MS_GAP", "MS_GAP"]);
        bed.refused.length = 0;
        await bed.send(meter, first);
        expect(bed.refused).toEqual([]);
        const garbage = new Uint8Array(3).fill(0xff);
        for (let i = 0; i < 3; i++) await bed.send(meter, garbage); // two of them without an answer
        expect(bed.refused).toEqual(["MS_MALFORMED", "MS_MALFORMED", "MS_MALFORMED"]);
        bed.refused.length = 0;
        const forged = (await chain.usage()).message.bytes.slice();
        forged[forged.length - 20] = (forged.at(-20) ?? 0) ^ 1;
        await bed.send(meter, forged);
        expect(bed.refused).toEqual(["MS_SIGNATURE_BAD"]);
    });

    it("sees how many messages are under way, and those beyond the limit", async () => {
        expect(bed.collector.inFlight).toBe(0);
        const { bytes } = (await chain.usage()).message;
        const subject = meter.subject.toHex();
        const sent = Array.from({ length: LIMITS.ingestMessages + 2 }, () =>
            bed.collector.receive(subject, bytes).catch((cause: { code: string }) => cause.code),
        );
        expect(bed.collector.inFlight).toBe(LIMITS.ingestMessages);
        expect(bed.refused).toEqual(["MS_BUSY", "MS_BUSY"]);
        await bed.time.run(Promise.all(sent), 60_000);
        expect(bed.collector.inFlight).toBe(0);
    });
});
