import { describe, expect, it } from "vitest";
import type { DagVertex } from "../src/api/dag.ts";
import { pictureHeight, vertexAt } from "../src/ledger/draw.ts";
import { actOf } from "../src/ledger/keys.ts";
import { DagModel } from "../src/ledger/model.ts";
import {
    newestView,
    panned,
    revealing,
    seenOrdinals,
    wholeView,
    zoomed,
} from "../src/ledger/viewport.ts";

const WIDTH = 800;

/** A vertex at a place of the log that follows others. */
const vertex = (leafIndex: number, author: string, ...parents: number[]): DagVertex => ({
    ...{ leafIndex, author, timeMs: leafIndex, id: `id ${leafIndex}`, round: 1, records: 1 },
    ...{ bodyBytes: 1, checkpoint: leafIndex + 1 },
    parents: parents.map((leaf) => ({ id: `id ${leaf}`, leafIndex: leaf < 0 ? null : leaf })),
});

/** Two authors by turns; every third place of the log is something else. */
const turns = (from: number, count: number): DagVertex[] =>
    Array.from({ length: count }, (_, i) => {
        const leaf = (from + i) * 3;
        return vertex(leaf, i % 2 === 0 ? "aa" : "bb", leaf - 3, leaf - 6);
    });

const model = DagModel.EMPTY.withOlder(turns(100, 50), false);

describe("what is known of the DAG", () => {
    it("keeps the ordinal of a vertex when older and newer ones come", () => {
        expect([model.first, model.end]).toEqual([-50, 0]);
        const more = model.withOlder(turns(60, 40), true).withNewer(turns(150, 10));
        expect([more.first, more.end, more.isWhole]).toEqual([-90, 10, true]);
        expect(more.ordinalOf(300)).toBe(model.ordinalOf(300));
        expect(more.at(-50)?.leafIndex).toBe(300);
        expect(more.at(9)?.leafIndex).toBe(477);
        expect([more.at(10), more.at(-91)]).toEqual([undefined, undefined]);
    });

    it("finds no vertex where the log has something else, or nothing", () => {
        for (const leaf of [0, 301, 302, 450, 10_000]) expect(model.ordinalOf(leaf)).toBeNull();
    });

    it("gives each author a lane that stays", () => {
        expect(model.lanes).toEqual(["aa", "bb"]);
        const more = model.withOlder([vertex(1, "cc", -1, -2)], true);
        expect(more.lanes).toEqual(["aa", "bb", "cc"]);
        expect(model.withNewer(turns(150, 2)).lanes).toBe(model.lanes);
    });

    it("knows how far back vertices follow others, as far as those are there", () => {
        expect(model.reach).toBe(2);
        expect(model.withNewer([vertex(450, "aa", 300, 447)]).reach).toBe(50);
        expect(model.withNewer([vertex(450, "aa", 3, 447)]).reach).toBe(2);
    });
});

describe("the part that is seen", () => {
    it("begins with the newest vertices, and shows all where it is asked to", () => {
        const newest = newestView(model, WIDTH);
        expect(newest.left + WIDTH / newest.scale).toBeCloseTo(0);
        expect(wholeView(model, WIDTH)).toEqual({ left: -50, scale: 16 });
        expect(seenOrdinals(wholeView(model, WIDTH), model, WIDTH)).toEqual({ from: -50, to: 0 });
    });

    it("moves and ends at both ends", () => {
        const newest = newestView(model, WIDTH);
        expect(panned(newest, 10_000, model, WIDTH)).toEqual(newest);
        expect(panned(newest, -1e9, model, WIDTH).left).toBe(-50);
        expect(panned(newest, -28, model, WIDTH).left).toBeCloseTo(newest.left - 1);
    });

    it("is zoomed around a place that stays, between all and the nearest", () => {
        const view = { left: -40, scale: 28 };
        const nearer = zoomed(view, 1.5, 300, model, WIDTH);
        expect(nearer.scale).toBe(42);
        expect(nearer.left + 300 / nearer.scale).toBeCloseTo(view.left + 300 / view.scale);
        expect(zoomed(view, 1_000, 300, model, WIDTH).scale).toBe(64);
        expect(zoomed(view, 0, 300, model, WIDTH)).toEqual(wholeView(model, WIDTH));
    });

    it("is moved as little as needed for a vertex to be seen", () => {
        const view = { left: -40, scale: 28 };
        expect(revealing(view, -30, model, WIDTH)).toEqual(view);
        expect(revealing(view, -45, model, WIDTH).left).toBe(-47);
        const right = revealing(view, -5, model, WIDTH);
        expect(right.left + WIDTH / right.scale).toBeCloseTo(-2);
    });

    it("of few vertices stands at the left, and of none does not break", () => {
        const few = DagModel.EMPTY.withOlder(turns(0, 3), true);
        expect(newestView(few, WIDTH)).toEqual({ left: -3, scale: 28 });
        expect(seenOrdinals(newestView(DagModel.EMPTY, WIDTH), DagModel.EMPTY, WIDTH)).toEqual({
            from: 0,
            to: 0,
        });
    });
});

describe("a choice", () => {
    const view = { left: -50, scale: 28 };
    const seen = { model, view, width: WIDTH };

    it("is the vertex of the lane under the pointer, within reach of a finger", () => {
        const laneY = (lane: number): number => 26 + (lane + 0.5) * 64;
        expect(vertexAt(seen, 14, laneY(0))).toBe(-50);
        expect(vertexAt(seen, 14 + 28, laneY(1))).toBe(-49);
        expect(vertexAt(seen, 14, laneY(1))).toBe(-49);
        expect(vertexAt(seen, 14, 5)).toBeNull();
        expect(vertexAt(seen, 14, pictureHeight(2) - 5)).toBeNull();
    });

    it("goes by keys along the log, between lanes and to the ends", () => {
        const choose = (key: string, from: number | null) => {
            const act = actOf(key, model, from);
            return act?.kind === "choose" ? act.ordinal : act;
        };
        expect(choose("ArrowLeft", null)).toBe(-1);
        expect(choose("ArrowLeft", -1)).toBe(-2);
        expect(choose("ArrowRight", -1)).toBe(-1);
        expect(choose("ArrowDown", -10)).toBe(-11);
        expect(choose("ArrowUp", -10)).toBe(-10);
        expect(choose("PageUp", -40)).toBe(-50);
        expect([choose("Home", -3), choose("End", -3)]).toEqual([-50, -1]);
        expect(choose("+", -3)).toEqual({ kind: "zoom", factor: 1.5 });
        expect(choose("0", -3)).toEqual({ kind: "whole" });
        expect(choose("x", -3)).toBeNull();
        expect(actOf("Home", DagModel.EMPTY, null)).toBeNull();
    });
});
