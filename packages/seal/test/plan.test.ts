import { createLadder, type Ladder, unwrap } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
    newSealState,
    planBoundaries,
    planEvent,
    type SealState,
    type TreeAddress,
} from "../src/index.ts";
import { codeOf, ladderOf } from "./fixtures.ts";

const APRIL = 920_344; // 2026-04-01 in Berlin

function nameOf({ level, index }: TreeAddress): string {
    return `${level}/${index}`;
}

describe("one-time rule (invariant 6)", () => {
    test("no leaf is planned twice, whatever the clock and the zone do", () => {
        const zones = ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];
        const step = fc.record({
            zone: fc.constantFrom(...zones),
            jump: fc.oneof(fc.constant(0), fc.integer({ min: -500, max: 500 })),
            count: fc.integer({ min: 1, max: 200 }),
            events: fc.nat(2),
        });
        fc.assert(
            fc.property(fc.array(step, { maxLength: 30 }), fc.nat(3_000_000), (steps, start) => {
                const used = new Set<string>();
                let state = newSealState(3);
                let slot = start;
                for (const { zone, jump, count, events } of steps) {
                    const from = Math.max(0, slot + jump);
                    const plan = planBoundaries(state, ladderOf(zone), from, count);
                    expect(codeOf(plan)).toBe(from < state.nextSlot ? "MS_SEAL_ORDER" : "ok");
                    const made = plan.ok ? [plan.value] : [];
                    if (plan.ok) state = plan.value.state;
                    for (let i = 0; i < events; i++) {
                        made.push(unwrap(planEvent(state)));
                        state = made.at(-1)?.state ?? state;
                    }
                    for (const address of made.flatMap(({ addresses }) => addresses)) {
                        expect(used.has(nameOf(address))).toBe(false);
                        used.add(nameOf(address));
                    }
                    // A restart: the state comes back from JSON.
                    state = JSON.parse(JSON.stringify(state)) as SealState;
                    slot = state.nextSlot;
                }
            }),
            { numRuns: 60 },
        );
    });

    test("slots at or before the last sealed one are refused, later ones leave a gap", () => {
        const { state } = unwrap(planBoundaries(newSealState(0), ladderOf("UTC"), 100, 10));
        expect(state.nextSlot).toBe(110);
        for (const from of [0, 100, 109]) {
            expect(codeOf(planBoundaries(state, ladderOf("UTC"), from, 1))).toBe("MS_SEAL_ORDER");
        }
        expect(codeOf(planBoundaries(state, ladderOf("UTC"), 110, 1))).toBe("ok");
        expect(codeOf(planBoundaries(state, ladderOf("UTC"), 5000, 1))).toBe("ok");
    });

    test("planning changes nothing: the same state gives the same plan", () => {
        const state = newSealState(0);
        const first = unwrap(planBoundaries(state, ladderOf("Europe/Berlin"), APRIL, 96));
        expect(unwrap(planBoundaries(state, ladderOf("Europe/Berlin"), APRIL, 96))).toEqual(first);
        expect(state).toEqual(newSealState(0));
    });
});

describe("plan", () => {
    test("follows the ladder where every leaf is free", () => {
        const ladder = ladderOf("Europe/Berlin");
        const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, APRIL, 3000));
        expect(addresses).toEqual(addresses.map((_, i) => ladder.addressOf(APRIL + i)));
        expect(addresses[0]).toEqual({ level: 3, index: 315 });
    });

    test("a used leaf falls to the next finer tree, down to the slot", () => {
        const ladder = ladderOf("Europe/Berlin");
        const day = ladder.indexAt(APRIL, 2);
        const hour = ladder.indexAt(APRIL, 1);
        const first = (nextIndex: number[]): TreeAddress | undefined =>
            unwrap(planBoundaries({ sealEpoch: 0, nextSlot: 0, nextIndex }, ladder, APRIL, 1))
                .addresses[0];
        expect(first([0, 0, 0, 315, 0])).toEqual({ level: 3, index: 315 });
        expect(first([0, 0, 0, 316, 0])).toEqual({ level: 2, index: day });
        expect(first([0, 0, day + 1, 316, 0])).toEqual({ level: 1, index: hour });
        expect(first([0, hour + 1, day + 1, 316, 0])).toEqual({ level: 0, index: APRIL });
        const broken = {
            sealEpoch: 0,
            nextSlot: 0,
            nextIndex: [APRIL + 1, hour + 1, day + 1, 316, 0],
        };
        expect(codeOf(planBoundaries(broken, ladder, APRIL, 1))).toBe("MS_SEAL_ORDER");
    });

    test("a zone moved west on the way repeats a day, which falls to hours", () => {
        const kathmandu = unwrap(
            planBoundaries(newSealState(0), ladderOf("Asia/Kathmandu"), APRIL, 96),
        );
        const at = kathmandu.state.nextSlot;
        const honolulu = unwrap(
            planBoundaries(kathmandu.state, ladderOf("Pacific/Honolulu"), at, 96),
        );
        const days = (addresses: readonly TreeAddress[]): number[] =>
            addresses.filter(({ level }) => level === 2).map(({ index }) => index);
        expect(days(kathmandu.addresses)).toEqual([9588]);
        expect(days(honolulu.addresses)).toEqual([]);
    });

    test("counts events apart from slots, up to 2^24", () => {
        const { addresses, state } = unwrap(planEvent(newSealState(7)));
        expect(addresses).toEqual([{ level: 4, index: 0 }]);
        expect(state).toEqual({ sealEpoch: 7, nextSlot: 0, nextIndex: [0, 0, 0, 0, 1] });
        const full = { ...state, nextIndex: [0, 0, 0, 0, 2 ** 24] };
        expect(codeOf(planEvent(full))).toBe("MS_SEAL_ORDER");
    });

    test("refuses counts and slots that are none", () => {
        const ladder: Ladder = unwrap(createLadder("UTC", 900));
        for (const [from, count, code] of [
            [0, 0, "MS_STREAM_RULE"],
            [0, 1.5, "MS_STREAM_RULE"],
            [0.5, 1, "MS_STREAM_RULE"],
            [-1, 1, "MS_SEAL_ORDER"],
            [ladder.endSlot, 1, "MS_CLOCK"],
            [0, ladder.endSlot + 1, "MS_CLOCK"],
        ] as const) {
            expect(codeOf(planBoundaries(newSealState(0), ladder, from, count))).toBe(code);
        }
    });
});
