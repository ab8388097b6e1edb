import { formatInstant } from "@meterseal/core";
import type { Finding } from "./judge.ts";

/** Length of time in the two largest units that it needs, such as "1 day 2 hours". */
export function durationWords(seconds: number): string {
    const words: string[] = [];
    let rest = seconds;
    for (const [unit, size] of [
        ["day", 86_400],
        ["hour", 3600],
        ["minute", 60],
        ["second", 1],
    ] as const) {
        const count = Math.floor(rest / size);
        rest %= size;
        if (count > 0 && words.length < 2) words.push(`${count} ${unit}${count === 1 ? "" : "s"}`);
    }
    return words.length === 0 ? "no time" : words.join(" ");
}

/** What a channel group counts, for people. */
function groupWords(group: number): string {
    return ["import", "export", "squares of the import"][group] ?? `group ${group}`;
}

/**
 * A finding as a sentence for the household, with times in its zone.
 * @param recipient - who would know it, by name.
 */
export function findingWords(finding: Finding, recipient: string, zone: string): string {
    const { code, group, fromUnix, toUnix, count } = finding;
    const from = formatInstant(fromUnix, zone);
    const to = formatInstant(toUnix, zone);
    const length = durationWords(toUnix - fromUnix);
    const what = groupWords(group);
    const such =
        count === 1 ? `from ${from} to ${to}` : `${count} of them, one from ${from} to ${to}`;
    switch (code) {
        case "short":
            return `${recipient} would see your ${what} in steps shorter than your minimum (${from} to ${to}).`;
        case "squares":
            return `${recipient} would see ${what} over less than a day (${from} to ${to}); with the sums that tells what ran when.`;
        case "gap":
            return `Between the grants lies time that none of them gives, and ${recipient} could compute your ${what} over it: ${such} (${length}).`;
        case "refinement":
            return `Taken together with what ${recipient} holds, your ${what} follows over stretches that no grant gives, down to ${length}: ${such}.`;
        case "parts":
            return `Taken together with what ${recipient} holds, ${count === 1 ? "a sum" : `${count} sums`} of your ${what} over a few short times follow${count === 1 ? "s" : ""} that no grant gives; one of these times is from ${from} to ${to}.`;
        case "weights":
            return `So few slots have a price of their own that the bill tells ${recipient} your ${what} in them: ${count === 1 ? "one price" : `${count} prices`}, such as from ${from} to ${to}.`;
        case "second-tariff":
            return `${recipient} has a weighted sum over this time already; another one adds ${count} independent ${count === 1 ? "sum" : "sums"} of your ${what}.`;
        case "crowd":
            return count <= 1
                ? `From the sums that ${recipient} has, your own ${what} would follow (${from} to ${to}).`
                : `From the sums that ${recipient} has, the ${what} of only ${count} households, yours among them, would follow (${from} to ${to}).`;
        case "monitor-grant":
            return `${recipient} adds up neighbourhoods: who does that may hold nothing of a single household.`;
        case "undecided":
            return `What ${recipient} could compute is too much to work out here: count on everything from ${from} to ${to}.`;
    }
}
