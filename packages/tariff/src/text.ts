import { error, fail, fromHex, MetersealError, parseInstant, type Result } from "@meterseal/core";
import {
    type Band,
    type BandRule,
    CHARGE_PER,
    decodeTariff,
    encodeTariff,
    type FixedCharge,
    type PricePlan,
    type TariffBody,
} from "./body.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const ALL_DAYS = 2 ** 7 - 1;
const ALL_MONTHS = 2 ** 12 - 1;
/** Digits behind the point of a price: millionths. */
const PRICE_DIGITS = 6;

/**
 * Reads a tariff as people write it: a tree of maps, lists and texts, every number as the text in the
 * file, so that a price of 0.1 is exactly that. docs/guides/bill.md describes the fields.
 * @returns MS_TARIFF names the field; what the published form would not carry is refused as well.
 */
export function parseTariffText(tree: unknown): Result<TariffBody> {
    try {
        const tariff = readTariff(new Fields(tree, "tariff"));
        const decoded = decodeTariff(encodeTariff(tariff));
        if (decoded.ok) return decoded;
        const { expected = "a valid tariff", where = "tariff" } = decoded.error.details;
        return fail(error("MS_TARIFF", { where, expected }));
    } catch (cause) {
        if (cause instanceof MetersealError) return fail(cause);
        throw cause;
    }
}

function readTariff(fields: Fields): TariffBody {
    const zone = fields.text("zone");
    const instant = (name: string): number => {
        const parsed = parseInstant(fields.text(name), zone);
        if (!parsed.ok) throw parsed.error;
        return parsed.value;
    };
    const tariff: TariffBody = {
        name: fields.text("name"),
        currency: fields.text("currency"),
        decimals: fields.has("decimals") ? fields.integer("decimals", 0, 6) : 2,
        zone,
        fromUnix: instant("from"),
        toUnix: fields.has("to") ? instant("to") : null,
        imports: readPlan(fields.map("import"), zone),
        exports: fields.has("export") ? readPlan(fields.map("export"), zone) : null,
        charges: fields.has("charges") ? fields.maps("charges").map(readCharge) : [],
    };
    fields.end();
    return tariff;
}

function readPlan(fields: Fields, zone: string): PricePlan {
    const plan = fields.has("price")
        ? ({
              kind: "bands",
              bands: [{ name: "all", ...price(fields, "price") }],
              rules: [],
          } as const)
        : fields.has("bands")
          ? readBands(fields)
          : fields.has("prices")
            ? readSeries(fields, zone)
            : readIndex(fields);
    fields.end();
    return plan;
}

function price(fields: Fields, name: string): { readonly priceMicro: number } {
    return { priceMicro: fields.millionths(name) };
}

function readBands(fields: Fields): PricePlan {
    const inner = fields.map("bands");
    const bands: Band[] = inner.names.map((name) => ({ name, ...price(inner, name) }));
    const times = fields.has("times") ? fields.maps("times") : [];
    return { kind: "bands", bands, rules: times.map((time) => readRule(time, bands)) };
}

function readRule(fields: Fields, bands: readonly Band[]): BandRule {
    const name = fields.text("band");
    const band = bands.findIndex((known) => known.name === name);
    if (band < 0) throw fields.wrong("band", `one of ${bands.map((b) => b.name).join(", ")}`);
    const rule: BandRule = {
        band,
        days: fields.has("days") ? maskOf(fields, "days", dayOf) : ALL_DAYS,
        months: fields.has("months") ? maskOf(fields, "months", monthOf) : ALL_MONTHS,
        fromMinute: fields.has("from") ? minuteOf(fields, "from") : 0,
        toMinute: fields.has("to") ? minuteOf(fields, "to") || 1440 : 1440,
    };
    fields.end();
    return rule;
}

function minuteOf(fields: Fields, name: string): number {
    const match = /^([01]?\d|2[0-4]):([0-5]\d)$/.exec(fields.text(name));
    const minute = match === null ? -1 : Number(match[1]) * 60 + Number(match[2]);
    if (minute < 0 || minute > 1440) throw fields.wrong(name, "a time such as 07:30");
    return minute;
}

function dayOf(text: string): number {
    return DAYS.indexOf(text.toLowerCase());
}

function monthOf(text: string): number {
    return /^\d{1,2}$/.test(text) && Number(text) <= 12 ? Number(text) - 1 : -1;
}

/** Bits of a list whose entries are single days or months, or stretches such as mon-fri. */
function maskOf(fields: Fields, name: string, placeOf: (text: string) => number): number {
    const count = name === "days" ? 7 : 12;
    let mask = 0;
    for (const entry of fields.texts(name)) {
        const [first = "", last = first, ...rest] = entry.split("-");
        const [from, to] = [placeOf(first), placeOf(last)];
        if (from < 0 || to < 0 || rest.length > 0) {
            throw fields.wrong(name, name === "days" ? "days such as mon-fri" : "months 1 … 12");
        }
        for (let at = from; ; at = (at + 1) % count) {
            mask |= 1 << at;
            if (at === to) break;
        }
    }
    return mask;
}

function readSeries(fields: Fields, zone: string): PricePlan {
    const start = parseInstant(fields.text("start"), zone);
    if (!start.ok) throw start.error;
    return {
        kind: "series",
        startUnix: start.value,
        slotSeconds: fields.integer("minutes", 1, 60) * 60,
        pricesMicro: fields.texts("prices").map((text) => fields.toMillionths("prices", text)),
    };
}

function readIndex(fields: Fields): PricePlan {
    const hash = fields.text("index");
    if (!/^[0-9a-f]{64}$/.test(hash)) throw fields.wrong("index", "the hash of a published tariff");
    const adderMicro = fields.has("plus") ? fields.millionths("plus") : 0;
    return { kind: "index", series: fromHex(hash), adderMicro };
}

function readCharge(fields: Fields): FixedCharge {
    const per = fields.text("per");
    if (!Object.hasOwn(CHARGE_PER, per)) throw fields.wrong("per", "day or month");
    const charge = {
        name: fields.text("name"),
        amountMicro: fields.millionths("amount"),
        per: CHARGE_PER[per as keyof typeof CHARGE_PER],
    };
    fields.end();
    return charge;
}

/** Fields of one map of the file; refuses what nobody asked for. */
class Fields {
    readonly #map: Readonly<Record<string, unknown>>;
    readonly #where: string;
    readonly #asked = new Set<string>();

    constructor(value: unknown, where: string) {
        this.#where = where;
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
            throw error("MS_TARIFF", { where, expected: "fields such as 'name: Day and night'" });
        }
        this.#map = value as Readonly<Record<string, unknown>>;
    }

    get names(): readonly string[] {
        return Object.keys(this.#map);
    }

    has(name: string): boolean {
        return Object.hasOwn(this.#map, name);
    }

    wrong(name: string, expected: string): MetersealError {
        return error("MS_TARIFF", { where: `${this.#where}, ${name}`, expected });
    }

    text(name: string): string {
        const value = this.#value(name);
        if (typeof value === "string" && value !== "") return value;
        throw this.wrong(name, "a text");
    }

    texts(name: string): readonly string[] {
        const value = this.#value(name);
        const list = Array.isArray(value) ? value : [value];
        if (list.length > 0 && list.every((entry) => typeof entry === "string")) return list;
        throw this.wrong(name, "a list");
    }

    map(name: string): Fields {
        return new Fields(this.#value(name), `${this.#where}, ${name}`);
    }

    maps(name: string): readonly Fields[] {
        const value = this.#value(name);
        if (!Array.isArray(value)) throw this.wrong(name, "a list");
        return value.map((entry, i) => new Fields(entry, `${this.#where}, ${name} ${i + 1}`));
    }

    integer(name: string, min: number, max: number): number {
        const text = this.text(name);
        const value = Number(text);
        if (/^\d+$/.test(text) && value >= min && value <= max) return value;
        throw this.wrong(name, `a whole number ${min} … ${max}`);
    }

    millionths(name: string): number {
        return this.toMillionths(name, this.text(name));
    }

    /** Exact millionths of a decimal text, such as 142280 of 0.14228. */
    toMillionths(name: string, text: string): number {
        const match = /^(-?)(\d{1,9})(?:\.(\d+))?$/.exec(text);
        const [, sign = "", whole = "", fraction = ""] = match ?? [];
        if (match === null || /[1-9]/.test(fraction.slice(PRICE_DIGITS))) {
            throw this.wrong(
                name,
                `a decimal number with at most ${PRICE_DIGITS} digits behind its point`,
            );
        }
        const micro = Number(
            `${whole}${fraction.slice(0, PRICE_DIGITS).padEnd(PRICE_DIGITS, "0")}`,
        );
        return sign === "-" ? 0 - micro : micro;
    }

    end(): void {
        const unknown = this.names.find((name) => !this.#asked.has(name));
        if (unknown !== undefined) throw this.wrong(unknown, "no such field");
    }

    #value(name: string): unknown {
        this.#asked.add(name);
        if (!this.has(name)) throw this.wrong(name, "a value");
        return this.#map[name];
    }
}
