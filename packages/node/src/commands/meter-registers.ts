import { error, parseInstant, unwrap } from "@meterseal/core";
import { adjustmentCount, measuredOf } from "@meterseal/meter";
import { type OptionSpec, type Options, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import type { Device } from "../device/device.ts";

/** kWh as a display shows it: whole Wh at the finest. */
const KWH = /^(\d{1,12})(?:\.(\d{1,3}))?$/;

/** Two options for the registers of a meter, import and export. */
export function registerOptions(
    name: "final" | "initial",
    help: string,
): Readonly<Record<string, OptionSpec>> {
    return {
        [`${name}-import`]: { kind: "value", value: "KWH", help },
        [`${name}-export`]: {
            kind: "value",
            value: "KWH",
            help: "likewise of a meter with export",
        },
    };
}

/**
 * Measured registers of a meter in Wh, as the options name them in kWh; null where none does.
 * @throws MetersealError MS_USAGE for no decimal text, or for some channels of several.
 */
export function registersOption(
    options: Options,
    name: "final" | "initial",
    { profile }: Device,
): readonly bigint[] | null {
    const names = ["import", "export"].map((channel) => `${name}-${channel}`);
    const own = names.slice(0, measuredOf(profile.stream).groups.length);
    const given = names.filter((each) => textOption(options, each) !== undefined);
    if (given.length === 0) return null;
    if (given.join() !== own.join()) {
        const flags = (list: readonly string[]): string =>
            list.map((each) => `--${each}`).join(" and ");
        throw error("MS_USAGE", { expected: flags(own), got: flags(given) });
    }
    return own.map((each) => whOption(options, each));
}

/** Two options for what a dead meter's corrections added and took away. */
export const ADJUSTMENT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    "final-plus": {
        kind: "value",
        value: "KWH",
        help: "all that a dead meter's corrections added (as its memory has it)",
    },
    "final-minus": { kind: "value", value: "KWH", help: "likewise what they took away" },
};

/**
 * Adjustments in Wh as the options name them: none for a meter without; null where no option says any.
 * @throws MetersealError MS_USAGE for one of the two, or for any of a meter without adjustments.
 */
export function adjustmentsOption(options: Options, { profile }: Device): readonly bigint[] | null {
    const names = Object.keys(ADJUSTMENT_OPTIONS);
    const given = names.filter((name) => textOption(options, name) !== undefined);
    const count = adjustmentCount(profile.stream);
    if (given.length > 0 && given.length !== count) {
        const expected =
            count === 0 ? "no adjustments of this meter" : "--final-plus and --final-minus";
        throw error("MS_USAGE", { expected, got: given.map((each) => `--${each}`).join(" and ") });
    }
    if (count === 0) return [];
    return given.length === 0 ? null : names.map((name) => whOption(options, name));
}

/** Whole Wh of an option in kWh; MS_USAGE for anything else. */
export function whOption(options: Options, name: string): bigint {
    const match = KWH.exec(textOption(options, name) ?? "");
    const [, whole = "", decimals = ""] = match ?? [];
    if (match !== null) return BigInt(whole) * 1000n + BigInt(decimals.padEnd(3, "0"));
    throw error("MS_USAGE", { expected: `--${name} in kWh with at most 3 decimals, such as 7.5` });
}

/**
 * Instant of a change in seconds since 1970: the option `at`, or now.
 * @throws MetersealError MS_CLOCK for one of the future; MS_USAGE, MS_ZONE.
 */
export function instantOption(options: Options, { profile }: Device): number {
    const text = textOption(options, "at");
    const nowUnix = Math.floor(systemClock.nowMs() / 1000);
    if (text === undefined) return nowUnix;
    const atUnix = unwrap(parseInstant(text, profile.stream.zone));
    if (atUnix <= nowUnix) return atUnix;
    throw error("MS_CLOCK", { where: "--at", expected: "an instant of the past", got: text });
}
