import { error, fail, ok, type Result } from "@meterseal/core";

/** Half-hours of a day, one column each. */
export const LONDON_INTERVALS_PER_DAY = 48;

/** Units of the values in one kWh: the source writes at most seven decimals. */
export const LONDON_UNITS_PER_KWH = 10_000_000;

/** Stands for an interval that the source left blank, or one of a day that it left out. */
export const LONDON_MISSING = -1;

/** Readings of one home from its first day to its last, without holes. */
export type LondonHome = {
    /** Pseudonym of the home in the source, such as `MAC000515`. */
    readonly id: string;
    /** First day of {@link LondonHome.units}, in whole days since 2000-01-01. */
    readonly firstDay: number;
    /**
     * Energy of each half-hour in 10^-7 kWh, {@link LONDON_INTERVALS_PER_DAY} for each day, or
     * {@link LONDON_MISSING}. Exact: a value holds up to 214.7483647 kWh, and more is refused.
     */
    readonly units: Int32Array;
};

const DAY_MS = 86_400_000;
const DAY_ZERO_MS = Date.UTC(2000, 0, 1);
const LARGEST_UNITS = 2 ** 31 - 1;
const DECIMALS = 7;
const TENS = [10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1] as const;
/** Longest text of a value that is looked at: the largest value, with room for zeros in front. */
const VALUE_CHARACTERS = 16;
/** Days between the first and the last row of one home; a bound on memory, not a rule of the source. */
const LARGEST_SPAN_DAYS = 3_660;

const COMMA = 44;
const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;

const HEADER = ["LCLid", "Date", ...Array.from({ length: LONDON_INTERVALS_PER_DAY }, label)].join(
    ",",
);

function label(_: unknown, index: number): string {
    const hour = String(index >> 1).padStart(2, "0");
    return `${hour}:${index % 2 === 0 ? "00" : "30"}:00`;
}

/** A home while its rows are being read. */
type OpenHome = { readonly id: string; readonly days: number[]; readonly rows: Int32Array[] };

/** Why a row is refused. */
class BadRow {
    readonly expected: string;
    readonly got: string;

    constructor(expected: string, got: string) {
        this.expected = expected;
        this.got = got.length > 40 ? `${got.slice(0, 40)}…` : got;
    }
}

/**
 * Reads a file of the London layout: one row for each home and day, 48 half-hourly values in kWh.
 *
 * The labels `00:00:00` … `23:30:00` are taken as the **start** of each interval in **UTC**. That is
 * an assumption: the source documents neither, but gives 48 values also on days when clocks change.
 *
 * Strict: rows of one home stand together with rising days, every row has all columns, and a value
 * is blank (missing) or plain decimal text with at most seven decimals.
 *
 * @param text The whole file; lines end with LF or CRLF.
 * @param name Name of the file in error messages.
 * @returns The homes in the order of the file; or `MS_DATA_FILE` with the line and the reason.
 */
export function parseLondonCsv(text: string, name = "readings"): Result<LondonHome[]> {
    const homes: LondonHome[] = [];
    const seen = new Set<string>();
    let open: OpenHome | undefined;
    let line = 0;
    for (let start = 0; start < text.length; ) {
        const newline = text.indexOf("\n", start);
        const next = newline === -1 ? text.length : newline;
        const end = text[next - 1] === "\r" ? next - 1 : next;
        line++;
        const bad =
            line === 1
                ? checkHeader(text.slice(start, end))
                : readRow(text, start, end, open, seen);
        if (bad instanceof BadRow) return refuse(name, line, bad);
        if (bad !== undefined) {
            if (open !== undefined && open !== bad) homes.push(closeHome(open));
            open = bad;
        }
        start = next + 1;
    }
    if (open !== undefined) homes.push(closeHome(open));
    if (homes.length === 0)
        return refuse(name, Math.max(line, 1), new BadRow("a row of readings", "none"));
    return ok(homes);
}

function refuse(name: string, line: number, bad: BadRow): Result<never> {
    const { expected, got } = bad;
    return fail(error("MS_DATA_FILE", { where: `${name} line ${line}`, expected, got }));
}

function checkHeader(header: string): BadRow | undefined {
    return header === HEADER
        ? undefined
        : new BadRow("the header LCLid,Date,00:00:00,…,23:30:00", header);
}

/** Reads one row into the home it belongs to, which is a new one when the id changes. */
function readRow(
    text: string,
    start: number,
    end: number,
    open: OpenHome | undefined,
    seen: Set<string>,
): OpenHome | BadRow {
    const columns = countColumns(text, start, end);
    if (columns !== LONDON_INTERVALS_PER_DAY + 2) {
        return new BadRow(`${LONDON_INTERVALS_PER_DAY + 2} columns`, `${columns}`);
    }
    const idEnd = text.indexOf(",", start);
    const dateEnd = text.indexOf(",", idEnd + 1);
    const id = text.slice(start, idEnd);
    if (!/^[A-Za-z0-9]{1,32}$/.test(id)) return new BadRow("an id of letters and digits", id);
    const day = parseDay(text.slice(idEnd + 1, dateEnd));
    if (day instanceof BadRow) return day;
    const row = readValues(text, dateEnd + 1, end);
    if (row instanceof BadRow) return row;
    if (open?.id !== id && seen.has(id))
        return new BadRow("the rows of a home together", `${id} again`);
    const home = open?.id === id ? open : { id, days: [], rows: [] };
    const last = home.days.at(-1);
    const date = text.slice(idEnd + 1, dateEnd);
    if (last !== undefined && day <= last)
        return new BadRow("a later day than in the row before", date);
    if (day - (home.days[0] ?? day) >= LARGEST_SPAN_DAYS) {
        return new BadRow(`at most ${LARGEST_SPAN_DAYS} days of one home`, date);
    }
    seen.add(id);
    home.days.push(day);
    home.rows.push(row);
    return home;
}

function countColumns(text: string, start: number, end: number): number {
    let columns = 1;
    for (let at = start; at < end; at++) if (text.charCodeAt(at) === COMMA) columns++;
    return columns;
}

function parseDay(date: string): number | BadRow {
    const bad = new BadRow("a date YYYY-MM-DD", date);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return bad;
    const ms = Date.parse(`${date}T00:00:00Z`);
    // A day that the month does not have is either no time at all or rolls over to another date.
    if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date) return bad;
    return (ms - DAY_ZERO_MS) / DAY_MS;
}

function readValues(text: string, start: number, end: number): Int32Array | BadRow {
    const row = new Int32Array(LONDON_INTERVALS_PER_DAY);
    let from = start;
    for (let column = 0; column < LONDON_INTERVALS_PER_DAY; column++) {
        const comma = text.indexOf(",", from);
        const to = comma === -1 || comma > end ? end : comma;
        const units = from === to ? LONDON_MISSING : parseUnits(text, from, to);
        if (units === undefined) {
            const expected = `kWh as plain decimal text with at most ${DECIMALS} decimals below 214.75`;
            return new BadRow(`${expected} at ${label(undefined, column)}`, text.slice(from, to));
        }
        row[column] = units;
        from = to + 1;
    }
    return row;
}

/** Units of 10^-7 kWh of a decimal text, or undefined where it is not plain or too large. */
function parseUnits(text: string, from: number, to: number): number | undefined {
    if (to - from > VALUE_CHARACTERS) return undefined;
    let units = 0;
    let digits = 0;
    let dot = -1;
    for (let at = from; at < to; at++) {
        const code = text.charCodeAt(at);
        if (code >= DIGIT_0 && code <= DIGIT_9) {
            units = units * 10 + (code - DIGIT_0);
            digits++;
        } else if (code === DOT && dot === -1 && digits > 0) {
            dot = at;
        } else {
            return undefined;
        }
    }
    const decimals = dot === -1 ? 0 : to - dot - 1;
    const factor = TENS[decimals];
    if (digits === 0 || dot === to - 1 || factor === undefined) return undefined;
    // At most 16 digits times 10^7 could pass 2^53, but anything near it is refused as too large.
    units *= factor;
    return units <= LARGEST_UNITS ? units : undefined;
}

/** Puts the rows of a home into one series; days without a row are missing throughout. */
function closeHome(home: OpenHome): LondonHome {
    const firstDay = home.days[0] as number;
    const lastDay = home.days.at(-1) as number;
    const units = new Int32Array((lastDay - firstDay + 1) * LONDON_INTERVALS_PER_DAY).fill(
        LONDON_MISSING,
    );
    home.days.forEach((day, index) => {
        units.set(home.rows[index] as Int32Array, (day - firstDay) * LONDON_INTERVALS_PER_DAY);
    });
    return { id: home.id, firstDay, units };
}
