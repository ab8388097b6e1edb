import {
    error,
    fail,
    isSlotSeconds,
    LIMITS,
    ok,
    type Result,
    SLOT_ORIGIN_UNIX,
} from "@meterseal/core";
import { BadRow } from "./bad-row.ts";
import { parseDecimal } from "./decimal.ts";
import { linesOf } from "./lines.ts";
import { MISSING_MICRO_WH, type ReadingSeries } from "./series.ts";
import { parseTimestamp } from "./timestamp.ts";

/** How a plain file is read. */
export type PlainCsvOptions = {
    /** Length that the intervals must have, in seconds; whatever the rows say unless given. */
    readonly slotSeconds?: number;
};

const HEADER = /^timestamp,import_kwh(,export_kwh)?(,quality(,correction_kwh)?)?$/;
const QUALITIES = ["", "measured", "estimated", "partial", "missing"];
const DECIMALS = 9;
/** A register may grow by at most {@link LIMITS.slotDelta} Wh in a slot. */
const LARGEST_MICRO_WH = LIMITS.slotDelta * 1_000_000;
const MISSING = -1;

/** Rows as they stand in the file, column by column; values in 10^-6 Wh. */
class Rows {
    readonly unix: number[] = [];
    readonly importMicroWh: number[] = [];
    readonly exportMicroWh: number[] = [];
    readonly unmeasured: boolean[] = [];

    /** Line of a row: the header is line 1. */
    lineOf(row: number): number {
        return row + 2;
    }

    isSame(a: number, b: number): boolean {
        return (
            this.importMicroWh[a] === this.importMicroWh[b] &&
            this.exportMicroWh[a] === this.exportMicroWh[b] &&
            this.unmeasured[a] === this.unmeasured[b]
        );
    }
}

/** Columns of a file beside timestamp and import. */
type Columns = {
    readonly count: number;
    readonly hasExport: boolean;
    readonly hasQuality: boolean;
};

/** Whether a line is a header of the plain layout. */
export function isPlainHeader(header: string): boolean {
    return HEADER.test(header);
}

/**
 * Reads a file of the plain layout: a header
 * `timestamp,import_kwh[,export_kwh][,quality[,correction_kwh]]` and a row for each interval.
 *
 * - A timestamp is the **start** of its interval, ISO 8601 with `Z` or an offset.
 * - Energy is plain decimal text in kWh with at most nine decimals, read exactly; blank is missing,
 *   not zero. An interval of quality `missing` or `partial` is not measured, whatever its value.
 * - What an export says of corrections is no reading, and left alone.
 * - The length of the intervals is the smallest distance of two rows. It divides the hour, and every
 *   timestamp is a multiple of it since 2000-01-01T00:00Z. Intervals without a row are missing.
 * - Rows may stand in any order. A row that repeats another word for word counts once; two rows of
 *   one interval that differ are refused.
 *
 * @param text The whole file; LF or CRLF, with or without a byte order mark.
 * @param name Name of the file in error messages.
 * @returns The series; or `MS_DATA_FILE` with the line and the reason.
 */
export function parsePlainCsv(
    text: string,
    name = "readings",
    options: PlainCsvOptions = {},
): Result<ReadingSeries> {
    const rows = new Rows();
    let columns: Columns | undefined;
    for (const line of linesOf(text)) {
        if (line.bad !== null) return line.bad.at(name, line.number);
        const content = text.slice(line.start, line.end);
        const read: Columns | BadRow | null =
            columns === undefined ? readHeader(content) : readRow(content, columns, rows);
        if (read instanceof BadRow) return read.at(name, line.number);
        columns ??= read ?? undefined;
    }
    if (rows.unix.length === 0) {
        return new BadRow("a row of readings", "none").at(name, columns === undefined ? 1 : 2);
    }
    const order = orderOf(rows, name);
    return order.ok
        ? toSeries(rows, order.value, columns?.hasExport === true, name, options)
        : order;
}

function readHeader(header: string): Columns | BadRow {
    const match = HEADER.exec(header);
    if (match === null) {
        return new BadRow("the header timestamp,import_kwh[,export_kwh][,quality]", header);
    }
    const [hasExport, hasQuality] = [match[1] !== undefined, match[2] !== undefined];
    const count = match.filter((each) => each !== undefined).length + 1;
    return { count, hasExport, hasQuality };
}

/** Reads one row to the end of the rows; null when it is good. */
function readRow(content: string, columns: Columns, rows: Rows): BadRow | null {
    const fields = content.split(",");
    if (fields.length !== columns.count) {
        return new BadRow(`${columns.count} columns as in the header`, `${fields.length}`);
    }
    if (rows.unix.length >= LIMITS.csvIntervals) {
        return new BadRow(`at most ${LIMITS.csvIntervals} rows`, "more");
    }
    const [timestamp = "", imported = "", second = "", third = ""] = fields;
    const unix = parseTimestamp(timestamp);
    if (unix instanceof BadRow) return unix;
    const importMicroWh = parseEnergy(imported, "import_kwh");
    if (importMicroWh instanceof BadRow) return importMicroWh;
    const exportMicroWh = columns.hasExport ? parseEnergy(second, "export_kwh") : MISSING;
    if (exportMicroWh instanceof BadRow) return exportMicroWh;
    const quality = columns.hasQuality ? (columns.hasExport ? third : second) : "";
    if (!QUALITIES.includes(quality)) {
        return new BadRow("the quality measured, estimated, partial or missing", quality);
    }
    rows.unix.push(unix);
    rows.importMicroWh.push(importMicroWh);
    rows.exportMicroWh.push(exportMicroWh);
    rows.unmeasured.push(quality === "partial" || quality === "missing");
    return null;
}

function parseEnergy(field: string, column: string): number | BadRow {
    if (field === "") return MISSING;
    const value = parseDecimal(field, 0, field.length, DECIMALS, LARGEST_MICRO_WH);
    if (value !== undefined) return value;
    const most = `${Math.floor(LIMITS.slotDelta / 1000)}.${LIMITS.slotDelta % 1000}`;
    const expected = `plain decimal text of at most ${most} kWh, ${DECIMALS} decimals, in ${column}`;
    return new BadRow(expected, field);
}

/** Rows in the order of time, each interval once; refuses two that contradict each other. */
function orderOf(rows: Rows, name: string): Result<number[]> {
    const { unix } = rows;
    const order = unix.map((_, row) => row);
    const isSorted = unix.every((each, row) => row === 0 || each > (unix[row - 1] as number));
    if (isSorted) return ok(order);
    order.sort((a, b) => (unix[a] as number) - (unix[b] as number) || a - b);
    const once: number[] = [];
    for (const row of order) {
        const before = once.at(-1);
        if (before === undefined || unix[row] !== unix[before]) once.push(row);
        else if (!rows.isSame(row, before)) {
            const got = `another row than in line ${rows.lineOf(before)}`;
            return new BadRow("one row for each interval", got).at(name, rows.lineOf(row));
        }
    }
    return ok(once);
}

/** Length of the intervals: as given, or the smallest distance of two rows. */
function slotSecondsOf(
    rows: Rows,
    order: readonly number[],
    name: string,
    wanted: number | undefined,
): Result<number> {
    let smallest = Number.POSITIVE_INFINITY;
    let line = 1;
    for (let i = 1; i < order.length; i++) {
        const row = order[i] as number;
        const distance = (rows.unix[row] as number) - (rows.unix[order[i - 1] as number] as number);
        if (distance >= smallest) continue;
        smallest = distance;
        line = rows.lineOf(row);
    }
    if (order.length === 1) {
        if (wanted !== undefined) return ok(wanted);
        return fail(
            error("MS_DATA_FILE", { where: name, expected: "two rows: one has no interval" }),
        );
    }
    if (wanted !== undefined && smallest !== wanted) {
        return new BadRow(`intervals of ${wanted} s`, `${smallest} s`).at(name, line);
    }
    if (isSlotSeconds(smallest)) return ok(smallest);
    return new BadRow("rows whose distance divides an hour", `${smallest} s`).at(name, line);
}

function toSeries(
    rows: Rows,
    order: readonly number[],
    hasExport: boolean,
    name: string,
    options: PlainCsvOptions,
): Result<ReadingSeries> {
    const length = slotSecondsOf(rows, order, name, options.slotSeconds);
    if (!length.ok) return length;
    const slotSeconds = length.value;
    const slotOf = (row: number): number =>
        ((rows.unix[row] as number) - SLOT_ORIGIN_UNIX) / slotSeconds;
    const offGrid = order.find((row) => !Number.isInteger(slotOf(row)));
    if (offGrid !== undefined) {
        const got = "a row between two of them";
        const expected = `every timestamp at a multiple of ${slotSeconds} s in UTC`;
        return new BadRow(expected, got).at(name, rows.lineOf(offGrid));
    }
    const firstSlot = slotOf(order[0] as number);
    const last = order.at(-1) as number;
    const intervals = slotOf(last) - firstSlot + 1;
    if (intervals > LIMITS.csvIntervals) {
        const expected = `at most ${LIMITS.csvIntervals} intervals of ${slotSeconds} s`;
        return new BadRow(expected, `${intervals}`).at(name, rows.lineOf(last));
    }
    const importMicroWh = new BigInt64Array(intervals).fill(MISSING_MICRO_WH);
    const exportMicroWh = hasExport ? new BigInt64Array(intervals).fill(MISSING_MICRO_WH) : null;
    const unmeasured = rows.unmeasured.includes(true) ? new Uint8Array(intervals) : null;
    for (const row of order) {
        const index = slotOf(row) - firstSlot;
        importMicroWh[index] = BigInt(rows.importMicroWh[row] as number);
        if (exportMicroWh !== null) {
            exportMicroWh[index] = BigInt(rows.exportMicroWh[row] as number);
        }
        if (unmeasured !== null) unmeasured[index] = Number(rows.unmeasured[row]);
    }
    return ok({ slotSeconds, firstSlot, importMicroWh, exportMicroWh, unmeasured });
}
