import type { MediumUnit } from "@meterseal/record";
import type { Quality, UsageInterval } from "@meterseal/wallet";
import { formatDate, formatKwh, formatMoment, formatTime } from "../format.ts";
import type { Comparison } from "./comparison.ts";
import { HOUR_SECONDS, type Period, type View } from "./periods.ts";
import type { OpenHome } from "./vault/messages.ts";

/** A day of the clock change back, with room; longer days are stretches without a record. */
const LONGEST_DAY_SECONDS = 26 * HOUR_SECONDS;

/** A civil day in full, such as `Tuesday 15 January 2013`. */
export const FULL_DATE = {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
} as const;
const SHORT_DATE = { weekday: "short", day: "numeric", month: "short" } as const;
const MONTH = { month: "long", year: "numeric" } as const;

/** Last instant that belongs to a stretch: its end is the first instant of the next. */
function lastInstant(toUnix: number): number {
    return toUnix - 1;
}

/** Name of a period, such as `Tuesday 15 January 2013`. */
export function periodLabel(period: Period, view: View, zone: string): string {
    const { fromUnix, toUnix } = period;
    if (view === "year") return formatDate(fromUnix, zone, { year: "numeric" });
    if (view === "month") return formatDate(fromUnix, zone, MONTH);
    if (view === "day" && toUnix - fromUnix <= LONGEST_DAY_SECONDS) {
        return formatDate(fromUnix, zone, FULL_DATE);
    }
    return datesLabel(period, zone);
}

/** First and last day of a stretch, such as `7 Jan – 13 Jan 2013`. */
export function datesLabel(
    { fromUnix, toUnix }: Pick<Period, "fromUnix" | "toUnix">,
    zone: string,
): string {
    const date = { day: "numeric", month: "short" } as const;
    const to = formatDate(lastInstant(toUnix), zone, { ...date, year: "numeric" });
    return `${formatDate(fromUnix, zone, date)} – ${to}`;
}

/** First and last instant of a part of a period, such as `1 Feb – 9 Feb 2013` or `00:00–13:30`. */
export function stretchLabel(stretch: Period, view: View, zone: string): string {
    if (view !== "day") return datesLabel(stretch, zone);
    return `${formatTime(stretch.fromUnix, zone)}–${formatTime(stretch.toUnix, zone)}`;
}

/** Where the readings of a home begin, and whether older ones were pruned. */
export type Beginning = Pick<OpenHome, "prunedBeforeUnix" | "series" | "slotSeconds" | "zone">;

/** First reading of a home where pruning took older ones; null where it began so, or later than those. */
function prunedStart({ prunedBeforeUnix, series, slotSeconds }: Beginning): number | null {
    const firstUnix = series[0]?.unix;
    if (prunedBeforeUnix === null || firstUnix === undefined) return null;
    return firstUnix < prunedBeforeUnix + slotSeconds ? firstUnix : null;
}

/** What is special about a period: the clocks change, or it is cut at an end of the series. */
export function periodNote(period: Period, view: View, home: Beginning): string | null {
    const hours = (period.toUnix - period.fromUnix) / HOUR_SECONDS;
    if (!period.isWhole) {
        if (prunedStart(home) !== period.fromUnix) return `not a whole ${view}`;
        const begin = formatMoment(period.fromUnix, home.zone);
        return `not a whole ${view}: records from before ${begin} were pruned`;
    }
    if (view !== "day" || hours === 24) return null;
    if (hours < 24) return `${hours} hours: the clocks went forward`;
    return hours <= 25 ? `${hours} hours: the clocks went back` : "days without a record";
}

/** What pruning took from a household's view, by the instant before which it was allowed to. */
export function prunedNote(prunedBeforeUnix: number, zone: string): string {
    const date = formatDate(prunedBeforeUnix, zone, FULL_DATE);
    return `The operator pruned old records: readings before ${date} are not all here, and what is shown begins behind the pruned ones.`;
}

/** What was pruned of the meter of a bill that holds: its own records are all there. */
export function prunedBillNote(prunedBeforeUnix: number, zone: string): string {
    const date = formatDate(prunedBeforeUnix, zone, FULL_DATE);
    return `Of days before ${date} records were pruned, none of this bill.`;
}

/** Why the days of a year before its first reading are empty, where that is because of pruning. */
export function prunedYearNote(year: Period, home: Beginning): string | null {
    if (prunedStart(home) !== year.fromUnix) return null;
    const begin = formatDate(year.fromUnix, home.zone, FULL_DATE);
    return `Older records were pruned: days before ${begin} are empty.`;
}

/** Why a period is not compared with the one before it, in words. */
export function whyNotCompared(
    comparison: Exclude<Comparison, { kind: "compared" }>,
    view: View,
    home: Beginning,
): string {
    if (comparison.kind === "first") {
        const isPruned = prunedStart(home) !== null;
        const why = isPruned ? "older records were pruned" : "the readings begin here";
        return `Nothing to compare with: ${why}.`;
    }
    const name = periodLabel(comparison.before, view, home.zone);
    if (comparison.kind === "cut") {
        const isPruned = prunedStart(home) === comparison.before.fromUnix;
        const why = isPruned
            ? "a part of its records was pruned"
            : "the readings begin in the middle of it";
        return `Not compared with ${name}: ${why}.`;
    }
    return comparison.isBefore
        ? `Not compared with ${name}: too few of its readings were measured.`
        : `Not compared with ${name}: too few readings were measured in this ${view}.`;
}

/** Name of an interval, such as `17:30–18:00` or `Tue 15 Jan`. */
export function intervalLabel(
    { fromUnix, toUnix }: UsageInterval,
    view: View,
    zone: string,
    period: Period,
): string {
    if (view === "year") return formatDate(fromUnix, zone, MONTH);
    if (view === "month") {
        const from = formatDate(fromUnix, zone, SHORT_DATE);
        if (toUnix - fromUnix <= LONGEST_DAY_SECONDS) return from;
        return `${from} – ${formatDate(lastInstant(toUnix), zone, SHORT_DATE)}`;
    }
    // Where the clocks change, an hour comes twice: the zone's name tells which one it is.
    const changes = offsetsDiffer(period, zone);
    const times = `${formatTime(fromUnix, zone)}–${formatTime(toUnix, zone, changes)}`;
    return view === "day" ? times : `${formatDate(fromUnix, zone, SHORT_DATE)}, ${times}`;
}

function offsetsDiffer({ fromUnix, toUnix }: Period, zone: string): boolean {
    const name = (unix: number): string => formatDate(unix, zone, { timeZoneName: "longOffset" });
    return name(fromUnix).split(" ").at(-1) !== name(toUnix).split(" ").at(-1);
}

type Unit = Pick<MediumUnit, "label">;

/** Amount of an interval in words. */
export function energyLabel(interval: UsageInterval, unit: Unit): string {
    const { correctionWh = 0n, exportWh, importWh, quality } = interval;
    const { label } = unit;
    if (importWh === null) return "no reading";
    const read =
        exportWh === null
            ? `${formatKwh(importWh)} ${label}`
            : `${formatKwh(importWh)} ${label} from the grid, ${formatKwh(exportWh)} ${label} to it`;
    const amount = correctionWh === 0n ? read : `${read}, ${correctionLabel(correctionWh, unit)}`;
    if (quality === "measured") return amount;
    if (quality === "estimated") return `${amount}, estimated`;
    return quality === "partial" ? `${amount}, partly read` : `${amount} caught up after a gap`;
}

/** A total in words. */
export function totalWords(totalWh: bigint | null, { label }: Unit): string {
    return totalWh === null ? "no reading" : `${formatKwh(totalWh)} ${label}`;
}

/** A length of slot in words, such as `half-hour`. */
export function slotLabel(slotSeconds: number): string {
    const names = new Map([
        [3600, "hour"],
        [1800, "half-hour"],
        [900, "quarter-hour"],
        [60, "minute"],
    ]);
    return names.get(slotSeconds) ?? `${slotSeconds} seconds`;
}

/** What the operator corrected the import by, in words; the register itself stays as it was read. */
export function correctionLabel(correctionWh: bigint, { label }: Unit): string {
    const [sign, wh] = correctionWh < 0n ? ["−", -correctionWh] : ["+", correctionWh];
    return `corrected by ${sign}${formatKwh(wh)} ${label}`;
}

/** What is to be said of an interval's reading: how far it was read, and a correction that counts in it. */
export function readingLabel({ correctionWh = 0n, quality }: UsageInterval, unit: Unit): string {
    const label = qualityLabel(quality);
    return correctionWh === 0n ? label : `${label}, ${correctionLabel(correctionWh, unit)}`;
}

/** How far an interval was read, in words. */
function qualityLabel(quality: Quality): string {
    const labels: Readonly<Record<Quality, string>> = {
        measured: "measured",
        estimated: "estimated",
        partial: "partly read",
        missing: "no reading",
    };
    return labels[quality];
}
