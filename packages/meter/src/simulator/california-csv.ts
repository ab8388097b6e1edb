import { error, fail, ok, type Result, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { BadRow } from "../csv/bad-row.ts";
import { linesOf } from "../csv/lines.ts";
import { MISSING_MICRO_WH, type ReadingSeries } from "../csv/series.ts";

/** Length of the slots of the California readings. */
const CALIFORNIA_SLOT_SECONDS = 3_600;

/** Hours in the file of a home: one year without 29 February. */
const HOURS = 8_760;
const HOUR_SECONDS = 3_600;
/** Wall clock of California in 2013: from UTC in winter and summer, and when summer time was. */
const WALL = {
    winterSeconds: 8 * HOUR_SECONDS,
    summerSeconds: 7 * HOUR_SECONDS,
    summerFrom: Date.UTC(2013, 2, 10, 2) / 1000,
    summerTo: Date.UTC(2013, 10, 3, 2) / 1000,
};
const YEAR_START = Date.UTC(2013, 0, 1) / 1000;
/** Hours from 1 January to the first row: hour 24 of 31 July is the first one of 1 August. */
const FIRST_ROW_HOUR = (31 + 28 + 31 + 30 + 31 + 30 + 31) * 24;
const FIRST_ROW = "7,24,";

/** Decimals of kWh in which rows are added up exactly; the source writes at most 15. */
const DECIMALS = 18;
/** Exact units in 10^-6 Wh. */
const PER_MICRO_WH = 10n ** BigInt(DECIMALS - 9);

const LOAD_COLUMN = "non_shiftable_load";
const SUN_COLUMN = "solar_generation";

/**
 * Reads the file of one home and puts its hours into 2013: import and export from the net of each
 * hour. Running sums are exact; what is below 10^-6 Wh goes on into the next hour.
 *
 * A label is the start of its hour by the wall clock. The hour that spring leaves out is added to the
 * one after it; the hour that autumn has twice is missing the second time.
 *
 * @param kilowatts Installed panels in kW, decimal text: generation is given for each of them.
 * @returns The series from 1 January to 31 December by the wall clock; MS_DATA_FILE with the line and
 * the reason.
 */
export function parseCaliforniaCsv(
    text: string,
    name: string,
    kilowatts: string,
): Result<ReadingSeries> {
    const panels = exactOf(kilowatts);
    if (panels === null) return fail(error("MS_DATA_FILE", { where: name, got: kilowatts }));
    const nets: bigint[] = [];
    let columns: { readonly load: number; readonly sun: number } | null = null;
    for (const line of linesOf(text)) {
        if (line.bad !== null) return line.bad.at(name, line.number);
        const content = text.slice(line.start, line.end);
        if (columns === null) {
            const names = content.split(",");
            columns = { load: names.indexOf(LOAD_COLUMN), sun: names.indexOf(SUN_COLUMN) };
            if (columns.load < 0 || columns.sun < 0) {
                return new BadRow(`columns ${LOAD_COLUMN} and ${SUN_COLUMN}`, content).at(name, 1);
            }
            continue;
        }
        if (nets.length === 0 && !content.startsWith(FIRST_ROW)) {
            return new BadRow(`a first row of month 7, hour 24`, content).at(name, line.number);
        }
        const fields = content.split(",");
        const load = exactOf(fields[columns.load] ?? "");
        const sun = exactOf(fields[columns.sun] ?? "");
        if (load === null || sun === null) {
            return new BadRow("decimal numbers of use and generation", content).at(
                name,
                line.number,
            );
        }
        nets.push(load - (sun * panels) / (1000n * 10n ** BigInt(DECIMALS)));
    }
    if (nets.length !== HOURS) {
        const got = `${nets.length}`;
        return fail(error("MS_DATA_FILE", { where: name, expected: `${HOURS} rows`, got }));
    }
    return ok(seriesOf(nets));
}

/** Non-negative decimal number with an optional exponent, in units of 10^-DECIMALS; null for anything else or finer. */
function exactOf(text: string): bigint | null {
    const match = /^(\d{1,9})(?:\.(\d{1,17}))?(?:e(-?\d{1,2}))?$/.exec(text);
    if (match === null) return null;
    const [, whole = "", fraction = "", exponent = "0"] = match;
    const shift = DECIMALS - fraction.length + Number(exponent);
    return shift >= 0 ? BigInt(whole + fraction) * 10n ** BigInt(shift) : null;
}

function seriesOf(nets: readonly bigint[]): ReadingSeries {
    const firstSlot = slotOf(0);
    const importMicroWh = new BigInt64Array(HOURS).fill(MISSING_MICRO_WH);
    const exportMicroWh = new BigInt64Array(HOURS).fill(MISSING_MICRO_WH);
    let [imported, exported] = [0n, 0n];
    for (let hour = 0; hour < HOURS; hour++) {
        const net = nets[(hour - FIRST_ROW_HOUR + HOURS) % HOURS] ?? 0n;
        const [importedBefore, exportedBefore] = [imported, exported];
        if (net > 0n) imported += net;
        else exported -= net;
        const at = slotOf(hour) - firstSlot;
        add(importMicroWh, at, imported / PER_MICRO_WH - importedBefore / PER_MICRO_WH);
        add(exportMicroWh, at, exported / PER_MICRO_WH - exportedBefore / PER_MICRO_WH);
    }
    const slotSeconds = CALIFORNIA_SLOT_SECONDS;
    return { slotSeconds, firstSlot, importMicroWh, exportMicroWh, unmeasured: null };
}

/** Slot of an hour of the year by the wall clock. */
function slotOf(hour: number): number {
    const wall = YEAR_START + hour * HOUR_SECONDS;
    const isSummer = wall > WALL.summerFrom && wall < WALL.summerTo;
    const unix = wall + (isSummer ? WALL.summerSeconds : WALL.winterSeconds);
    return (unix - SLOT_ORIGIN_UNIX) / CALIFORNIA_SLOT_SECONDS;
}

function add(series: BigInt64Array, at: number, amount: bigint): void {
    const before = series[at] ?? MISSING_MICRO_WH;
    series[at] = before === MISSING_MICRO_WH ? amount : before + amount;
}
