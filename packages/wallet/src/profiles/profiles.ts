import { error, fail, type Ladder, ok, type Result, type WindowName } from "@meterseal/core";
import { GROUP } from "@meterseal/record";
import type { GrantAsk } from "../grant/plan.ts";

/** A named bundle of what is granted, as rules of a country or a standard ask for it. */
export type GrantProfile = {
    readonly name: string;
    /** One sentence for a person. */
    readonly summary: string;
    /** Windows whose sums the recipient gets. */
    readonly window: WindowName;
    /** Length of a slot that the profile presupposes, seconds; absent where any will do. */
    readonly slotSeconds?: number;
};

const QUARTER_HOUR_SECONDS = 900;

/** Profiles by name. They grant the import register; the export is granted on top where it is asked for. */
export const GRANT_PROFILES: readonly GrantProfile[] = [
    {
        name: "TAF1",
        summary: "one register a month, no load curve (BSI TR-03109 tariff use case 1)",
        window: "month",
    },
    {
        name: "TAF2",
        summary: "registers a day, for tariffs that change with the day (BSI TR-03109, use case 2)",
        window: "day",
    },
    {
        name: "TAF7",
        summary: "every quarter of an hour (BSI TR-03109 tariff use case 7)",
        window: "slot",
        slotSeconds: QUARTER_HOUR_SECONDS,
    },
    {
        name: "GB-monthly",
        summary: "a sum a month, which British suppliers may have without asking",
        window: "month",
    },
    {
        name: "GB-daily",
        summary: "a sum a day, which British households may refuse",
        window: "day",
    },
    {
        name: "GB-half-hourly",
        summary: "half hours, as British settlement counts them",
        window: "half-hour",
    },
    {
        name: "NL-monthly",
        summary: "a sum a month, which Dutch suppliers may have without asking",
        window: "month",
    },
    {
        name: "NL-quarter-hour",
        summary: "every quarter of an hour, which Dutch households must agree to",
        window: "slot",
        slotSeconds: QUARTER_HOUR_SECONDS,
    },
];

/**
 * What a profile grants on a stream over a range.
 * @param name - of {@link GRANT_PROFILES}; case does not matter.
 * @returns MS_USAGE for an unknown name; MS_STREAM_RULE where the stream's slots are not the ones
 * that the profile presupposes.
 */
export function askOfProfile(
    name: string,
    ladder: Ladder,
    fromUnix: number,
    toUnix: number,
): Result<GrantAsk> {
    const profile = GRANT_PROFILES.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (profile === undefined) {
        const expected = GRANT_PROFILES.map((one) => one.name).join(", ");
        return fail(error("MS_USAGE", { where: "profile", expected, got: name }));
    }
    const { slotSeconds, window } = profile;
    if (slotSeconds !== undefined && slotSeconds !== ladder.slotSeconds) {
        const expected = `slots of ${slotSeconds} s for ${profile.name}`;
        return fail(error("MS_STREAM_RULE", { expected, got: `${ladder.slotSeconds} s` }));
    }
    return ok({ window, groups: [GROUP.import], fromUnix, toUnix });
}
