import type { DagModel } from "./model.ts";

/** What a key does: choose another vertex, zoom by a factor, or show all. */
export type KeyAct =
    | { readonly kind: "choose"; readonly ordinal: number }
    | { readonly kind: "zoom"; readonly factor: number }
    | { readonly kind: "whole" };

/** Vertices that Page Up and Page Down pass over. */
const PAGE_STEP = 20;
const ZOOM_STEP = 1.5;

/** What a key does where a vertex is chosen, or none; null for a key that does nothing here. */
export function actOf(key: string, model: DagModel, chosen: number | null): KeyAct | null {
    if (key === "+" || key === "=") return { kind: "zoom", factor: ZOOM_STEP };
    if (key === "-") return { kind: "zoom", factor: 1 / ZOOM_STEP };
    if (key === "0") return { kind: "whole" };
    const ordinal = nextOf(key, model, chosen);
    return ordinal === null ? null : { kind: "choose", ordinal };
}

function nextOf(key: string, model: DagModel, chosen: number | null): number | null {
    if (model.vertices.length === 0) return null;
    const last = model.end - 1;
    const within = (ordinal: number): number => Math.max(model.first, Math.min(last, ordinal));
    if (key === "Home") return model.first;
    if (key === "End") return last;
    const steps: Readonly<Record<string, number>> = {
        ...{ ArrowLeft: -1, ArrowRight: 1, PageUp: -PAGE_STEP, PageDown: PAGE_STEP },
    };
    const step = steps[key];
    if (step !== undefined) return chosen === null ? last : within(chosen + step);
    if (key !== "ArrowUp" && key !== "ArrowDown") return null;
    if (chosen === null) return last;
    const vertex = model.at(chosen);
    const lane = (vertex === undefined ? 0 : model.laneOf(vertex)) + (key === "ArrowUp" ? -1 : 1);
    return lane < 0 || lane >= model.lanes.length ? chosen : model.nearestIn(lane, chosen);
}
