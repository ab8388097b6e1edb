import { type Usage, usageOfSeries } from "@meterseal/wallet";
import { type ReactNode, useId, useMemo } from "react";
import { formatCount, formatCounted, formatDate, formatKwh, formatShare } from "../format.ts";
import { periodLabel, slotLabel } from "./labels.ts";
import type { Calendar, Period } from "./periods.ts";
import type { OpenHome } from "./vault/messages.ts";

type MonthCardProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly month: Period;
    /** Asks for the month that holds an instant. */
    onMonth(unix: number): void;
};

/** A month in one number, and how much of it was measured. */
export function MonthCard({ home, calendar, month, onMonth }: MonthCardProps): ReactNode {
    const selectId = useId();
    const { series, slotSeconds, zone } = home;
    const usage = useMemo(
        () => usageOfSeries(series, "day", month.fromUnix, month.toUnix),
        [series, month],
    );
    const slots = (month.toUnix - month.fromUnix) / slotSeconds;
    const measured = Math.round(usage.coverage * slots);
    const slot = slotLabel(slotSeconds);
    return (
        <section className="card month" aria-labelledby="month-title">
            <div className="month-head">
                <h2 id="month-title">Imported in</h2>
                <label className="hidden" htmlFor={selectId}>
                    Month
                </label>
                <select
                    id={selectId}
                    value={month.fromUnix}
                    onChange={(event) => onMonth(Number(event.target.value))}
                    data-testid="month-picker"
                >
                    {calendar.months.map((each) => (
                        <option key={each.fromUnix} value={each.fromUnix}>
                            {periodLabel(each, "month", zone)}
                            {each.isWhole ? "" : " (not whole)"}
                        </option>
                    ))}
                </select>
            </div>
            <p
                className="total"
                data-testid="month-total"
                data-wh={String(usage.totalImportWh)}
                aria-live="polite"
            >
                <span className="total-number">{formatKwh(usage.totalImportWh)}</span>
                <span className="total-unit">kWh</span>
            </p>
            <dl className="month-facts">
                <div>
                    <dt>Measured</dt>
                    <dd>
                        {formatShare(usage.coverage)}
                        <small>
                            {formatCount(measured)} of {formatCounted(slots, slot)}
                        </small>
                    </dd>
                </div>
                <div>
                    <dt>No reading</dt>
                    <dd>
                        {measured === slots ? "none" : formatCount(slots - measured)}
                        <small>
                            {measured === slots ? "no gap" : `${slot}s, not counted as zero`}
                        </small>
                    </dd>
                </div>
                <HighestDay usage={usage} zone={zone} />
                {usage.totalExportWh !== null && (
                    <div>
                        <dt>Exported</dt>
                        <dd>{formatKwh(usage.totalExportWh)} kWh</dd>
                    </div>
                )}
            </dl>
        </section>
    );
}

function HighestDay({ usage, zone }: { readonly usage: Usage; readonly zone: string }): ReactNode {
    const highest = usage.intervals.reduce<Usage["intervals"][number] | null>(
        (best, each) => ((each.importWh ?? 0n) > (best?.importWh ?? 0n) ? each : best),
        null,
    );
    if (highest?.importWh == null) return null;
    return (
        <div>
            <dt>Highest day</dt>
            <dd>
                {formatKwh(highest.importWh)} kWh
                <small>
                    {formatDate(highest.fromUnix, zone, {
                        weekday: "long",
                        day: "numeric",
                        month: "short",
                    })}
                </small>
            </dd>
        </div>
    );
}
