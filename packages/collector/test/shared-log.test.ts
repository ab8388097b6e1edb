import { type MeterRecord, RECEIPT_LEVEL } from "@meterseal/record";
import { TestChain, type TestCollector, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed, codes, records } from "./bed.ts";

let bed: Bed;
let meter: TestMeter;
let chain: TestChain;
let other: TestCollector;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter("one");
    await bed.enrol(meter);
    chain = new TestChain(meter);
    other = await bed.network.collector("other");
    await bed.engine.submit(other.enrolment.message.bytes, []);
});

/** Another collector's vertex gets into the log; its leaf. */
async function carriedByOther(carried: readonly MeterRecord[]): Promise<number> {
    const { records: body, vertex } = await other.vertex(carried);
    const { bytes } = vertex.message;
    await bed.store.takeVertices([{ id: vertex.id.bytes, bytes, records: body }]);
    return await bed.engine.append(bytes, body);
}

describe("a record in another collector's vertex", () => {
    it("that waits for an earlier one is final with it, at the leaf that carries it", async () => {
        const [first, second, third] = (await records(chain, 3)) as [
            MeterRecord,
            MeterRecord,
            MeterRecord,
        ];
        const leaf = await carriedByOther([second, third]);
        bed.collector.connected(meter.subject.toHex());
        await carriedByOther([first]);
        expect(await bed.finish()).toMatchObject([
            { level: RECEIPT_LEVEL.final, seq: 3, leafIndex: leaf },
        ]);
        await bed.restart();
        expect(await bed.send(meter, third)).toMatchObject([
            { level: RECEIPT_LEVEL.final, seq: 3, leafIndex: leaf },
        ]);
    });

    it("that the ledger passed over is taken here, and carried again", async () => {
        bed.skewMs = 1_800_000;
        bed.ledgerSkewMs = -1_800_000;
        chain.timeUnix = Math.floor(bed.clock.nowMs() / 1000);
        const early = await chain.warning();
        await carriedByOther([early]);
        bed.ledgerSkewMs = 0;
        expect(codes(await bed.send(meter, early))).toEqual([0]);
        expect(await bed.finish()).toMatchObject([{ level: RECEIPT_LEVEL.final, seq: 1 }]);
        expect(await bed.timesLogged(early)).toBe(2);
        expect(bed.fatal).toEqual([]);
    });
});
