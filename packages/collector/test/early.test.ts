import { LIMITS, toHex } from "@meterseal/core";
import { chainKey, type Vertex } from "@meterseal/ledger";
import { type MeterRecord, RECEIPT_LEVEL } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestChain, type TestMeter } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { Bed, codes, START_MS } from "./bed.ts";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

let bed: Bed;
let meter: TestMeter;
let other: TestMeter;
let chain: TestChain;
let otherChain: TestChain;

beforeEach(async () => {
    bed = await Bed.create();
    meter = await bed.network.meter("one");
    other = await bed.network.meter("two");
    await bed.enrol(meter);
    await bed.enrol(other);
    chain = new TestChain(meter);
    otherChain = new TestChain(other);
});

/** Sequence number up to which the ledger has a meter's chain. */
function headOf({ subject }: TestMeter, epoch = 0): number {
    return bed.state.chains.get(chainKey(subject, epoch))?.headSeq ?? 0;
}

/** Records of the first meter, dated by a clock that is off the bed's. */
async function warnings(count: number, aheadMs: number): Promise<MeterRecord[]> {
    const made: MeterRecord[] = [];
    for (let i = 0; i < count; i++) {
        chain.timeUnix = Math.floor((bed.clock.nowMs() + aheadMs) / 1000);
        made.push(await chain.warning());
    }
    return made;
}

/** A vertex of another collector, which the operator has enrolled. */
async function carriedByOther(
    carried: readonly MeterRecord[],
): Promise<[Vertex, readonly MeterRecord[]]> {
    const collector = await bed.network.collector("other");
    await bed.engine.submit(collector.enrolment.message.bytes, []);
    const { records, vertex } = await collector.vertex(carried);
    return [vertex, records];
}

/** Hands in a message while collector and meter are ahead by a time; it is stored, and in no vertex yet. */
async function sendAhead(aheadMs: number): Promise<MeterRecord> {
    bed.skewMs = aheadMs;
    const [record] = (await warnings(1, 0)) as [MeterRecord];
    await bed.time.run(bed.collector.receive(toHex(meter.subject), record.message.bytes), 500);
    bed.skewMs = 0;
    return record;
}

describe("a record that is dated ahead of a clock which was set right", () => {
    it("holds up its own meter, and no other one, also after a restart", async () => {
        const early = await sendAhead(YEAR_MS);
        const later = await warnings(2, 0);
        await bed.send(meter, ...later);
        await bed.send(other, await otherChain.warning());
        await bed.finish();
        expect([headOf(meter), headOf(other)]).toEqual([0, 1]);
        await bed.restart();
        expect(codes(await bed.send(meter, ...(await warnings(1, 0))))).toEqual([0]);
        await bed.send(other, await otherChain.warning());
        await bed.finish();
        expect([headOf(meter), headOf(other)]).toEqual([0, 2]);
        expect(await bed.timesLogged(early)).toBe(0);
        bed.skewMs = YEAR_MS;
        expect(await bed.finish()).toMatchObject([{ level: RECEIPT_LEVEL.final, seq: 4 }]);
        for (const record of [early, ...later]) expect(await bed.timesLogged(record)).toBe(1);
        expect(bed.warnings.join()).toContain("clock");
        expect(bed.fatal).toEqual([]);
    });

    it("holds up no key that its meter has after it", async () => {
        await sendAhead(YEAR_MS);
        const next = await bed.network.meter("one", {
            signer: testSigner("next"),
            descriptor: { sealEpoch: 1 },
            payload: { epoch: 1 },
        });
        await bed.enrol(next);
        await bed.send(next, await new TestChain(next).warning());
        await bed.finish();
        expect([headOf(meter), headOf(next, 1)]).toEqual([0, 1]);
    });

    it("ends what its meter may send where too many wait, and nobody else", async () => {
        bed.verify = async (jobs) => jobs.map(() => true);
        await sendAhead(YEAR_MS);
        for (let sent = 1; sent < LIMITS.earlyRecords; sent += LIMITS.messageRecords) {
            await bed.send(meter, ...(await warnings(LIMITS.messageRecords, 0)));
        }
        await bed.finish();
        const [more] = (await warnings(1, 0)) as [MeterRecord];
        await expect(bed.send(meter, more)).rejects.toMatchObject({ code: "MS_BUSY" });
        expect(bed.refused).toEqual(["MS_BUSY"]);
        expect(codes(await bed.send(other, await otherChain.warning()))).toEqual([0]);
    });

    it("stays on disk where the collector is closed, for the next start", async () => {
        const early = await sendAhead(2 * HOUR_MS);
        await bed.time.run(bed.collector.close(), 5_000);
        expect(bed.time.pending).toBe(0);
        expect(await bed.logged()).toEqual([]);
        bed.skewMs = 2 * HOUR_MS;
        await bed.restart();
        await bed.finish();
        expect(await bed.timesLogged(early)).toBe(1);
        expect(bed.fatal).toEqual([]);
    });
});

describe("a record that the ledger passed over by its date", () => {
    /** Stored here by a clock that is 40 minutes ahead of the ledger's; 25 minutes too early for it. */
    async function passedOver(): Promise<MeterRecord> {
        await bed.time.advance(HOUR_MS);
        bed.ledgerSkewMs = -40 * 60_000;
        const [early] = (await warnings(1, 0)) as [MeterRecord];
        expect(codes(await bed.send(meter, early))).toEqual([0]);
        expect(await bed.finish()).toEqual([]);
        expect([await bed.timesLogged(early), headOf(meter)]).toEqual([1, 0]);
        return early;
    }

    it("goes again when its time has come, and not before: each copy stays in the log", async () => {
        const early = await passedOver();
        await bed.time.advance(20 * 60_000);
        expect(await bed.timesLogged(early)).toBe(1);
        await bed.time.advance(5 * 60_000);
        expect(await bed.finish()).toMatchObject([{ level: RECEIPT_LEVEL.final, seq: 1 }]);
        expect(await bed.timesLogged(early)).toBe(2);
        expect(bed.fatal).toEqual([]);
    });

    it("goes again soon where the ledger's entries show that its clock was set right", async () => {
        const early = await passedOver();
        bed.ledgerSkewMs = 0;
        await bed.send(other, await otherChain.warning());
        await bed.time.advance(30_000);
        expect(await bed.finish()).toMatchObject([{ level: RECEIPT_LEVEL.final, seq: 1 }]);
        expect(await bed.timesLogged(early)).toBe(2);
    });

    it.each([
        ["at once", 0],
        ["a minute later", 60_000],
    ])("goes again also where the collector ends %s", async (_, waitMs) => {
        const early = await passedOver();
        await bed.time.advance(waitMs);
        bed.ledgerSkewMs = 0;
        await bed.restart();
        await bed.finish();
        expect([await bed.timesLogged(early), headOf(meter)]).toEqual([2, 1]);
        await bed.restart();
        await bed.finish();
        expect(await bed.timesLogged(early)).toBe(2);
        expect(bed.fatal).toEqual([]);
    });

    /** The same, and the collector fails as it keeps the record for another vertex. */
    async function passedOverAndFailed(): Promise<MeterRecord> {
        let rows = 0;
        await bed.restart({
            beforeCommit: (part) => {
                if (part === "insertRecords" && ++rows > 1) throw new Error("crash");
            },
        });
        const early = await passedOver();
        expect(bed.fatal).toHaveLength(1);
        bed.ledgerSkewMs = 0;
        return early;
    }

    it("goes again where its collector failed before it had kept it for that", async () => {
        const early = await passedOverAndFailed();
        await bed.restart();
        await bed.finish();
        expect([await bed.timesLogged(early), headOf(meter)]).toEqual([2, 1]);
        expect(bed.fatal).toHaveLength(1);
    });

    it("goes again as evidence against its meter, once", async () => {
        const fork = chain.fork();
        const early = await passedOverAndFailed();
        await bed.submit(...(await carriedByOther([await fork.warning(7)])));
        expect(headOf(meter)).toBe(1);
        for (let start = 0; start < 2; start++) {
            await bed.restart();
            await bed.finish();
            const frozen = bed.state.chains.get(chainKey(meter.subject, 0));
            expect(frozen).toMatchObject({ headSeq: 0, frozenAt: 1 });
            expect(await bed.timesLogged(early)).toBe(2);
        }
        expect(bed.fatal).toHaveLength(1);
    });

    it("brings those with it that found no room to wait for it there", async () => {
        bed.ledgerSkewMs = -40 * 60_000;
        await bed.time.advance(HOUR_MS);
        const early = await warnings(1, 0);
        await bed.send(meter, ...early);
        const later = await warnings(LIMITS.pendingRecords + 20, -HOUR_MS);
        await bed.send(meter, ...later);
        await bed.finish();
        expect(headOf(meter)).toBe(0);
        bed.ledgerSkewMs = 0;
        await bed.send(other, await otherChain.warning());
        await bed.time.advance(60_000);
        await bed.finish();
        expect(headOf(meter)).toBe(1 + later.length);
        const last = later.at(-1) as MeterRecord;
        expect(await bed.timesLogged(last)).toBe(2);
        expect(bed.fatal).toEqual([]);
    });

    it("sealed before the clock was set right lets all others through, and goes again", async () => {
        await bed.time.advance(10 * HOUR_MS);
        const record = (await warnings(1, -HOUR_MS))[0] as MeterRecord;
        await bed.restart({
            beforeCommit: (part) => {
                if (part === "append") throw new Error("disk");
            },
        });
        await bed.send(meter, record);
        await bed.finish();
        bed.skewMs = -2 * HOUR_MS;
        await bed.restart();
        expect(await bed.send(meter, record)).toMatchObject([{ level: 1, seq: 1 }]);
        otherChain.timeUnix = START_MS / 1000;
        await bed.send(other, await otherChain.warning());
        await bed.finish();
        expect([headOf(meter), headOf(other)]).toEqual([0, 1]);
        bed.skewMs = 0;
        await bed.send(other, await otherChain.warning());
        await bed.time.advance(30_000);
        await bed.finish();
        expect(headOf(meter)).toBe(1);
        expect(await bed.timesLogged(record)).toBe(2);
        expect(bed.warnings.join()).toContain("behind");
    });
});
