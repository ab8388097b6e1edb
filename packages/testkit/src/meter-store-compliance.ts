import { toHex, utf8 } from "@meterseal/core";
import type { MeterStore, OutboxRecord } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import {
    type CurrentBed,
    expectCode,
    failAt,
    inBothLives,
    type StoreBed,
    useBed,
} from "./store-bed.ts";

type Bed = CurrentBed<MeterStore>;

/** Registers the compliance suite of a meter store; `make` gives a new, empty bed each time. */
export function describeMeterStoreCompliance(
    name: string,
    make: () => Promise<StoreBed<MeterStore>>,
): void {
    describe(`${name}: meter store`, () => {
        const bed = useBed(make);
        describe("state and outbox", () => outboxCases(bed));
        describe("receipts", () => receiptCases(bed));
        describe("atomicity", () => atomicityCases(bed));
        describe("size", () => sizeCases(bed));
    });
}

function outboxCases(bed: Bed): void {
    it("is empty at first", async () => {
        const store = await bed.open();
        expect(await stateOf(store)).toEqual({
            state: null,
            outbox: [],
            receipts: { stored: null, final: null },
        });
    });
    it("keeps state and records byte-equal, also after reopening", async () => {
        const store = await bed.open();
        await store.append(utf8("state 1"), record(0, 1));
        await store.append(utf8("state 2"), record(0, 2));
        await store.append(utf8("state 3"), null);
        await inBothLives(bed, store, async (current) => {
            expect(await current.state()).toEqual(utf8("state 3"));
            expect(await current.outbox()).toEqual([record(0, 1), record(0, 2)]);
        });
    });
    it("gives the outbox in chain order, whatever order it came in", async () => {
        const store = await bed.open();
        for (const [epoch, seq] of [
            [1, 2],
            [0, 10],
            [1, 1],
            [0, 9],
        ] as const) {
            await store.append(utf8("state"), record(epoch, seq));
        }
        expect(await placesOf(store)).toEqual(["0/9", "0/10", "1/1", "1/2"]);
    });
    it("refuses a second record for one place of the chain, with its state", async () => {
        const store = await bed.open();
        await store.append(utf8("state 1"), record(0, 1));
        const other = { ...record(0, 1), bytes: utf8("another message") };
        for (const second of [record(0, 1), other]) {
            await expectCode(store.append(utf8("state 2"), second), "MS_REPLAYED");
        }
        expect(await store.state()).toEqual(utf8("state 1"));
        expect(await store.outbox()).toEqual([record(0, 1)]);
    });
    it("every call on a closed store rejects", async () => {
        const store = await bed.open();
        await store.close();
        await store.close();
        await expectCode(store.state(), "MS_STORE_UNWRITABLE");
        await expectCode(store.append(utf8("state"), null), "MS_STORE_UNWRITABLE");
    });
}

function receiptCases(bed: Bed): void {
    it("keeps the latest of each level and deletes nothing for a stored one", async () => {
        const store = await bed.open();
        await store.append(utf8("state"), record(0, 1));
        await store.keepStored(utf8("stored 1"));
        await store.keepStored(utf8("stored 2"));
        await store.keepFinal(utf8("final 1"), 0, 0);
        const expected = { stored: utf8("stored 2"), final: utf8("final 1") };
        await inBothLives(bed, store, async (current) => {
            expect(await current.receipts()).toEqual(expected);
            expect(await placesOf(current)).toEqual(["0/1"]);
        });
    });
    it("a final one deletes what it covers and not one record more", async () => {
        const store = await bed.open();
        const places = ["0/1", "0/7", "1/1", "1/2", "1/3", "2/1", "2/2"];
        for (const place of places) {
            const [epoch = 0, seq = 0] = place.split("/").map(Number);
            await store.append(utf8("state"), record(epoch, seq));
        }
        await store.keepFinal(utf8("final"), 0, 6);
        expect(await placesOf(store)).toEqual(["0/7", "1/1", "1/2", "1/3", "2/1", "2/2"]);
        await store.keepFinal(utf8("final"), 1, 2);
        expect(await placesOf(store)).toEqual(["1/3", "2/1", "2/2"]);
        await store.keepFinal(utf8("final"), 1, 2);
        await store.keepFinal(utf8("final"), 0, 9);
        expect(await placesOf(await bed.reopen(store))).toEqual(["1/3", "2/1", "2/2"]);
    });
    it("a place that became final may not be confused with a new one in the next epoch", async () => {
        const store = await bed.open();
        await store.append(utf8("state"), record(0, 1));
        await store.keepFinal(utf8("final"), 0, 1);
        await store.append(utf8("state"), record(1, 1));
        expect(await placesOf(store)).toEqual(["1/1"]);
    });
}

function atomicityCases(bed: Bed): void {
    const steps: { point: string; run: (store: MeterStore) => Promise<void> }[] = [
        { point: "append", run: (store) => store.append(utf8("state 2"), record(0, 2)) },
        { point: "keepStored", run: (store) => store.keepStored(utf8("stored")) },
        { point: "keepFinal", run: (store) => store.keepFinal(utf8("final"), 0, 1) },
    ];
    it.each(steps)("an error before the commit of $point leaves nothing", async (step) => {
        let store = await bed.open();
        await store.append(utf8("state 1"), record(0, 1));
        store = await bed.reopen(store, failAt(step.point, "beforeCommit"));
        const before = await stateOf(store);
        await expect(step.run(store)).rejects.toThrow(`injected fault in ${step.point}`);
        expect(await stateOf(store)).toEqual(before);
        store = await bed.reopen(store);
        expect(await stateOf(store)).toEqual(before);
        await step.run(store);
        expect(await stateOf(store)).not.toEqual(before);
    });
    it.each(steps)("an error after the commit of $point loses nothing", async (step) => {
        let store = await bed.open();
        await store.append(utf8("state 1"), record(0, 1));
        const before = await stateOf(store);
        store = await bed.reopen(store, failAt(step.point, "afterCommit"));
        await expect(step.run(store)).rejects.toThrow(`injected fault in ${step.point}`);
        const after = await stateOf(await bed.reopen(store));
        expect(after).not.toEqual(before);
        if (step.point !== "append") return;
        expect(after.state).toEqual(utf8("state 2"));
        expect(after.outbox).toEqual([record(0, 1), record(0, 2)]);
    });
}

function sizeCases(bed: Bed): void {
    it("keeps states, records and receipts of 64 KiB", async () => {
        const store = await bed.open();
        const big = new Uint8Array(65_536).fill(0x5a);
        await store.append(big, { ...record(0, 1), bytes: big });
        await store.keepStored(big);
        await store.keepFinal(big, 0, 0);
        const reopened = await bed.reopen(store);
        expect(toHex((await reopened.state()) ?? utf8(""))).toBe(toHex(big));
        expect(toHex((await reopened.outbox())[0]?.bytes ?? utf8(""))).toBe(toHex(big));
        expect(await reopened.receipts()).toEqual({ stored: big, final: big });
    });
    it("keeps 4 096 records in order and lets go of all of them", async () => {
        const store = await bed.open();
        for (let seq = 1; seq <= 4_096; seq++) await store.append(utf8(`${seq}`), record(0, seq));
        const reopened = await bed.reopen(store);
        const outbox = await reopened.outbox();
        expect(outbox.map(({ seq }) => seq)).toEqual(outbox.map((_, i) => i + 1));
        expect(outbox).toHaveLength(4_096);
        await reopened.keepFinal(utf8("final"), 0, 4_096);
        expect(await reopened.outbox()).toEqual([]);
    }, 60_000);
}

function record(chainEpoch: number, seq: number): OutboxRecord {
    const bytes = utf8(`record ${chainEpoch}/${seq}`);
    return { chainEpoch, seq, hash: new Uint8Array(32).fill(seq), bytes };
}

async function placesOf(store: MeterStore): Promise<string[]> {
    return (await store.outbox()).map(({ chainEpoch, seq }) => `${chainEpoch}/${seq}`);
}

/** Everything that the port shows of a store. */
async function stateOf(store: MeterStore) {
    return {
        state: await store.state(),
        outbox: await store.outbox(),
        receipts: await store.receipts(),
    };
}
