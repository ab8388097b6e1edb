import { concatBytes, LIMITS } from "@meterseal/core";
import {
    createReceipt,
    createSign1,
    encodeReceipt,
    type MeterRecord,
    RECEIPT_LEVEL,
    type Receipt,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeEach, describe, expect, it } from "vitest";
import { FINAL, MeterBed } from "./agent-bed.ts";

let bed: MeterBed;

beforeEach(() => {
    bed = new MeterBed();
});

/** Starts a meter and gives it so many records of four boundaries. */
async function withRecords(count: number): Promise<MeterRecord[]> {
    await bed.start();
    await bed.feed(4 * count);
    const kept = await bed.kept();
    bed.link.take();
    return kept;
}

describe("sending", () => {
    it("waits for the link, and then goes in order", async () => {
        await bed.start({ connect: false });
        await bed.feed(12);
        expect(bed.link.sent).toEqual([]);
        bed.link.up();
        expect(bed.link.take()).toEqual([[1, 2, 3]]);
        const kept = await bed.kept();
        expect(kept.map(({ seq }) => seq)).toEqual([1, 2, 3]);
    });

    it("fills messages up to 100 records and keeps 100 under way", async () => {
        await bed.start({ recordBoundaries: 1, connect: false });
        await bed.feed(250);
        bed.link.mode = "hold";
        bed.link.up();
        expect(bed.link.sent.map(({ length }) => length)).toEqual([100]);
        bed.link.release();
        await bed.time.settle();
        expect(bed.link.sent.map(({ length }) => length)).toEqual([100, 100]);
        bed.link.release();
        await bed.time.settle();
        expect(bed.link.sent.map(({ length }) => length)).toEqual([100, 100, 50]);
    });

    it("fills messages up to 64 KiB", async () => {
        await bed.start({ recordBoundaries: 384, connect: false });
        await bed.feed(384 * 30);
        bed.link.up();
        await bed.time.settle();
        const sizes = bed.link.sent.map((records) =>
            records.reduce((sum, { message }) => sum + message.bytes.length, 0),
        );
        expect(sizes.length).toBeGreaterThan(1);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMITS.messageBytes);
        expect(Math.max(...sizes)).toBeGreaterThan(LIMITS.messageBytes - 4_000);
        expect(bed.link.take().flat()).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    });

    it("goes again after a reconnect, byte for byte", async () => {
        const kept = await withRecords(3);
        bed.link.down();
        bed.link.up();
        await bed.time.settle();
        const again = bed.link.sent.flat().map(({ message }) => message.bytes);
        expect(again).toEqual(kept.map(({ message }) => message.bytes));
    });

    it("goes again five seconds later where nothing came back", async () => {
        await withRecords(2);
        await bed.time.advance(4_900);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(200);
        expect(bed.link.take()).toEqual([[1, 2]]);
        await bed.time.advance(5_000);
        expect(bed.link.take()).toEqual([[1, 2]]);
    });

    it("asks with the oldest record where all is stored and nothing final", async () => {
        const kept = await withRecords(3);
        await bed.answer(kept[2] as MeterRecord);
        await bed.time.advance(5_100);
        expect(bed.link.take()).toEqual([[1]]);
        bed.link.down();
        await bed.time.advance(60_000);
        expect(bed.link.take()).toEqual([]);
        bed.link.up();
        expect(bed.link.take()).toEqual([[1]]);
    });

    it("goes again a second after the link failed", async () => {
        bed.link.mode = "fail";
        await bed.start();
        await bed.feed(4);
        expect(bed.link.take()).toEqual([[1]]);
        bed.link.mode = "acknowledge";
        await bed.time.advance(990);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(20);
        expect(bed.link.take()).toEqual([[1]]);
    });

    it("counts what is under way on the present connection alone", async () => {
        bed.link.mode = "hold";
        await bed.start({ recordBoundaries: 1 });
        await bed.feed(1);
        for (let i = 0; i < 150; i++) {
            bed.link.down();
            bed.link.up();
        }
        bed.link.take();
        await bed.feed(60);
        expect(bed.link.take().flat().length).toBe(60);
        await bed.feed(60);
        expect(bed.link.take().flat().length).toBe(39);
    });

    it("does not repeat what was stored before a restart", async () => {
        const kept = await withRecords(3);
        await bed.answer(kept[1] as MeterRecord);
        await bed.start();
        expect(bed.link.take()).toEqual([[3]]);
    });
});

describe("receipts", () => {
    it("`stored` ends resending and keeps the bytes; `final` deletes up to its record", async () => {
        const kept = await withRecords(3);
        await bed.answer(kept[2] as MeterRecord);
        bed.link.down();
        bed.link.up();
        expect(bed.link.take()).toEqual([[1]]);
        expect(await bed.kept()).toHaveLength(3);
        await bed.final(kept[1] as MeterRecord);
        expect((await bed.kept()).map(({ seq }) => seq)).toEqual([3]);
        expect(bed.agent.openRecords).toBe(1);
        let settled = false;
        const waiting = bed.agent.settled().then(() => {
            settled = true;
        });
        await bed.time.settle();
        expect(settled).toBe(false);
        await bed.final(kept[2] as MeterRecord);
        await waiting;
        expect(await bed.kept()).toEqual([]);
        expect(bed.warnings).toEqual([]);
        await bed.time.advance(60_000);
        expect(bed.time.pending).toBe(0);
    });

    it("twice and out of order do no harm", async () => {
        const kept = await withRecords(3);
        const late = await bed.receipt(kept[0] as MeterRecord);
        await bed.final(kept[1] as MeterRecord);
        bed.link.deliver(late);
        await bed.final(kept[1] as MeterRecord);
        await bed.final(kept[0] as MeterRecord);
        expect((await bed.kept()).map(({ seq }) => seq)).toEqual([3]);
        expect(bed.agent.openRecords).toBe(1);
        await bed.feed(4);
        await bed.final((await bed.kept())[1] as MeterRecord);
        expect(bed.agent.openRecords).toBe(0);
    });

    it("that are not ours are ignored with a warning", async () => {
        const kept = await withRecords(2);
        const [first, second] = kept as [MeterRecord, MeterRecord];
        const content = bed.content(second, FINAL);
        const stranger = testSigner("stranger", "edDsa");
        const good = await bed.receipt(second, FINAL);
        const flipped = good.slice();
        flipped[flipped.length - 3] = (flipped[flipped.length - 3] as number) ^ 1;
        const bad: [string, Uint8Array][] = [
            ["another key", await createReceipt(stranger, content)],
            ["a changed signature", flipped],
            [
                "another subject",
                await bed.receipt(second, { ...FINAL, subject: testBytes("x", 16) }),
            ],
            [
                "another hash",
                await bed.receipt(second, { ...FINAL, recordHash: testBytes("x", 32) }),
            ],
            [
                "the hash of another record",
                await bed.receipt(second, { ...FINAL, recordHash: first.message.hash }),
            ],
            ["no place in the ledger", await bed.receipt(second, { level: RECEIPT_LEVEL.final })],
            ["final with a refusal's code", await bed.receipt(second, { ...FINAL, code: 15 })],
            ["a refusal of nothing", await bed.receipt(second, { level: RECEIPT_LEVEL.refused })],
            [
                "a refusal of another record in its place",
                await bed.receipt(second, { level: 0, code: 15, recordHash: testBytes("x", 32) }),
            ],
            ["a record", second.message.bytes],
            ["garbage", testBytes("garbage", 30)],
            ["nothing", new Uint8Array()],
            ["a receipt with a byte more", concatBytes(good, Uint8Array.of(0))],
            [
                "an enrolment",
                await createSign1(bed.collector, "meterseal/enrol/v1", testBytes("p", 9)),
            ],
        ];
        for (const [name, message] of bad) {
            bed.warnings.length = 0;
            bed.link.deliver(message);
            await bed.time.settle();
            expect(bed.warnings, name).toHaveLength(1);
            expect(await bed.kept(), name).toHaveLength(2);
            expect(bed.agent.openRecords, name).toBe(2);
            expect(bed.agent.refusal, name).toBeNull();
        }
        bed.link.take();
        bed.link.down();
        bed.link.up();
        expect(bed.link.take()).toEqual([[1, 2]]);
        bed.link.deliver(good);
        await bed.time.settle();
        expect(bed.agent.openRecords).toBe(0);
    });

    it("of another chain epoch or beyond the chain name none of ours", async () => {
        const [first] = (await withRecords(1)) as [MeterRecord];
        await bed.answer(first, { ...FINAL, chainEpoch: 1 });
        await bed.answer(first, { ...FINAL, seq: 7 });
        await bed.answer(first, { level: 0, code: 15, seq: 7 });
        expect(bed.agent.openRecords).toBe(1);
        expect(bed.agent.refusal).toBeNull();
    });
});

describe("refusals", () => {
    const refused = (code: number, changes: Partial<Receipt> = {}): Partial<Receipt> => ({
        level: RECEIPT_LEVEL.refused,
        code,
        ...changes,
    });

    it.each([5, 7, 8, 9, 10, 11, 15])("for good (%i) stop the meter and say why", async (code) => {
        const [first, second] = (await withRecords(2)) as [MeterRecord, MeterRecord];
        const settled = bed.agent.settled();
        await bed.answer(second, refused(code));
        await settled;
        expect(bed.agent.refusal).toMatchObject({ code, seq: 2 });
        await expect(bed.feed(1)).rejects.toThrow(`receipt code ${code}`);
        await expect(bed.agent.flush()).rejects.toMatchObject({ code: "MS_NOT_ALLOWED" });
        bed.link.down();
        bed.link.up();
        await bed.time.advance(60_000);
        expect(bed.link.take()).toEqual([]);
        await bed.final(first);
        expect((await bed.kept()).map(({ seq }) => seq)).toEqual([2]);
        expect(bed.time.pending).toBe(0);
    });

    it.each([12, 13, 14])("that pass (%i) are tried again when they say", async (code) => {
        const [first] = (await withRecords(2)) as [MeterRecord];
        await bed.answer(first, refused(code, { retryAfterSeconds: 2 }));
        await bed.feed(4);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(1_900);
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(200);
        expect(bed.link.take()).toEqual([[1, 2, 3]]);
        expect(bed.agent.refusal).toBeNull();
    });

    it("of a gap send from the record that is asked for", async () => {
        const kept = await withRecords(4);
        await bed.answer(kept[3] as MeterRecord, refused(6, { nextSeq: 2 }));
        expect(bed.link.take()).toEqual([[2, 3, 4]]);
    });

    it("of a gap do not repeat what is under way", async () => {
        const kept = await withRecords(4);
        bed.link.mode = "hold";
        for (const record of kept.slice(1)) await bed.answer(record, refused(6, { nextSeq: 1 }));
        expect(bed.link.take()).toEqual([[1, 2, 3, 4]]);
    });

    it("of a gap before a wait do not turn into a storm", async () => {
        const kept = await withRecords(3);
        bed.link.onSend = () => {
            void bed
                .receipt(kept[0] as MeterRecord, refused(14, { retryAfterSeconds: 2 }))
                .then((receipt) => bed.link.deliver(receipt));
            void bed
                .receipt(kept[1] as MeterRecord, refused(6, { nextSeq: 1 }))
                .then((receipt) => bed.link.deliver(receipt));
        };
        await bed.answer(kept[1] as MeterRecord, refused(6, { nextSeq: 1 }));
        await bed.time.advance(20_000);
        expect(bed.link.take().length).toBeLessThan(15);
    });

    it.each([0, 3, 9])("of a gap that asks for a record long gone (%i) wait", async (nextSeq) => {
        const kept = await withRecords(5);
        await bed.final(kept[3] as MeterRecord);
        bed.link.take();
        await bed.answer(kept[4] as MeterRecord, refused(6, nextSeq === 0 ? {} : { nextSeq }));
        expect(bed.link.take()).toEqual([]);
        await bed.time.advance(6_000);
        expect(bed.link.take()).toEqual([[5]]);
    });

    it("without a signature cost a wait and no more", async () => {
        const [first] = (await withRecords(1)) as [MeterRecord];
        for (const code of [1, 2, 3, 4, 15]) {
            bed.link.deliver(encodeReceipt(bed.content(first, refused(code))));
        }
        expect(bed.agent.refusal).toBeNull();
        await bed.time.advance(5_100);
        expect(bed.link.take()).toEqual([[1]]);
        expect(await bed.kept()).toHaveLength(1);
    });
});
