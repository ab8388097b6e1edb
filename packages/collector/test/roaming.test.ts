import { LIMITS } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { TestChain, type TestCollector, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed, codes, records } from "./bed.ts";

/** A meter that was at another collector before it came here. */
let bed: Bed;
let other: TestCollector;
let meter: TestMeter;
let chain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    other = await bed.network.collector("other");
    await bed.engine.submit(other.enrolment.message.bytes, []);
    meter = await bed.network.meter();
    await bed.enrol(meter);
    chain = new TestChain(meter);
});

/** The other collector brings records into the log. */
async function elsewhere(...brought: MeterRecord[]): Promise<void> {
    const { records: body, vertex } = await other.vertex(brought);
    const { bytes } = vertex.message;
    await bed.store.takeVertices([{ id: vertex.id.bytes, bytes, records: body }]);
    await bed.engine.submit(bytes, body);
    await bed.time.settle();
}

describe("a meter that comes from another collector", () => {
    it("is told what is missing, and served when the log brings that", async () => {
        const [first, second, third] = (await records(chain, 3)) as [
            MeterRecord,
            MeterRecord,
            MeterRecord,
        ];
        const held = await bed.send(meter, second, third);
        expect(codes(held)).toEqual([6]);
        expect(held[0]).toMatchObject({ nextSeq: 1 });
        const before = bed.answers.length;
        await elsewhere(first);
        await bed.time.advance(LIMITS.commitDelayMs);
        await bed.finish();
        const answers = bed.answers.slice(before);
        expect(answers.at(-1)).toMatchObject({ code: 0, seq: 3, level: 2 });
        for (const each of [first, second, third]) expect(await bed.timesLogged(each)).toBe(1);
        expect(bed.fatal).toEqual([]);
    });

    it("may send again what is on its way in the other's vertex: it is stored, and carried once", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        const { records: body, vertex } = await other.vertex([first]);
        // Heard of, and not in the log yet.
        await bed.store.takeVertices([
            { id: vertex.id.bytes, bytes: vertex.message.bytes, records: body },
        ]);
        expect(codes(await bed.send(meter, first, second))).toEqual([0]);
        await bed.finish();
        await bed.engine.submit(vertex.message.bytes, body);
        await bed.time.settle();
        for (const each of [first, second]) expect(await bed.timesLogged(each)).toBe(1);
        expect((await bed.send(meter, second)).at(-1)).toMatchObject({ code: 0, seq: 2, level: 2 });
        expect(bed.fatal).toEqual([]);
    });
});
