import { error, fail, ok, type Result } from "@meterseal/core";
import { BadRow } from "./bad-row.ts";
import { linesOf } from "./lines.ts";
import { isLondonHeader, LONDON_SLOT_SECONDS, londonSeries, parseLondonCsv } from "./london-csv.ts";
import { isPlainHeader, type PlainCsvOptions, parsePlainCsv } from "./plain-csv.ts";
import type { ReadingSeries } from "./series.ts";

/** Which readings of a file are wanted. */
export type ReadingsOptions = PlainCsvOptions & {
    /** Home in a file of several (London layout); may be left out where the file has only one. */
    readonly home?: string;
};

/** Most homes that an error names. */
const NAMED_HOMES = 5;

/**
 * Reads the readings of one home from a file of the London or the plain layout, told by the header.
 *
 * @param name Name of the file in error messages.
 * @returns The series; `MS_DATA_FILE` with line and reason for a bad file, or for readings of
 * another interval than wanted; `MS_USAGE` where the home is not clear.
 */
export function parseReadingsCsv(
    text: string,
    name: string,
    options: ReadingsOptions = {},
): Result<ReadingSeries> {
    const first = linesOf(text).next().value;
    const header = first === undefined ? "" : text.slice(first.start, first.end);
    if (isPlainHeader(header)) {
        if (options.home === undefined) return parsePlainCsv(text, name, options);
        const got = `a home ${options.home} of a file that names none`;
        return fail(error("MS_USAGE", { where: name, got }));
    }
    if (first === undefined || !isLondonHeader(text, first)) {
        const expected =
            "the header timestamp,import_kwh[,export_kwh][,quality] or LCLid,Date,00:00:00,…";
        return new BadRow(expected, header).at(name, 1);
    }
    const { slotSeconds = LONDON_SLOT_SECONDS } = options;
    if (slotSeconds !== LONDON_SLOT_SECONDS) {
        const expected = `intervals of ${slotSeconds} s`;
        return new BadRow(expected, `${LONDON_SLOT_SECONDS} s`).at(name, 1);
    }
    return londonHome(text, name, options.home);
}

function londonHome(text: string, name: string, wanted: string | undefined): Result<ReadingSeries> {
    const homes = parseLondonCsv(text, name);
    if (!homes.ok) return homes;
    const ids = homes.value.map(({ id }) => id);
    const home =
        wanted === undefined && ids.length === 1
            ? homes.value[0]
            : homes.value.find(({ id }) => id === wanted);
    if (home !== undefined) return ok(londonSeries(home));
    const more = ids.length > NAMED_HOMES ? ", …" : "";
    const expected = `one of its ${ids.length} homes (${ids.slice(0, NAMED_HOMES).join(", ")}${more})`;
    return fail(error("MS_USAGE", { where: name, expected, got: wanted ?? "none named" }));
}
