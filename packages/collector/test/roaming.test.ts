import { LIMITS } from "@meterseal/core";
import { createRevocation, type MeterRecord } from "@meterseal/record";
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

/** A vertex of the other collector that came here, and is not in the log. */
async function heardOf(...body: MeterRecord[]): ReturnType<TestCollector["vertex"]> {
    const made = await other.vertex(body);
    const { id, message } = made.vertex;
    await bed.store.takeVertices([{ id: id.bytes, bytes: message.bytes, records: made.records }]);
    return made;
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

    it("may send again what is on its way in the other's vertex: it is carried here too", async () => {
        const [first, second] = (await records(chain, 2)) as [MeterRecord, MeterRecord];
        const { records: body, vertex } = await heardOf(first);
        expect(codes(await bed.send(meter, first, second))).toEqual([0]);
        await bed.finish();
        await bed.engine.submit(vertex.message.bytes, body);
        await bed.time.settle();
        expect(await bed.timesLogged(first)).toBe(2);
        expect(await bed.timesLogged(second)).toBe(1);
        expect((await bed.send(meter, second)).at(-1)).toMatchObject({ code: 0, seq: 2, level: 2 });
        expect(bed.fatal).toEqual([]);
    });

    it("loses nothing where the other is removed before its vertex is in the log", async () => {
        const [first] = (await records(chain, 1)) as [MeterRecord];
        const { records: body, vertex } = await heardOf(first);
        const timeUnix = Math.floor(bed.clock.nowMs() / 1000);
        const { operator, networkId: network } = bed.network;
        const { id } = other.enrolment;
        await bed.engine.submit(await createRevocation(operator, { network, id, timeUnix }), []);
        await expect(bed.engine.submit(vertex.message.bytes, body)).rejects.toThrow("MS_FROZEN");
        expect(codes(await bed.send(meter, first))).toEqual([0]);
        await bed.finish();
        expect(await bed.timesLogged(first)).toBe(1);
        expect((await bed.send(meter, first)).at(-1)).toMatchObject({ code: 0, seq: 1, level: 2 });
        expect(bed.fatal).toEqual([]);
    });
});
