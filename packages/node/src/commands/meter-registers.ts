import { error, parseInstant, unwrap } from "@meterseal/core";
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
 * Registers of all channels of a meter in Wh, as the options name them in kWh; null where none does.
 * @throws MetersealError MS_USAGE for no decimal text, or for some channels of several.
 */
export function registersOption(
    options: Options,
    name: "final" | "initial",
    { profile }: Device,
): readonly bigint[] | null {
    const names = ["import", "export"].map((channel) => `${name}-${channel}`);
    const own = names.slice(0, profile.stream.groups.length);
    const given = names.filter((each) => textOption(options, each) !== undefined);
    if (given.length === 0) return null;
    if (given.join() !== own.join()) {
        const flags = (list: readonly string[]): string =>
            list.map((each) => `--${each}`).join(" and ");
        throw error("MS_USAGE", { expected: flags(own), got: flags(given) });
    }
    return own.map((each) => {
        const match = KWH.exec(textOption(options, each) ?? "");
        const [, whole = "", decimals = ""] = match ?? [];
        if (match !== null) return BigInt(whole) * 1000n + BigInt(decimals.padEnd(3, "0"));
        throw error("MS_USAGE", {
            expected: `--${each} in kWh with at most 3 decimals, such as 7.5`,
        });
    });
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
