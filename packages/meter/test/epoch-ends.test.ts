import { unixOfSlot, unwrap } from "@meterseal/core";
import {
    EVENT_KIND,
    EVENT_REASON,
    eventOf,
    RECORD_CLASS,
    type RegisterEvent,
    STREAM_MODE,
} from "@meterseal/record";
import { commitBoundaries, openRegisters, ownerKeys } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { beforeEach, describe, expect, it } from "vitest";
import { type EpochOpening, firstSlotFrom, sealedStreamOf } from "../src/index.ts";
import { boundary, FIRST_SLOT, MeterBed, usage } from "./agent-bed.ts";

const AFTER_FIVE = unixOfSlot(FIRST_SLOT + 4, 900) + 300;
const CLOSING = { registers: [1_047n], atUnix: AFTER_FIVE, reason: EVENT_REASON.exchange };
const OPENING: EpochOpening = {
    ...{ registers: [7_000n], atUnix: AFTER_FIVE, reason: EVENT_REASON.exchange },
    before: { sealEpoch: 0, closing: testBytes("closing", 32) },
};

let bed: MeterBed;
beforeEach(() => {
    bed = new MeterBed();
});

/** A meter of the next seal epoch. */
function successor(): MeterBed {
    return new MeterBed({ sealEpoch: 1 });
}

function open(event: RegisterEvent, values: RegisterEvent["values"], index: number): bigint[] {
    if (values.mode === "open" || bed.master === null) throw new Error("a sealed event");
    const keys = unwrap(ownerKeys(bed.master, sealedStreamOf(bed.stream)));
    const addresses = [{ level: 4, index }] as const;
    expect(event.groups).toEqual([0]);
    return [...unwrap(openRegisters(keys, 0, { addresses, sealed: values.bytes }))];
}

describe("both ends of a seal epoch", () => {
    it("commit to their registers where the stream does", async () => {
        for (const [kind, sealEpoch] of [
            ["closing", 0],
            ["opening", 1],
        ] as const) {
            bed = new MeterBed({ committed: 1, sealEpoch });
            await bed.start();
            if (kind === "closing") await bed.agent.closeEpoch(CLOSING);
            else await bed.agent.openEpoch(OPENING);
            const [record] = await bed.kept();
            const event = unwrap(eventOf(record as never));
            const keys = unwrap(ownerKeys(bed.master as Uint8Array, sealedStreamOf(bed.stream)));
            const addresses = [{ level: 4, index: event.index }] as const;
            const { registers } = kind === "closing" ? CLOSING : OPENING;
            expect(event.commitments).toEqual(
                unwrap(commitBoundaries(keys, 1, { addresses, registers })),
            );
        }
    });
});

describe("a closing", () => {
    it("follows what was buffered, seals the final registers, and is the last record", async () => {
        await bed.start();
        await bed.feed(5);
        expect(bed.agent.closing).toBeNull();
        await bed.agent.closeEpoch(CLOSING);
        const kept = await bed.kept();
        const { billing, usage: usageClass } = RECORD_CLASS;
        expect(kept.map(({ recordClass }) => recordClass)).toEqual([
            usageClass,
            usageClass,
            billing,
        ]);
        expect(usage(kept[1]).count).toBe(1);
        const event = unwrap(eventOf(kept[2] as never));
        expect(event).toMatchObject({ kind: EVENT_KIND.closing, sealEpoch: 0, index: 0 });
        expect(open(event, event.values, 0)).toEqual([1_047n]);
        expect(kept[2]?.prev).toEqual(kept[1]?.message.hash);
        expect(bed.agent.closing).toEqual(kept[2]?.message.hash);
    });

    it.each(["at once", "after a restart"])("lets nothing follow, %s", async (when) => {
        await bed.start();
        await bed.feed(5);
        await bed.agent.closeEpoch(CLOSING);
        if (when !== "at once") await bed.start();
        const refused = { code: "MS_STREAM_RULE" };
        await expect(bed.agent.add(boundary(FIRST_SLOT + 5))).rejects.toMatchObject(refused);
        await expect(bed.agent.closeEpoch(CLOSING)).rejects.toMatchObject(refused);
        await bed.agent.flush();
        expect(await bed.kept()).toHaveLength(3);
        expect(bed.agent.closing).toEqual((await bed.kept())[2]?.message.hash);
    });

    it.each([
        ["registers below the last ones", { registers: [1_039n] }, "MS_REGISTER_DECREASED"],
        ["too many registers", { registers: [1_047n, 0n] }, "MS_STREAM_RULE"],
        ["an instant before the last boundary", { atUnix: AFTER_FIVE - 301 }, "MS_SEAL_ORDER"],
        ["an instant to come", { atUnix: AFTER_FIVE + 1e7 }, "MS_CLOCK"],
    ])("is refused with %s, and the meter goes on", async (_, change, code) => {
        await bed.start();
        await bed.feed(5);
        const wrong = { ...CLOSING, ...change };
        await expect(bed.agent.closeEpoch(wrong)).rejects.toMatchObject({ code });
        await bed.feed(1, FIRST_SLOT + 5);
        await bed.agent.closeEpoch({ ...CLOSING, registers: [1_050n], atUnix: AFTER_FIVE + 900 });
    });

    it.each(["beforeCommit", "afterCommit"] as const)(
        "that a crash %s interrupts is sent as the same bytes, or never was",
        async (point) => {
            let writes = 0;
            const crash = (name: string): void => {
                if (name === "append" && ++writes === 2) throw new Error("injected fault");
            };
            await bed.start({ hooks: { [point]: crash } });
            await bed.feed(4);
            const first = bed.agent.closeEpoch(CLOSING);
            await expect(first).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
            const onDisk = (await bed.kept())[1]?.message.bytes;
            await bed.start();
            if (bed.agent.closing === null) await bed.agent.closeEpoch(CLOSING);
            await bed.time.settle();
            const sent = bed.link.sent.flat().filter(({ seq }) => seq === 2);
            expect(sent).toHaveLength(1);
            if (point === "afterCommit") expect(sent[0]?.message.bytes).toEqual(onDisk);
            else expect(onDisk).toBeUndefined();
        },
    );

    it("of an open stream carries plain registers", async () => {
        bed = new MeterBed({ mode: STREAM_MODE.open, scale: 1 });
        await bed.start();
        await bed.agent.closeEpoch(CLOSING);
        const event = unwrap(eventOf((await bed.kept())[0] as never));
        expect(event).toMatchObject({ values: { mode: "open", registers: [1_047n] }, scale: 1 });
    });
});

describe("an opening", () => {
    beforeEach(() => {
        bed = successor();
    });

    it("is the first record, and boundaries go on from its registers and its instant", async () => {
        await bed.start();
        await bed.agent.openEpoch(OPENING);
        const [record] = await bed.kept();
        expect(record).toMatchObject({ seq: 1, prev: bed.profile.anchor });
        const event = unwrap(eventOf(record as never));
        expect(event).toMatchObject({ kind: EVENT_KIND.opening, before: OPENING.before });
        expect(open(event, event.values, 0)).toEqual([7_000n]);
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 5);
        const early = { slot: FIRST_SLOT + 4, registers: [7_001n], flag: 0 } as const;
        await expect(bed.agent.add(early)).rejects.toMatchObject({ code: "MS_SEAL_ORDER" });
        const low = { slot: FIRST_SLOT + 5, registers: [6_999n], flag: 0 } as const;
        await expect(bed.agent.add(low)).rejects.toMatchObject({ code: "MS_REGISTER_DECREASED" });
        await bed.agent.add({ ...low, registers: [7_006n] });
    });

    it("states the registers of a dead device at a leaf of their own, below or above its own", async () => {
        await bed.start();
        await bed.agent.openEpoch({ ...OPENING, before: { sealEpoch: 0, stated: [1_029n] } });
        const event = unwrap(eventOf((await bed.kept())[0] as never));
        expect(open(event, event.values, 0)).toEqual([7_000n]);
        expect(open(event, event.before?.stated as never, 1)).toEqual([1_029n]);
        const next = { ...CLOSING, registers: [7_000n], atUnix: AFTER_FIVE + 900 };
        await expect(bed.agent.closeEpoch({ ...next, atUnix: AFTER_FIVE })).rejects.toMatchObject({
            code: "MS_SEAL_ORDER",
        });
        await bed.agent.closeEpoch(next);
        expect(unwrap(eventOf((await bed.kept())[1] as never)).index).toBe(2);
    });

    it("comes behind nothing: no record, no buffered boundary, no other opening", async () => {
        await bed.start();
        await bed.feed(1);
        const refused = { code: "MS_SEAL_ORDER" };
        await expect(bed.agent.openEpoch(OPENING)).rejects.toMatchObject(refused);
        await bed.agent.flush();
        await expect(bed.agent.openEpoch(OPENING)).rejects.toMatchObject(refused);
        bed = successor();
        await bed.start();
        await bed.agent.openEpoch(OPENING);
        await expect(bed.agent.openEpoch(OPENING)).rejects.toMatchObject(refused);
        expect(await bed.kept()).toHaveLength(1);
    });

    it("follows an earlier epoch, closed or stated but not both", async () => {
        await bed.start();
        const refused = { code: "MS_MALFORMED" };
        const both = { ...OPENING.before, stated: [1_029n] };
        for (const before of [{ sealEpoch: 1 }, both]) {
            await expect(bed.agent.openEpoch({ ...OPENING, before })).rejects.toMatchObject(
                refused,
            );
        }
        expect(await bed.kept()).toHaveLength(0);
        await bed.agent.openEpoch({ ...OPENING, before: { sealEpoch: 0 } });
    });
});

it("finds the first slot boundary at or after an instant", () => {
    const unix = unixOfSlot(FIRST_SLOT, 900);
    const slots = [unix, unix + 1, unix + 899, unix + 900].map((at) => firstSlotFrom(at, 900));
    expect(slots.map((slot) => slot - FIRST_SLOT)).toEqual([0, 1, 1, 1]);
});
