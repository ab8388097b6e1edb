import type { UsageInterval } from "@meterseal/wallet";
import uPlot from "uplot";
import type { Period, View } from "../periods.ts";
import { energySteps, timeLabels } from "./axes.ts";
import { cssColour, type Drawing, drawIntervals } from "./draw.ts";

/** What a chart shows. */
export type PlotContent = {
    readonly view: View;
    readonly period: Period;
    readonly intervals: readonly UsageInterval[];
    /** Days within the period. */
    readonly days: readonly Period[];
    readonly zone: string;
};

/** A chart on the page. */
export type EnergyPlot = {
    readonly plot: uPlot;
    /** Emphasises an interval, or none. */
    emphasise(position: number | null): void;
    /** Position of the interval under a place of the window, or null. */
    positionAt(clientX: number): number | null;
};

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const HEIGHT_WIDE = 300;
const HEIGHT_NARROW = 230;
const NARROW = 520;

/** Size of the chart for a width. */
export function plotSize(width: number): { width: number; height: number } {
    return { width, height: width < NARROW ? HEIGHT_NARROW : HEIGHT_WIDE };
}

/** Position of the interval that holds an instant, or null. */
export function intervalAt(intervals: readonly UsageInterval[], unix: number): number | null {
    const position = intervals.findIndex((each) => unix >= each.fromUnix && unix < each.toUnix);
    return position < 0 ? null : position;
}

/**
 * Makes a chart of bars over time. uPlot brings scales, axes and the pointer; bars and gaps are
 * drawn here, because their width is their duration and a gap must not look like zero.
 */
export function createPlot(
    host: HTMLElement,
    content: PlotContent,
    onPoint: (position: number | null) => void,
): EnergyPlot {
    const { days, intervals, period, view, zone } = content;
    const steps = energySteps(intervals);
    const labels = (self: uPlot) => timeLabels(view, period, days, zone, self.width);
    let emphasised: number | null = null;
    const drawing = (): Drawing => ({
        intervals,
        days: view === "week" ? days : [],
        emphasised,
    });
    const text = (self: uPlot): string => cssColour(self.root, "--chart-text");
    const line = (self: uPlot): string => cssColour(self.root, "--chart-line");
    const plot = new uPlot(
        {
            ...plotSize(host.clientWidth),
            padding: [12, view === "day" ? 20 : 4, 0, 0],
            legend: { show: false },
            cursor: {
                x: false,
                y: false,
                points: { show: false },
                drag: { x: false, y: false, setScale: false },
            },
            scales: {
                x: { time: false, range: () => [period.fromUnix, period.toUnix] },
                y: { range: () => [0, steps.values.at(-1) ?? 1] },
            },
            axes: [
                {
                    font: FONT,
                    size: view === "week" ? 44 : 30,
                    gap: 8,
                    stroke: text,
                    grid: { show: false },
                    ticks: { show: view === "day", stroke: line, width: 1, size: 4 },
                    border: { show: true, stroke: line, width: 1 },
                    splits: (self) => labels(self).map(({ unix }) => unix),
                    values: (self) => labels(self).map((label) => label.text),
                },
                {
                    font: FONT,
                    size: 16 + 7 * (steps.values.at(-1) ?? 0).toFixed(steps.decimals).length,
                    gap: 8,
                    stroke: text,
                    grid: { stroke: line, width: 1 },
                    ticks: { show: false },
                    splits: () => [...steps.values],
                    values: (_, values) => values.map((value) => value.toFixed(steps.decimals)),
                },
            ],
            series: [{}, { show: true, paths: () => null, points: { show: false } }],
            hooks: {
                draw: [(self) => drawIntervals(self, drawing())],
                setCursor: [
                    (self) => {
                        const { left } = self.cursor;
                        const isInside = left !== undefined && left >= 0;
                        onPoint(isInside ? intervalAt(intervals, self.posToVal(left, "x")) : null);
                    },
                ],
            },
        },
        [
            intervals.map(({ fromUnix, toUnix }) => (fromUnix + toUnix) / 2),
            intervals.map(({ importWh }) => (importWh === null ? null : Number(importWh) / 1000)),
        ],
        host,
    );
    return {
        plot,
        emphasise(position) {
            if (position === emphasised) return;
            emphasised = position;
            plot.redraw(false, false);
        },
        positionAt(clientX) {
            const { left } = plot.over.getBoundingClientRect();
            return intervalAt(intervals, plot.posToVal(clientX - left, "x"));
        },
    };
}
