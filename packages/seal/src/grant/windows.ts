import { LIMITS } from "@meterseal/core";
import { malformed, toArray, toInteger } from "@meterseal/record";

/** A window from one boundary to a later one, seconds since 1970. */
export type Window = { readonly fromUnix: number; readonly toUnix: number };

const UNIX_MAX = 13_569_465_599;

/**
 * Windows as a grant's body writes them: stretches of windows that follow each other, each as its
 * first instant and the lengths in slots.
 * @param windows - ascending, without overlap, whole slots long.
 */
export function encodeWindows(windows: readonly Window[], slotSeconds: number): unknown[] {
    const stretches: [number, number[]][] = [];
    let end = Number.NaN;
    for (const { fromUnix, toUnix } of windows) {
        if (fromUnix !== end) stretches.push([fromUnix, []]);
        stretches.at(-1)?.[1].push((toUnix - fromUnix) / slotSeconds);
        end = toUnix;
    }
    return stretches;
}

/**
 * Reads {@link encodeWindows} strictly: at least one window, ascending, stretches not split.
 * @throws MetersealError MS_MALFORMED.
 */
export function parseWindows(value: unknown, slotSeconds: number, where: string): Window[] {
    const windows: Window[] = [];
    for (const stretch of toArray(value, where, LIMITS.grantWindows)) {
        const [start, lengths, ...rest] = toArray(stretch, where, 2);
        const after = windows.at(-1)?.toUnix ?? -1;
        let fromUnix = toInteger(start, where, after + 1, UNIX_MAX);
        const list = toArray(lengths, where, LIMITS.grantWindows - windows.length);
        if (list.length === 0 || rest.length > 0) malformed(where, "an instant and lengths");
        for (const length of list) {
            const slots = toInteger(length, where, 1, 0xffff_ffff);
            const toUnix = fromUnix + slots * slotSeconds;
            if (toUnix > UNIX_MAX) malformed(where, "windows that end");
            windows.push({ fromUnix, toUnix });
            fromUnix = toUnix;
        }
    }
    if (windows.length === 0) malformed(where, "at least one window");
    return windows;
}
