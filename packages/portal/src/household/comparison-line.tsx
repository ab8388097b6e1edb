import type { ReactNode } from "react";
import { formatCounted, formatKwh, formatShare } from "../format.ts";
import type { Comparison } from "./comparison.ts";
import { type Beginning, periodLabel, stretchLabel, whyNotCompared } from "./labels.ts";
import { DAY_SECONDS, HOUR_SECONDS, type Period, type View } from "./periods.ts";
import { useUnit } from "./unit.ts";

type ComparisonLineProps = {
    readonly comparison: Comparison;
    readonly period: Period;
    readonly view: View;
    readonly home: Beginning;
};

/** Changes below this are called none. */
const NOTICEABLE = 0.005;

type Compared = Extract<Comparison, { kind: "compared" }>;

/** Name of what a period is compared with. */
export function beforeName({ before, isWholeBefore }: Compared, view: View, zone: string): string {
    return isWholeBefore ? periodLabel(before, view, zone) : stretchLabel(before, view, zone);
}

/** How a period compares with the one before it, or why that cannot be said. */
export function ComparisonLine(props: ComparisonLineProps): ReactNode {
    const { comparison, home, view } = props;
    return (
        <p className="comparison" data-testid="comparison" data-kind={comparison.kind}>
            {comparison.kind === "compared" ? (
                <Change {...props} comparison={comparison} />
            ) : (
                whyNotCompared(comparison, view, home)
            )}
        </p>
    );
}

type ChangeProps = ComparisonLineProps & { readonly comparison: Compared };

function Change({ comparison, home, period, view }: ChangeProps): ReactNode {
    const { label } = useUnit();
    const { before, change, isWholeBefore, usage } = comparison;
    const name = beforeName(comparison, view, home.zone);
    const isSame = change !== null && Math.abs(change) < NOTICEABLE;
    return (
        <>
            {change !== null && !isSame && (
                <strong className="change">
                    <span aria-hidden="true">{change > 0 ? "▲ " : "▼ "}</span>
                    {formatShare(Math.abs(change))} {change > 0 ? "more" : "less"}
                    {perUnit(period, before)}
                </strong>
            )}{" "}
            {isSame ? "As much as in" : change === null ? "Before, in" : "than in"}{" "}
            {isWholeBefore ? name : `the same part of the ${view} before (${name})`} (
            <span className="whole">
                {formatKwh(usage.totalImportWh)} {label}
            </span>
            {lengthText(period, before)})
        </>
    );
}

/** Stretches of different length are compared by the day, or by the hour where the clocks changed. */
function perUnit(period: Period, before: Period): string {
    const difference = Math.abs(lengthOf(period) - lengthOf(before));
    if (difference === 0) return "";
    return difference <= HOUR_SECONDS && lengthOf(period) < 2 * DAY_SECONDS ? " an hour" : " a day";
}

/** How long the stretch before was, where that differs. */
function lengthText(period: Period, before: Period): string {
    const unit = perUnit(period, before);
    if (unit === "") return "";
    const [seconds, noun] = unit === " an hour" ? [HOUR_SECONDS, "hour"] : [DAY_SECONDS, "day"];
    const count = (each: Period): number => Math.round(lengthOf(each) / seconds);
    return count(period) === count(before) ? "" : ` in ${formatCounted(count(before), noun)}`;
}

function lengthOf({ fromUnix, toUnix }: Period): number {
    return toUnix - fromUnix;
}
