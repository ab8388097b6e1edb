import { formatInstant } from "@meterseal/core";
import { GRANT_KIND, type GrantTerms, type PolicyTerms } from "@meterseal/seal";

const WINDOW_WORDS = {
    slot: "every reading",
    "half-hour": "sums of half hours",
    hour: "sums of hours",
    day: "sums of days",
    week: "sums of weeks",
    month: "sums of months",
    year: "sums of years",
    total: "one sum over all",
} as const;

const WINDOW_OF_LEVEL = ["slot", "hour", "day", "month"] as const;

const GROUP_WORDS: ReadonlyMap<number, string> = new Map([
    [0, "import"],
    [1, "export"],
    [2, "squares of the import"],
    [15, "corrections"],
]);

/**
 * What a grant lets its recipient see, in plain words.
 * @example "sums of days, import, from 2026-03-01 to 2026-04-01 (Europe/Berlin)"
 */
export function grantWords(terms: GrantTerms): string {
    const what = whatOf(terms);
    const [from, to] = [terms.fromUnix, terms.toUnix].map((unix) => dateOf(unix, terms.zone));
    const lease =
        terms.leaseEndUnix === undefined
            ? ""
            : `, to be read until ${dateOf(terms.leaseEndUnix, terms.zone)}`;
    return `${what}, ${groupWords(terms.groups)}, from ${from} to ${to} (${terms.zone})${lease}`;
}

/**
 * What a standing policy lets a wallet grant, in plain words.
 * @example "sums of days, import, from 2026-03-01 until revoked (Europe/Berlin), a month at a time"
 */
export function policyWords(policy: PolicyTerms): string {
    const { fromUnix, leasePeriod, toUnix, window, zone } = policy;
    const end = toUnix === undefined ? "until revoked" : `to ${dateOf(toUnix, zone)}`;
    const range = `from ${dateOf(fromUnix, zone)} ${end} (${zone}), a ${leasePeriod} at a time`;
    return `${WINDOW_WORDS[window]}, ${groupWords(policy.groups)}, ${range}`;
}

function groupWords(groups: readonly number[]): string {
    return groups.map((group) => GROUP_WORDS.get(group) ?? `register ${group}`).join(" and ");
}

function whatOf({ kind, level, window }: GrantTerms): string {
    if (kind === GRANT_KIND.W) return "one sum weighted by a tariff";
    if (kind === GRANT_KIND.C) return "a part of a neighbourhood's sums";
    return WINDOW_WORDS[window ?? WINDOW_OF_LEVEL[level ?? 0] ?? "slot"];
}

/** A date where the instant begins a day, else date and time. */
export function dateOf(unix: number, zone: string): string {
    const text = formatInstant(unix, zone);
    return /T00:00:00/.test(text) ? text.slice(0, 10) : text;
}
