import type { OpenBoundary, UsageInterval } from "@meterseal/wallet";
import { type Calendar, DAY_SECONDS } from "../household/periods.ts";
import { revealedBy } from "./revealed.ts";
import type { Step } from "./words.ts";

/** A day of a home, and the sum of it and of other days. */
export type Crowd = {
    /** Begin of the day, seconds since 1970. */
    readonly fromUnix: number;
    readonly own: readonly UsageInterval[];
    /** Interval by interval, at the times of that day. */
    readonly sum: readonly UsageInterval[];
};

/**
 * The newest day that was measured whole, and its sum with the days before it: what a crowd of homes
 * looks like, made of what is at hand.
 * @returns null where there are fewer such days than homes.
 */
export function sumOfDays(
    series: readonly OpenBoundary[],
    { days, ...calendar }: Calendar,
    step: Step,
    homes: number,
): Crowd | null {
    const whole: (readonly UsageInterval[])[] = [];
    for (const { fromUnix, toUnix } of days.toReversed()) {
        if (whole.length === homes) break;
        if (toUnix - fromUnix !== DAY_SECONDS) continue;
        const intervals = revealedBy(series, { days, ...calendar }, step, { fromUnix, toUnix });
        const isWhole =
            intervals.length > 1 &&
            intervals.length === (whole[0]?.length ?? intervals.length) &&
            intervals.every(({ importWh }) => importWh !== null);
        if (isWhole) whole.push(intervals);
    }
    const [own] = whole;
    if (own === undefined || whole.length < homes) return null;
    const sum = own.map((interval, i) => ({
        ...interval,
        importWh: whole.reduce((total, day) => total + (day[i]?.importWh ?? 0n), 0n),
    }));
    return { fromUnix: own[0]?.fromUnix ?? 0, own, sum };
}
