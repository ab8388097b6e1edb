import type { Log } from "./ports.ts";

/** Lines in one second. */
const LINES = 10;

/**
 * A log that takes ten lines a second: what strangers do wrong must not fill a disk.
 * @param nowMs - a steady clock.
 */
export function sparingLog(log: Log, nowMs: () => number): Log {
    let [second, lines] = [Number.NaN, 0];
    const mayWrite = (): boolean => {
        const now = Math.floor(nowMs() / 1_000);
        if (now !== second) lines = 0;
        second = now;
        return ++lines <= LINES;
    };
    return {
        info: (message, fields) => mayWrite() && log.info(message, fields),
        warn: (message, fields) => mayWrite() && log.warn(message, fields),
    };
}
