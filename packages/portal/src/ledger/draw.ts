import { formatCount, formatDate, shortHex } from "../format.ts";
import { cssColour } from "../household/chart/draw.ts";
import type { DagModel } from "./model.ts";
import { seenOrdinals, type Viewport } from "./viewport.ts";

/** What is drawn, and how large, in CSS pixels. */
export type DagDrawing = {
    readonly model: DagModel;
    readonly view: Viewport;
    readonly width: number;
    readonly height: number;
    /** Ordinal of the chosen vertex; null for none. */
    readonly chosen: number | null;
    readonly zone: string;
};

/** Heights of the strips of time and of checkpoints, pixels. */
const TIME_HEIGHT = 26;
const SIZE_HEIGHT = 28;
const LANE_MAX = 64;
const LANE_MIN = 26;
/** Below this width a vertex is no dot but a part of a bar. */
const DOT_SCALE = 3;
/** Below this width no line leads from one lane to another: there would be more lines than pixels. */
const LINE_SCALE = 0.8;
const TIME_SPACING = 128;
const SIZE_SPACING = 64;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Height of a lane. */
function laneHeight(lanes: number): number {
    return Math.max(LANE_MIN, Math.min(LANE_MAX, 420 / Math.max(1, lanes)));
}

/** Height of a picture with so many lanes. */
export function pictureHeight(lanes: number): number {
    return Math.round(TIME_HEIGHT + SIZE_HEIGHT + Math.max(1, lanes) * laneHeight(lanes));
}

/** Middle of a lane, pixels from the upper edge. */
function laneY(lane: number, lanes: number): number {
    return TIME_HEIGHT + (lane + 0.5) * laneHeight(lanes);
}

/** The vertex nearest to a place of the picture, within reach of a finger; null for none. */
export function vertexAt(
    { model, view, width }: Pick<DagDrawing, "model" | "view" | "width">,
    x: number,
    y: number,
): number | null {
    const lanes = model.lanes.length;
    const lane = Math.floor((y - TIME_HEIGHT) / laneHeight(lanes));
    if (lane < 0 || lane >= lanes) return null;
    const ordinal = model.nearestIn(lane, Math.floor(view.left + x / view.scale));
    if (ordinal === null) return null;
    const { from, to } = seenOrdinals(view, model, width);
    const away = Math.abs((ordinal + 0.5 - view.left) * view.scale - x);
    return ordinal >= from && ordinal < to && away <= Math.max(24, view.scale) ? ordinal : null;
}

type Palette = Readonly<
    Record<"line" | "edge" | "merge" | "dot" | "ring" | "text" | "ground", string>
>;

function paletteOf(canvas: Element): Palette {
    const colour = (name: string): string => cssColour(canvas, name);
    return {
        line: colour("--chart-line"),
        edge: colour("--line-strong"),
        merge: colour("--chart-out"),
        dot: colour("--chart-bar"),
        ring: colour("--text"),
        text: colour("--chart-text"),
        ground: colour("--surface"),
    };
}

/** Draws what is seen of the DAG, and nothing else of it. */
export function drawDag(canvas: HTMLCanvasElement, drawing: DagDrawing): void {
    const context = canvas.getContext("2d");
    if (context === null) return;
    const ratio = window.devicePixelRatio;
    const { height, width } = drawing;
    const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
    if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.font = FONT;
    context.textBaseline = "middle";
    const pen: Pen = { context, palette: paletteOf(canvas), drawing };
    drawLanes(pen);
    if (drawing.view.scale >= LINE_SCALE) drawEdges(pen);
    if (drawing.view.scale >= DOT_SCALE) drawDots(pen);
    else drawBars(pen);
    drawTimes(pen);
    drawSizes(pen);
    drawNames(pen);
}

type Pen = {
    readonly context: CanvasRenderingContext2D;
    readonly palette: Palette;
    readonly drawing: DagDrawing;
};

const xOf = ({ view }: DagDrawing, ordinal: number): number =>
    (ordinal + 0.5 - view.left) * view.scale;

function drawLanes({ context, drawing, palette }: Pen): void {
    const lanes = drawing.model.lanes.length;
    context.strokeStyle = palette.line;
    context.lineWidth = 1;
    context.beginPath();
    for (let lane = 0; lane < lanes; lane++) {
        const y = Math.round(laneY(lane, lanes)) + 0.5;
        context.moveTo(0, y);
        context.lineTo(drawing.width, y);
    }
    context.stroke();
}

/** Lines to what a vertex follows: straight within a lane, curved and in another colour from one to another. */
function drawEdges({ context, drawing, palette }: Pen): void {
    const { model, view, width } = drawing;
    const { from, to } = seenOrdinals(view, model, width);
    const lanes = model.lanes.length;
    const [own, merges] = [new Path2D(), new Path2D()];
    // What is right of the picture may follow what is left of it.
    for (let ordinal = from; ordinal < Math.min(model.end, to + model.reach); ordinal++) {
        const vertex = model.at(ordinal);
        if (vertex === undefined) continue;
        const [x, y] = [xOf(drawing, ordinal), laneY(model.laneOf(vertex), lanes)];
        for (const { leafIndex } of vertex.parents) {
            const parent = leafIndex === null ? null : model.ordinalOf(leafIndex);
            const followed = parent === null ? undefined : model.at(parent);
            if (parent === null || followed === undefined || parent >= to) continue;
            const [px, py] = [xOf(drawing, parent), laneY(model.laneOf(followed), lanes)];
            if (py === y) {
                own.moveTo(x, y);
                own.lineTo(px, py);
                continue;
            }
            const bend = Math.min(Math.abs(x - px) / 2, 40);
            merges.moveTo(x, y);
            merges.bezierCurveTo(x - bend, y, px + bend, py, px, py);
        }
    }
    context.lineWidth = 2;
    context.strokeStyle = palette.edge;
    context.stroke(own);
    context.lineWidth = view.scale < DOT_SCALE ? 0.5 : 1.5;
    context.strokeStyle = palette.merge;
    context.stroke(merges);
}

function drawDots({ context, drawing, palette }: Pen): void {
    const { chosen, model, view, width } = drawing;
    const { from, to } = seenOrdinals(view, model, width);
    const lanes = model.lanes.length;
    const radius = Math.min(8, Math.max(1.5, view.scale * 0.34), laneHeight(lanes) / 3);
    const dots = new Path2D();
    for (let ordinal = from; ordinal < to; ordinal++) {
        const vertex = model.at(ordinal);
        if (vertex === undefined) continue;
        const [x, y] = [xOf(drawing, ordinal), laneY(model.laneOf(vertex), lanes)];
        dots.moveTo(x + radius, y);
        dots.arc(x, y, radius, 0, 2 * Math.PI);
    }
    context.fillStyle = palette.dot;
    context.fill(dots);
    context.lineWidth = 1.5;
    context.strokeStyle = palette.ground;
    if (radius > 4) context.stroke(dots);
    const vertex = chosen === null ? undefined : model.at(chosen);
    if (chosen === null || vertex === undefined) return;
    context.beginPath();
    context.arc(
        xOf(drawing, chosen),
        laneY(model.laneOf(vertex), lanes),
        radius + 4,
        0,
        2 * Math.PI,
    );
    context.lineWidth = 2.5;
    context.strokeStyle = palette.ring;
    context.stroke();
}

/** How many vertices of each lane fall on a column of pixels, as the height of a bar. */
function drawBars({ context, drawing, palette }: Pen): void {
    const { chosen, model, view, width } = drawing;
    const { from, to } = seenOrdinals(view, model, width);
    const lanes = model.lanes.length;
    const columns = Math.ceil(width);
    const counts = new Uint16Array(columns * lanes);
    for (let ordinal = from; ordinal < to; ordinal++) {
        const vertex = model.at(ordinal);
        const column = Math.floor(xOf(drawing, ordinal));
        if (vertex === undefined || column < 0 || column >= columns) continue;
        const place = model.laneOf(vertex) * columns + column;
        counts[place] = (counts[place] ?? 0) + 1;
    }
    const most = Math.max(2, 1 / view.scale);
    const full = laneHeight(lanes) * 0.7;
    context.fillStyle = palette.dot;
    for (let lane = 0; lane < lanes; lane++) {
        const y = laneY(lane, lanes);
        for (let column = 0; column < columns; column++) {
            const count = counts[lane * columns + column] ?? 0;
            if (count === 0) continue;
            const height = Math.max(3, Math.min(1, count / most) * full);
            context.fillRect(column, y - height / 2, 1, height);
        }
    }
    if (chosen === null) return;
    context.fillStyle = palette.ring;
    context.fillRect(xOf(drawing, chosen) - 1, TIME_HEIGHT, 2, lanes * laneHeight(lanes));
}

/** Vertices from one label to the next: at most one label in so many pixels. */
function labelStep(scale: number, pixels: number): number {
    return 2 ** Math.max(0, Math.ceil(Math.log2(pixels / scale)));
}

/** When the log took vertices in. */
function drawTimes({ context, drawing, palette }: Pen): void {
    const { model, view, width, zone } = drawing;
    context.textAlign = "center";
    let day = "";
    const { from, to } = seenOrdinals(view, model, width);
    const step = labelStep(view.scale, TIME_SPACING);
    for (let ordinal = Math.ceil(from / step) * step; ordinal < to; ordinal += step) {
        const vertex = model.at(ordinal);
        const x = xOf(drawing, ordinal);
        if (vertex === undefined) continue;
        const unix = vertex.timeMs / 1000;
        const date = formatDate(unix, zone, { day: "numeric", month: "short" });
        const time = formatDate(unix, zone, { hour: "2-digit", minute: "2-digit" });
        const text = date === day ? time : `${date}, ${time}`;
        const half = context.measureText(text).width / 2 + 4;
        context.fillStyle = palette.text;
        context.fillText(text, Math.min(width - half, Math.max(half, x)), TIME_HEIGHT / 2);
        context.fillStyle = palette.line;
        context.fillRect(Math.round(x), TIME_HEIGHT - 4, 1, 4);
        day = date;
    }
}

/** Sizes of the log that checkpoints cover; where one covers several vertices it stands behind the last. */
function drawSizes({ context, drawing, palette }: Pen): void {
    const { height, model, view, width } = drawing;
    const { from, to } = seenOrdinals(view, model, width);
    const top = height - SIZE_HEIGHT;
    context.fillStyle = palette.line;
    context.fillRect(0, top, width, 1);
    context.textAlign = "center";
    const step = labelStep(view.scale, SIZE_SPACING);
    let stretch = Number.NaN;
    for (let ordinal = Math.floor(from / step) * step; ordinal < to; ordinal++) {
        const size = model.at(ordinal)?.checkpoint ?? null;
        if (size === null || model.at(ordinal + 1)?.checkpoint === size) continue;
        const isFirst = Math.floor(ordinal / step) !== stretch;
        if (!isFirst && view.scale < DOT_SCALE) continue;
        const x = xOf(drawing, ordinal) + Math.min(view.scale / 2, 12);
        context.fillStyle = palette.edge;
        context.fillRect(Math.round(x), top, 1, isFirst ? 7 : 4);
        if (!isFirst) continue;
        stretch = Math.floor(ordinal / step);
        context.fillStyle = palette.text;
        const text = formatCount(size);
        const half = context.measureText(text).width / 2;
        if (x < half || x + half > width) continue;
        context.fillText(text, x, height - SIZE_HEIGHT / 2 + 3);
    }
}

/** Names of the lanes, at the left edge wherever the picture is. */
function drawNames({ context, drawing, palette }: Pen): void {
    const { lanes } = drawing.model;
    context.textAlign = "left";
    for (const [lane, author] of lanes.entries()) {
        const name = shortHex(author);
        const y = laneY(lane, lanes.length) - Math.min(17, laneHeight(lanes.length) / 2 - 7);
        context.fillStyle = palette.ground;
        context.globalAlpha = 0.8;
        context.fillRect(0, y - 8, context.measureText(name).width + 12, 16);
        context.globalAlpha = 1;
        context.fillStyle = palette.text;
        context.fillText(name, 6, y);
    }
}
