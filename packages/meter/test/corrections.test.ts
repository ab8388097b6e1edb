import { LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    type CorrectionNote,
    decodeCorrection,
    EVENT_REASON,
    eventOf,
    type MeterRecord,
    RECORD_CLASS,
    STREAM_MODE,
} from "@meterseal/record";
import { expandAddresses, openNote, openRegisters, ownerKeys } from "@meterseal/seal";
import { TEST_START_UNIX } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import { noteHash, sealCorrection } from "../src/adjustments.ts";
import { sealedStreamOf } from "../src/index.ts";
import {
    decodeMeterState,
    encodeMeterState,
    type MeterState,
    newMeterState,
} from "../src/state.ts";
import { boundary, FIRST_SLOT, MeterBed, usage } from "./agent-bed.ts";

const NOTE: CorrectionNote = {
    ...{ plus: 0n, minus: 70n, fromUnix: 1_000, toUnix: 2_000 },
    reason: "counted while the cover was off",
};

let bed: MeterBed;
beforeEach(async () => {
    bed = new MeterBed({ groups: [0, 15], committed: 2 });
    await bed.start();
});

const keys = () => unwrap(ownerKeys(bed.master as Uint8Array, sealedStreamOf(bed.stream)));

/** Opened registers of a group, boundary by boundary. */
function opened(record: MeterRecord | undefined, group: number): bigint[] {
    const body = usage(record);
    if (body.values.mode === "open") throw new Error("a sealed record");
    const addresses = unwrap(expandAddresses(body));
    return [...unwrap(openRegisters(keys(), group, { addresses, sealed: body.values.bytes }))];
}

const codes = async (work: Promise<unknown>): Promise<unknown> =>
    await work.then(
        () => "done",
        (cause: { code?: unknown }) => cause.code,
    );

describe("a meter with adjustments", () => {
    it("counts a correction from the next boundary on, and leaves what it sealed as it is", async () => {
        await bed.feed(2);
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: true });
        await bed.feed(2, FIRST_SLOT + 2);
        await bed.agent.flush();
        const [before, note, after] = await bed.kept();
        expect(opened(before, 15)).toEqual([0n, 0n, 0n, 0n]);
        expect(note?.recordClass).toBe(RECORD_CLASS.warning);
        expect(opened(after, 15)).toEqual([0n, 70n, 0n, 70n]);
        expect(opened(after, 0)).toEqual([1_020n, 1_030n]);
        expect(usage(after).commitments).toHaveLength(2);
        expect(bed.agent.registers).toEqual([1_030n]);

        const correction = unwrap(decodeCorrection(note?.body));
        if (correction.values.mode === "open") throw new Error("a sealed note");
        expect(correction.fromSlot).toBe(FIRST_SLOT + 2);
        const place = { index: correction.values.index, fromSlot: correction.fromSlot };
        expect(unwrap(openNote(keys(), place, correction.values.bytes))).toEqual(NOTE);
    });

    it("seals every note under a leaf of its own, also after a crash", async () => {
        await bed.feed(1);
        await bed.agent.correct(NOTE);
        await bed.start();
        await bed.agent.correct({ ...NOTE, minus: 5n });
        await bed.agent.correct({ ...NOTE, reason: "counted while the cover was off, once more" });
        const [, ...notes] = await bed.kept();
        const bodies = notes.map(({ body }) => unwrap(decodeCorrection(body)).values);
        expect(bodies).toMatchObject([{ index: 0 }, { index: 1 }, { index: 2 }]);
        expect(bed.agent.adjustments).toEqual([0n, 145n]);
    });

    it("enters one that is asked for again once, also when it is final", async () => {
        await bed.feed(1);
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: true });
        await bed.start();
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: false });
        expect(bed.agent.recordCount).toBe(2);
        const [, note] = await bed.kept();
        await bed.final(note as MeterRecord);
        expect(bed.agent.openRecords).toBe(0);
        await bed.start();
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: false });
        expect(bed.agent.adjustments).toEqual([0n, 70n]);
    });

    it("enters one that is asked for again once, whatever the meter wrote meanwhile", async () => {
        await bed.start({ connect: false });
        await bed.feed(2);
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: true });
        await bed.start({ connect: false });
        await bed.feed(4, FIRST_SLOT + 2);
        await bed.agent.correct({ ...NOTE, plus: 3n, minus: 0n });
        await bed.start();
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: false });
        expect(bed.agent.adjustments).toEqual([3n, 70n]);
    });

    it.each<[string, Partial<CorrectionNote>]>([
        ["amount", { minus: 71n }],
        ["direction", { plus: 70n, minus: 0n }],
        ["begin", { fromUnix: 999 }],
        ["end", { toUnix: 2_001 }],
        ["reason", { reason: "read off wrong" }],
    ])("takes one with another %s for another one", async (_, changes) => {
        await bed.feed(1);
        await bed.agent.correct(NOTE);
        expect(await bed.agent.correct({ ...NOTE, ...changes })).toEqual({ seq: 3, isNew: true });
    });

    it("knows an older one again that its memory does not name, while it is not final", async () => {
        await bed.feed(1);
        await bed.agent.correct(NOTE);
        await bed.feed(4);
        const state = unwrap(decodeMeterState((await bed.store.state()) as Uint8Array));
        await bed.store.append(encodeMeterState({ ...state, corrections: [] }), null);
        await bed.start();
        expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: false });
    });

    it("remembers so many corrections, and forgets the oldest first", () => {
        const first = { seq: 1, hash: noteHash(NOTE) };
        const others = Array.from({ length: LIMITS.rememberedCorrections - 1 }, (_, i) => ({
            seq: i + 2,
            hash: noteHash({ ...NOTE, minus: BigInt(i) + 100n }),
        }));
        const seqs = (state: MeterState): number[] => state.corrections.map(({ seq }) => seq);
        const full = {
            ...newMeterState(bed.profile),
            nextSeq: 900,
            registers: [0n, 0n, 0n],
            corrections: [first, ...others],
        };
        const entered = unwrap(sealCorrection(bed.profile, keys(), full, NOTE));
        expect(seqs(entered.state)).toHaveLength(LIMITS.rememberedCorrections);
        expect([seqs(entered.state)[0], seqs(entered.state).at(-1)]).toEqual([2, 900]);
    });

    it("counts behind a gap too", async () => {
        await bed.feed(1);
        await bed.agent.correct(NOTE);
        await bed.agent.add(boundary(FIRST_SLOT + 3));
        await bed.agent.flush();
        expect(opened((await bed.kept()).at(-1), 15)).toEqual([0n, 70n]);
    });

    it("closes its epoch with what was corrected since the last reading", async () => {
        await bed.feed(1);
        await bed.agent.correct(NOTE);
        const atUnix = Math.floor(bed.time.nowMs() / 1000);
        await bed.agent.closeEpoch({ registers: [1_007n], atUnix, reason: EVENT_REASON.exchange });
        const event = unwrap(eventOf((await bed.kept()).at(-1) as MeterRecord));
        if (event.values.mode === "open") throw new Error("a sealed event");
        expect(event.index).toBe(1);
        const addresses = [{ level: 4, index: event.index }] as const;
        const sealed = event.values.bytes;
        expect([...unwrap(openRegisters(keys(), 15, { addresses, sealed }))]).toEqual([0n, 70n]);
        expect(await codes(bed.agent.correct(NOTE))).toBe("MS_STREAM_RULE");
    });

    it("takes the measured registers only: its adjustments are its own", async () => {
        const all = { slot: FIRST_SLOT, registers: [1n, 0n, 0n], flag: 0 } as const;
        expect(await codes(bed.agent.add(all))).toBe("MS_STREAM_RULE");
        await bed.feed(1);
    });

    it.each<[string, Partial<CorrectionNote>, string]>([
        ["no reason", { reason: "" }, "MS_CORRECTION"],
        ["a reason of two lines", { reason: "a\nb" }, "MS_CORRECTION"],
        ["no amount", { minus: 0n }, "MS_CORRECTION"],
        ["an amount that would run backwards", { plus: -1n }, "MS_CORRECTION"],
        ["an interval that ends before it begins", { toUnix: 999 }, "MS_CORRECTION"],
        [
            "more than a register may grow by",
            { minus: BigInt(LIMITS.slotDelta) + 1n },
            "MS_REGISTER_CAP",
        ],
    ])("refuses a correction with %s, and writes nothing", async (_, changes, code) => {
        expect(await codes(bed.agent.correct({ ...NOTE, ...changes }))).toBe(code);
        expect(bed.agent.recordCount).toBe(0);
        await bed.feed(1);
    });

    it.each([
        ["alone", null],
        ["with boundaries that are in no record yet", boundary(FIRST_SLOT)],
    ])(
        "takes no correction before its first reading: %s it would count nowhere",
        async (_, first) => {
            if (first !== null) await bed.agent.add(first);
            const outcome = await codes(bed.agent.correct(NOTE));
            expect([outcome, bed.agent.recordCount]).toEqual(
                first === null ? ["MS_CORRECTION", 0] : ["done", 2],
            );
        },
    );

    it("takes one behind the opening of its epoch, which stays its first record", async () => {
        bed = new MeterBed({ groups: [0, 15], sealEpoch: 1 });
        await bed.start();
        expect(await codes(bed.agent.correct(NOTE))).toBe("MS_CORRECTION");
        await bed.agent.openEpoch({
            ...{ registers: [7n], atUnix: TEST_START_UNIX, reason: EVENT_REASON.exchange },
            before: { sealEpoch: 0 },
        });
        expect(await codes(bed.agent.correct(NOTE))).toBe("done");
        expect(bed.agent.adjustments).toEqual([0n, 70n]);
    });

    it("refuses two that together exceed the growth to the next boundary", async () => {
        await bed.feed(1);
        await bed.agent.correct({ ...NOTE, minus: BigInt(LIMITS.slotDelta) });
        expect(await codes(bed.agent.correct({ ...NOTE, minus: 1n }))).toBe("MS_REGISTER_CAP");
        await bed.feed(1, FIRST_SLOT + 1);
        await bed.agent.flush();
        expect(await codes(bed.agent.correct({ ...NOTE, minus: 1n }))).toBe("done");
    });
});

it("a meter without adjustments takes no correction", async () => {
    bed = new MeterBed();
    await bed.start();
    expect(await codes(bed.agent.correct(NOTE))).toBe("MS_STREAM_RULE");
});

it("a meter of an open stream writes its note in plain", async () => {
    bed = new MeterBed({ groups: [0, 15], mode: STREAM_MODE.open });
    await bed.start();
    await bed.feed(1);
    expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: true });
    await bed.start();
    expect(await bed.agent.correct(NOTE)).toEqual({ seq: 2, isNew: false });
    await bed.feed(1, FIRST_SLOT + 1);
    await bed.agent.flush();
    const [, note, after] = await bed.kept();
    expect(unwrap(decodeCorrection(note?.body)).values).toEqual({ mode: "open", note: NOTE });
    expect(usage(after).values).toEqual({ mode: "open", registers: [1_010n, 0n, 70n] });
    expect(toHex(note?.subject ?? new Uint8Array())).toBe(toHex(bed.profile.subject));
});
