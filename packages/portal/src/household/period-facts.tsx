import type { Usage } from "@meterseal/wallet";
import type { ReactNode } from "react";
import { formatCount, formatCounted, formatKwh, formatShare } from "../format.ts";
import { slotCounts } from "./amounts.ts";
import { intervalLabel, slotLabel } from "./labels.ts";
import type { Period, View } from "./periods.ts";
import { useUnit } from "./unit.ts";

type PeriodFactsProps = {
    readonly usage: Usage;
    readonly period: Period;
    readonly view: View;
    readonly slotSeconds: number;
    readonly zone: string;
};

/** How much of a period was measured, and when most was used. */
export function PeriodFacts(props: PeriodFactsProps): ReactNode {
    const { usage, period, slotSeconds } = props;
    const { estimated, measured, missing, slots } = slotCounts(usage, period, slotSeconds);
    const slot = slotLabel(slotSeconds);
    return (
        <dl className="period-facts">
            <div>
                <dt>Measured</dt>
                <dd>
                    {formatShare(usage.coverage)}
                    <small>
                        {formatCount(measured)} of {formatCounted(slots, slot)}
                    </small>
                </dd>
            </div>
            {estimated > 0 && (
                <div>
                    <dt>Estimated</dt>
                    <dd>
                        {formatCounted(estimated, slot)}
                        <small>counted, but not measured</small>
                    </dd>
                </div>
            )}
            <div>
                <dt>Missing</dt>
                <dd>
                    {missing === 0 ? "nothing" : formatCounted(missing, slot)}
                    <small>{missing === 0 ? "no gap" : "a gap, not counted as zero"}</small>
                </dd>
            </div>
            <Highest {...props} />
        </dl>
    );
}

const NAMES: Readonly<Record<View, string>> = {
    day: "Highest reading",
    week: "Highest hour",
    month: "Highest day",
    year: "Highest month",
};

function Highest({ usage, view, zone, period }: PeriodFactsProps): ReactNode {
    const { label } = useUnit();
    const highest = usage.intervals.reduce<Usage["intervals"][number] | null>(
        (best, each) => ((each.importWh ?? 0n) > (best?.importWh ?? 0n) ? each : best),
        null,
    );
    if (highest?.importWh == null) return null;
    return (
        <div>
            <dt>{NAMES[view]}</dt>
            <dd>
                {formatKwh(highest.importWh)} {label}
                <small>{intervalLabel(highest, view, zone, period)}</small>
            </dd>
        </div>
    );
}
