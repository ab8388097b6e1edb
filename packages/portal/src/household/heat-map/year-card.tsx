import { type UsageInterval, usageOfSeries } from "@meterseal/wallet";
import {
    type KeyboardEvent,
    type MouseEvent,
    type ReactNode,
    useCallback,
    useMemo,
    useRef,
    useState,
} from "react";
import { Switch } from "../../ui/switch.tsx";
import { IntervalTable } from "../interval-table.tsx";
import { intervalLabel, prunedYearNote } from "../labels.ts";
import { type Calendar, civilDayOf, indexAt, type View, yearOf } from "../periods.ts";
import { usedName, useUnit } from "../unit.ts";
import type { OpenHome } from "../vault/messages.ts";
import { MonthMap } from "./month-map.tsx";
import { dayAfterKey, dayLabel, dayWh, monthOf, sheetsOf } from "./months.ts";
import { type HeatScale, heatClass, heatNames, heatScale } from "./scale.ts";

type YearCardProps = {
    readonly home: OpenHome;
    readonly calendar: Calendar;
    readonly view: View;
    readonly anchorUnix: number;
    onOpenDay(unix: number): void;
};

const DIRECTIONS = ["importWh", "exportWh"] as const;

type Direction = (typeof DIRECTIONS)[number];

const DIRECTION_NAMES: Readonly<Record<Direction, string>> = {
    importWh: "From the grid",
    exportWh: "To the grid",
};

/** Every day of a year at a glance; each opens by pointer or keyboard. */
export function YearCard(props: YearCardProps): ReactNode {
    const { home, calendar, view, anchorUnix, onOpenDay } = props;
    const { series, zone } = home;
    const unit = useUnit();
    const year = calendar.years[indexAt(calendar.years, anchorUnix)];
    const [direction, setDirection] = useState<Direction>("importWh");
    const usage = useMemo(
        () => usageOfSeries(series, "day", year?.fromUnix, year?.toUnix),
        [series, year?.fromUnix, year?.toUnix],
    );
    if (year === undefined) return null;
    const number = yearOf(year.fromUnix, zone);
    const { intervals, totalExportWh } = usage;
    const note = prunedYearNote(year, home);
    return (
        <section className="card heat" aria-labelledby="heat-title" data-testid="heat">
            <div className="energy-head">
                <h2 id="heat-title">{number}, day by day</h2>
                {totalExportWh !== null && (
                    <Switch
                        legend="Show"
                        name="direction"
                        options={DIRECTIONS}
                        texts={DIRECTION_NAMES}
                        chosen={direction}
                        onChoose={setDirection}
                    />
                )}
            </div>
            {note !== null && <p className="hint">{note}</p>}
            <HeatMap
                year={number}
                zone={zone}
                intervals={intervals}
                direction={direction}
                selected={
                    view === "day" ? civilDayOf(shownInstant(anchorUnix, year.toUnix), zone) : null
                }
                onOpenDay={onOpenDay}
            />
            <IntervalTable
                caption={`${usedName(unit)} on each day of ${number}`}
                heading="Day"
                intervals={intervals}
                labelOf={(interval) => intervalLabel(interval, "month", zone, year)}
                before={null}
                onOpen={onOpenDay}
                testId="heat-table"
            />
        </section>
    );
}

/** An instant that is shown; without one, the last of the year. */
function shownInstant(anchorUnix: number, toUnix: number): number {
    return Math.min(anchorUnix, toUnix - 1);
}

type HeatMapProps = {
    readonly year: number;
    readonly zone: string;
    readonly intervals: readonly UsageInterval[];
    readonly direction: Direction;
    readonly selected: number | null;
    onOpenDay(unix: number): void;
};

function HeatMap(props: HeatMapProps): ReactNode {
    const { year, zone, intervals, direction, selected, onOpenDay } = props;
    const host = useRef<HTMLDivElement>(null);
    const [pointed, setPointed] = useState<number | null>(null);
    const unit = useUnit();
    const labelOf = useCallback(
        (civilDay: number, interval: UsageInterval) => dayLabel(civilDay, interval, zone, unit),
        [zone, unit],
    );
    const sheets = useMemo(() => sheetsOf(year, intervals, zone), [year, intervals, zone]);
    const byDay = useMemo(() => {
        const cells = sheets.flatMap(({ weeks }) => weeks.flat());
        return new Map(
            cells.flatMap(({ civilDay, interval }) =>
                interval === null ? [] : [[civilDay, interval] as const],
            ),
        );
    }, [sheets]);
    const whOf = useCallback(
        (interval: UsageInterval) => dayWh(interval, direction, zone),
        [direction, zone],
    );
    const scale = useMemo(() => scaleOf(intervals.map(whOf)), [intervals, whOf]);
    const classOf = useCallback(
        (interval: UsageInterval): number | null => {
            const wh = whOf(interval);
            return wh === null ? null : heatClass(scale, wh);
        },
        [scale, whOf],
    );
    const days = [...byDay.keys()];
    const wanted = pointed ?? selected;
    const current = wanted !== null && byDay.has(wanted) ? wanted : (days.at(-1) ?? null);

    const dayOf = (target: EventTarget): number | null => {
        const text = target instanceof Element ? target.getAttribute("data-day") : null;
        return text === null ? null : Number(text);
    };
    const onClick = (event: MouseEvent): void => {
        const interval = byDay.get(dayOf(event.target) ?? Number.NaN);
        if (interval !== undefined) onOpenDay(interval.fromUnix);
    };
    const onKeyDown = (event: KeyboardEvent): void => {
        const day = dayOf(event.target);
        if (day === null) return;
        const next = dayAfterKey(event.key, day, days);
        if (next === undefined) return;
        event.preventDefault();
        host.current?.querySelector<HTMLElement>(`[data-day="${next}"]`)?.focus();
    };
    const pointAt = (event: { target: EventTarget }): void => setPointed(dayOf(event.target));
    const shown = pointed === null ? undefined : byDay.get(pointed);
    return (
        <>
            <p className="chart-readout">
                <span>{unit.label} a day. Choose a day to open it.</span>
                <strong data-testid="heat-readout">
                    {pointed !== null && shown && labelOf(pointed, shown)}
                </strong>
            </p>
            {/* biome-ignore lint/a11y/noStaticElementInteractions: the grids within are the controls */}
            <div
                ref={host}
                className="heat-map"
                onKeyDown={onKeyDown}
                onClick={onClick}
                onMouseOver={pointAt}
                onMouseLeave={() => setPointed(null)}
                onFocus={pointAt}
                onBlur={() => setPointed(null)}
            >
                {sheets.map((sheet) => (
                    <MonthMap
                        key={sheet.month}
                        sheet={sheet}
                        year={year}
                        current={
                            current !== null && monthOf(current) === sheet.month ? current : null
                        }
                        selected={selected}
                        classOf={classOf}
                        labelOf={labelOf}
                    />
                ))}
            </div>
            <HeatLegend scale={scale} hatched={hatchedName(intervals)} />
        </>
    );
}

function scaleOf(values: readonly (bigint | null)[]): HeatScale {
    return heatScale(values.filter((value) => value !== null));
}

/** What hatched days lack, such as `missing or estimated`; null where there is none. */
function hatchedName(intervals: readonly UsageInterval[]): string | null {
    const qualities = new Set(intervals.map(({ quality }) => quality));
    const names = [
        ...(qualities.has("missing") || qualities.has("partial") ? ["missing"] : []),
        ...(qualities.has("estimated") ? ["estimated"] : []),
    ];
    return names.length === 0 ? null : names.join(" or ");
}

type HeatLegendProps = { readonly scale: HeatScale; readonly hatched: string | null };

function HeatLegend({ hatched, scale }: HeatLegendProps): ReactNode {
    const { label } = useUnit();
    return (
        <ul className="legend" aria-label={`Legend, ${label} a day`}>
            {heatNames(scale).map((name, i) => (
                <li key={name}>
                    <span className={`swatch heat-${i}`} /> {name}
                    {i === 0 && ` ${label}`}
                </li>
            ))}
            {hatched !== null && (
                <li>
                    <span className="swatch swatch-gap" /> hatched: readings {hatched}
                </li>
            )}
        </ul>
    );
}
