import { type RefObject, useEffect, useRef } from "react";

/** What somebody does to a picture with mouse or fingers; places in pixels from its upper left corner. */
export type Gestures = {
    pan(pixels: number): void;
    zoom(factor: number, atX: number): void;
    choose(x: number, y: number): void;
};

/** Movement below which a press is a click, pixels. */
const CLICK_PIXELS = 5;
const WHEEL_FACTOR = 1.0015;

type Place = { readonly x: number; readonly y: number };

/**
 * Dragging pans, two fingers or the wheel with Ctrl zoom, a sideways wheel pans, a click chooses. The
 * wheel alone scrolls the page, as everywhere.
 */
export function useGestures(target: RefObject<HTMLElement | null>, gestures: Gestures): void {
    const latest = useRef(gestures);
    latest.current = gestures;
    useEffect(() => {
        const element = target.current;
        if (element === null) return;
        const placeOf = ({ clientX, clientY }: MouseEvent): Place => {
            const { left, top } = element.getBoundingClientRect();
            return { x: clientX - left, y: clientY - top };
        };
        const fingers = new Map<number, Place>();
        let moved = 0;
        const onDown = (event: PointerEvent): void => {
            if (event.button !== 0) return;
            if (fingers.size === 0) moved = 0;
            fingers.set(event.pointerId, placeOf(event));
            element.setPointerCapture(event.pointerId);
        };
        const onMove = (event: PointerEvent): void => {
            const before = fingers.get(event.pointerId);
            if (before === undefined) return;
            const now = placeOf(event);
            moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
            const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
            fingers.set(event.pointerId, now);
            if (moved < CLICK_PIXELS) return;
            if (other === undefined) latest.current.pan(before.x - now.x);
            else {
                const apart = Math.max(20, distance(before, other));
                const middle = (now.x + other.x) / 2;
                latest.current.pan((before.x - now.x) / 2);
                latest.current.zoom(Math.max(20, distance(now, other)) / apart, middle);
            }
        };
        const onUp = (event: PointerEvent): void => {
            const isKnown = fingers.delete(event.pointerId);
            if (!isKnown || event.type === "pointercancel") return;
            const { x, y } = placeOf(event);
            if (moved < CLICK_PIXELS && fingers.size === 0) latest.current.choose(x, y);
        };
        const onWheel = (event: WheelEvent): void => {
            const isZoom = event.ctrlKey || event.metaKey;
            const sideways = event.shiftKey ? event.deltaX || event.deltaY : event.deltaX;
            if (!isZoom && Math.abs(sideways) < Math.abs(event.shiftKey ? 0 : event.deltaY)) return;
            event.preventDefault();
            if (isZoom) latest.current.zoom(WHEEL_FACTOR ** -event.deltaY, placeOf(event).x);
            else latest.current.pan(sideways);
        };
        element.addEventListener("pointerdown", onDown);
        element.addEventListener("pointermove", onMove);
        element.addEventListener("pointerup", onUp);
        element.addEventListener("pointercancel", onUp);
        element.addEventListener("wheel", onWheel, { passive: false });
        return () => {
            element.removeEventListener("pointerdown", onDown);
            element.removeEventListener("pointermove", onMove);
            element.removeEventListener("pointerup", onUp);
            element.removeEventListener("pointercancel", onUp);
            element.removeEventListener("wheel", onWheel);
        };
    }, [target]);
}

function distance(a: Place, b: Place): number {
    return Math.hypot(a.x - b.x, a.y - b.y);
}
