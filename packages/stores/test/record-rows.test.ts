import { toHex } from "@meterseal/core";
import { createRecord, type MeterRecord, parseRecord, RECORD_CLASS } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { StoreSamples } from "@meterseal/testkit/store-compliance";
import { describe, expect, it } from "vitest";
import { openServerStore } from "../src/sqlite/index.ts";
import { joinRecord, splitRecord } from "../src/sqlite/record-bytes.ts";
import { runsOf } from "../src/sqlite/runs.ts";
import { listOf, useDirectory } from "./helpers.ts";

const samples = new StoreSamples();
const directory = useDirectory();
const hex = (records: readonly MeterRecord[]): string[] =>
    records.map((record) => toHex(record.message.bytes));

describe("a record taken apart", () => {
    it.each(["es256", "edDsa"] as const)("is itself again (%s)", async (kind) => {
        for (const bodyBytes of [0, 1, 20, 200, 300, 3_000]) {
            const bytes = await createRecord(testSigner("rows", kind), {
                recordClass: RECORD_CLASS.warning,
                seq: 3,
                timeUnix: 1_400_000_000,
                body: new Uint8Array(bodyBytes),
                chainEpoch: 0,
                prev: new Uint8Array(32),
                subject: samples.subject(1),
                ref: Uint8Array.of(7),
                expiresUnix: 1_500_000_000,
            });
            const parsed = parseRecord(bytes);
            if (!parsed.ok) throw parsed.error;
            const parts = splitRecord(parsed.value);
            expect(parts.head.length + parts.rest.length).toBe(bytes.length - 18);
            expect(joinRecord(parts, parsed.value.subject)).toEqual(bytes);
        }
    });
    it("and altered is no record, whatever is left of it", async () => {
        const record = await samples.usage({ seq: 1 });
        const { head, rest } = splitRecord(record);
        for (let length = 0; length < rest.length; length++) {
            const bytes = joinRecord({ head, rest: rest.subarray(0, length) }, record.subject);
            expect(parseRecord(bytes)).toMatchObject({ error: { code: "MS_MALFORMED" } });
        }
    });
});

it("row numbers become the fewest runs, in any order", () => {
    expect(runsOf([])).toEqual([]);
    expect(runsOf([4])).toEqual([{ first: 4, last: 4 }]);
    expect(runsOf([12, 3, 5, 4, 9, 10, 11, 1])).toEqual([
        { first: 1, last: 1 },
        { first: 3, last: 5 },
        { first: 9, last: 12 },
    ]);
});

describe("bodies", () => {
    it("of records that arrived in turn are kept apart, also by a store opened later", async () => {
        const store = await openServerStore(directory());
        const chain = await samples.chain(40);
        await store.insertRecords(chain);
        const even = chain.filter((_, i) => i % 2 === 0 && i < 30);
        const odd = chain.filter((_, i) => i % 2 === 1 && i < 30);
        const [first, second] = [await samples.vertex(even), await samples.vertex(odd)];
        await store.insertVertex(first.id.bytes, first.message.bytes, even);
        await store.close();
        const again = await openServerStore(directory());
        expect((await again.looseRecords()).map(toHex)).toEqual(hex([...odd, ...chain.slice(30)]));
        await again.insertVertex(second.id.bytes, second.message.bytes, odd);
        expect((await again.looseRecords()).map(toHex)).toEqual(hex(chain.slice(30)));
        expect(hexOf(await again.reader.bodyOf(1))).toEqual(hex(even));
        expect(hexOf(await again.reader.bodyOf(2))).toEqual(hex(odd));
        expect((await listOf(again.reader.records())).map((row) => row.vertex)).toEqual(
            chain.map((_, i) => (i < 30 ? (i % 2) + 1 : null)),
        );
        expect(await again.reader.counts()).toMatchObject({ records: 40, looseRecords: 10 });
        expect(await again.reader.fileFaults()).toEqual([]);
        await again.close();
    });
    it("take no record of another one, and name it", async () => {
        const store = await openServerStore(directory());
        const chain = await samples.chain(6);
        await store.insertRecords(chain);
        const taken = await samples.vertex(chain.slice(2, 4));
        await store.insertVertex(taken.id.bytes, taken.message.bytes, chain.slice(2, 4));
        const all = await samples.vertex(chain);
        const inserting = store.insertVertex(all.id.bytes, all.message.bytes, chain);
        await expect(inserting).rejects.toMatchObject({
            code: "MS_VERTEX_BODY",
            details: { where: expect.stringMatching(/\/0\/3$/) },
        });
        expect(await store.reader.counts()).toMatchObject({ vertices: 1, looseRecords: 4 });
        await store.close();
    });
});

it("a place of a chain keeps each history once, however often it is sent", async () => {
    const store = await openServerStore(directory());
    const histories = await Promise.all(
        [1, 2, 3].map((i) => samples.usage({ seq: 1, timeUnix: 1_400_000_000 + i })),
    );
    for (const record of [...histories, ...histories]) {
        await store.insertRecords([record, await samples.signedAgain(record)]);
    }
    const rows = await store.reader.recordsAt(samples.subject(1), 0, 1);
    expect(rows.map((row) => row.fork)).toEqual([0, 1, 2]);
    expect(hexOf(rows)).toEqual(hex(histories));
    await store.close();
});

it("records of a write that failed leave no subject and no head behind", async () => {
    let failing = true;
    const beforeCommit = (): void => {
        if (failing) throw new Error("no");
    };
    const store = await openServerStore(directory(), { hooks: { beforeCommit } });
    await expect(store.insertRecords(await samples.chain(3))).rejects.toThrow("no");
    failing = false;
    const other = await samples.chain(2, { subject: 2 });
    await store.insertRecords(other);
    const chain = await samples.chain(3);
    await store.insertRecords(chain);
    expect(hexOf(await listOf(store.reader.records()))).toEqual(hex([...other, ...chain]));
    expect(await store.reader.fileFaults()).toEqual([]);
    await store.close();
});

function hexOf(rows: readonly { bytes: Uint8Array }[]): string[] {
    return rows.map((row) => toHex(row.bytes));
}
