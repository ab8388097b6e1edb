import { error, LIMITS, slotOfUnix, unwrap } from "@meterseal/core";
import {
    coarseAddresses,
    decodeWarning,
    FLAG,
    LEVEL,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    STREAM_MODE,
    verifySign1,
    WARNING_KIND,
} from "@meterseal/record";
import { expandAddresses, openRegisters, ownerKeys } from "@meterseal/seal";
import { testSigner } from "@meterseal/testkit/keys";
import { beforeEach, describe, expect, it } from "vitest";
import { sealedStreamOf } from "../src/index.ts";
import { boundary, FIRST_SLOT, MeterBed, type StoreHooks, usage } from "./agent-bed.ts";

let bed: MeterBed;

beforeEach(() => {
    bed = new MeterBed();
});

/** Registers that the owner's key opens from records (or that stand there), by slot. */
function opened(records: readonly MeterRecord[]): Map<number, bigint> {
    const found = new Map<number, bigint>();
    for (const body of records.map(usage)) {
        const { firstSlot, values } = body;
        const addresses = unwrap(expandAddresses(body));
        const registers =
            values.mode === "open" || bed.master === null
                ? (values.mode === "open" && values.registers) || []
                : unwrap(
                      openRegisters(unwrap(ownerKeys(bed.master, sealedStreamOf(bed.stream))), 0, {
                          addresses,
                          sealed: values.bytes,
                      }),
                  );
        for (const [i, register] of [...registers].entries()) found.set(firstSlot + i, register);
    }
    return found;
}

function failing(when: keyof StoreHooks, at: number): StoreHooks {
    let left = at;
    return {
        [when]: (point: string) => {
            if (point === "append" && left-- === 0) throw new Error("injected fault");
        },
    };
}

describe("records", () => {
    it("chain from the enrolment, are signed, and open to what was measured", async () => {
        await bed.start();
        await bed.feed(12);
        const kept = await bed.kept();
        let prev = bed.profile.anchor;
        for (const [i, record] of kept.entries()) {
            expect(record).toMatchObject({ seq: i + 1, chainEpoch: 0, prev });
            expect(verifySign1(record.message, testSigner("meter", "edDsa").publicKey)).toBe(true);
            prev = record.message.hash;
        }
        const series = opened(kept);
        expect(series.size).toBe(12);
        for (const [slot, wh] of series) expect(wh).toBe(boundary(slot).registers[0]);
        expect(bed.agent.recordCount).toBe(3);
    });

    it("begin anew where a slot is left out", async () => {
        await bed.start();
        await bed.feed(3);
        await bed.feed(2, FIRST_SLOT + 10);
        await bed.agent.flush();
        const bodies = (await bed.kept()).map(usage);
        expect(bodies.map(({ count, firstSlot }) => [firstSlot - FIRST_SLOT, count])).toEqual([
            [0, 3],
            [10, 2],
        ]);
    });

    it("carry flags as runs", async () => {
        await bed.start({ recordBoundaries: 6 });
        const flags = [0, FLAG.missing, FLAG.missing, 0, FLAG.estimated, 0] as const;
        for (const [i, flag] of flags.entries()) {
            await bed.agent.add(boundary(FIRST_SLOT + i, flag));
        }
        expect(usage((await bed.kept())[0]).flags).toEqual([
            { offset: 1, length: 2, flag: FLAG.missing },
            { offset: 4, length: 1, flag: FLAG.estimated },
        ]);
    });

    it.each([
        ["2013-03-31", "2013-03-30T12:00Z", 46],
        ["2013-10-27", "2013-10-26T12:00Z", 50],
    ])("follow the civil day through the change of clocks on %s", async (_day, from, halfHours) => {
        bed = new MeterBed({ slotSeconds: 1800 });
        await bed.start({ recordBoundaries: 130, connect: false });
        const start = slotOfUnix(Date.parse(from) / 1000, 1800);
        for (let slot = start; slot < start + 130; slot++) {
            await bed.agent.add({ slot, registers: [BigInt(slot)], flag: 0 });
        }
        const [record] = await bed.kept();
        const days = coarseAddresses(usage(record)).filter(({ level }) => level >= LEVEL.day);
        const lengths = days.slice(1).map(({ offset }, i) => offset - (days[i]?.offset ?? 0));
        expect(lengths).toEqual([halfHours, 48]);
    });

    it("of an open stream carry plain registers", async () => {
        bed = new MeterBed({ mode: STREAM_MODE.open, groups: [0, 1], scale: 1 });
        await bed.start({ recordBoundaries: 2 });
        for (const slot of [FIRST_SLOT, FIRST_SLOT + 1]) {
            await bed.agent.add({ slot, registers: [BigInt(slot), 7n], flag: 0 });
        }
        const body = usage((await bed.kept())[0]);
        expect(body.values).toEqual({
            mode: "open",
            registers: [BigInt(FIRST_SLOT), 7n, BigInt(FIRST_SLOT + 1), 7n],
        });
        expect(body.scale).toBe(1);
    });
});

describe("a boundary that may not follow", () => {
    const modes: [string, number][] = [
        ["sealed", STREAM_MODE.sealed],
        ["open", STREAM_MODE.open],
    ];
    it.each(modes)("is refused alone (%s)", async (_name, mode) => {
        bed = new MeterBed({ mode });
        await bed.start();
        await bed.feed(2);
        const slot = FIRST_SLOT + 2;
        const bad: [string, Parameters<typeof bed.agent.add>[0]][] = [
            ["MS_SEAL_ORDER", boundary(FIRST_SLOT + 1)],
            ["MS_SEAL_ORDER", boundary(FIRST_SLOT - 1)],
            ["MS_STREAM_RULE", { slot, registers: [], flag: 0 }],
            ["MS_STREAM_RULE", { slot, registers: [2_000n, 0n], flag: 0 }],
            ["MS_REGISTER_DECREASED", { slot, registers: [1_009n], flag: 0 }],
            ["MS_REGISTER_CAP", { slot, registers: [2n ** 61n], flag: 0 }],
        ];
        for (const [code, wrong] of bad) {
            await expect(bed.agent.add(wrong)).rejects.toMatchObject({ code });
        }
        await bed.feed(2, slot);
        expect(opened(await bed.kept()).size).toBe(4);
        await expect(bed.agent.add(boundary(slot + 1))).rejects.toMatchObject({
            code: "MS_SEAL_ORDER",
        });
        const back = { slot: slot + 2, registers: [1n], flag: 0 as const };
        await expect(bed.agent.add(back)).rejects.toMatchObject({ code: "MS_REGISTER_DECREASED" });
    });

    it("grows too fast for a sealed stream", async () => {
        await bed.start();
        await bed.feed(1);
        const registers = [1_000n + BigInt(LIMITS.slotDelta) + 1n];
        await expect(
            bed.agent.add({ slot: FIRST_SLOT + 1, registers, flag: 0 }),
        ).rejects.toMatchObject({ code: "MS_REGISTER_CAP" });
    });

    it("does not have its register in the error", async () => {
        await bed.start();
        await bed.feed(1);
        const secret = { slot: FIRST_SLOT + 1, registers: [987n], flag: 0 as const };
        const failure = await bed.agent.add(secret).catch((cause: unknown) => String(cause));
        expect(failure).not.toContain("987");
    });
});

describe("the store", () => {
    it("has every record before the link sees it", async () => {
        const order: string[] = [];
        bed.link.onSend = (records) => order.push(`sent ${records.at(-1)?.seq}`);
        await bed.start({
            hooks: { afterCommit: (point) => void order.push(point) },
        });
        await bed.feed(8);
        expect(order).toEqual(["append", "sent 1", "append", "sent 2"]);
    });

    const points = [0, 1, 2].flatMap((at) => [
        ["beforeCommit", at] as const,
        ["afterCommit", at] as const,
    ]);
    it.each(points)(
        "crashes %s of write %i: the same bytes, nothing sealed twice",
        async (when, at) => {
            const seen = new Map<string, string>();
            bed.link.onSend = (records) => {
                for (const record of records) {
                    const body = usage(record);
                    const bytes = record.message.bytes.toHex();
                    for (let i = 0; i < body.count; i++) {
                        const name = `slot ${body.firstSlot + i}`;
                        expect(seen.get(name) ?? bytes, name).toBe(bytes);
                        seen.set(name, bytes);
                    }
                    expect(seen.get(`seq ${record.seq}`) ?? bytes).toBe(bytes);
                    seen.set(`seq ${record.seq}`, bytes);
                }
            };
            await bed.start({ hooks: failing(when, at) });
            await expect(bed.feed(20)).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
            await expect(bed.feed(1, FIRST_SLOT + 40)).rejects.toMatchObject({
                code: "MS_STORE_UNWRITABLE",
            });
            await expect(bed.agent.flush()).rejects.toMatchObject({ code: "MS_STORE_UNWRITABLE" });
            const before = await bed.kept();
            await bed.start();
            await bed.feed(FIRST_SLOT + 20 - Math.max(FIRST_SLOT, bed.agent.nextSlot));
            const kept = await bed.kept();
            expect(kept.slice(0, before.length)).toEqual(before);
            expect(kept.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
            expect(opened(kept).size).toBe(20);
        },
    );

    it("that forgot what was buffered gets it again", async () => {
        await bed.start();
        await bed.feed(6);
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 4);
        await bed.start();
        expect(bed.agent.nextSlot).toBe(FIRST_SLOT + 4);
        await bed.feed(4);
        expect(opened(await bed.kept()).size).toBe(8);
    });

    it("of another epoch is refused", async () => {
        await bed.start();
        await bed.feed(4);
        const { store, time } = bed;
        bed = new MeterBed({ sealEpoch: 1 });
        bed.store = store;
        await bed.time.advance(time.nowMs() - bed.time.nowMs());
        await expect(bed.start()).rejects.toMatchObject({ code: "MS_OUTBOX" });
    });

    it("is written in turn, however the calls come", async () => {
        await bed.start();
        await Promise.all(
            Array.from({ length: 20 }, (_, i) => bed.agent.add(boundary(FIRST_SLOT + i))),
        );
        await Promise.all([bed.agent.flush(), bed.agent.flush()]);
        const kept = await bed.kept();
        expect(kept.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
        expect(opened(kept).size).toBe(20);
    });

    it("keeps the batch where the signer failed", async () => {
        await bed.start();
        await bed.feed(3);
        const { nowMs } = bed.time;
        bed.time.nowMs = () => {
            throw error("MS_INTERNAL");
        };
        await expect(bed.agent.flush()).rejects.toMatchObject({ code: "MS_INTERNAL" });
        bed.time.nowMs = nowMs;
        await bed.agent.flush();
        expect(opened(await bed.kept()).size).toBe(3);
    });
});

describe("a source that gives the energy of intervals", () => {
    const noted = (records: readonly MeterRecord[]): number[] =>
        records.flatMap((each, i) => (each.recordClass === RECORD_CLASS.warning ? [i] : []));

    it("is noted once, before the first record with a missing interval, also over a restart", async () => {
        bed.source = "intervals";
        await bed.start();
        await bed.feed(4);
        expect(noted(await bed.kept())).toEqual([]);
        let slot = bed.agent.nextSlot;
        for (const flag of [0, 1, 0, 1] as const) {
            await bed.agent.add(boundary(slot++, flag));
        }
        await bed.time.settle();
        await bed.start();
        await bed.agent.add(boundary(bed.agent.nextSlot, 1));
        await bed.agent.flush();
        const kept = await bed.kept();
        expect(noted(kept)).toEqual([1]);
        expect(unwrap(decodeWarning(kept[1]?.body))).toEqual({
            stream: bed.stream.stream,
            sealEpoch: 0,
            kind: WARNING_KIND.lost,
            fromSlot: FIRST_SLOT + 4,
        });
    });

    it("is not noted of registers", async () => {
        await bed.start();
        await bed.agent.add(boundary(FIRST_SLOT));
        await bed.agent.add(boundary(FIRST_SLOT + 1, 1));
        await bed.agent.flush();
        expect(noted(await bed.kept())).toEqual([]);
    });
});

describe("a full outbox", () => {
    it("makes the meter wait, and lets it go on when a record is final", async () => {
        bed = new MeterBed({ mode: STREAM_MODE.open });
        await bed.start({ recordBoundaries: 1, connect: false });
        await bed.feed(LIMITS.outboxRecords);
        const [oldest] = await bed.store.outbox();
        const first = unwrap(parseRecord(oldest?.bytes ?? new Uint8Array()));
        let taken = false;
        const waiting = bed.agent.add(boundary(bed.agent.nextSlot)).then(() => {
            taken = true;
        });
        await bed.time.advance(1_000);
        expect(taken).toBe(false);
        await bed.final(first);
        await waiting;
        expect(bed.agent.recordCount).toBe(LIMITS.outboxRecords + 1);
        const closing = bed.agent.add(boundary(bed.agent.nextSlot));
        await bed.time.settle();
        await Promise.all([
            expect(closing).rejects.toMatchObject({ code: "MS_LINK" }),
            bed.time.run(bed.agent.close()),
        ]);
    });
});

describe("close", () => {
    it("ends whoever waits, at any time, and leaves no timer", async () => {
        await bed.start();
        await bed.feed(8);
        const settled = bed.agent.settled();
        await Promise.all([
            expect(settled).rejects.toMatchObject({ code: "MS_LINK" }),
            bed.time.run(bed.agent.close()),
        ]);
        expect(bed.link.closed).toBe(true);
        expect(bed.time.pending).toBe(0);
        await expect(bed.agent.add(boundary(FIRST_SLOT + 8))).rejects.toMatchObject({
            code: "MS_LINK",
        });
        await bed.agent.close();
    });

    it("lets a write finish, and takes no late answer", async () => {
        bed.link.mode = "hold";
        await bed.start();
        await bed.feed(4);
        const [first] = (await bed.kept()) as [MeterRecord];
        await bed.feed(3);
        const adding = bed.agent.add(boundary(FIRST_SLOT + 7));
        await bed.time.run(Promise.all([bed.agent.close(), adding.catch(() => undefined)]));
        const receipt = await bed.receipt(first);
        bed.link.deliver(receipt);
        bed.link.up();
        bed.link.release();
        await bed.time.advance(60_000);
        expect(bed.time.pending).toBe(0);
        expect(bed.warnings).toEqual([]);
    });

    it("before anything was done is fine", async () => {
        await bed.start({ connect: false });
        await bed.time.run(bed.agent.close());
        await bed.start();
        await bed.feed(4);
        expect(await bed.kept()).toHaveLength(1);
    });
});
