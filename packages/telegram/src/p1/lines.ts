import { refuse } from "../result.ts";
import { P1_OBJECTS } from "./tables.ts";

/** An object of a telegram as it is written: a code and the texts in its brackets. */
export type P1Object = { readonly code: string; readonly parts: readonly string[] };

/** The pieces of a telegram's text, not interpreted. */
export type P1Text = {
    /** What follows the slash: manufacturer, speed, type. */
    readonly identification: string;
    readonly objects: readonly P1Object[];
    /**
     * Four hexadecimal digits behind the exclamation mark; `absent` where there are none (before
     * DSMR 4), `truncated` where the telegram ends without that line.
     */
    readonly checkDigits: string | "absent" | "truncated";
};

const OBJECT = /^([0-9][0-9\-:.*]{2,31})((?:\([^()]{0,2048}\))+)$/;

/**
 * Cuts a telegram into its objects; a line that starts with a bracket goes on with the object before
 * it, as gas values of DSMR 2 and 3 do. For use inside `attempt`.
 */
export function splitP1(text: string): P1Text {
    const lines = text.split(/\r?\n/);
    const identification = /^\/([\x20-\x7e]{4,63})$/.exec(lines[0] ?? "")?.[1];
    if (identification === undefined) refuse("malformed", "line 1", "a slash and the meter's name");
    const objects: { code: string; parts: string[] }[] = [];
    for (const [index, line] of lines.entries()) {
        const where = `line ${index + 1}`;
        if (index === 0 || line === "") continue;
        if (line.startsWith("!")) {
            return { identification, objects, checkDigits: checkDigitsOf(line, where) };
        }
        const last = objects.at(-1);
        if (line.startsWith("(") && last !== undefined) {
            last.parts.push(...partsOf(line, where));
            continue;
        }
        const match = OBJECT.exec(line);
        if (match === null) refuse("malformed", where, "an OBIS code and values in brackets");
        if (objects.length === P1_OBJECTS)
            refuse("too-large", where, `at most ${P1_OBJECTS} objects`);
        objects.push({ code: match[1] as string, parts: partsOf(match[2] as string, where) });
    }
    return { identification, objects, checkDigits: "truncated" };
}

function partsOf(text: string, where: string): string[] {
    if (!/^(?:\([^()]*\))+$/.test(text)) refuse("malformed", where, "values in brackets");
    return text.slice(1, -1).split(")(");
}

function checkDigitsOf(line: string, where: string): string {
    if (line === "!") return "absent";
    const digits = /^!([0-9A-Fa-f]{4})$/.exec(line)?.[1];
    return digits ?? refuse("malformed", where, "four hexadecimal digits, or nothing");
}
