import { parseArgs } from "node:util";
import { error, fromHex } from "@meterseal/core";
import { nearestName } from "./nearest.ts";

/** One option of a command. */
export type OptionSpec = {
    readonly kind: "flag" | "value" | "values";
    /** Name of the value in the help, such as `DIR`. */
    readonly value?: string;
    readonly help: string;
};

/** Parsed options: a flag is true, a value a text, values a list. */
export type Options = Readonly<Record<string, boolean | string | string[] | undefined>>;

/** A command of the command line. */
export type Command = {
    /** Words that call it, such as `demo tamper`. */
    readonly name: string;
    /** What stands behind the name, such as `HEX|FILE`. */
    readonly positional?: string;
    readonly summary: string;
    readonly options: Readonly<Record<string, OptionSpec>>;
    readonly examples: readonly string[];
    /** Runs the command and returns the exit code. */
    readonly run: (options: Options, positionals: readonly string[]) => Promise<number>;
};

/**
 * Parses the words behind a command's name.
 * @throws MetersealError MS_USAGE for an unknown option or a missing value.
 */
export function parseOptions(
    command: Command,
    words: readonly string[],
): { options: Options; positionals: string[] } {
    const options: Record<string, { type: "boolean" | "string"; multiple?: boolean }> = {
        help: { type: "boolean" },
    };
    for (const [name, spec] of Object.entries(command.options)) {
        options[name] =
            spec.kind === "flag"
                ? { type: "boolean" }
                : { type: "string", multiple: spec.kind === "values" };
    }
    try {
        const parsed = parseArgs({ args: [...words], options, allowPositionals: true });
        for (const [name, value] of Object.entries(parsed.values)) {
            if (value === "") throw new Error(`--${name} without a value`);
        }
        const wanted = command.positional === undefined ? 0 : 1;
        if (parsed.positionals.length > wanted) {
            throw new Error(`unexpected '${parsed.positionals[wanted]}'`);
        }
        return { options: parsed.values as Options, positionals: parsed.positionals };
    } catch (cause) {
        // Node adds advice about positional arguments that our commands do not take.
        const text = cause instanceof Error ? cause.message : String(cause);
        const got = text.split(/\. To specify|\.\n/)[0] ?? text;
        const [, unknown = ""] = /^Unknown option '--([^']+)'/.exec(got) ?? [];
        const nearest = nearestName(unknown, Object.keys(command.options));
        const hint = nearest === null ? "" : `Did you mean '--${nearest}'? `;
        throw error("MS_USAGE", { got, todo: `${hint}See: meterseal ${command.name} --help` });
    }
}

/** Text of a value option; undefined when it was not given. */
export function textOption(options: Options, name: string): string | undefined {
    const value = options[name];
    return typeof value === "string" ? value : undefined;
}

/**
 * Whole number of a value option between two bounds, or its default.
 * @throws MetersealError MS_USAGE
 */
export function integerOption(
    options: Options,
    name: string,
    bounds: { min: number; max: number; byDefault: number },
): number {
    const value = textOption(options, name);
    if (value === undefined) return bounds.byDefault;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= bounds.min && number <= bounds.max) return number;
    const expected = `--${name} with a whole number ${bounds.min} … ${bounds.max}`;
    throw error("MS_USAGE", { expected, got: value });
}

/**
 * So many bytes in hexadecimal of a value option; null where it was not given.
 * @throws MetersealError MS_USAGE
 */
export function hexOption(options: Options, name: string, bytes: number): Uint8Array | null {
    const text = textOption(options, name);
    if (text === undefined) return null;
    if (/^[0-9a-f]*$/.test(text) && text.length === 2 * bytes) return fromHex(text);
    const expected = `--${name} with ${2 * bytes} hexadecimal digits`;
    throw error("MS_USAGE", { expected, got: text });
}

/**
 * Text of an option that the command cannot do without.
 * @throws MetersealError MS_USAGE
 */
export function requiredOption(options: Options, name: string, value: string): string {
    const text = textOption(options, name);
    if (text === undefined)
        throw error("MS_USAGE", { expected: `--${name} ${value}`, got: "none" });
    return text;
}
