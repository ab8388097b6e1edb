import { unwrap } from "@meterseal/core";
import {
    type Correction,
    type CorrectionNote,
    encodeCorrection,
    RECORD_CLASS,
} from "@meterseal/record";
import { ownerKeys, sealNote } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { beforeEach, describe, expect, it } from "vitest";
import { openServicePoint, usageOfSeries } from "../src/index.ts";
import { Home, type Reading } from "./home.ts";

const SLOT = 500_000;
const NOTE: CorrectionNote = {
    ...{ plus: 0n, minus: 70n, fromUnix: 1_396_000_000, toUnix: 1_396_086_400 },
    reason: "transformer ratio 21 instead of 20",
};

let home: Home;
beforeEach(async () => {
    home = await Home.create({ groups: [0, 15] });
});

/** Readings from a slot on: import, plus and minus. */
const rows = (slot: number, ...registers: (readonly [number, number, number])[]): Reading[] =>
    registers.map((row, i) => ({ slot: slot + i, registers: row.map(BigInt) }));

/** Body of the record that enters a correction; `changes` are what a faulty or foreign meter says. */
function enter(
    note: CorrectionNote,
    fromSlot: number,
    changes: Partial<Correction> & { readonly index?: number } = {},
): Map<number, unknown> {
    const { index = 0, ...other } = changes;
    const { master, stream } = home.key;
    const keys = unwrap(ownerKeys(master as Uint8Array, stream));
    const bytes = unwrap(sealNote(keys, { index, fromSlot }, note));
    return encodeCorrection({
        ...{ stream: stream.streamId, sealEpoch: 0, fromSlot },
        values: { mode: "sealed", index, bytes },
        ...other,
    });
}

const note = (...args: Parameters<typeof enter>) =>
    home.other(RECORD_CLASS.warning, enter(...args));

const codesOf = (records: Parameters<typeof openServicePoint>[1]): string[] =>
    unwrap(openServicePoint(home.key, records)).faults.map((fault) => fault.error.code);

describe("corrections of a household", () => {
    it("count from where they were entered, and keep what was measured", async () => {
        const records = [
            await home.record(rows(SLOT, [1_000, 0, 0], [1_100, 0, 0])),
            await note(NOTE, SLOT + 2),
            await home.record(rows(SLOT + 2, [1_150, 0, 70], [1_250, 0, 70])),
            await note({ ...NOTE, plus: 30n, minus: 0n }, SLOT + 4, { index: 1 }),
        ];
        const { corrections, faults, series } = unwrap(openServicePoint(home.key, records));
        expect(faults).toEqual([]);
        expect(corrections).toMatchObject([
            { minusWh: 70n, plusWh: 0n, reason: NOTE.reason, countedUnix: series[2]?.unix },
            { minusWh: 0n, plusWh: 30n, countedUnix: null },
        ]);
        const usage = usageOfSeries(series, "slot");
        expect(usage.intervals.map(({ correctionWh }) => correctionWh)).toEqual([0n, -70n, 0n]);
        expect([usage.totalImportWh, usage.totalCorrectionWh]).toEqual([250n, -70n]);
        const first = usageOfSeries(series, "slot", undefined, series[1]?.unix);
        expect([first.totalImportWh, first.totalCorrectionWh]).toEqual([100n, 0n]);
    });

    it("of a stream without adjustments are nothing at all", async () => {
        home = await Home.create();
        const records = [await home.record([{ slot: SLOT, registers: [5n] }])];
        const { corrections, series } = unwrap(openServicePoint(home.key, records));
        expect([corrections, series[0]?.adjusted]).toEqual([[], undefined]);
        expect(usageOfSeries(series, "slot")).not.toHaveProperty("totalCorrectionWh");
    });

    it("that no note explains, or only in part, are a fault", async () => {
        const first = await home.record(rows(SLOT, [1_000, 0, 0]));
        const entered = await note(NOTE, SLOT + 1);
        const second = await home.record(rows(SLOT + 1, [1_100, 0, 70], [1_200, 0, 71]));
        expect(codesOf([first, second])).toEqual(["MS_CORRECTION", "MS_CORRECTION"]);
        expect(codesOf([first, entered, second])).toEqual(["MS_CORRECTION"]);
    });

    it("that are entered and never counted are a fault", async () => {
        const records = [
            await home.record(rows(SLOT, [1_000, 0, 0])),
            await note(NOTE, SLOT + 1),
            await home.record(rows(SLOT + 1, [1_100, 0, 0])),
        ];
        expect(codesOf(records)).toEqual(["MS_CORRECTION"]);
    });

    it("that run backwards are a fault", async () => {
        const records = [
            await home.record(rows(SLOT, [1_000, 0, 0])),
            await note(NOTE, SLOT + 1),
            await home.record(rows(SLOT + 1, [1_100, 0, 70])),
            await home.record(rows(SLOT + 2, [1_200, 0, 10])),
        ];
        expect(codesOf(records)).toEqual(["MS_REGISTER_DECREASED"]);
    });

    it("under one leaf twice are a fault", async () => {
        const records = [
            await note(NOTE, SLOT, { index: 4 }),
            await note(NOTE, SLOT, { index: 4 }),
            await home.record(rows(SLOT, [1_000, 0, 140])),
        ];
        expect(codesOf(records)).toEqual(["MS_RESEALED"]);
    });

    it("whose note does not open are a fault of its record, and the registers open all the same", async () => {
        const bytes = testBytes("no note", 64);
        const records = [
            await home.record(rows(SLOT, [1_000, 0, 0])),
            await note(NOTE, SLOT + 1, { values: { mode: "sealed", index: 0, bytes } }),
            await note(NOTE, SLOT + 1, { values: { mode: "open", note: NOTE } }),
        ];
        expect(codesOf(records)).toEqual(["MS_UNSEAL", "MS_CORRECTION"]);
        expect(unwrap(openServicePoint(home.key, records)).series).toHaveLength(1);
    });

    it("in a stream without adjustments are a fault", async () => {
        const body = enter(NOTE, SLOT);
        home = await Home.create();
        body.set(0, home.key.stream.streamId);
        const records = [
            await home.record([{ slot: SLOT, registers: [5n] }]),
            await home.other(RECORD_CLASS.warning, body),
        ];
        expect(codesOf(records)).toEqual(["MS_CORRECTION"]);
    });

    it("of another meter or another stream are none of this household's", async () => {
        const records = [
            await home.record(rows(SLOT, [1_000, 0, 0])),
            await note(NOTE, SLOT + 1, { stream: testBytes("another", 16) }),
        ];
        const other = await note(NOTE, SLOT + 1);
        const foreign = { ...other, subject: testBytes("another meter", 16) };
        const { corrections, faults } = unwrap(openServicePoint(home.key, [...records, foreign]));
        expect([corrections, faults]).toEqual([[], []]);
    });
});
