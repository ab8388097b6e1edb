import { LIMITS, SLOT_ORIGIN_UNIX } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePlainCsv } from "../src/csv/plain-csv.ts";
import { parseReadingsCsv } from "../src/csv/readings-csv.ts";
import { MISSING_MICRO_WH, type ReadingSeries, seriesBoundaries } from "../src/csv/series.ts";

const HEADER = "timestamp,import_kwh";

function file(...rows: string[]): string {
    return `${[HEADER, ...rows].join("\n")}\n`;
}

function parsed(text: string, slotSeconds?: number): ReadingSeries {
    const options = slotSeconds === undefined ? {} : { slotSeconds };
    const result = parsePlainCsv(text, "home.csv", options);
    if (!result.ok) throw result.error;
    return result.value;
}

function slotAt(iso: string, slotSeconds: number): number {
    return (Date.parse(iso) / 1000 - SLOT_ORIGIN_UNIX) / slotSeconds;
}

describe("parsePlainCsv", () => {
    it("reads import and export exactly, and blanks as missing", () => {
        const series = parsed(
            "timestamp,import_kwh,export_kwh\n" +
                "2026-01-01T00:00:00Z,0.209,0\n" +
                "2026-01-01T00:15:00Z,,1.000000001\n" +
                "2026-01-01T00:30:00Z,1048.575,\n",
        );
        expect(series).toMatchObject({
            slotSeconds: 900,
            firstSlot: slotAt("2026-01-01T00:00:00Z", 900),
            unmeasured: null,
        });
        expect([...series.importMicroWh]).toEqual([
            209_000_000n,
            MISSING_MICRO_WH,
            1_048_575_000_000n,
        ]);
        expect([...series.exportMicroWh!]).toEqual([0n, 1_000_000_001n, MISSING_MICRO_WH]);
    });

    it("reads any way of writing an instant alike", () => {
        const instants = [
            ["2026-06-01T00:00:00Z", "2026-06-01T00:30:00Z"],
            ["2026-06-01T02:00+02:00", "2026-06-01T02:30+02:00"],
            ["2026-05-31 17:00:00.000-07:00", "2026-06-01 06:15:00+05:45"],
        ];
        const all = instants.map(([a, b]) => parsed(file(`${a},1`, `${b},2`)));
        expect(all[1]).toEqual(all[0]);
        expect(all[2]).toEqual(all[0]);
    });

    it("takes BOM, CRLF, and any number of empty lines at the end", () => {
        const text = file("2026-01-01T00:00Z,1", "2026-01-01T01:00Z,2");
        for (const other of [
            `\uFEFF${text}`,
            text.replaceAll("\n", "\r\n"),
            text.trimEnd(),
            `${text}\n\r\n`,
        ]) {
            expect(parsed(other)).toEqual(parsed(text));
        }
    });

    it("gives a day of 23 hours 92 quarters and one of 25 hours 100", () => {
        const quarters = (fromIso: string, count: number): string[] =>
            Array.from({ length: count }, (_, i) => {
                const unix = Date.parse(fromIso) / 1000 + i * 900;
                const civil = Temporal.Instant.fromEpochMilliseconds(unix * 1000)
                    .toZonedDateTimeISO("Europe/Berlin")
                    .toString({ timeZoneName: "never" });
                return `${civil},0.25`;
            });
        for (const [start, count, end] of [
            ["2026-03-29T00:00:00+01:00", 92, "2026-03-30T00:00:00+02:00"],
            ["2026-10-25T00:00:00+02:00", 100, "2026-10-26T00:00:00+01:00"],
        ] as const) {
            const { firstSlot, importMicroWh } = parsed(file(...quarters(start, count)));
            expect(importMicroWh).toHaveLength(count);
            expect(importMicroWh.includes(MISSING_MICRO_WH)).toBe(false);
            expect(firstSlot + count).toBe(slotAt(end, 900));
        }
    });

    it("fills intervals without a row with nothing, and counts a repeated row once", () => {
        const series = parsed(
            file("2026-01-01T00:00Z,1", "2026-01-01T00:30Z,2", "2026-01-01T00:30Z,2") +
                "2026-01-01T02:00Z,3\n",
        );
        const blank = MISSING_MICRO_WH;
        expect([...series.importMicroWh]).toEqual([
            10n ** 9n,
            2n * 10n ** 9n,
            blank,
            blank,
            3n * 10n ** 9n,
        ]);
    });

    it("reads rows in any order", () => {
        const rows = Array.from({ length: 30 }, (_, i) => {
            const minute = String(i * 2).padStart(2, "0");
            return `2026-01-01T00:${minute}Z,0.${i}`;
        });
        fc.assert(
            fc.property(fc.shuffledSubarray(rows, { minLength: 30 }), (shuffled) => {
                expect(parsed(file(...shuffled))).toEqual(parsed(file(...rows)));
            }),
            { numRuns: 20 },
        );
    });

    it("takes what an export calls missing or partial as not measured, value or not", () => {
        const series = parsed(
            "timestamp,import_kwh,quality\n" +
                "2026-01-01T00:00Z,1,measured\n" +
                "2026-01-01T01:00Z,2,partial\n" +
                "2026-01-01T02:00Z,,missing\n" +
                "2026-01-01T03:00Z,4,\n",
        );
        expect([...series.unmeasured!]).toEqual([0, 1, 1, 0]);
        expect([...seriesBoundaries(series)].map(({ missing }) => missing)).toEqual([
            false,
            false,
            true,
            true,
            false,
        ]);
    });

    it("holds the interval to the one that is wanted, and needs it for a single row", () => {
        const hours = file("2026-01-01T00:00Z,1", "2026-01-01T01:00Z,2");
        expect(parsed(hours, 3600).slotSeconds).toBe(3600);
        expect(parsePlainCsv(hours, "h", { slotSeconds: 1800 }).ok).toBe(false);
        expect(parsed(file("2026-01-01T00:00Z,1"), 900).importMicroWh).toHaveLength(1);
    });

    const good = "2026-01-01T00:00Z,1";
    const next = "2026-01-01T00:30Z,1";
    const refused: [name: string, text: string, line: number | null, reason: RegExp][] = [
        ["an empty file", "", 1, /a row of readings/],
        ["a file with only a header", `${HEADER}\n`, 2, /a row of readings/],
        ["another header", `time,kwh\n${good}\n`, 1, /timestamp,import_kwh/],
        ["a quoted header", `"timestamp","import_kwh"\n${good}\n`, 1, /the header/],
        ["a semicolon file", "timestamp;import_kwh\n", 1, /the header/],
        ["a column too few", file(good, "2026-01-01T00:30Z"), 3, /2 columns.*1/],
        ["a decimal comma", file(good, "2026-01-01T00:30Z,0,5"), 3, /2 columns.*3/],
        ["an empty line between rows", file(good, "", next), 3, /2 columns.*1/],
        ["a long line", file(good, `${next}${"0".repeat(5_000)}`), 3, /at most 4096 characters/],
        ["one row alone", file(good), null, /two rows/],
        ["no offset", file(good, "2026-01-01T00:30:00,1"), 3, /Z or an offset/],
        ["an offset without colon", file("2026-01-01T00:30+0100,1"), 2, /a timestamp such as/],
        ["a date alone", file("2026-01-01,1"), 2, /a timestamp such as/],
        ["a fraction of a second", file("2026-01-01T00:00:00.5Z,1"), 2, /whole seconds/],
        ["a day that is none", file("2026-02-29T00:00Z,1"), 2, /that exist/],
        ["hour 24", file("2026-01-01T24:00Z,1"), 2, /that exist/],
        ["offset +24:00", file("2026-01-01T00:00+24:00,1"), 2, /that exist/],
        ["a year before 2000", file("1999-12-31T23:00Z,1"), 2, /2000 to 2099/],
        [
            "two rows of one interval",
            file(good, next, "2026-01-01T01:00+01:00,2"),
            4,
            /one row.*line 2/,
        ],
        ["rows 25 minutes apart", file(good, "2026-01-01T00:25Z,1"), 3, /divides an hour.*1500 s/],
        ["rows a day apart", file(good, "2026-01-02T00:00Z,1"), 3, /divides an hour.*86400 s/],
        ["a row off the grid", file(good, next, "2026-01-01T01:45Z,1"), 4, /a multiple of 1800 s/],
        [
            "hours of a zone on the half hour",
            file("2026-01-01T00:00+05:30,1", "2026-01-01T01:00+05:30,1"),
            2,
            /a multiple of 3600 s in UTC/,
        ],
        [
            "too wide a span",
            file("2026-01-01T00:00:00Z,1", "2026-01-01T00:00:01Z,1", "2026-02-01T00:00:00Z,1"),
            4,
            /at most 2000000 intervals/,
        ],
        ["an unknown quality", `timestamp,import_kwh,quality\n${good},good\n`, 2, /the quality/],
    ];
    for (const value of [
        "-0.1",
        "+0.1",
        "1e-3",
        " 0.1",
        "0.1 ",
        ".5",
        "5.",
        "NaN",
        "1,0",
        "0.1234567891",
    ]) {
        refused.push([
            `the value "${value}"`,
            file(good, `2026-01-01T00:30Z,${value}`),
            3,
            /plain decimal text|columns/,
        ]);
    }
    refused.push([
        "more than a register may grow",
        file(good, "2026-01-01T00:30Z,1048.575000001"),
        3,
        /at most 1048.575 kWh/,
    ]);

    it.each(refused)("refuses %s", (_, text, line, reason) => {
        const result = parsePlainCsv(text, "home.csv");
        if (result.ok) throw new Error("was accepted");
        expect(result.error.code).toBe("MS_DATA_FILE");
        expect(result.error.details.where).toBe(
            line === null ? "home.csv" : `home.csv line ${line}`,
        );
        expect(result.error.message).toMatch(reason);
    });

    it("takes the longest line and refuses one character more", () => {
        const row = (length: number): string => good.padEnd(length, "0");
        for (const [length, reason] of [
            [LIMITS.csvLineCharacters, /plain decimal/],
            [LIMITS.csvLineCharacters + 1, /characters in a line/],
        ] as const) {
            const result = parsePlainCsv(file(row(length)), "h");
            if (result.ok) throw new Error("was accepted");
            expect(result.error.message).toMatch(reason);
        }
    });

    it("answers any text with a series or MS_DATA_FILE", () => {
        const cell = fc.constantFrom(
            "",
            "0",
            "1.5",
            "2026-01-01T00:00Z",
            "2026-01-01T01:00:00+01:00",
            ",",
            "\r",
            '"',
            "x",
        );
        fc.assert(
            fc.property(fc.array(fc.array(cell, { maxLength: 4 }), { maxLength: 6 }), (rows) => {
                const text = file(...rows.map((row) => row.join(",")));
                const result = parsePlainCsv(text);
                expect(result.ok || result.error.code === "MS_DATA_FILE").toBe(true);
            }),
        );
    });
});

describe("seriesBoundaries", () => {
    it("sums exactly and rounds down to whole Wh, each channel for itself", () => {
        const text =
            "timestamp,import_kwh,export_kwh\n" +
            "2026-01-01T00:00Z,0.0004,0.0019\n2026-01-01T00:30Z,0.0004,\n2026-01-01T01:00Z,0.0004,0.0001\n";
        const boundaries = [...seriesBoundaries(parsed(text))];
        expect(boundaries.map(({ registers }) => registers)).toEqual([
            [0n, 0n],
            [0n, 1n],
            [0n, 1n],
            [1n, 2n],
        ]);
        expect(boundaries.map(({ missing }) => missing)).toEqual([false, false, true, false]);
    });

    it("ends at the exact sum of what is there, whatever is missing", () => {
        const values = fc.array(fc.option(fc.bigInt({ min: 0n, max: 10n ** 12n })), {
            minLength: 1,
            maxLength: 50,
        });
        fc.assert(
            fc.property(values, (list) => {
                const importMicroWh = BigInt64Array.from(
                    list,
                    (value) => value ?? MISSING_MICRO_WH,
                );
                const series = {
                    slotSeconds: 900,
                    firstSlot: 7,
                    importMicroWh,
                    exportMicroWh: null,
                    unmeasured: null,
                };
                const sum = list.reduce<bigint>((total, value) => total + (value ?? 0n), 0n);
                const all = [...seriesBoundaries(series)];
                expect(all).toHaveLength(list.length + 1);
                expect(all.at(-1)?.registers).toEqual([sum / 1_000_000n]);
                expect(all.filter(({ missing }) => missing)).toHaveLength(
                    list.filter((value) => value === null).length,
                );
            }),
        );
    });
});

describe("parseReadingsCsv", () => {
    const labels = Array.from({ length: 48 }, (_, i) => {
        return `${String(i >> 1).padStart(2, "0")}:${i % 2 === 0 ? "00" : "30"}:00`;
    });
    const day = (id: string): string => [id, "2013-01-01", ...labels.map(() => "0.5")].join(",");
    const london = (...ids: string[]): string =>
        [["LCLid", "Date", ...labels].join(","), ...ids.map(day)].join("\n");

    it("tells the layouts apart by the header", () => {
        const plain = parseReadingsCsv(file("2026-01-01T00:00Z,1", "2026-01-01T00:01Z,1"), "a");
        expect(plain).toMatchObject({ ok: true, value: { slotSeconds: 60 } });
        const half = parseReadingsCsv(london("A1"), "b");
        expect(half).toMatchObject({
            ok: true,
            value: { slotSeconds: 1800, firstSlot: 4_749 * 48 },
        });
        if (half.ok) expect([...half.value.importMicroWh]).toEqual(labels.map(() => 500_000_000n));
    });

    it("takes the home that was named", () => {
        const home = parseReadingsCsv(london("A1", "B2"), "b", { home: "B2" });
        expect(home.ok).toBe(true);
    });

    it.each([
        ["a file of another layout", "a;b\n1;2\n", {}, "MS_DATA_FILE", /LCLid,Date/],
        ["an empty file", "", {}, "MS_DATA_FILE", /the header/],
        ["several homes and none named", london("A1", "B2"), {}, "MS_USAGE", /A1, B2/],
        ["a home that is not there", london("A1"), { home: "C3" }, "MS_USAGE", /C3/],
        [
            "a home of a file that names none",
            file("2026-01-01T00:00Z,1"),
            { home: "A1" },
            "MS_USAGE",
            /names none/,
        ],
        [
            "half hours where quarters are wanted",
            london("A1"),
            { slotSeconds: 900 },
            "MS_DATA_FILE",
            /900 s/,
        ],
    ] as const)("refuses %s", (_, text, options, code, reason) => {
        const result = parseReadingsCsv(text, "x.csv", options);
        if (result.ok) throw new Error("was accepted");
        expect(result.error.code).toBe(code);
        expect(result.error.message).toMatch(reason);
    });
});
