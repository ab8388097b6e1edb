import {
    type KeyboardEvent,
    type ReactNode,
    useCallback,
    useEffect,
    useId,
    useLayoutEffect,
    useRef,
    useState,
} from "react";
import { formatCounted } from "../format.ts";
import { drawDag, pictureHeight, vertexAt } from "./draw.ts";
import { useGestures } from "./gestures.ts";
import { actOf } from "./keys.ts";
import type { DagModel } from "./model.ts";
import { newestView, panned, revealing, type Viewport, wholeView, zoomed } from "./viewport.ts";

type DagPictureProps = {
    readonly model: DagModel;
    /** Ordinal of the chosen vertex; null for none. */
    readonly chosen: number | null;
    readonly zone: string;
    onChoose(ordinal: number): void;
};

const ZOOM_STEP = 1.5;

/** The DAG as a picture: a lane for each collector, the log from left to right. */
export function DagPicture({ model, chosen, zone, onChoose }: DagPictureProps): ReactNode {
    const canvas = useRef<HTMLCanvasElement>(null);
    const frame = useRef<HTMLDivElement>(null);
    const width = useWidth(frame);
    const [view, setView] = useState<Viewport | null>(null);
    const shown = view ?? newestView(model, width);
    const hintId = useId();
    const height = pictureHeight(model.lanes.length);
    useFollowing(model, width, view, setView);
    useReveal({ chosen, model, width }, setView);
    useDrawn(() => {
        if (canvas.current === null || width === 0) return;
        drawDag(canvas.current, { model, view: shown, width, height, chosen, zone });
    }, [model, shown, width, height, chosen, zone]);
    const zoom = (factor: number, atX = width / 2): void =>
        setView((before) => zoomed(before ?? shown, factor, atX, model, width));
    useGestures(canvas, {
        pan: (pixels) => setView((before) => panned(before ?? shown, pixels, model, width)),
        zoom,
        choose: (x, y) => {
            const ordinal = vertexAt({ model, view: shown, width }, x, y);
            if (ordinal !== null) onChoose(ordinal);
        },
    });
    const onKeyDown = (event: KeyboardEvent): void => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const act = actOf(event.key, model, chosen);
        if (act === null) return;
        event.preventDefault();
        if (act.kind === "choose") onChoose(act.ordinal);
        else if (act.kind === "zoom") zoom(act.factor);
        else setView(wholeView(model, width));
    };
    return (
        <div className="dag">
            <div className="dag-bar">
                <p id={hintId} className="hint">
                    Drag to move, choose with a click; Ctrl and the wheel, two fingers or + and −
                    zoom. With the keyboard: arrows choose, Home and End go to the ends, 0 shows
                    all.
                </p>
                <p className="actions">
                    <button type="button" className="button" onClick={() => zoom(1 / ZOOM_STEP)}>
                        Farther
                    </button>
                    <button type="button" className="button" onClick={() => zoom(ZOOM_STEP)}>
                        Nearer
                    </button>
                    <button
                        type="button"
                        className="button"
                        onClick={() => setView(wholeView(model, width))}
                        data-testid="dag-all"
                    >
                        All
                    </button>
                    <button
                        type="button"
                        className="button"
                        onClick={() => setView(null)}
                        data-testid="dag-newest"
                    >
                        Newest
                    </button>
                </p>
            </div>
            <div
                ref={frame}
                className="dag-frame"
                // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys are for what is drawn
                tabIndex={0}
                role="application"
                aria-roledescription="picture of the ledger"
                aria-label={`${formatCounted(model.vertices.length, "vertex", "vertices")} of ${formatCounted(model.lanes.length, "collector")}; the same stands in the table below`}
                aria-describedby={hintId}
                onKeyDown={onKeyDown}
                data-testid="dag"
                data-vertices={model.vertices.length}
                data-left={shown.left}
                data-scale={shown.scale}
            >
                <canvas ref={canvas} className="dag-canvas" style={{ height }} />
            </div>
        </div>
    );
}

/** Width of an element in pixels, as it changes; 0 until it is known. */
function useWidth(target: { readonly current: HTMLElement | null }): number {
    const [width, setWidth] = useState(0);
    useLayoutEffect(() => {
        const element = target.current;
        if (element === null) return;
        setWidth(element.clientWidth);
        const observer = new ResizeObserver(() => setWidth(element.clientWidth));
        observer.observe(element);
        return () => observer.disconnect();
    }, [target]);
    return width;
}

/** Keeps what is seen within what is known when the picture gets another width. */
function useFollowing(
    model: DagModel,
    width: number,
    view: Viewport | null,
    setView: (view: Viewport) => void,
): void {
    // biome-ignore lint/correctness/useExhaustiveDependencies: what is seen stays while vertices are added
    useEffect(() => {
        if (view !== null && width > 0) setView(panned(view, 0, model, width));
    }, [width]);
}

/** Moves the picture to a vertex that is chosen elsewhere, as in the table. */
function useReveal(
    {
        chosen,
        model,
        width,
    }: Pick<DagPictureProps, "chosen" | "model"> & { readonly width: number },
    setView: (change: (before: Viewport | null) => Viewport) => void,
): void {
    // biome-ignore lint/correctness/useExhaustiveDependencies: only a new choice moves the picture
    useEffect(() => {
        if (chosen === null || width === 0) return;
        setView((before) => revealing(before ?? newestView(model, width), chosen, model, width));
    }, [chosen]);
}

/** Media features by which colours change. */
const COLOUR_MEDIA = ["(prefers-color-scheme: dark)", "(forced-colors: active)"];

/** Draws in the next frame after something changed, the colours of the system too. */
function useDrawn(draw: () => void, dependencies: readonly unknown[]): void {
    const [colours, setColours] = useState(0);
    useEffect(() => {
        const lists = COLOUR_MEDIA.map((query) => window.matchMedia(query));
        const onChange = (): void => setColours((count) => count + 1);
        for (const list of lists) list.addEventListener("change", onChange);
        return () => {
            for (const list of lists) list.removeEventListener("change", onChange);
        };
    }, []);
    const latest = useRef(draw);
    latest.current = draw;
    const now = useCallback(() => latest.current(), []);
    // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew when one of them changes
    useEffect(() => {
        const request = requestAnimationFrame(now);
        return () => cancelAnimationFrame(request);
    }, [...dependencies, colours, now]);
}
