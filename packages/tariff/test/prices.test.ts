import { unwrap } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { chargesOf } from "../src/charges.ts";
import { checkPrices, checkRange, type Period, periodOf, pricesOf } from "../src/index.ts";
import { DAY_NIGHT, FLAT, published } from "./home.ts";

function period(from: string, to: string, slotSeconds = 900): Period {
    return unwrap(periodOf(Date.parse(from) / 1000, Date.parse(to) / 1000, slotSeconds));
}

function prices(fields: Record<string, unknown>, over: Period): number[] {
    const { body, series } = published(fields);
    return unwrap(pricesOf(body, body.imports, over, series));
}

/** Number of slots of each price. */
function levels(list: readonly number[]): Record<number, number> {
    const counts: Record<number, number> = {};
    for (const price of list) counts[price] = (counts[price] ?? 0) + 1;
    return counts;
}

describe("prices by the civil clock", () => {
    it.each([
        ["an ordinary month", "2026-01-01T00:00+01:00", "2026-02-01T00:00+01:00", 2976, 992],
        [
            "a month that loses an hour",
            "2026-03-01T00:00+01:00",
            "2026-04-01T00:00+02:00",
            2972,
            988,
        ],
        [
            "a month that gains an hour",
            "2026-10-01T00:00+02:00",
            "2026-11-01T00:00+01:00",
            2980,
            996,
        ],
    ])("cover %s, the night an hour shorter or longer", (_, from, to, slots, night) => {
        expect(levels(prices(DAY_NIGHT, period(from, to)))).toEqual({
            210000: night,
            320000: slots - night,
        });
    });

    it("know weekends and seasons, and let the last rule decide", () => {
        const tariff = {
            import: {
                bands: { base: "0.30", weekend: "0.25", summer: "0.20" },
                times: [
                    { band: "weekend", days: ["sat-sun"] },
                    {
                        band: "summer",
                        months: ["6-8"],
                        days: ["sun", "mon"],
                        from: "12:00",
                        to: "16:00",
                    },
                ],
            },
        };
        // Friday 29 May to Tuesday 2 June 2026: one weekend, and of June a Monday.
        const over = period("2026-05-29T00:00+02:00", "2026-06-02T00:00+02:00", 3600);
        expect(levels(prices(tariff, over))).toEqual({ 300000: 44, 250000: 48, 200000: 4 });
    });

    it.each([
        ["Asia/Kolkata", "+05:30"],
        ["Australia/Lord_Howe", "+10:30"],
        ["Asia/Kathmandu", "+05:45"],
    ])("fit a zone of half and quarter hours: %s", (zone, offset) => {
        const over = period(`2026-06-01T00:00${offset}`, `2026-06-02T00:00${offset}`);
        const list = prices({ ...DAY_NIGHT, zone }, over);
        expect(list.slice(0, 24)).toEqual(new Array(24).fill(210_000));
        expect(levels(list)).toEqual({ 210000: 32, 320000: 64 });
    });

    it("of an hour that comes twice have both, and over half an hour of change too", () => {
        const list = prices(
            {
                zone: "Australia/Lord_Howe",
                import: {
                    bands: { a: "1", b: "2" },
                    times: [{ band: "b", from: "01:30", to: "02:00" }],
                },
            },
            period("2026-04-05T00:00+11:00", "2026-04-06T00:00+10:30"),
        );
        // Clocks go back from 2:00 to 1:30: the stretch comes twice.
        expect(list.length).toBe(98);
        expect(levels(list)[2_000_000]).toBe(4);
    });

    it.each<[string, Record<string, unknown>, Period]>([
        [
            "before the tariff is valid",
            { ...FLAT, from: "2026-02-01" },
            period("2026-01-30T23:00Z", "2026-02-02T23:00Z"),
        ],
        [
            "after its end",
            { ...FLAT, to: "2026-02-01" },
            period("2026-01-30T23:00Z", "2026-02-01T23:00Z"),
        ],
        [
            "with a band that changes within a slot",
            {
                import: {
                    bands: { a: "1", b: "2" },
                    times: [{ band: "b", from: "00:10", to: "06:00" }],
                },
            },
            period("2026-01-31T23:00Z", "2026-02-01T23:00Z"),
        ],
        [
            "in slots that its zone's offset does not fit",
            { ...DAY_NIGHT, zone: "Asia/Kolkata" },
            period("2026-01-31T00:00Z", "2026-02-01T00:00Z", 3600),
        ],
    ])("are refused %s", (_, fields, over) => {
        const { body, series } = published(fields);
        const result = pricesOf(body, body.imports, over, series);
        expect(result).toMatchObject({ error: { code: "MS_TARIFF" } });
    });
});

describe("a price series", () => {
    const start = "2026-01-01T00:00+01:00";
    const hourly = {
        start,
        minutes: "60",
        prices: Array.from({ length: 48 }, (_, i) => `${i / 1000}`),
    };
    const market = published({ import: hourly, name: "market" });
    const day = period(start, "2026-01-02T00:00+01:00");

    it("has each price for the slots of its hour", () => {
        const list = prices({ import: hourly }, day);
        expect(list).toEqual(Array.from({ length: 96 }, (_, i) => Math.floor(i / 4) * 1000));
    });

    it("stands behind an index, which adds to it", () => {
        const index = published(
            { import: { index: Buffer.from(market.hash).toString("hex"), plus: "0.12" } },
            market,
        );
        const list = unwrap(pricesOf(index.body, index.body.imports, day, market));
        expect(list[5]).toBe(121_000);
        for (const series of [
            null,
            { ...market, hash: new Uint8Array(32) },
            { ...index, hash: market.hash },
        ]) {
            expect(pricesOf(index.body, index.body.imports, day, series)).toMatchObject({
                error: { code: "MS_TARIFF" },
            });
        }
    });

    it("in another currency than the tariff is refused: nobody has converted it", () => {
        const index = Buffer.from(market.hash).toString("hex");
        const yen = published({ import: hourly, name: "market", currency: "JPY" });
        const { body } = published({ import: { index, plus: "0.12" } }, yen);
        expect(pricesOf(body, body.imports, day, market).ok).toBe(true);
        expect(pricesOf(body, body.imports, day, yen)).toMatchObject({
            error: {
                code: "MS_TARIFF",
                details: { expected: "a price series in EUR", got: "JPY" },
            },
        });
    });

    it("is refused where it does not reach, or is finer than the slots", () => {
        for (const [fields, over] of [
            [hourly, period("2025-12-31T00:00+01:00", start)],
            [hourly, period(start, "2026-01-03T00:15+01:00")],
            [{ ...hourly, minutes: "15" }, period(start, "2026-01-01T12:00+01:00", 3600)],
            [
                { ...hourly, start: "2026-01-01T00:05+01:00" },
                period("2026-01-01T01:00+01:00", "2026-01-02T00:00+01:00"),
            ],
        ] as const) {
            const { body } = published({ import: fields });
            expect(pricesOf(body, body.imports, over, null)).toMatchObject({
                error: { code: "MS_TARIFF" },
            });
        }
    });
});

describe("the rules for prices (invariant 12)", () => {
    const day = period("2026-01-01T00:00+01:00", "2026-01-02T00:00+01:00");
    const list = (...parts: [number, number][]): number[] =>
        parts.flatMap(([price, count]) => new Array<number>(count).fill(price));

    it.each<[string, number[], Period]>([
        ["one price", list([300_000, 96]), day],
        ["two prices, one in eight slots", list([300_000, 88], [310_000, 8]), day],
        ["differences of one to a hundred", list([5, 80], [6, 8], [105, 8]), day],
        ["prices below zero", list([-100, 88], [-50, 8]), day],
    ])("allow %s", (_, pricesMicro, over) => {
        expect(checkPrices(pricesMicro, over)).toEqual({ ok: true, value: null });
    });

    it.each<[string, number[], Period]>([
        [
            "a ladder of 2^16 that carries four readings in one number",
            list([1, 8], [2 ** 16, 8], [2 ** 32, 80]),
            day,
        ],
        ["differences of more than one to a hundred", list([5, 80], [6, 8], [106, 8]), day],
        ["one odd slot in a flat tariff", list([300_000, 95], [300_001, 1]), day],
        ["a price in seven slots", list([300_000, 89], [310_000, 7]), day],
        ["less than a day", list([300_000, 88]), { ...day, toSlot: day.fromSlot + 88 }],
        ["a price for every slot", Array.from({ length: 96 }, (_, i) => i), day],
    ])("refuse %s", (_, pricesMicro, over) => {
        expect(checkPrices(pricesMicro, over)).toMatchObject({ error: { code: "MS_TARIFF" } });
    });

    it("keep a bill below 2^63, whatever the registers do", () => {
        const cap = 2n ** 20n - 1n;
        const most = Number((2n ** 63n - 1n) / cap / 96n);
        expect(checkRange(list([most, 48], [-most, 48])).ok).toBe(true);
        expect(checkRange(list([most + 1, 96]))).toMatchObject({ error: { code: "MS_TARIFF" } });
    });
});

describe("fixed charges", () => {
    const tariff = published({
        ...FLAT,
        charges: [
            { name: "standing charge", amount: "0.25", per: "day" },
            { name: "metering", amount: "-1.5", per: "month" },
        ],
    }).body;

    it("count civil days and months, also where the clocks change", () => {
        const over = period("2026-03-01T00:00+01:00", "2026-05-01T00:00+02:00");
        expect(unwrap(chargesOf(tariff, over))).toEqual([
            { name: "standing charge", count: 61, amountMicro: 15_250_000n },
            { name: "metering", count: 2, amountMicro: -3_000_000n },
        ]);
    });

    it.each<[string, "day" | "month", string, string, number]>([
        // Clocks go forward at midnight: the day begins at 01:00.
        ["America/Asuncion", "month", "2023-09-01T00:00-04:00", "2023-10-01T01:00-03:00", 1],
        ["America/Asuncion", "month", "2023-10-01T01:00-03:00", "2023-11-01T00:00-03:00", 1],
        ["Africa/Cairo", "day", "2026-04-23T00:00+02:00", "2026-04-26T00:00+03:00", 3],
        ["Africa/Cairo", "day", "2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00", 1],
        ["Asia/Beirut", "day", "2026-03-29T01:00+03:00", "2026-03-30T00:00+03:00", 1],
        // The 30th of December 2011 did not come.
        ["Pacific/Apia", "day", "2011-12-29T00:00-10:00", "2012-01-01T00:00+14:00", 2],
    ])("begin with the first instant of a day in %s, per %s", (zone, per, from, to, count) => {
        const charges = [{ name: "base", amount: "1", per }];
        const { body } = published({ ...FLAT, from: "2011-01-01", zone, charges });
        expect(unwrap(chargesOf(body, period(from, to)))[0]?.count).toBe(count);
    });

    it("count no day from a midnight that comes again", () => {
        const charges = [{ name: "base", amount: "1", per: "day" }];
        const { body } = published({ ...FLAT, zone: "America/Havana", charges });
        const days = (from: string): boolean =>
            chargesOf(body, period(from, "2026-11-02T00:00-05:00")).ok;
        expect(days("2026-11-01T00:00-04:00")).toBe(true);
        expect(days("2026-11-01T00:00-05:00")).toBe(false);
    });

    it("are refused for years without civil time", () => {
        expect(
            chargesOf(tariff, period("2099-12-01T00:00+01:00", "2100-02-01T00:00+01:00")),
        ).toMatchObject({
            error: { code: "MS_TARIFF" },
        });
    });

    it("are refused for parts of a day or month, and nothing is refused without them", () => {
        const [days, hours] = [
            period("2026-03-01T00:00+01:00", "2026-03-08T00:00+01:00"),
            period("2026-03-01T00:00+01:00", "2026-03-01T12:00+01:00"),
        ];
        const daily = { ...tariff, charges: tariff.charges.slice(0, 1) };
        expect(unwrap(chargesOf(daily, days))[0]?.count).toBe(7);
        for (const [of, over] of [
            [tariff, days],
            [daily, hours],
        ] as const) {
            expect(chargesOf(of, over)).toMatchObject({ error: { code: "MS_TARIFF" } });
        }
        expect(chargesOf({ ...tariff, charges: [] }, hours)).toEqual({ ok: true, value: [] });
    });
});
