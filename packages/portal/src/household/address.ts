import { formatDate } from "../format.ts";
import { ROUTES } from "../route.ts";
import { type Calendar, civilDayOf, DAY_SECONDS, periodsOf, VIEWS, type View } from "./periods.ts";

/** What the address of the household page asks to see. */
export type HomeAddress = {
    readonly view: View;
    /** Civil day within the period, as days since 1970-01-01; null for the newest period. */
    readonly civilDay: number | null;
};

const VIEW_DEFAULT: View = "month";
/** A year, a month of it, a day of that: `2013`, `2013-02`, `2013-02-14`. */
const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d))?)?$/;

/** Reads `#/home?week=2013-01-14`; what it cannot read is the newest month. */
export function parseHomeAddress(hash: string): HomeAddress {
    const [name, date] = (hash.split("?")[1] ?? "").split("=");
    const view = VIEWS.find((each) => each === name) ?? VIEW_DEFAULT;
    return { view, civilDay: date === undefined ? null : civilDayOfText(date) };
}

function civilDayOfText(text: string): number | null {
    const match = DATE.exec(text);
    if (match === null) return null;
    const [year = 0, month = 1, day = 1] = match.slice(1).map((part) => Number(part ?? 1));
    const date = new Date(Date.UTC(year, month - 1, day));
    // 30 February would be a day of March.
    const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
    return exists ? date.getTime() / 1000 / DAY_SECONDS : null;
}

/**
 * Address of the period that holds an instant, by the civil date of the instant at the meter. The
 * newest period goes without a date: whoever is there stays at the newest while time goes on.
 */
export function homeAddress(calendar: Calendar, view: View, unix: number, zone: string): string {
    const newest = periodsOf(calendar, view).at(-1);
    const address = `${ROUTES.household}?${view}`;
    if (newest === undefined || unix >= newest.fromUnix) return address;
    const part = (options: Intl.DateTimeFormatOptions): string => formatDate(unix, zone, options);
    const monthAndDay = [part({ month: "2-digit" }), part({ day: "2-digit" })];
    return `${address}=${[part({ year: "numeric" }), ...monthAndDay].join("-")}`;
}

/** Instant at which a civil day of the readings begins, or the first after it; infinite behind their end. */
export function anchorOf(calendar: Calendar, civilDay: number | null, zone: string): number {
    if (civilDay === null) return Number.POSITIVE_INFINITY;
    const day = calendar.days.find(({ fromUnix }) => civilDayOf(fromUnix, zone) >= civilDay);
    return day?.fromUnix ?? Number.POSITIVE_INFINITY;
}
