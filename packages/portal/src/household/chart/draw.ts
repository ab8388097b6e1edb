import type { UsageInterval } from "@meterseal/wallet";
import type uPlot from "uplot";
import type { Period } from "../periods.ts";

/** What is drawn onto the plot. */
export type Drawing = {
    readonly intervals: readonly UsageInterval[];
    /** Days to part by lines; empty where bars are days already. */
    readonly days: readonly Period[];
    /** Position of the interval to emphasise. */
    readonly emphasised: number | null;
};

/** Colours of the chart, from the style sheet, which knows light and dark. */
type Palette = {
    readonly bar: string;
    readonly emphasis: string;
    readonly hatch: string;
    readonly gap: string;
    readonly line: string;
    readonly hover: string;
};

/** A colour of the style sheet. */
export function cssColour(element: Element, name: string): string {
    return getComputedStyle(element).getPropertyValue(name).trim();
}

function paletteOf(element: Element): Palette {
    return {
        bar: cssColour(element, "--chart-bar"),
        emphasis: cssColour(element, "--chart-emphasis"),
        hatch: cssColour(element, "--chart-hatch"),
        gap: cssColour(element, "--chart-gap"),
        line: cssColour(element, "--chart-line"),
        hover: cssColour(element, "--chart-hover"),
    };
}

const HATCH_SPACING = 6;

/** Draws bars to scale in time, and bands of hatching where there is no reading. */
export function drawIntervals(plot: uPlot, drawing: Drawing): void {
    const { bbox, ctx } = plot;
    const palette = paletteOf(plot.root);
    const ratio = window.devicePixelRatio;
    const x = (unix: number): number => plot.valToPos(unix, "x", true);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    const hovered = drawing.intervals[drawing.emphasised ?? -1];
    if (hovered !== undefined) {
        ctx.fillStyle = palette.hover;
        const left = x(hovered.fromUnix);
        ctx.fillRect(left, bbox.top, x(hovered.toUnix) - left, bbox.height);
    }
    for (const band of gapBands(drawing.intervals)) {
        drawGap(plot, x(band.fromUnix), x(band.toUnix), palette, ratio);
    }
    ctx.fillStyle = palette.line;
    for (const day of drawing.days.slice(1)) {
        ctx.fillRect(Math.round(x(day.fromUnix)), bbox.top, ratio, bbox.height);
    }
    drawing.intervals.forEach((interval, i) => {
        ctx.fillStyle = i === drawing.emphasised ? palette.emphasis : palette.bar;
        drawBar(plot, interval, ratio);
    });
    ctx.restore();
}

/** Stretches without, or not wholly with, readings; neighbours make one band. */
export function gapBands(
    intervals: readonly UsageInterval[],
): { readonly fromUnix: number; readonly toUnix: number }[] {
    const bands: { fromUnix: number; toUnix: number }[] = [];
    for (const { fromUnix, toUnix, quality } of intervals) {
        if (quality === "measured") continue;
        const last = bands.at(-1);
        if (last?.toUnix === fromUnix) last.toUnix = toUnix;
        else bands.push({ fromUnix, toUnix });
    }
    return bands;
}

function drawGap(plot: uPlot, left: number, right: number, palette: Palette, ratio: number): void {
    const { bbox, ctx } = plot;
    const { top, height } = bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, right - left, height);
    ctx.clip();
    ctx.fillStyle = palette.gap;
    ctx.fillRect(left, top, right - left, height);
    ctx.strokeStyle = palette.hatch;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    const spacing = HATCH_SPACING * ratio;
    // Lines start on a grid of the whole canvas, so that the hatching of two bands is one pattern.
    const start = Math.floor((left - height) / spacing) * spacing;
    for (let at = start; at < right; at += spacing) {
        ctx.moveTo(at, top + height);
        ctx.lineTo(at + height, top);
    }
    ctx.stroke();
    ctx.restore();
}

/** A bar of at least a visible line: a measured zero is not the same as no reading. */
function drawBar(plot: uPlot, interval: UsageInterval, ratio: number): void {
    if (interval.importWh === null) return;
    const { ctx } = plot;
    const from = plot.valToPos(interval.fromUnix, "x", true);
    const to = plot.valToPos(interval.toUnix, "x", true);
    const space = Math.min(3 * ratio, (to - from) * 0.2);
    const width = Math.max(ratio, to - from - space);
    const base = plot.valToPos(0, "y", true);
    const value = plot.valToPos(Number(interval.importWh) / 1000, "y", true);
    const height = Math.max(ratio, base - value);
    const radius = Math.min(3 * ratio, width / 3, height);
    ctx.beginPath();
    ctx.roundRect(from + space / 2, base - height, width, height, [radius, radius, 0, 0]);
    ctx.fill();
}
