import { createLadder, LIMITS, unwrap } from "@meterseal/core";
import { channelCount, encodeCbor, encodeUsage, STREAM_MODE } from "@meterseal/record";
import { commitBoundaries, expandAddresses, type Flag, ownerKeys } from "@meterseal/seal";
import { describe, expect, it } from "vitest";
import { type Boundary, sealedStreamOf } from "../src/index.ts";
import { boundaryFault, mostBoundaries, sealBatch } from "../src/sealer.ts";
import { newMeterState } from "../src/state.ts";
import { boundary, FIRST_SLOT, MeterBed } from "./agent-bed.ts";

const ladder = unwrap(createLadder("Europe/London", 900));

function seal(batch: readonly Boundary[], bed = new MeterBed(), previous: readonly bigint[] = []) {
    const keys = bed.master && unwrap(ownerKeys(bed.master, sealedStreamOf(bed.stream)));
    const state = { ...newMeterState(bed.profile), registers: previous };
    return sealBatch(bed.profile, ladder, keys, state, batch);
}

const run = (count: number): Boundary[] =>
    Array.from({ length: count }, (_, i) => boundary(FIRST_SLOT + i));

describe("a batch", () => {
    it("moves the state behind its last slot and keeps its last registers", () => {
        const { state, usage } = unwrap(seal(run(LIMITS.usageBoundaries)));
        const last = FIRST_SLOT + LIMITS.usageBoundaries - 1;
        expect(state.seal.nextSlot).toBe(last + 1);
        expect(state.registers).toEqual(boundary(last).registers);
        expect(usage).toMatchObject({ firstSlot: FIRST_SLOT, count: LIMITS.usageBoundaries });
    });

    const mixed = [
        { slot: FIRST_SLOT, registers: [1n, 2n], flag: 0 as const },
        { slot: FIRST_SLOT + 1, registers: [], flag: 0 as const },
    ];
    const bad: [string, string, readonly Boundary[]][] = [
        ["empty", "MS_TOO_LARGE", []],
        ["too long", "MS_TOO_LARGE", run(LIMITS.usageBoundaries + 1)],
        ["with a hole", "MS_SEAL_ORDER", run(3).toSpliced(1, 1)],
        ["backwards", "MS_SEAL_ORDER", run(3).reverse()],
        ["with as many registers as it should have, in the wrong places", "MS_STREAM_RULE", mixed],
        [
            "with a register that falls",
            "MS_REGISTER_DECREASED",
            [boundary(FIRST_SLOT), { ...boundary(FIRST_SLOT + 1), registers: [0n] }],
        ],
    ];
    it.each(bad)("is refused when %s", (_name, code, batch) => {
        for (const mode of Object.values(STREAM_MODE)) {
            expect(seal(batch, new MeterBed({ mode }))).toMatchObject({ error: { code } });
        }
    });

    it("is refused below the registers of the last record", () => {
        expect(seal(run(1), new MeterBed(), [1_001n])).toMatchObject({
            error: { code: "MS_REGISTER_DECREASED" },
        });
    });
});

describe("a batch of a stream with commitments", () => {
    const groups = [0, 1, 15];

    it("commits to the first groups, so many as were enrolled", () => {
        for (const committed of [1, 2, 3]) {
            const bed = new MeterBed({ groups, committed });
            const registers = [5n, 6n, 7n, 8n];
            const batch = [0, 1, 2].map((i) => ({
                slot: FIRST_SLOT + i,
                registers,
                flag: 0 as const,
            }));
            const { usage } = unwrap(seal(batch, bed));
            expect(usage.commitments?.map((list) => list.length)).toEqual(
                new Array(committed).fill(96),
            );
            const keys = unwrap(ownerKeys(bed.master as Uint8Array, sealedStreamOf(bed.stream)));
            const rows = {
                addresses: unwrap(expandAddresses(usage)),
                registers: batch.flatMap((b) => b.registers),
            };
            expect(usage.commitments).toEqual(unwrap(commitBoundaries(keys, committed, rows)));
        }
        expect(unwrap(seal(run(2))).usage.commitments).toBeUndefined();
    });

    it("fits a record, however many groups it commits to", () => {
        const all = Array.from({ length: LIMITS.usageGroups }, (_, group) => group);
        for (const committed of [1, 3, 8, 16]) {
            const bed = new MeterBed({ groups: all, committed });
            const count = mostBoundaries(bed.stream);
            const registers = new Array(channelCount(all)).fill(0n);
            const batch = Array.from({ length: count }, (_, i) => ({
                slot: FIRST_SLOT + i,
                registers,
                flag: (i % 6) as Flag,
            }));
            const { usage } = unwrap(seal(batch, bed));
            expect(encodeCbor(encodeUsage(usage)).length).toBeLessThan(LIMITS.recordBytes - 512);
        }
        expect(mostBoundaries(new MeterBed({ groups, committed: 2 }).stream)).toBe(
            LIMITS.usageBoundaries,
        );
    });
});

describe("a boundary", () => {
    it("may grow by the cap and no more; a sum of squares by its square", () => {
        const { profile } = new MeterBed({ groups: [0, 2, 15] });
        const delta = BigInt(LIMITS.slotDelta);
        const before = [5n, 5n, 5n, 5n];
        expect(before).toHaveLength(channelCount(profile.stream.groups));
        const after = (...growth: bigint[]): Boundary => ({
            slot: FIRST_SLOT,
            registers: before.map((register, i) => register + (growth[i] ?? 0n)),
            flag: 0,
        });
        expect(
            boundaryFault(profile.stream, before, after(delta, delta ** 2n, delta, delta)),
        ).toBeNull();
        for (const growth of [
            [delta + 1n],
            [0n, delta ** 2n + 1n],
            [0n, 0n, delta + 1n],
            [0n, 0n, 0n, delta + 1n],
        ]) {
            expect(boundaryFault(profile.stream, before, after(...growth))).toMatchObject({
                code: "MS_REGISTER_CAP",
            });
        }
    });
});
