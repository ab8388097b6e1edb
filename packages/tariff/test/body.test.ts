import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, LIMITS, toHex, unwrap } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { decodeTariff, encodeTariff, parseTariffText, type TariffBody } from "../src/index.ts";

const FILE = new URL("../../../vectors/tariff/tariffs.json", import.meta.url);

const BASE = { currency: "EUR", zone: "Europe/Berlin", from: "2026-01-01" };
/** What people write, by name. */
const TEXTS: Readonly<Record<string, Record<string, unknown>>> = {
    flat: { ...BASE, name: "Flat", import: { price: "0.2842" } },
    "day and night with export and charges": {
        ...BASE,
        name: "Day and night",
        to: "2027-01-01",
        import: {
            bands: { day: "0.3199", night: "0.21" },
            times: [{ band: "night", from: "22:00", to: "06:00" }],
        },
        export: { price: "0.0786" },
        charges: [
            { name: "standing charge", amount: "0.3945", per: "day" },
            { name: "rebate", amount: "-1.000001", per: "month" },
        ],
    },
    "weekends and seasons, yen without decimals": {
        name: "四季",
        currency: "JPY",
        decimals: "0",
        zone: "Asia/Tokyo",
        from: "2026-04-01T00:00+09:00",
        import: {
            bands: { base: "31.5", peak: "42" },
            times: [
                {
                    band: "peak",
                    days: ["mon-fri"],
                    months: ["12-2", "7"],
                    from: "9:00",
                    to: "24:00",
                },
                { band: "base", days: ["wed"] },
            ],
        },
    },
    "an hourly series with prices below zero": {
        ...BASE,
        name: "Market",
        import: { start: "2026-01-01", minutes: "60", prices: ["0.08123", "-0.0005", "0", "17.5"] },
    },
    "an index of a series": {
        ...BASE,
        name: "Index",
        import: { index: "ab".repeat(32), plus: "0.145" },
    },
};

type Vectors = {
    readonly about: string;
    readonly tariffs: readonly { name: string; text: unknown; hex: string }[];
    readonly refused: readonly { name: string; hex: string; code: string }[];
};

/** Changes one key of the CBOR of a tariff; undefined takes it away. */
function changed(name: string, key: number, value: unknown): string {
    const map = decodeCbor(encodeTariff(tariffOf(name))) as Map<number, unknown>;
    if (value === undefined) map.delete(key);
    else map.set(key, value);
    return toHex(encodeCbor(map));
}

function tariffOf(name: string): TariffBody {
    return unwrap(parseTariffText(TEXTS[name]));
}

const REFUSED: readonly [name: string, hex: string, code: string][] = [
    ["a later version", changed("flat", 0, 2), "MS_VERSION"],
    ["no name", changed("flat", 1, ""), "MS_MALFORMED"],
    ["a long name", changed("flat", 1, "x".repeat(65)), "MS_MALFORMED"],
    ["a currency in small letters", changed("flat", 2, "eur"), "MS_MALFORMED"],
    ["seven decimals", changed("flat", 3, 7), "MS_MALFORMED"],
    ["no zone", changed("flat", 4, ""), "MS_MALFORMED"],
    ["an end at its begin", changed("flat", 6, 1_767_222_000), "MS_MALFORMED"],
    ["no import", changed("flat", 7, undefined), "MS_MALFORMED"],
    ["an unknown plan", changed("flat", 7, [3, 1]), "MS_MALFORMED"],
    ["no band", changed("flat", 7, [0, [], []]), "MS_MALFORMED"],
    ["a price of 2^40 + 1", changed("flat", 7, [0, [["a", 2 ** 40 + 1]], []]), "MS_MALFORMED"],
    [
        "a rule for a band that is none",
        changed("flat", 7, [0, [["a", 1]], [[1, 1, 1, 0, 60]]]),
        "MS_MALFORMED",
    ],
    ["a rule for no day", changed("flat", 7, [0, [["a", 1]], [[0, 0, 1, 0, 60]]]), "MS_MALFORMED"],
    [
        "a rule for no time",
        changed("flat", 7, [0, [["a", 1]], [[0, 1, 1, 60, 60]]]),
        "MS_MALFORMED",
    ],
    ["a series without a price", changed("flat", 7, [1, 0, 900, []]), "MS_MALFORMED"],
    ["a series of seven minutes", changed("flat", 7, [1, 0, 420, [1]]), "MS_MALFORMED"],
    ["an index of 31 bytes", changed("flat", 7, [2, new Uint8Array(31), 0]), "MS_MALFORMED"],
    ["no charge said", changed("flat", 9, []), "MS_MALFORMED"],
    ["a charge for each hour", changed("flat", 9, [["a", 1, 3]]), "MS_MALFORMED"],
    ["an unknown field", changed("flat", 10, 0), "MS_MALFORMED"],
];

function makeVectors(): Vectors {
    return {
        about: "Tariffs: what people write, and the CBOR of it; and CBOR that is refused.",
        tariffs: Object.entries(TEXTS).map(([name, text]) => ({
            name,
            text,
            hex: toHex(encodeTariff(tariffOf(name))),
        })),
        refused: REFUSED.map(([name, hex, code]) => ({ name, hex, code })),
    };
}

if (process.env.METERSEAL_WRITE_VECTORS !== undefined) {
    writeFileSync(FILE, `${JSON.stringify(makeVectors(), null, 1)}\n`);
}
const vectors = JSON.parse(readFileSync(FILE, "utf8")) as Vectors;

describe("vectors/tariff/tariffs.json", () => {
    it.each(vectors.tariffs.map((vector) => [vector.name, vector] as const))(
        "has %s",
        (_, { hex, text }) => {
            const tariff = unwrap(parseTariffText(text));
            expect(toHex(encodeTariff(tariff))).toBe(hex);
            expect(unwrap(decodeTariff(fromHex(hex)))).toEqual(tariff);
        },
    );

    it.each(vectors.refused.map(({ name, hex, code }) => [name, hex, code]))(
        "refuses %s",
        (_, hex, code) => {
            expect(decodeTariff(fromHex(hex as string))).toMatchObject({ error: { code } });
        },
    );

    it("is what this program makes", () => {
        expect(makeVectors()).toEqual(vectors);
    });
});

describe("limits of a tariff", () => {
    const plan = (count: number, part: "bands" | "rules" | "prices"): unknown[] => {
        if (part === "prices") return [1, 0, 900, new Array(count).fill(1)];
        const bands = new Array(part === "bands" ? count : 1).fill(["a", 1]);
        const rules = new Array(part === "rules" ? count : 0).fill([0, 1, 1, 0, 60]);
        return [0, bands, rules];
    };

    it.each([
        ["bands", LIMITS.tariffBands],
        ["rules", LIMITS.tariffRules],
        ["prices", LIMITS.tariffPrices],
    ] as const)("are kept: %s", (part, most) => {
        const read = (count: number) =>
            decodeTariff(fromHex(changed("flat", 7, plan(count, part))));
        expect(read(most).ok).toBe(true);
        expect(read(most + 1)).toMatchObject({ error: { code: "MS_MALFORMED" } });
    });

    it("are kept: charges and bytes", () => {
        const charges = (count: number) =>
            decodeTariff(fromHex(changed("flat", 9, new Array(count).fill(["a", 1, 1]))));
        expect(charges(LIMITS.tariffCharges).ok).toBe(true);
        expect(charges(LIMITS.tariffCharges + 1)).toMatchObject({
            error: { code: "MS_MALFORMED" },
        });
        expect(decodeTariff(new Uint8Array(LIMITS.tariffBytes + 1))).toMatchObject({
            error: { code: "MS_TOO_LARGE" },
        });
    });
});

describe("a tariff as people write it", () => {
    const flat = TEXTS.flat as Record<string, unknown>;

    it.each<[string, unknown, string]>([
        ["a list", [], "fields"],
        ["no name", { ...flat, name: undefined }, "name"],
        ["an unknown field", { ...flat, prize: "1" }, "prize"],
        ["a price with seven digits", { ...flat, import: { price: "0.1234567" } }, "price"],
        ["a price with an exponent", { ...flat, import: { price: "1e-1" } }, "price"],
        ["a comma in a price", { ...flat, import: { price: "0,28" } }, "price"],
        ["no price", { ...flat, import: { price: "" } }, "price"],
        [
            "an unknown band",
            { ...flat, import: { bands: { a: "1" }, times: [{ band: "b" }] } },
            "band",
        ],
        [
            "a time of no clock",
            { ...flat, import: { bands: { a: "1" }, times: [{ band: "a", from: "24:01" }] } },
            "from",
        ],
        [
            "an unknown day",
            { ...flat, import: { bands: { a: "1" }, times: [{ band: "a", days: ["funday"] }] } },
            "days",
        ],
        [
            "month 13",
            { ...flat, import: { bands: { a: "1" }, times: [{ band: "a", months: ["13"] }] } },
            "months",
        ],
        [
            "a charge for each year",
            { ...flat, charges: [{ name: "a", amount: "1", per: "year" }] },
            "per",
        ],
        ["a short index", { ...flat, import: { index: "ab" } }, "index"],
        [
            "slots of seven minutes",
            { ...flat, import: { start: "2026-01-01", minutes: "7", prices: ["1"] } },
            "slots",
        ],
        ["a currency of two letters", { ...flat, currency: "EU" }, "currency"],
    ])("is refused with %s, and the place is named", (_, tree, place) => {
        const result = parseTariffText(tree);
        expect(result).toMatchObject({ error: { code: "MS_TARIFF" } });
        expect(result.ok ? "" : result.error.message).toContain(place);
    });

    it("is refused with a date that is none", () => {
        expect(parseTariffText({ ...flat, from: "2026-02-30" })).toMatchObject({
            error: { code: "MS_USAGE" },
        });
        expect(parseTariffText({ ...flat, zone: "Mars/North" })).toMatchObject({
            error: { code: "MS_ZONE" },
        });
    });

    it("has exact prices, however they are written", () => {
        for (const [text, micro] of [
            ["0.1", 100_000],
            ["0.28420000", 284_200],
            ["-0.000001", -1],
            ["17500", 17_500_000_000],
            ["0", 0],
            ["-0", 0],
        ] as const) {
            const tariff = unwrap(parseTariffText({ ...flat, import: { price: text } }));
            expect(tariff.imports).toMatchObject({ bands: [{ priceMicro: micro }] });
        }
    });
});
