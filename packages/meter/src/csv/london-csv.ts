import { ok, type Result, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { BadRow } from "./bad-row.ts";
import { parseDecimal } from "./decimal.ts";
import { type Line, linesOf } from "./lines.ts";
import { MISSING_MICRO_WH, type ReadingSeries } from "./series.ts";
import { parseDay } from "./timestamp.ts";

/** Half-hours of a day, one column each. */
export const LONDON_INTERVALS_PER_DAY = 48;

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

/** Length of the slots of the London readings. */
export const LONDON_SLOT_SECONDS = 1_800;

const DAY_SECONDS = 86_400;
const LARGEST_UNITS = 2 ** 31 - 1;
const DECIMALS = 7;
/** Micro-watt-hours in a unit of 10^-7 kWh. */
const MICRO_WH_PER_UNIT = 100n;
/** Days between the first and the last row of one home; a bound on memory, not a rule of the source. */
const LARGEST_SPAN_DAYS = 3_660;

const COMMA = 44;

const HEADER = ["LCLid", "Date", ...Array.from({ length: LONDON_INTERVALS_PER_DAY }, label)].join(
    ",",
);

function label(_: unknown, index: number): string {
    const hour = String(index >> 1).padStart(2, "0");
    return `${hour}:${index % 2 === 0 ? "00" : "30"}:00`;
}

/** A home while its rows are being read. */
type OpenHome = { readonly id: string; readonly days: number[]; readonly rows: Int32Array[] };

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
    let last = 1;
    for (const line of linesOf(text)) {
        last = line.number;
        if (line.bad !== null) return line.bad.at(name, line.number);
        if (line.number === 1) {
            if (isLondonHeader(text, line)) continue;
            const got = text.slice(line.start, line.end);
            return new BadRow("the header LCLid,Date,00:00:00,…,23:30:00", got).at(name, 1);
        }
        const home = readRow(text, line.start, line.end, open, seen);
        if (home instanceof BadRow) return home.at(name, line.number);
        if (open !== undefined && open !== home) homes.push(closeHome(open));
        open = home;
    }
    if (open === undefined) return new BadRow("a row of readings", "none").at(name, last);
    homes.push(closeHome(open));
    return ok(homes);
}

/** Whether a line is the header of the London layout. */
export function isLondonHeader(text: string, { start, end }: Line): boolean {
    return end - start === HEADER.length && text.startsWith(HEADER, start);
}

/** The readings of a home as a series of any source. */
export function londonSeries(home: LondonHome): ReadingSeries {
    const micro = BigInt64Array.from(home.units, (units) =>
        units === LONDON_MISSING ? MISSING_MICRO_WH : BigInt(units) * MICRO_WH_PER_UNIT,
    );
    return {
        slotSeconds: LONDON_SLOT_SECONDS,
        firstSlot: home.firstDay * LONDON_INTERVALS_PER_DAY,
        importMicroWh: micro,
        exportMicroWh: null,
        unmeasured: null,
    };
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
    const date = text.slice(idEnd + 1, dateEnd);
    const dayUnix = parseDay(date);
    if (dayUnix === null) return new BadRow("a date YYYY-MM-DD", date);
    const day = (dayUnix - SLOT_ORIGIN_UNIX) / DAY_SECONDS;
    const row = readValues(text, dateEnd + 1, end);
    if (row instanceof BadRow) return row;
    if (open?.id !== id && seen.has(id))
        return new BadRow("the rows of a home together", `${id} again`);
    const home = open?.id === id ? open : { id, days: [], rows: [] };
    const last = home.days.at(-1);
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

function readValues(text: string, start: number, end: number): Int32Array | BadRow {
    const row = new Int32Array(LONDON_INTERVALS_PER_DAY);
    let from = start;
    for (let column = 0; column < LONDON_INTERVALS_PER_DAY; column++) {
        const comma = text.indexOf(",", from);
        const to = comma === -1 || comma > end ? end : comma;
        const units =
            from === to ? LONDON_MISSING : parseDecimal(text, from, to, DECIMALS, LARGEST_UNITS);
        if (units === undefined) {
            const expected = `kWh as plain decimal text with at most ${DECIMALS} decimals below 214.75`;
            return new BadRow(`${expected} at ${label(undefined, column)}`, text.slice(from, to));
        }
        row[column] = units;
        from = to + 1;
    }
    return row;
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
