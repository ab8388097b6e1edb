import { formatDate, formatMoment, shortHex } from "../format.ts";
import { slotLabel } from "../household/labels.ts";

/** Steps in which somebody sees energy, from the finest to the coarsest. */
export const STEPS = [
    "slot",
    "half-hour",
    "hour",
    "day",
    "week",
    "month",
    "year",
    "total",
] as const;

/** One of {@link STEPS}. */
export type Step = (typeof STEPS)[number];

/** What a grant opens, as far as its words need it. */
export type Opening = {
    readonly kind: "K" | "D" | "W" | "C" | "E";
    /** Step of the sums; a tariff's or a cohort's have none of their own. */
    readonly step: Step | null;
    /** Group ids: 0 from the grid, 1 to the grid, others further registers. */
    readonly groups: readonly number[];
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly zone: string;
    readonly slotSeconds: number;
};

const TOTALS: Readonly<Record<Exclude<Step, "slot">, string>> = {
    "half-hour": "Half-hourly totals",
    hour: "Hourly totals",
    day: "Daily totals",
    week: "Weekly totals",
    month: "Monthly totals",
    year: "Yearly totals",
    total: "One total",
};

/** Name of a step, such as `Daily totals`; a slot goes by its length. */
export function stepName(step: Step, slotSeconds: number): string {
    return step === "slot" ? `Every ${slotLabel(slotSeconds)}` : TOTALS[step];
}

/** What can be told from sums of a step, in a sentence. */
export function stepMeaning(step: Step): string {
    switch (step) {
        case "slot":
        case "half-hour":
            return "Shows when you sleep, cook and are away.";
        case "hour":
            return "Shows at which hours you are at home.";
        case "day":
            return "Shows days on which you were away, not the hours.";
        case "week":
            return "Shows weeks on which you were away, not the days.";
        case "month":
            return "Enough for a monthly bill; shows seasons, not habits.";
        case "year":
            return "Enough for a yearly bill.";
        case "total":
            return "One number, and nothing about when.";
    }
}

/** What groups of registers are, such as `what you take from the grid`. */
function groupsName(groups: readonly number[], who: string): string {
    const [takes, gives] =
        who === "you" ? ["you take", "you give"] : [`${who} takes`, `${who} gives`];
    const names = groups.map((group) => {
        if (group === 0) return `what ${takes} from the grid`;
        if (group === 1) return `what ${gives} to the grid`;
        if (group === 2) return "how uneven it is";
        return group === 15 ? "corrections" : `register ${group}`;
    });
    const last = names.pop() ?? "nothing";
    return names.length === 0 ? last : `${names.join(", ")} and ${last}`;
}

/** First and last day of a stretch, such as `1 January to 31 March 2013`; with times where it is cut within a day. */
export function stretchName(fromUnix: number, toUnix: number, zone: string): string {
    const isMidnight = (unix: number): boolean =>
        formatDate(unix, zone, { hour: "2-digit", minute: "2-digit" }) === "00:00";
    if (!isMidnight(fromUnix) || !isMidnight(toUnix)) {
        return `${formatMoment(fromUnix, zone)} to ${formatMoment(toUnix, zone)}`;
    }
    const date = { day: "numeric", month: "long", year: "numeric" } as const;
    const from = formatDate(fromUnix, zone, date);
    // The end is the first instant that no longer belongs to it.
    const to = formatDate(toUnix - 1, zone, date);
    if (from === to) return from;
    const isSameYear = from.slice(-4) === to.slice(-4);
    return `${isSameYear ? from.slice(0, -5) : from} to ${to}`;
}

/**
 * What a grant lets its recipient see, in plain words, such as `Daily totals of what you take from the
 * grid, 1 January to 31 March 2013. Nothing finer.`
 * @param who - whose energy it is: `you` to the household, `the home` to others.
 */
export function openingWords(opening: Opening, who = "you"): string {
    const { kind, step, groups, fromUnix, toUnix, zone, slotSeconds } = opening;
    const when = stretchName(fromUnix, toUnix, zone);
    const what = groupsName(groups, who);
    if (kind === "W") {
        return `One amount for ${when}: ${what}, weighted by the prices of a published tariff. No reading can be taken out of it.`;
    }
    if (kind === "C") {
        return `A share in sums over a neighbourhood, of ${what}, ${when}. Your share alone says nothing.`;
    }
    const name = stepName(step ?? "total", slotSeconds);
    const limit = step === "slot" ? "This is all that your meter records." : "Nothing finer.";
    return `${name} of ${what}, ${when}. ${limit}`;
}

/** What a recipient is called: its name, or the first digits of its id. */
export function recipientName({
    idHex,
    name,
}: {
    readonly idHex: string;
    readonly name: string;
}): string {
    return name === "" ? shortHex(idHex) : name;
}
