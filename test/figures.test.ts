import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drawCurves, formatCurve } from "../bench/lib/curve.ts";
import type { Measured } from "../bench/lib/report.ts";
import { figureOf, RESULTS_FILE } from "../bench/lib/saved.ts";

const saved = (JSON.parse(readFileSync(RESULTS_FILE, "utf8")) as Measured[]).flatMap((each) =>
    each.curves === undefined ? [] : [{ name: each.name, curves: each.curves }],
);

describe("a figure of the benches", () => {
    it("is there for what P3 draws: delay and throughput from 100 to 10,000 meters", () => {
        const scaling = saved.find(({ name }) => name === "scaling");
        expect(scaling?.curves).toHaveLength(2);
        for (const { lines } of scaling?.curves ?? []) {
            for (const { points } of lines) {
                expect([points[0]?.[0], points.at(-1)?.[0]]).toEqual([100, 10_000]);
            }
        }
    });

    it.each(saved)("$name is drawn from the saved results", ({ curves, name }) => {
        expect(readFileSync(figureOf(name), "utf8")).toBe(drawCurves(curves));
    });

    it("has a table with each of its points", () => {
        const curve = {
            ...{ title: "Delay", over: "meters", unit: "ms" },
            lines: [
                { name: "half", points: [[100, 2.5] as const, [1_000, 30] as const] },
                { name: "most", points: [[1_000, 400] as const] },
            ],
        };
        expect(formatCurve(curve).split("\n").slice(2)).toEqual([
            "| meters | half, ms | most, ms |",
            "| --- | --- | --- |",
            "| 100 | 2.50 | – |",
            "| 1,000 | 30.0 | 400 |",
        ]);
        const svg = drawCurves([curve]);
        expect(svg.match(/<circle/g)).toHaveLength(3);
        expect(svg).toContain(">1,000</text>");
    });
});
