import type { UsageInterval } from "@meterseal/wallet";
import { formatDate, formatTime } from "../../format.ts";
import type { Period, View } from "../periods.ts";

/** A label of the time axis. */
export type AxisLabel = { readonly unix: number; readonly text: string };

/** Width below which labels are thinned out, CSS pixels. */
const NARROW = 520;
/** Every offset of a zone that a stream may have is a multiple of this. */
const QUARTER_SECONDS = 900;

/**
 * Labels of the time axis: hours on the boundaries, days and months under their middle.
 * @param parts - days of a week or month, months of a year.
 */
export function timeLabels(
    view: View,
    period: Period,
    parts: readonly Period[],
    zone: string,
    width: number,
): AxisLabel[] {
    switch (view) {
        case "day":
            return hourLabels(period, zone, width < NARROW ? 6 : 3);
        case "week":
            return parts.map((day) => ({
                unix: (day.fromUnix + day.toUnix) / 2,
                text: `${formatDate(day.fromUnix, zone, { weekday: "short" })}\n${formatDate(
                    day.fromUnix,
                    zone,
                    width < NARROW ? { day: "numeric" } : { day: "numeric", month: "short" },
                )}`,
            }));
        case "month":
            return dayNumbers(parts, zone, width < NARROW);
        case "year":
            return parts.map(({ fromUnix, toUnix }) => ({
                unix: (fromUnix + toUnix) / 2,
                text: formatDate(fromUnix, zone, { month: width < NARROW ? "narrow" : "short" }),
            }));
    }
}

function hourLabels({ fromUnix, toUnix }: Period, zone: string, every: number): AxisLabel[] {
    const labels: AxisLabel[] = [];
    for (let unix = fromUnix; unix <= toUnix; unix += QUARTER_SECONDS) {
        const text = formatTime(unix, zone);
        const [hour, minute] = text.split(":").map(Number);
        if (minute === 0 && (hour ?? 1) % every === 0) labels.push({ unix, text });
    }
    return labels;
}

function dayNumbers(days: readonly Period[], zone: string, isNarrow: boolean): AxisLabel[] {
    return days
        .map((day) => ({
            unix: (day.fromUnix + day.toUnix) / 2,
            text: formatDate(day.fromUnix, zone, { day: "numeric" }),
        }))
        .filter(
            ({ text }) => !isNarrow || text === "1" || (Number(text) % 5 === 0 && text !== "30"),
        );
}

/** Steps of the energy axis, in kWh: around zero, up to the largest import and down to the largest export. */
export type EnergySteps = { readonly values: readonly number[]; readonly decimals: number };

const STEPS_WANTED = 4;

/** Round steps that cover the intervals; never empty, so that a month of gaps has an axis too. */
export function energySteps(intervals: readonly (UsageInterval | null)[]): EnergySteps {
    const highest = largestKwh(intervals.map((each) => each?.importWh ?? null));
    const lowest = largestKwh(intervals.map((each) => each?.exportWh ?? null));
    const largest = Math.max(highest, lowest);
    const rough = (largest === 0 ? 0.1 : largest) / STEPS_WANTED;
    const exponent = Math.floor(Math.log10(rough));
    const factor = [1, 2, 2.5, 5, 10].find((each) => each * 10 ** exponent >= rough) ?? 10;
    const step = factor * 10 ** exponent;
    const stepsTo = (kwh: number): number => Math.ceil(kwh / step - 1e-9);
    const up = Math.max(lowest === 0 ? 1 : 0, stepsTo(highest));
    const down = stepsTo(lowest);
    const decimals = Math.max(0, -exponent + (factor === 2.5 ? 1 : 0) - (factor === 10 ? 1 : 0));
    return { values: Array.from({ length: down + up + 1 }, (_, i) => (i - down) * step), decimals };
}

function largestKwh(values: readonly (bigint | null)[]): number {
    return values.reduce((max, wh) => Math.max(max, Number(wh ?? 0n) / 1000), 0);
}
