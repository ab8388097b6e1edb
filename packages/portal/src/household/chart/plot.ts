import type { UsageInterval } from "@meterseal/wallet";
import uPlot from "uplot";
import type { Period, View } from "../periods.ts";
import { type AxisLabel, type EnergySteps, energySteps, timeLabels } from "./axes.ts";
import { cssColour, type Drawing, drawIntervals } from "./draw.ts";

/** What a chart shows. */
export type PlotContent = {
    readonly view: View;
    readonly period: Period;
    readonly intervals: readonly UsageInterval[];
    /** Beside each interval the one of the period before; null where nothing is compared. */
    readonly before: readonly (UsageInterval | null)[] | null;
    /** Days within the period; of a year, its months. */
    readonly parts: readonly Period[];
    readonly zone: string;
};

/** A chart on the page. */
export type EnergyPlot = {
    readonly plot: uPlot;
    /** Shows other content, in place: a page that moves on by itself must not flicker. */
    show(content: PlotContent): void;
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
function intervalAt(intervals: readonly UsageInterval[], unix: number): number | null {
    const position = intervals.findIndex((each) => unix >= each.fromUnix && unix < each.toUnix);
    return position < 0 ? null : position;
}

type Shown = PlotContent & { readonly steps: EnergySteps };

function shownOf(content: PlotContent): Shown {
    return { ...content, steps: energySteps([...content.intervals, ...(content.before ?? [])]) };
}

/** Middles and values of the bars, which uPlot uses for the pointer. */
function dataOf({ intervals }: Shown): uPlot.AlignedData {
    return [
        intervals.map(({ fromUnix, toUnix }) => (fromUnix + toUnix) / 2),
        intervals.map(({ importWh }) => (importWh === null ? null : Number(importWh) / 1000)),
    ];
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
    let shown = shownOf(content);
    let emphasised: number | null = null;
    const pointAt = (self: uPlot): void => {
        const { left } = self.cursor;
        const isInside = left !== undefined && left >= 0;
        onPoint(isInside ? intervalAt(shown.intervals, self.posToVal(left, "x")) : null);
    };
    const drawing = (): Drawing => ({
        intervals: shown.intervals,
        before: shown.before,
        days: shown.view === "week" ? shown.parts : [],
        emphasised,
    });
    const options: uPlot.Options = {
        ...plotSize(host.clientWidth),
        padding: [12, content.view === "day" ? 20 : 4, 0, 0],
        legend: { show: false },
        cursor: {
            x: false,
            y: false,
            points: { show: false },
            drag: { x: false, y: false, setScale: false },
        },
        scales: {
            x: { time: false, range: () => [shown.period.fromUnix, shown.period.toUnix] },
            y: { range: () => [shown.steps.values[0] ?? 0, shown.steps.values.at(-1) ?? 1] },
        },
        axes: [timeAxis(() => shown), energyAxis(() => shown)],
        series: [{}, { show: true, paths: () => null, points: { show: false } }],
        hooks: { draw: [(self) => drawIntervals(self, drawing())], setCursor: [pointAt] },
    };
    const plot = new uPlot(options, dataOf(shown), host);
    return {
        plot,
        show(next) {
            shown = shownOf(next);
            plot.setData(dataOf(shown));
        },
        emphasise(position) {
            if (position === emphasised) return;
            emphasised = position;
            plot.redraw(false, false);
        },
        positionAt(clientX) {
            const { left } = plot.over.getBoundingClientRect();
            return intervalAt(shown.intervals, plot.posToVal(clientX - left, "x"));
        },
    };
}

const textColour = (self: uPlot): string => cssColour(self.root, "--chart-text");
const lineColour = (self: uPlot): string => cssColour(self.root, "--chart-line");

function timeAxis(current: () => Shown): uPlot.Axis {
    const { view } = current();
    const labels = (self: uPlot): AxisLabel[] => {
        const { parts, period, zone } = current();
        return timeLabels(view, period, parts, zone, self.width);
    };
    return {
        font: FONT,
        size: view === "week" ? 44 : 30,
        gap: 8,
        stroke: textColour,
        grid: { show: false },
        ticks: { show: view === "day", stroke: lineColour, width: 1, size: 4 },
        border: { show: true, stroke: lineColour, width: 1 },
        splits: (self) => labels(self).map(({ unix }) => unix),
        values: (self) => labels(self).map((label) => label.text),
    };
}

function energyAxis(current: () => Shown): uPlot.Axis {
    const textOf = (kwh: number): string => Math.abs(kwh).toFixed(current().steps.decimals);
    return {
        font: FONT,
        size: () => 16 + 7 * textOf(current().steps.values.at(-1) ?? 0).length,
        gap: 8,
        stroke: textColour,
        grid: { stroke: lineColour, width: 1 },
        ticks: { show: false },
        splits: () => [...current().steps.values],
        values: (_, values) => values.map(textOf),
    };
}
