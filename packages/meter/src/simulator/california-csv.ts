import { error, fail, ok, type Result, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import { BadRow } from "../csv/bad-row.ts";
import { linesOf } from "../csv/lines.ts";
import type { ReadingSeries } from "../csv/series.ts";

/** Length of the slots of the California readings. */
export const CALIFORNIA_SLOT_SECONDS = 3_600;

/** Hours in the file of a home: one year without 29 February. */
const HOURS = 8_760;
/** Pacific standard time, in which the labels are taken all year (an assumption, see examples). */
const STANDARD_OFFSET_HOURS = 8;
/** Hours from 1 January to the first row, the last hour of 31 July. */
const FIRST_ROW_HOUR = (31 + 28 + 31 + 30 + 31 + 30 + 31) * 24 - 1;
const FIRST_ROW = "7,24,";

/** Decimals of kWh in which rows are added up exactly; the source writes at most 15. */
const DECIMALS = 18;
/** Exact units in 10^-6 Wh. */
const PER_MICRO_WH = 10n ** BigInt(DECIMALS - 9);

const LOAD_COLUMN = "non_shiftable_load";
const SUN_COLUMN = "solar_generation";

/**
 * Reads the file of one home and puts its hours into a year: import and export from the net of each
 * hour. Running sums are exact; what is below 10^-6 Wh goes on into the next hour.
 *
 * @param kilowatts Installed panels in kW, decimal text: generation is given for each of them.
 * @param year Calendar year of 365 days that the hours are put into, by month, day and hour.
 * @returns The series from 1 January to 31 December in Pacific standard time; MS_DATA_FILE with the
 * line and the reason.
 */
export function parseCaliforniaCsv(
    text: string,
    name: string,
    kilowatts: string,
    year: number,
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
    return ok(seriesOf(nets, year));
}

/** Non-negative decimal number with an optional exponent, in units of 10^-DECIMALS; null for anything else. */
function exactOf(text: string): bigint | null {
    const match = /^(\d{1,9})(?:\.(\d{1,17}))?(?:e(-?\d{1,2}))?$/.exec(text);
    if (match === null) return null;
    const [, whole = "", fraction = "", exponent = "0"] = match;
    const shift = DECIMALS - fraction.length + Number(exponent);
    const digits = BigInt(whole + fraction);
    return shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
}

function seriesOf(nets: readonly bigint[], year: number): ReadingSeries {
    const importMicroWh = new BigInt64Array(HOURS);
    const exportMicroWh = new BigInt64Array(HOURS);
    let [imported, exported] = [0n, 0n];
    for (let hour = 0; hour < HOURS; hour++) {
        const net = nets[(hour - FIRST_ROW_HOUR + HOURS) % HOURS] ?? 0n;
        const [importedBefore, exportedBefore] = [imported, exported];
        if (net > 0n) imported += net;
        else exported -= net;
        importMicroWh[hour] = imported / PER_MICRO_WH - importedBefore / PER_MICRO_WH;
        exportMicroWh[hour] = exported / PER_MICRO_WH - exportedBefore / PER_MICRO_WH;
    }
    const startUnix = Date.UTC(year, 0, 1, STANDARD_OFFSET_HOURS) / 1000;
    const firstSlot = (startUnix - SLOT_ORIGIN_UNIX) / CALIFORNIA_SLOT_SECONDS;
    const slotSeconds = CALIFORNIA_SLOT_SECONDS;
    return { slotSeconds, firstSlot, importMicroWh, exportMicroWh, unmeasured: null };
}
