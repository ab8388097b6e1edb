import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { unwrap } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { boundsOf, parseCaliforniaCsv, seriesBoundaries } from "../src/index.ts";

const folder = fileURLToPath(new URL("../../../examples/california-pv/", import.meta.url));
const HOMES = ["4.0", "4.0", "4.0", "5.0", "4.0"].map((kilowatts, i) => {
    const name = `Building_${i + 1}.csv.gz`;
    return { name, kilowatts, text: gunzipSync(readFileSync(folder + name)).toString("utf8") };
});

/** Rows of use and generation, as exact numbers of 10^-20 kWh by another way than the parser's. */
function netsOf(text: string, kilowatts: string): bigint[] {
    const [header = "", ...rows] = text.trim().split("\n");
    const columns = header.split(",");
    const exact = (value: string): bigint => {
        const [mantissa = "0", exponent = "0"] = value.split("e");
        const [whole = "0", fraction = ""] = mantissa.split(".");
        const text = whole + fraction.padEnd(20, "0");
        const shift = Number(exponent);
        return shift < 0 ? BigInt(text) / 10n ** BigInt(-shift) : BigInt(text);
    };
    return rows.map((row) => {
        const fields = row.split(",");
        const load = exact(fields[columns.indexOf("non_shiftable_load")] ?? "");
        const sun = exact(fields[columns.indexOf("solar_generation")] ?? "");
        return load - (sun * BigInt(Number(kilowatts))) / 1000n;
    });
}

describe("the homes of California", () => {
    it.each(HOMES)("$name: both registers add up to what the source says, in whole Wh", (home) => {
        const series = unwrap(parseCaliforniaCsv(home.text, home.name, home.kilowatts));
        const nets = netsOf(home.text, home.kilowatts);
        const total = (sign: bigint): bigint =>
            nets.reduce((sum, net) => (net * sign > 0n ? sum + net * sign : sum), 0n) / 10n ** 17n;
        const last = [...seriesBoundaries(series)].at(-1);
        expect(last?.registers).toEqual([total(1n), total(-1n)]);
        expect(last?.registers.every((register) => register > 1_000_000n)).toBe(true);
    });

    it("lie in 2013 by month, day and hour of the wall clock", () => {
        const [home] = HOMES;
        const series = unwrap(parseCaliforniaCsv(home?.text ?? "", "one", "4.0"));
        const unix = (slot: number): number => slot * 3600 + Date.UTC(2000, 0, 1) / 1000;
        const { fromSlot, toSlot } = boundsOf(series);
        expect(new Date(unix(fromSlot) * 1000).toISOString()).toBe("2013-01-01T08:00:00.000Z");
        expect(new Date(unix(toSlot) * 1000).toISOString()).toBe("2014-01-01T08:00:00.000Z");
        // The second row of the file: 1 August, hour 1.
        const hour = (Date.UTC(2013, 7, 1, 8) / 1000 - unix(fromSlot)) / 3600;
        expect(Number(series.importMicroWh[hour])).toBeCloseTo(851_166_670, -2);
        expect(series.exportMicroWh?.[hour]).toBe(0n);
        for (let i = 0; i < 8760; i++) {
            const [imported, exported] = [series.importMicroWh[i], series.exportMicroWh?.[i]];
            const isSpring = i === (Date.UTC(2013, 2, 10, 10) / 1000 - unix(fromSlot)) / 3600;
            if (!isSpring)
                expect(imported === 0n || exported === 0n || imported === -1n).toBe(true);
        }
        // 3 November has a second hour from 01:00 on, of which the source knows nothing.
        const second = (Date.UTC(2013, 10, 3, 9) / 1000 - unix(fromSlot)) / 3600;
        expect(
            [...series.importMicroWh.keys()].filter((i) => series.importMicroWh[i] === -1n),
        ).toEqual([second]);
    });

    it("have their sun at noon, in winter and in summer", () => {
        const [home] = HOMES;
        const series = unwrap(parseCaliforniaCsv(home?.text ?? "", "one", "4.0"));
        const noon = (month: number, offsetHours: number): number => {
            let [weighted, total] = [0, 0];
            const start = series.firstSlot * 3600 + Date.UTC(2000, 0, 1) / 1000;
            for (const [i, micro] of (series.exportMicroWh ?? []).entries()) {
                const local = new Date((start + i * 3600 - offsetHours * 3600) * 1000);
                if (local.getUTCMonth() !== month || micro <= 0n) continue;
                weighted += Number(micro) * (local.getUTCHours() + 0.5);
                total += Number(micro);
            }
            return weighted / total;
        };
        expect(noon(0, 8)).toBeGreaterThan(11.2);
        expect(noon(0, 8)).toBeLessThan(12.7);
        expect(noon(5, 7)).toBeGreaterThan(12);
        expect(noon(5, 7)).toBeLessThan(13.5);
    });

    it.each([
        ["another header", (text: string) => text.replace("non_shiftable_load", "load"), /line 1/],
        ["a row that is no number", (text: string) => text.replace("0.85116667", "NaN"), /line 3/],
        ["another first row", (text: string) => text.replace("\n7,24,", "\n8,24,"), /line 2/],
        [
            "a row too few",
            (text: string) => text.slice(0, text.trimEnd().lastIndexOf("\n") + 1),
            /8760 rows/,
        ],
    ])("refuse %s", (_, change, said) => {
        const result = parseCaliforniaCsv(change(HOMES[0]?.text ?? ""), "home", "4.0");
        expect(result).toMatchObject({ ok: false, error: { code: "MS_DATA_FILE" } });
        if (!result.ok) expect(result.error.message).toMatch(said);
    });
});
