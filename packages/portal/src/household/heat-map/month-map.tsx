import type { UsageInterval } from "@meterseal/wallet";
import { memo, type ReactNode } from "react";
import { formatDate } from "../../format.ts";
import { DAY_SECONDS } from "../periods.ts";
import type { DayCell, MonthSheet } from "./months.ts";

type MonthMapProps = {
    readonly sheet: MonthSheet;
    readonly year: number;
    /** The day that the Tab key reaches; null where it lies in another month. */
    readonly current: number | null;
    /** The day that the chart shows, or null. */
    readonly selected: number | null;
    /** Class of a day, 0 … 4; null where nothing was read. */
    classOf(interval: UsageInterval): number | null;
    labelOf(civilDay: number, interval: UsageInterval): string;
};

/** A Monday, from which the names of weekdays are made. */
const MONDAY_UNIX = 345_600;
const WEEKDAYS = [0, 1, 2, 3, 4, 5, 6];

/**
 * The days of a month, shaded by their energy; hatched where readings are missing. Made anew only
 * where something of this month changed: each move of the pointer asks for all twelve.
 */
export const MonthMap = memo(function MonthMap(props: MonthMapProps): ReactNode {
    const { sheet, year } = props;
    const monthUnix = Date.UTC(year, sheet.month, 15) / 1000;
    return (
        <table className="heat-month">
            <caption>
                {formatDate(monthUnix, "UTC", { month: "long" })}
                <span className="hidden"> {year}</span>
            </caption>
            <thead>
                <tr>
                    {WEEKDAYS.map((weekday) => (
                        <th key={weekday} scope="col">
                            <span aria-hidden="true">{nameOf(weekday, "narrow")}</span>
                            <span className="hidden">{nameOf(weekday, "long")}</span>
                        </th>
                    ))}
                </tr>
            </thead>
            <tbody>
                {sheet.weeks.map((week) => (
                    <tr key={week[0]?.civilDay}>
                        {WEEKDAYS.map((weekday) => {
                            const cell = week.find((each) => each.weekday === weekday);
                            return (
                                <td key={weekday}>
                                    {cell !== undefined && <Day {...props} cell={cell} />}
                                </td>
                            );
                        })}
                    </tr>
                ))}
            </tbody>
        </table>
    );
});

function nameOf(weekday: number, style: "narrow" | "long"): string {
    return formatDate(MONDAY_UNIX + weekday * DAY_SECONDS, "UTC", { weekday: style });
}

function Day(props: MonthMapProps & { readonly cell: DayCell }): ReactNode {
    const { cell, classOf, current, labelOf, selected } = props;
    const { civilDay, interval } = cell;
    if (interval === null) return <span className="heat-day heat-none" />;
    const heat = classOf(interval);
    return (
        <button
            type="button"
            className={`heat-day ${heat === null ? "heat-gap" : `heat-${heat}`}`}
            aria-label={labelOf(civilDay, interval)}
            aria-current={civilDay === selected ? "date" : undefined}
            data-day={civilDay}
            data-quality={interval.quality}
            tabIndex={civilDay === current ? 0 : -1}
        />
    );
}
