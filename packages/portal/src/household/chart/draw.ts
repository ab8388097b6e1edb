import type { UsageInterval } from "@meterseal/wallet";
import type uPlot from "uplot";
import type { Period } from "../periods.ts";

/** What is drawn onto the plot. */
export type Drawing = {
    readonly intervals: readonly UsageInterval[];
    /** Beside each interval the one of the period before; null where nothing is compared. */
    readonly before: readonly (UsageInterval | null)[] | null;
    /** Days to part by lines; empty where bars are days already. */
    readonly days: readonly Period[];
    /** Position of the interval to emphasise. */
    readonly emphasised: number | null;
};

/** Colours of the chart, from the style sheet, which knows light and dark. */
type Palette = {
    readonly bar: string;
    readonly out: string;
    readonly before: string;
    readonly beforeRim: string;
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
        out: cssColour(element, "--chart-out"),
        before: cssColour(element, "--chart-before"),
        beforeRim: cssColour(element, "--surface"),
        emphasis: cssColour(element, "--chart-emphasis"),
        hatch: cssColour(element, "--chart-hatch"),
        gap: cssColour(element, "--chart-gap"),
        line: cssColour(element, "--chart-line"),
        hover: cssColour(element, "--chart-hover"),
    };
}

const HATCH_SPACING = 6;
/** Width of a bar that would fill the chart, as on the first day of a month, CSS pixels. */
const BAR_WIDTH_MAX = 88;
/** Height of the hatching over a bar that was partly read, CSS pixels; a stretch without any reading has all. */
const PARTIAL_HEIGHT = 14;

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
        const height = band.isWhole ? bbox.height : PARTIAL_HEIGHT * ratio;
        drawGap(plot, x(band.fromUnix), x(band.toUnix), height, palette, ratio);
    }
    ctx.fillStyle = palette.line;
    for (const day of drawing.days.slice(1)) {
        ctx.fillRect(Math.round(x(day.fromUnix)), bbox.top, ratio, bbox.height);
    }
    drawing.intervals.forEach((interval, i) => {
        const isEmphasised = i === drawing.emphasised;
        ctx.fillStyle = isEmphasised ? palette.emphasis : palette.bar;
        drawBar(plot, interval, interval.importWh, ratio);
        ctx.fillStyle = isEmphasised ? palette.emphasis : palette.out;
        drawBar(plot, interval, interval.exportWh === null ? null : -interval.exportWh, ratio);
    });
    drawing.intervals.forEach((interval, i) => {
        drawBefore(plot, interval, drawing.before?.[i]?.importWh ?? null, palette, ratio);
    });
    ctx.restore();
}

/** A stretch where readings are missing: all of them, or some. */
export type GapBand = {
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly isWhole: boolean;
};

/** Stretches without, or not wholly with, readings; neighbours of a kind make one band. */
export function gapBands(intervals: readonly UsageInterval[]): readonly GapBand[] {
    const bands: { fromUnix: number; toUnix: number; isWhole: boolean }[] = [];
    for (const { fromUnix, toUnix, quality } of intervals) {
        if (quality === "measured" || quality === "estimated") continue;
        const isWhole = quality === "missing";
        const last = bands.at(-1);
        if (last?.toUnix === fromUnix && last.isWhole === isWhole) last.toUnix = toUnix;
        else bands.push({ fromUnix, toUnix, isWhole });
    }
    return bands;
}

function drawGap(
    plot: uPlot,
    left: number,
    right: number,
    height: number,
    palette: Palette,
    ratio: number,
): void {
    const { bbox, ctx } = plot;
    const { top } = bbox;
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

/** Left edge and width of a bar in the canvas: as wide as its interval is long, less a little space. */
function edgesOf(plot: uPlot, interval: UsageInterval, ratio: number): [number, number] {
    const from = plot.valToPos(interval.fromUnix, "x", true);
    const to = plot.valToPos(interval.toUnix, "x", true);
    const space = Math.min(3 * ratio, (to - from) * 0.2);
    const width = Math.min(BAR_WIDTH_MAX * ratio, Math.max(ratio, to - from - space));
    return [(from + to - width) / 2, width];
}

/** A bar of at least a visible line: a measured zero is not the same as no reading. Export hangs down. */
function drawBar(plot: uPlot, interval: UsageInterval, wh: bigint | null, ratio: number): void {
    if (wh === null) return;
    const { ctx } = plot;
    const [left, width] = edgesOf(plot, interval, ratio);
    const base = plot.valToPos(0, "y", true);
    const reach = Math.abs(base - plot.valToPos(Number(wh) / 1000, "y", true));
    const height = Math.max(ratio, reach);
    const radius = Math.min(3 * ratio, width / 3, height);
    ctx.beginPath();
    if (wh < 0n) ctx.roundRect(left, base, width, height, [0, 0, radius, radius]);
    else ctx.roundRect(left, base - height, width, height, [radius, radius, 0, 0]);
    ctx.fill();
}

/** A line across the bar where the period before stood, with a rim that parts it from the bar. */
function drawBefore(
    plot: uPlot,
    interval: UsageInterval,
    wh: bigint | null,
    palette: Palette,
    ratio: number,
): void {
    if (wh === null) return;
    const { ctx } = plot;
    const [left, width] = edgesOf(plot, interval, ratio);
    const at = Math.round(plot.valToPos(Number(wh) / 1000, "y", true));
    ctx.fillStyle = palette.beforeRim;
    ctx.fillRect(left, at - 2 * ratio, width, 4 * ratio);
    ctx.fillStyle = palette.before;
    ctx.fillRect(left, at - ratio, width, 2 * ratio);
}
