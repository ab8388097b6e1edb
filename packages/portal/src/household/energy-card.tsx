import { type Usage, usageOfSeries } from "@meterseal/wallet";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { formatKwh } from "../format.ts";
import { knownTotals, slotCounts } from "./amounts.ts";
import { EnergyChart } from "./chart/energy-chart.tsx";
import type { PlotContent } from "./chart/plot.ts";
import { alignBefore, type Comparison, compareWithBefore } from "./comparison.ts";
import { beforeName, ComparisonLine } from "./comparison-line.tsx";
import { IntervalTable } from "./interval-table.tsx";
import {
    correctionLabel,
    intervalLabel,
    periodLabel,
    periodNote,
    slotLabel,
    totalWords,
} from "./labels.ts";
import { PeriodFacts } from "./period-facts.tsx";
import { PeriodSteps, ViewSwitch } from "./period-nav.tsx";
import {
    type Calendar,
    FINER_VIEW,
    indexAt,
    LEVEL_OF_VIEW,
    type Period,
    periodsOf,
    periodsWithin,
    type View,
} from "./periods.ts";
import { usedName, useUnit } from "./unit.ts";
import type { OpenHome } from "./vault/messages.ts";

type EnergyCardProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly view: View;
    readonly anchorUnix: number;
    onShow(view: View, anchorUnix: number): void;
};

/** Identifier of the heading that an opened day moves the focus to. */
export const ENERGY_HEADING = "energy-title";

/** The energy of a day, a week, a month or a year, and the way through them. */
export function EnergyCard(props: EnergyCardProps): ReactNode {
    const amount = useUnit();
    const { home, calendar, view, anchorUnix, onShow } = props;
    const [isCompared, setCompared] = useState(true);
    const periods = periodsOf(calendar, view);
    const position = indexAt(periods, anchorUnix);
    const period = periods[position];
    const { series, slotSeconds, zone } = home;
    const usage = useMemo(
        () => usageOfSeries(series, LEVEL_OF_VIEW[view], period?.fromUnix, period?.toUnix),
        [series, view, period],
    );
    const comparison = useMemo(
        () => compareWithBefore(series, calendar, view, position, usage),
        [series, calendar, view, position, usage],
    );
    const said = useSpokenTotal(view, period, usage, zone);
    const content = useMemo(
        () => contentOf({ calendar, comparison, isCompared, period, usage, view, zone }),
        [calendar, comparison, isCompared, period, usage, view, zone],
    );
    if (content === null || period === undefined) return null;

    const level = LEVEL_OF_VIEW[view];
    const unit = level === "slot" ? slotLabel(slotSeconds) : level;
    const finer = FINER_VIEW[view];
    const open = finer === null ? null : (unix: number): void => onShow(finer, unix);
    const name = periodLabel(period, view, zone);
    const before = comparison.kind === "compared" ? beforeName(comparison, view, zone) : null;
    return (
        <section className="card energy" aria-labelledby={ENERGY_HEADING}>
            <div className="energy-head">
                <h2 id={ENERGY_HEADING} tabIndex={-1}>
                    {usage.totalExportWh === null ? usedName(amount) : "Electricity, both ways"}
                </h2>
                <ViewSwitch view={view} onView={(next) => onShow(next, anchorUnix)} />
            </div>
            <PeriodSteps
                periods={periods}
                position={position}
                view={view}
                zone={zone}
                onAnchor={(unix) => onShow(view, unix)}
            />
            <p className="hidden" role="status">
                {said}
            </p>
            <div className="summary">
                <Total usage={usage} note={periodNote(period, view, home)} name={name} />
                <ComparisonLine comparison={comparison} period={period} view={view} home={home} />
            </div>
            <EnergyChart content={content} unit={`${amount.label} per ${unit}`} onOpen={open} />
            <Legend
                hasExport={usage.totalExportWh !== null}
                hasGaps={slotCounts(usage, period, slotSeconds).missing > 0}
                hint={finer === null ? null : `Choose a bar to open its ${finer}.`}
            />
            {before !== null && (
                <label className="check">
                    <input
                        type="checkbox"
                        checked={isCompared}
                        onChange={(event) => setCompared(event.target.checked)}
                    />
                    Show {before} as lines
                </label>
            )}
            <PeriodFacts
                usage={usage}
                period={period}
                view={view}
                slotSeconds={slotSeconds}
                zone={zone}
            />
            <IntervalTable
                caption={`${usedName(amount)}, ${name}`}
                heading={view === "year" ? "Month" : view === "month" ? "Day" : "Time"}
                intervals={usage.intervals}
                labelOf={(interval) => intervalLabel(interval, view, zone, period)}
                before={
                    content.before === null || before === null
                        ? null
                        : { name: before, intervals: content.before }
                }
                onOpen={view === "day" || view === "week" ? null : open}
                testId="table"
            />
        </section>
    );
}

/** The total in words for screen readers, each time another period is chosen; new readings stay silent. */
function useSpokenTotal(
    view: View,
    period: Period | undefined,
    usage: Usage,
    zone: string,
): string {
    const amount = useUnit();
    const [said, setSaid] = useState("");
    const isFirst = useRef(true);
    // biome-ignore lint/correctness/useExhaustiveDependencies: a total that grows by itself is not said
    useEffect(() => {
        if (!isFirst.current && period !== undefined) {
            const total = totalWords(knownTotals(usage).importWh, amount);
            setSaid(`${periodLabel(period, view, zone)}: ${total}`);
        }
        isFirst.current = false;
    }, [view, period?.fromUnix]);
    return said;
}

type ContentParts = {
    readonly calendar: Calendar;
    readonly comparison: Comparison;
    readonly isCompared: boolean;
    readonly period: Period | undefined;
    readonly usage: Usage;
    readonly view: View;
    readonly zone: string;
};

function contentOf(parts: ContentParts): PlotContent | null {
    const { calendar, comparison, isCompared, period, usage, view, zone } = parts;
    if (period === undefined) return null;
    const within = view === "year" ? calendar.months : calendar.days;
    const { intervals } = usage;
    const before =
        comparison.kind === "compared" && isCompared
            ? alignBefore(intervals, comparison.usage.intervals, view, zone)
            : null;
    return { view, period, intervals, before, parts: periodsWithin(within, period), zone };
}

type TotalProps = { readonly usage: Usage; readonly note: string | null; readonly name: string };

/** The period in one number, or in two where the home also gives. */
function Total({ usage, note, name }: TotalProps): ReactNode {
    const unit = useUnit();
    const { label } = unit;
    const { totalCorrectionWh = 0n, totalExportWh } = usage;
    const { exportWh, importWh } = knownTotals(usage);
    return (
        <div className="totals">
            <p className="total" data-testid="total" data-wh={importWh?.toString()}>
                <span className="hidden">{name}: </span>
                <TotalNumber wh={importWh} className="total-number" />{" "}
                <span className="total-unit">
                    {label}
                    {totalExportWh === null ? "" : " from the grid"}
                </span>
            </p>
            {totalExportWh !== null && (
                <p className="total" data-testid="total-export" data-wh={exportWh?.toString()}>
                    <TotalNumber wh={exportWh} className="total-number total-out" />{" "}
                    <span className="total-unit">{label} to the grid</span>
                </p>
            )}
            {totalCorrectionWh !== 0n && (
                <p className="hint" data-testid="correction" data-wh={String(totalCorrectionWh)}>
                    {correctionLabel(totalCorrectionWh, unit)}
                    {importWh !== null && (
                        <>
                            :{" "}
                            <strong>
                                {formatKwh(importWh + totalCorrectionWh)} {label}
                            </strong>{" "}
                            count
                        </>
                    )}
                </p>
            )}
            {note !== null && <p className="hint">{note}</p>}
        </div>
    );
}

type TotalNumberProps = { readonly wh: bigint | null; readonly className: string };

/** A total in kWh; a dash where nothing was read, which is said in words too. */
function TotalNumber({ wh, className }: TotalNumberProps): ReactNode {
    if (wh !== null) return <span className={className}>{formatKwh(wh)}</span>;
    return (
        <>
            <span className="hidden">no reading, </span>
            <span className={className} aria-hidden="true">
                –
            </span>
        </>
    );
}

type LegendProps = {
    readonly hasExport: boolean;
    readonly hasGaps: boolean;
    readonly hint: string | null;
};

function Legend({ hasExport, hasGaps, hint }: LegendProps): ReactNode {
    return (
        <ul className="legend" aria-label="Legend">
            <li>
                <span className="swatch swatch-bar" />{" "}
                {hasExport ? "from the grid, upwards" : "used"}
            </li>
            {hasExport && (
                <li>
                    <span className="swatch swatch-out" /> to the grid, downwards
                </li>
            )}
            {hasGaps && (
                <li>
                    <span className="swatch swatch-gap" /> no reading, or only part of it
                </li>
            )}
            {hint !== null && <li className="legend-note">{hint}</li>}
        </ul>
    );
}
