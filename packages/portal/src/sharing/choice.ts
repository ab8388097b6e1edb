import { type MetersealError, parseInstant, type Result } from "@meterseal/core";
import { GRANT_PROFILES } from "@meterseal/wallet";
import { formatDate } from "../format.ts";
import type { Calendar } from "../household/periods.ts";
import type { Stretch } from "./revealed.ts";
import { STEPS, type Step } from "./words.ts";

/** What somebody is to see: as it stands in the form. */
export type Choice = {
    readonly step: Step;
    /** First and last civil day, such as `2013-01-31`; empty while nothing is entered. */
    readonly firstDay: string;
    readonly lastDay: string;
    readonly withExport: boolean;
    /** Whether one amount by a tariff is granted, and not sums of a step. */
    readonly isTariff: boolean;
    /** Hash of the tariff; null while none is chosen. */
    readonly tariffHex: string | null;
};

const HALF_HOUR_SECONDS = 1800;

/** Steps that a stream has: half an hour only where some of its slots make one. */
export function stepsFor(slotSeconds: number): readonly Step[] {
    const hasHalves = slotSeconds < HALF_HOUR_SECONDS && HALF_HOUR_SECONDS % slotSeconds === 0;
    return STEPS.filter(
        (step) => (step !== "half-hour" || hasHalves) && (step !== "hour" || slotSeconds < 3600),
    );
}

/** Names of the profiles that ask for a step, such as `GB-monthly`, where the stream's slots are the ones that they presuppose. */
export function profilesOf(step: Step, streamSlotSeconds: number): readonly string[] {
    return GRANT_PROFILES.filter(({ slotSeconds, window }) => {
        const isSlot = window === "half-hour" && streamSlotSeconds === HALF_HOUR_SECONDS;
        const fits = slotSeconds === undefined || slotSeconds === streamSlotSeconds;
        return fits && (isSlot ? "slot" : window) === step;
    }).map(({ name }) => name);
}

/** Daily totals of the newest month, which is a place to begin at. */
export function firstChoice({ months }: Calendar, zone: string): Choice {
    const month = months.findLast(({ isWhole }) => isWhole) ?? months.at(-1);
    return {
        step: "day",
        firstDay: dayText(month?.fromUnix ?? 0, zone),
        lastDay: dayText((month?.toUnix ?? 1) - 1, zone),
        withExport: false,
        isTariff: false,
        tariffHex: null,
    };
}

/** Civil date of an instant, such as `2013-01-31`. */
function dayText(unix: number, zone: string): string {
    const part = (options: Intl.DateTimeFormatOptions): string => formatDate(unix, zone, options);
    return [part({ year: "numeric" }), part({ month: "2-digit" }), part({ day: "2-digit" })].join(
        "-",
    );
}

/** Whether the boundaries of a step are granted one by one; levels of the ladder come by their trees. */
export function isListed(step: Step): boolean {
    return step === "half-hour" || step === "week" || step === "year" || step === "total";
}

/**
 * Instants between which a choice lies: from the first instant of its first day to the first one
 * after its last, widened to whole weeks, months or years where it asks for their totals.
 * @returns MS_USAGE for no dates; MS_ZONE where the browser knows no time zones.
 */
export function stretchOf(choice: Choice, zone: string): Result<Stretch> {
    const { firstDay, isTariff, lastDay } = choice;
    const step = isTariff ? "total" : choice.step;
    const from = parseInstant(
        shiftDay(firstDay, (day) => firstOf(step, day)),
        zone,
    );
    if (!from.ok) return from;
    const to = parseInstant(
        shiftDay(lastDay, (day) => dayAfterLast(step, day)),
        zone,
    );
    if (!to.ok) return to;
    return { ok: true, value: { fromUnix: from.value, toUnix: to.value } };
}

/** Why a stretch cannot be used, in words; null where it can. */
export function stretchFault(stretch: Result<Stretch>): string | null {
    if (!stretch.ok) return faultWords(stretch.error);
    const { fromUnix, toUnix } = stretch.value;
    return fromUnix < toUnix ? null : "The last day lies before the first.";
}

function faultWords({ code }: MetersealError): string {
    return code === "MS_ZONE"
        ? "This browser knows too little of time zones for this. Please update it."
        : "Please enter a first and a last day.";
}

/** A civil date after a move over the calendar; empty for what is no date. */
function shiftDay(text: string, move: (day: Date) => void): string {
    const day = new Date(`${text}T00:00:00Z`);
    if (Number.isNaN(day.getTime())) return "";
    move(day);
    return day.toISOString().slice(0, 10);
}

/** Moves a day to the first of its week, month or year. */
function firstOf(step: Step, day: Date): void {
    if (step === "week") day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
    if (step === "month" || step === "year") day.setUTCDate(1);
    if (step === "year") day.setUTCMonth(0);
}

/** Moves a day behind the last of its week, month or year, or by one. */
function dayAfterLast(step: Step, day: Date): void {
    firstOf(step, day);
    if (step === "year") day.setUTCFullYear(day.getUTCFullYear() + 1);
    else if (step === "month") day.setUTCMonth(day.getUTCMonth() + 1);
    else day.setUTCDate(day.getUTCDate() + (step === "week" ? 7 : 1));
}
