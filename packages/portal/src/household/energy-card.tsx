import { usageOfSeries } from "@meterseal/wallet";
import { type ReactNode, useMemo } from "react";
import { formatKwh } from "../format.ts";
import { Icon } from "../ui/icons.tsx";
import { EnergyChart } from "./chart/energy-chart.tsx";
import type { PlotContent } from "./chart/plot.ts";
import { EnergyTable } from "./energy-table.tsx";
import { periodLabel, periodNote, slotLabel } from "./labels.ts";
import { type Calendar, indexAt, LEVEL_OF_VIEW, periodsOf, VIEWS, type View } from "./periods.ts";
import type { OpenHome } from "./vault/messages.ts";

type EnergyCardProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly view: View;
    readonly anchorUnix: number;
    onView(view: View): void;
    onAnchor(unix: number): void;
};

const VIEW_NAMES: Readonly<Record<View, string>> = { day: "Day", week: "Week", month: "Month" };

/** The chart of a day, a week or a month, and the way through them. */
export function EnergyCard(props: EnergyCardProps): ReactNode {
    const { home, calendar, view, anchorUnix, onView, onAnchor } = props;
    const periods = periodsOf(calendar, view);
    const position = indexAt(periods, anchorUnix);
    const period = periods[position];
    const { series, slotSeconds, zone } = home;
    const usage = useMemo(
        () => usageOfSeries(series, LEVEL_OF_VIEW[view], period?.fromUnix, period?.toUnix),
        [series, view, period],
    );
    const content = useMemo<PlotContent | null>(() => {
        if (period === undefined) return null;
        const days = calendar.days.filter(
            (day) => day.fromUnix >= period.fromUnix && day.toUnix <= period.toUnix,
        );
        return { view, period, intervals: usage.intervals, days, zone };
    }, [view, period, usage, calendar, zone]);
    if (content === null || period === undefined) return null;

    const unit = { day: slotLabel(slotSeconds), week: "hour", month: "day" }[view];
    const note = periodNote(period, view);
    const openDay = (unix: number): void => {
        onAnchor(unix);
        onView("day");
    };
    return (
        <section className="card energy" aria-labelledby="energy-title">
            <div className="energy-head">
                <h2 id="energy-title">Energy imported</h2>
                <fieldset className="views">
                    <legend className="hidden">Show a</legend>
                    {VIEWS.map((each) => (
                        <label key={each}>
                            <input
                                type="radio"
                                name="view"
                                value={each}
                                checked={each === view}
                                onChange={() => {
                                    // A day or week of a month that is shown is its first one.
                                    onAnchor(
                                        anchorUnix === Infinity ? period.toUnix - 1 : anchorUnix,
                                    );
                                    onView(each);
                                }}
                            />
                            <span>{VIEW_NAMES[each]}</span>
                        </label>
                    ))}
                </fieldset>
            </div>
            <div className="period">
                <StepButton
                    icon="previous"
                    label={`Previous ${view}`}
                    unix={periods[position - 1]?.fromUnix}
                    onAnchor={onAnchor}
                />
                <p className="period-label" aria-live="polite" data-testid="period">
                    <strong>{periodLabel(period, view, zone)}</strong>
                    <span>
                        {formatKwh(usage.totalImportWh)} kWh
                        {note === null ? "" : ` (${note})`}
                    </span>
                </p>
                <StepButton
                    icon="next"
                    label={`Next ${view}`}
                    unix={periods[position + 1]?.fromUnix}
                    onAnchor={onAnchor}
                />
            </div>
            <EnergyChart
                content={content}
                unit={`kWh per ${unit}`}
                onOpenDay={view === "day" ? null : openDay}
            />
            <Legend hasGaps={usage.coverage < 1} view={view} />
            <EnergyTable content={content} onOpenDay={view === "month" ? openDay : null} />
        </section>
    );
}

type StepButtonProps = {
    readonly icon: "previous" | "next";
    readonly label: string;
    /** Where the button leads; undefined at an end. */
    readonly unix: number | undefined;
    onAnchor(unix: number): void;
};

function StepButton({ icon, label, unix, onAnchor }: StepButtonProps): ReactNode {
    return (
        <button
            type="button"
            className="button button-icon"
            aria-label={label}
            title={label}
            disabled={unix === undefined}
            onClick={() => onAnchor(unix ?? 0)}
        >
            <Icon name={icon} />
        </button>
    );
}

type LegendProps = { readonly hasGaps: boolean; readonly view: View };

function Legend({ hasGaps, view }: LegendProps): ReactNode {
    return (
        <ul className="legend" aria-label="Legend">
            <li>
                <span className="swatch swatch-bar" /> energy imported
            </li>
            <li>
                <span className="swatch swatch-gap" /> no reading
                {view !== "day" && hasGaps && ", or only part of it"}
            </li>
            {!hasGaps && <li className="legend-note">no gap in this {view}</li>}
            {view !== "day" && <li className="legend-note">a click on a bar opens its day</li>}
        </ul>
    );
}
