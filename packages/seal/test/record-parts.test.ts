import { createLadder, slotOfUnix, unwrap } from "@meterseal/core";
import {
    type AddressException,
    decodeCbor,
    decodeUsage,
    encodeCbor,
    encodeUsage,
    type FlagRun,
} from "@meterseal/record";
import { usageBody } from "@meterseal/testkit/records";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    compactAddresses,
    encodeFlags,
    expandAddresses,
    expandFlags,
    type Flag,
    newSealState,
    planBoundaries,
    type TreeAddress,
} from "../src/index.ts";
import { addressesOf, codeOf } from "./fixtures.ts";

describe("flags", () => {
    const anyFlag = fc.constantFrom<Flag>(0, 0, 0, 1, 2, 3, 4, 5);

    test("runs expand to the flags they were made of", () => {
        fc.assert(
            fc.property(fc.array(anyFlag, { maxLength: 384 }), (flags) => {
                const runs = encodeFlags(flags);
                expect(unwrap(expandFlags(runs, flags.length))).toEqual(flags);
                expect(encodeFlags(unwrap(expandFlags(runs, flags.length)))).toEqual(runs);
            }),
        );
    });

    test("a run holds neighbours of one flag, nothing holds the rest", () => {
        expect(encodeFlags([0, 1, 1, 2, 0, 0, 5])).toEqual([
            { offset: 1, length: 2, flag: 1 },
            { offset: 3, length: 1, flag: 2 },
            { offset: 6, length: 1, flag: 5 },
        ]);
        expect(encodeFlags([0, 0])).toEqual([]);
    });

    test("refuses runs that encodeFlags does not make", () => {
        const run = (offset: number, length: number, flag: number): FlagRun => ({
            offset,
            length,
            flag,
        });
        for (const runs of [
            [run(0, 0, 1)],
            [run(0, 11, 1)],
            [run(10, 1, 1)],
            [run(-1, 2, 1)],
            [run(0, 1, 0)],
            [run(0, 1, 6)],
            [run(0, 1.5, 1)],
            [run(0, 1, 1.5)],
            [run(4, 1, 1), run(2, 1, 1)],
            [run(2, 3, 1), run(4, 1, 2)],
            [run(2, 3, 1), run(5, 1, 1)],
        ]) {
            expect(codeOf(expandFlags(runs, 10))).toBe("MS_MALFORMED");
        }
        expect(codeOf(expandFlags([run(2, 3, 1), run(5, 1, 2)], 10))).toBe("ok");
    });
});

describe("addresses in a record", () => {
    const zones = [
        "Europe/Berlin",
        "Europe/London",
        "America/Los_Angeles",
        "America/St_Johns",
        "Asia/Kathmandu",
        "Asia/Kolkata",
        "Asia/Pyongyang",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
    ];
    const slotLengths = [1, 5, 60, 300, 900, 1800, 3600];

    /** A plan that a meter may make: any zone and slot length that go together, some leaves used up. */
    const anyPlan = fc
        .record({
            zone: fc.constantFrom(...zones),
            slotSeconds: fc.constantFrom(...slotLengths),
            day: fc.integer({ min: 1, max: 13_000 }),
            at: fc.nat(86_399),
            count: fc.integer({ min: 1, max: 384 }),
            used: fc.constantFrom(0, 0, 0, 1, 5),
        })
        .map((plan) => ({
            ...plan,
            firstSlot: Math.floor((plan.day * 86_400 + plan.at) / plan.slotSeconds),
        }));

    function addressesOfPlan(plan: {
        zone: string;
        slotSeconds: number;
        firstSlot: number;
        count: number;
        used: number;
    }): readonly TreeAddress[] | null {
        const ladder = createLadder(plan.zone, plan.slotSeconds);
        if (!ladder.ok) return null;
        const hour = ladder.value.indexAt(plan.firstSlot, 1);
        const nextIndex = [0, plan.used === 0 ? 0 : hour + plan.used, 0, 0, 0];
        const state = { sealEpoch: 0, nextSlot: 0, nextIndex };
        return unwrap(planBoundaries(state, ladder.value, plan.firstSlot, plan.count)).addresses;
    }

    /** What is in the record comes back from its bytes, and gives the addresses. */
    function expectThrough(slotSeconds: number, firstSlot: number, all: readonly TreeAddress[]) {
        const compact = unwrap(compactAddresses(slotSeconds, firstSlot, all));
        const body = usageBody({ ...compact, flags: [] });
        const parsed = unwrap(decodeUsage(decodeCbor(encodeCbor(encodeUsage(body)))));
        expect(parsed).toEqual(body);
        expect(unwrap(expandAddresses(parsed))).toEqual(all);
        return compact;
    }

    test("all come back from a record, in any zone, around changes of its offset", () => {
        fc.assert(
            fc.property(anyPlan, (plan) => {
                const addresses = addressesOfPlan(plan);
                if (addresses !== null) expectThrough(plan.slotSeconds, plan.firstSlot, addresses);
            }),
            { numRuns: 400 },
        );
    });

    test("of whole hours name days and months only", () => {
        fc.assert(
            fc.property(fc.nat(3_000_000), fc.integer({ min: 1, max: 384 }), (from, count) => {
                const addresses = addressesOf("Europe/Berlin", from, count);
                const { exceptions, hourPhaseSeconds } = expectThrough(900, from, addresses);
                const coarse = addresses.filter(({ level }) => level > 1);
                expect(exceptions.map(({ level }) => level)).toEqual(
                    coarse.map(({ level }) => level),
                );
                expect(hourPhaseSeconds).toBe(0);
            }),
        );
    });

    test.each([
        ["Asia/Kolkata", 1800],
        ["Asia/Kathmandu", 900],
        ["America/St_Johns", 1800],
        ["Pacific/Chatham", 900],
    ])("of %s have their hours at the phase of %i s", (zone, phase) => {
        const from = slotOfUnix(Date.parse("2013-01-01T00:05Z") / 1000, 300);
        const addresses = unwrap(
            planBoundaries(newSealState(0), unwrap(createLadder(zone, 300)), from, 288),
        ).addresses;
        const compact = expectThrough(300, from, addresses);
        expect(compact.hourPhaseSeconds).toBe(phase);
        expect(compact.exceptions.length).toBe(1);
    });

    test("of Lord Howe go over from one phase to the other, with exceptions, in the same record", () => {
        const from = slotOfUnix(Date.parse("2013-10-05T12:00Z") / 1000, 900);
        const ladder = unwrap(createLadder("Australia/Lord_Howe", 900));
        const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, from, 96));
        const { exceptions, hourPhaseSeconds } = expectThrough(900, from, addresses);
        expect(hourPhaseSeconds).toBe(1800);
        const levels = new Set(exceptions.map(({ level }) => level));
        expect(levels).toEqual(new Set([0, 1, 2]));
    });

    test("refuses addresses that a record cannot name", () => {
        const hour = 262_968; // of slot 0
        for (const address of [
            { level: 0, index: 6 },
            { level: 4, index: 5 },
            { level: 1, index: hour },
            { level: 1, index: hour + 2 },
        ] as const) {
            expect(codeOf(compactAddresses(3600, 1, [address]))).toBe("MS_BOUNDARY_ADDRESS");
        }
        expect(codeOf(compactAddresses(3600, 1, [{ level: 1, index: hour + 1 }]))).toBe("ok");
        const body = { slotSeconds: 900, firstSlot: 1, count: 2, hourPhaseSeconds: 0 };
        const at = (level: 2 | 3, index: number): AddressException => ({ offset: 0, level, index });
        for (const exception of [at(2, 2 ** 18), at(3, 2 ** 14)]) {
            const expanded = expandAddresses({ ...body, exceptions: [exception] });
            expect(codeOf(expanded)).toBe("MS_BOUNDARY_ADDRESS");
        }
        expect(codeOf(expandAddresses({ ...body, exceptions: [at(3, 2 ** 14 - 1)] }))).toBe("ok");
    });
});
