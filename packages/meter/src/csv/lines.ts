import { LIMITS } from "@meterseal/core";
import { BadRow } from "./bad-row.ts";

/** One line of a text, without its line end. */
export type Line = {
    /** Counted from 1. */
    readonly number: number;
    readonly start: number;
    readonly end: number;
    /** Why the line is refused unread; null where it may be read. */
    readonly bad: BadRow | null;
};

const BYTE_ORDER_MARK = 0xfeff;

/**
 * Walks through the lines of a text: LF or CRLF, with or without a byte order mark in front, and
 * with any number of empty lines at the end. Lines above {@link LIMITS.csvLineCharacters} are bad.
 */
export function* linesOf(text: string): Generator<Line, void, undefined> {
    let end = text.length;
    while (end > 0 && isLineEnd(text.charCodeAt(end - 1))) end--;
    let number = 0;
    for (let start = text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0; start < end; ) {
        const newline = text.indexOf("\n", start);
        const next = newline === -1 || newline > end ? end : newline;
        const lineEnd = text[next - 1] === "\r" ? next - 1 : next;
        const length = lineEnd - start;
        const most = LIMITS.csvLineCharacters;
        const bad =
            length > most ? new BadRow(`at most ${most} characters in a line`, `${length}`) : null;
        yield { number: ++number, start, end: lineEnd, bad };
        start = next + 1;
    }
}

function isLineEnd(code: number): boolean {
    return code === 10 || code === 13;
}
