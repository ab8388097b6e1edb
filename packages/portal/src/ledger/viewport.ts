import type { DagModel } from "./model.ts";

/** Which part of the DAG is seen: the ordinal at the left edge, and how wide a vertex is, in pixels. */
export type Viewport = { readonly left: number; readonly scale: number };

/** Width of a vertex at the nearest, pixels. */
const SCALE_MAX = 64;
/** Width of a vertex where a picture begins. */
const SCALE_FIRST = 28;

/** The newest vertices. */
export function newestView(model: DagModel, width: number): Viewport {
    return clampView({ left: model.end - width / SCALE_FIRST, scale: SCALE_FIRST }, model, width);
}

/** All vertices. */
export function wholeView(model: DagModel, width: number): Viewport {
    return clampView({ left: model.first, scale: 0 }, model, width);
}

/** Moved by so many pixels. */
export function panned(view: Viewport, pixels: number, model: DagModel, width: number): Viewport {
    return clampView({ ...view, left: view.left + pixels / view.scale }, model, width);
}

/** Nearer or farther by a factor, around a place in pixels from the left edge that stays. */
export function zoomed(
    view: Viewport,
    factor: number,
    atPixels: number,
    model: DagModel,
    width: number,
): Viewport {
    const scale = Math.min(SCALE_MAX, Math.max(view.scale * factor, leastScale(model, width)));
    const left = view.left + atPixels / view.scale - atPixels / scale;
    return clampView({ left, scale }, model, width);
}

/** Moved as little as needed for a vertex to be seen, with some room beside it. */
export function revealing(
    view: Viewport,
    ordinal: number,
    model: DagModel,
    width: number,
): Viewport {
    const room = Math.min(2, width / view.scale / 4);
    const [from, to] = [ordinal - room, ordinal + 1 + room];
    const seen = width / view.scale;
    const left = from < view.left ? from : to > view.left + seen ? to - seen : view.left;
    return clampView({ ...view, left }, model, width);
}

/** Scale at which everything is seen at once. */
function leastScale(model: DagModel, width: number): number {
    return Math.min(SCALE_FIRST, width / Math.max(1, model.vertices.length));
}

/** Within what is known; what is narrower than the picture stands at its left. */
function clampView(view: Viewport, model: DagModel, width: number): Viewport {
    const scale = Math.min(SCALE_MAX, Math.max(view.scale, leastScale(model, width)));
    const last = Math.max(model.first, model.end - width / scale);
    return { scale, left: Math.min(last, Math.max(model.first, view.left)) };
}

/** Ordinals of which at least a part is seen: from the first to behind the last. */
export function seenOrdinals(
    { left, scale }: Viewport,
    model: DagModel,
    width: number,
): { readonly from: number; readonly to: number } {
    return {
        from: Math.max(model.first, Math.floor(left)),
        to: Math.min(model.end, Math.ceil(left + width / scale)),
    };
}
