import { refuse, requireSize } from "../result.ts";

/** Largest message of a device in the home, in bytes. */
const MESSAGE_BYTES = 65_536;
/** Deepest nesting of objects and lists. */
const DEPTH = 16;

/** A number as the message writes it; a float would lose digits. */
export class ExactNumber {
    readonly text: string;

    constructor(text: string) {
        this.text = text;
    }
}

/** A JSON value whose numbers are exact. */
export type ExactJson =
    | ExactNumber
    | string
    | boolean
    | null
    | readonly ExactJson[]
    | { readonly [key: string]: ExactJson };

/** A JSON object whose numbers are exact. */
export type ExactObject = { readonly [key: string]: ExactJson };

/**
 * Parses a JSON object with its numbers as written (RFC 8259), at most 64 KiB and 16 levels deep.
 * For use inside `attempt`.
 */
export function parseExactObject(bytes: Uint8Array): ExactObject {
    requireSize(bytes, MESSAGE_BYTES);
    const text = textOf(bytes);
    if (depthOf(text) > DEPTH) refuse("malformed", "nesting", `at most ${DEPTH} levels`);
    let value: unknown;
    try {
        value = JSON.parse(text, (_key, read: unknown, context?: { readonly source?: string }) =>
            typeof read === "number" ? new ExactNumber(context?.source ?? `${read}`) : read,
        );
    } catch (cause) {
        if (cause instanceof SyntaxError) return refuse("malformed", "message", "JSON");
        throw cause;
    }
    if (!isObject(value as ExactJson)) refuse("malformed", "message", "a JSON object");
    return value as ExactObject;
}

/** True for an object: no list, number, text or null. */
export function isObject(value: ExactJson | undefined): value is ExactObject {
    return (
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof ExactNumber)
    );
}

function textOf(bytes: Uint8Array): string {
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
        if (cause instanceof TypeError) return refuse("malformed", "message", "UTF-8");
        throw cause;
    }
}

/** Deepest bracket outside texts: what the parser would recurse into. */
function depthOf(text: string): number {
    let depth = 0;
    let deepest = 0;
    let isText = false;
    for (let i = 0; i < text.length; i++) {
        const character = text[i];
        if (isText && character === "\\") i++;
        else if (character === '"') isText = !isText;
        else if (isText) continue;
        else if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
        else if (character === "}" || character === "]") depth--;
    }
    return deepest;
}
