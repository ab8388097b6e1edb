import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { LONDON_MISSING, type LondonHome, parseLondonCsv } from "../src/csv/london-csv.ts";
import {
    LONDON_YEAR,
    registerSeries,
    registerSeriesLength,
} from "../src/simulator/register-series.ts";

const FILES = ["block16sep", "block62sep", "block165sep"];
const MONTHS = Array.from({ length: 12 }, (_, month) => month);

function readBlock(file: string): string {
    const url = new URL(`../../../examples/london-2013/${file}.csv.gz`, import.meta.url);
    return gunzipSync(readFileSync(fileURLToPath(url))).toString("utf8");
}

/** Exact number of 10^-7 kWh in a decimal text, by moving the point. */
function exactUnits(text: string): bigint {
    const [whole = "", decimals = ""] = text.split(".");
    return BigInt(whole + decimals.padEnd(7, "0"));
}

/** Sums of one home taken from the text itself, apart from the parser. */
type Expected = { months: bigint[]; blanks: number; days: Set<string> };

function expectedOf(text: string): Map<string, Expected> {
    const homes = new Map<string, Expected>();
    for (const row of text.trimEnd().split("\n").slice(1)) {
        const [id = "", date = "", ...values] = row.split(",");
        const home = homes.get(id) ?? { months: MONTHS.map(() => 0n), blanks: 0, days: new Set() };
        homes.set(id, home);
        home.days.add(date);
        const month = Number(date.slice(5, 7)) - 1;
        for (const value of values) {
            if (value === "") home.blanks++;
            else home.months[month] = (home.months[month] ?? 0n) + exactUnits(value);
        }
    }
    return homes;
}

function slotAt(year: number, month: number): number {
    return (Date.UTC(year, month, 1) - Date.UTC(2000, 0, 1)) / 1_800_000;
}

function parsed(text: string): LondonHome[] {
    const result = parseLondonCsv(text, "block.csv");
    if (!result.ok) throw result.error;
    return result.value;
}

const unitsPerWh = 10_000n;

describe("the London readings of 2013", () => {
    const texts = FILES.map(readBlock);
    const expected = new Map(texts.flatMap((text) => [...expectedOf(text)]));
    const homes = texts.flatMap((text) => parsed(text));

    it("holds 98 homes, in four bytes an interval", () => {
        expect(homes.map((home) => home.id)).toEqual([...expected.keys()]);
        expect(homes).toHaveLength(98);
        const bytes = homes.reduce((sum, { units }) => sum + units.byteLength, 0);
        expect(bytes).toBeLessThanOrEqual(98 * 365 * 48 * 4);
    });

    it("keeps the exact sum of each home", () => {
        for (const home of homes) {
            let units = 0n;
            for (const value of home.units) if (value !== LONDON_MISSING) units += BigInt(value);
            expect(units).toBe(expected.get(home.id)!.months.reduce((sum, month) => sum + month));
        }
    });

    it("has registers whose differences are the sums of each month and of the year", () => {
        for (const home of homes) {
            const registers = new Map<number, bigint>();
            for (const { slot, registerWh } of registerSeries(home))
                registers.set(slot, registerWh);
            const { months } = expected.get(home.id)!;
            for (const month of MONTHS) {
                const before = registers.get(slotAt(2013, month))!;
                const after = registers.get(slotAt(2013, month + 1))!;
                const errorUnits = months[month]! - (after - before) * unitsPerWh;
                expect(errorUnits > -unitsPerWh && errorUnits < unitsPerWh).toBe(true);
            }
            const yearUnits = months.reduce((sum, month) => sum + month);
            expect(registers.get(slotAt(2013, 0))).toBe(0n);
            expect(registers.get(slotAt(2014, 0))).toBe(yearUnits / unitsPerWh);
        }
    });

    it("flags as many intervals as are blank or in missing days, and none of them moves the register", () => {
        let total = 0;
        for (const home of homes) {
            let missing = 0;
            let before = 0n;
            for (const boundary of registerSeries(home)) {
                if (boundary.missing) {
                    missing++;
                    expect(boundary.registerWh).toBe(before);
                }
                before = boundary.registerWh;
            }
            const { blanks, days } = expected.get(home.id)!;
            expect(missing).toBe(blanks + (365 - days.size) * 48);
            total += missing;
        }
        expect(total).toBe(2_779 + 463 + 412 + (932 + 888 + 363) * 48);
    });

    it("yields every boundary of the year once, in order", () => {
        const slots = [...registerSeries(homes[0]!)].map((boundary) => boundary.slot);
        expect(slots).toHaveLength(registerSeriesLength());
        expect(slots).toHaveLength(17_521);
        expect(slots[0]).toBe(slotAt(2013, 0));
        expect(slots.every((slot, index) => slot === slots[0]! + index)).toBe(true);
    });
});

const LABELS = Array.from({ length: 48 }, (_, index) => {
    const hour = String(Math.floor(index / 2)).padStart(2, "0");
    return `${hour}:${index % 2 === 0 ? "00" : "30"}:00`;
});
const HEADER = ["LCLid", "Date", ...LABELS].join(",");

/** A row whose values are zero except those named. */
function row(id: string, date: string, values: Record<number, string> = {}): string {
    return [id, date, ...LABELS.map((_, index) => values[index] ?? "0")].join(",");
}

function file(...rows: string[]): string {
    return `${[HEADER, ...rows].join("\n")}\n`;
}

describe("parseLondonCsv", () => {
    it("reads values exactly and blanks and absent days as missing", () => {
        const text = file(
            row("A1", "2013-01-01", { 0: "0.209", 1: "2.2309999", 2: "", 47: "12" }),
            row("A1", "2013-01-03", { 0: "1.0" }),
        );
        const [home] = parsed(text);
        expect(home).toMatchObject({ id: "A1", firstDay: 4_749 });
        expect([...home!.units.slice(0, 4)]).toEqual([2_090_000, 22_309_999, LONDON_MISSING, 0]);
        expect(home!.units[47]).toBe(120_000_000);
        expect(new Set(home!.units.slice(48, 96))).toEqual(new Set([LONDON_MISSING]));
        expect(home!.units[96]).toBe(10_000_000);
        expect(home!.units).toHaveLength(144);
    });

    it("reads CRLF files, and files with a byte order mark or without a last line end, alike", () => {
        const text = file(row("A1", "2013-01-01"), row("B2", "2013-01-01", { 47: "0.5" }));
        expect(parsed(text.replaceAll("\n", "\r\n"))).toEqual(parsed(text));
        expect(parsed(text.trimEnd())).toEqual(parsed(text));
        expect(parsed(`\uFEFF${text}\r\n\n`)).toEqual(parsed(text));
    });

    it("takes the largest value that fits and refuses the next", () => {
        const [home] = parsed(file(row("A1", "2013-01-01", { 5: "214.7483647" })));
        expect(home!.units[5]).toBe(2 ** 31 - 1);
        expect(parseLondonCsv(file(row("A1", "2013-01-01", { 5: "214.7483648" }))).ok).toBe(false);
    });

    const good = row("A1", "2013-01-02");
    const refused: [name: string, text: string, line: number, reason: RegExp][] = [
        ["an empty file", "", 1, /a row of readings/],
        ["a file with only a header", `${HEADER}\n`, 1, /a row of readings/],
        ["another header", `${HEADER.replace("00:30:00", "00:15:00")}\n${good}\n`, 1, /header/],
        ["a column too few", file(good, good.slice(0, -2)), 3, /50 columns.*49/],
        ["a column too many", file(`${good},0`), 2, /50 columns.*51/],
        ["an empty line", file(good, "", row("A1", "2013-01-03")), 3, /50 columns.*1/],
        ["a line without end", file(good, "1".repeat(4_097)), 3, /at most 4096 characters.*4097/],
        ["an empty id", file(row("", "2013-01-01")), 2, /an id/],
        ["a quoted id", file(row('"A1"', "2013-01-01")), 2, /an id/],
        ["a date in another form", file(row("A1", "01/02/2013")), 2, /a date/],
        ["a date with a time", file(row("A1", "2013-01-01 00:00")), 2, /a date/],
        ["a month that is none", file(row("A1", "2013-13-01")), 2, /a date/],
        ["a day that the month lacks", file(row("A1", "2013-02-29")), 2, /a date.*2013-02-29/],
        ["a duplicate day", file(good, good), 3, /a later day/],
        ["a day out of order", file(good, row("A1", "2013-01-01")), 3, /a later day/],
        [
            "a home in two places",
            file(good, row("B2", "2013-01-01"), row("A1", "2013-01-03")),
            4,
            /together/,
        ],
        ["days too far apart", file(good, row("A1", "2033-01-01")), 3, /at most 3660 days/],
    ];
    const values = ["-0.1", "+0.1", "1e-3", "1E3", " 0.1", "0.1 ", ".5", "5.", ".", "0.1.2", "NaN"];
    for (const value of [...values, "Null", "0.12345678", "0x10", "١", "00000000000000000"]) {
        const text = file(good, row("A1", "2013-01-03", { 3: value }));
        refused.push([`the value "${value}"`, text, 3, /plain decimal text .* at 01:30:00/]);
    }

    it.each(refused)("refuses %s", (_, text, line, reason) => {
        const result = parseLondonCsv(text, "homes.csv");
        if (result.ok) throw new Error("was accepted");
        expect(result.error.code).toBe("MS_DATA_FILE");
        expect(result.error.details.where).toBe(`homes.csv line ${line}`);
        expect(result.error.message).toMatch(reason);
    });
});

describe("registerSeries", () => {
    const home: LondonHome = {
        id: "A1",
        firstDay: LONDON_YEAR.firstDay + 1,
        units: new Int32Array(48).fill(4_000),
    };

    it("carries what is below one Wh on and treats days outside the home's as missing", () => {
        const boundaries = [...registerSeries(home, { firstDay: LONDON_YEAR.firstDay, days: 3 })];
        expect(boundaries).toHaveLength(145);
        expect(boundaries[0]).toEqual({ slot: 4_749 * 48, registerWh: 0n, missing: false });
        expect(boundaries.filter((boundary) => boundary.missing)).toHaveLength(96);
        expect(boundaries.slice(48, 54).map((boundary) => boundary.registerWh)).toEqual([
            0n,
            0n,
            0n,
            1n,
            1n,
            2n,
        ]);
        expect(boundaries.at(-1)).toEqual({ slot: 4_752 * 48, registerWh: 19n, missing: true });
    });

    it("can start inside a home's readings", () => {
        const [first, second] = registerSeries(home, { firstDay: home.firstDay, days: 1 });
        expect(first).toEqual({ slot: 4_750 * 48, registerWh: 0n, missing: false });
        expect(second).toEqual({ slot: 4_750 * 48 + 1, registerWh: 0n, missing: false });
    });
});
