import { readFileSync } from "node:fs";
import { join } from "node:path";
import { error, fail, type Result, utf8 } from "@meterseal/core";
import {
    type Bill,
    decodeTariff,
    encodeTariff,
    formatBill,
    parseBill,
    parseTariffText,
    type TariffBody,
} from "@meterseal/tariff";
import { testBytes } from "@meterseal/testkit/keys";
import { bytesTarget, textTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

type Vectors = {
    readonly tariffs: readonly { readonly text: unknown; readonly hex: string }[];
    readonly refused: readonly { readonly hex: string }[];
};

const FILE = join(import.meta.dirname, "../../vectors/tariff/tariffs.json");
const vectors = JSON.parse(readFileSync(FILE, "utf8")) as Vectors;

function takeTariff(bytes: Uint8Array): FuzzVerdict {
    const tariff = decodeTariff(bytes);
    if (tariff.ok) requireSame(encodeTariff(tariff.value), bytes);
    return verdictOf(tariff);
}

/** What people write, after the reader of YAML or JSON; a tariff that is taken can be published. */
function takeTariffText(text: string): FuzzVerdict {
    const tariff = readTree(text);
    if (tariff.ok) takeTariff(encodeTariff(tariff.value));
    return verdictOf(tariff);
}

function readTree(text: string): Result<TariffBody> {
    try {
        return parseTariffText(JSON.parse(text));
    } catch (cause) {
        if (cause instanceof SyntaxError) return fail(error("MS_TARIFF", { cause }));
        throw cause;
    }
}

function takeBill(text: string): FuzzVerdict {
    const bill = parseBill(text);
    if (!bill.ok) return verdictOf(bill);
    const again = formatBill(bill.value);
    const reread = parseBill(again);
    requireSame(utf8(reread.ok ? formatBill(reread.value) : ""), utf8(again));
    return "accepted";
}

const bills = (): string[] =>
    [0n, 1_234_567n, -(2n ** 63n) + 1n].map((amount, i) => {
        const id = (name: string, bytes: number): Uint8Array => testBytes(`${name} ${i}`, bytes);
        const bill: Bill = {
            network: id("network", 32),
            meter: id("meter", 16),
            stream: id("stream", 16),
            tariff: id("tariff", 32),
            fromUnix: 1_356_998_400,
            toUnix: 1_359_676_800,
            amount,
            blind: amount * amount,
        };
        return formatBill(bill);
    });

/** Tariffs as the ledger has them and as people write them, and bills as files. */
export const BILLS: readonly FuzzTarget[] = [
    bytesTarget(
        "tariff body",
        10_000,
        () => [...vectors.tariffs, ...vectors.refused].map(({ hex }) => Uint8Array.fromHex(hex)),
        takeTariff,
    ),
    textTarget(
        "tariff file",
        10_000,
        () => vectors.tariffs.map(({ text }) => JSON.stringify(text)),
        takeTariffText,
    ),
    textTarget("bill", 10_000, bills, takeBill),
];
