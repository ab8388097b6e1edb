import { error, fail, fromHex, LIMITS, ok, type Result, toHex } from "@meterseal/core";

/**
 * A bill that proves itself: what a household says it owes, and the blind that lets anybody check it
 * against the commitments that its meter signed. 40 bytes beside the names of what it is over.
 */
export type Bill = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Subject of the meter, 16 bytes. */
    readonly meter: Uint8Array;
    /** 16 bytes. */
    readonly stream: Uint8Array;
    /** Hash of the tariff's message, 32 bytes. */
    readonly tariff: Uint8Array;
    readonly fromUnix: number;
    readonly toUnix: number;
    /** Price of the energy in 10^(scale − 9) of the currency unit; below zero where more is paid out. */
    readonly amount: bigint;
    /** Below the order of ristretto255. */
    readonly blind: bigint;
};

const FORMAT = "meterseal-bill/v1";
const AMOUNT_END = 2n ** 63n;

/** JSON text of a bill. It tells the amount and no reading; who may see the amount may see the file. */
export function formatBill(bill: Bill): string {
    const fields = {
        format: FORMAT,
        network: toHex(bill.network),
        meter: toHex(bill.meter),
        stream: toHex(bill.stream),
        tariff: toHex(bill.tariff),
        fromUnix: bill.fromUnix,
        toUnix: bill.toUnix,
        amount: String(bill.amount),
        blind: bill.blind.toString(16).padStart(64, "0"),
    };
    return `${JSON.stringify(fields, null, 4)}\n`;
}

/** Parses a bill; MS_MALFORMED names the field, also of an amount of 2^63 or more. */
export function parseBill(text: string): Result<Bill> {
    if (text.length > LIMITS.billCharacters)
        return refuse(`at most ${LIMITS.billCharacters} characters`);
    let fields: unknown;
    try {
        fields = JSON.parse(text);
    } catch {
        return refuse("JSON");
    }
    if (typeof fields !== "object" || fields === null) return refuse(`"format": "${FORMAT}"`);
    const value = fields as Readonly<Record<string, unknown>>;
    if (value.format !== FORMAT) return refuse(`"format": "${FORMAT}"`);
    for (const [name, bytes] of HEX_FIELDS) {
        const hex = value[name];
        const isHex =
            typeof hex === "string" && hex.length === 2 * bytes && /^[0-9a-f]*$/.test(hex);
        if (!isHex) return refuse(`${2 * bytes} hexadecimal digits in "${name}"`);
    }
    for (const name of ["fromUnix", "toUnix"]) {
        if (!Number.isSafeInteger(value[name])) return refuse(`a whole number in "${name}"`);
    }
    const { amount } = value;
    if (typeof amount !== "string" || !/^(?:0|-?[1-9]\d{0,18})$/.test(amount)) {
        return refuse('a whole number as text in "amount"');
    }
    if (BigInt(amount) >= AMOUNT_END || BigInt(amount) <= -AMOUNT_END) {
        return refuse('an amount below 2^63 in "amount"');
    }
    const bytes = (name: string): Uint8Array => fromHex(value[name] as string);
    return ok({
        network: bytes("network"),
        meter: bytes("meter"),
        stream: bytes("stream"),
        tariff: bytes("tariff"),
        fromUnix: value.fromUnix as number,
        toUnix: value.toUnix as number,
        amount: BigInt(amount),
        blind: BigInt(`0x${value.blind as string}`),
    });
}

const HEX_FIELDS: readonly (readonly [string, number])[] = [
    ["network", 32],
    ["meter", 16],
    ["stream", 16],
    ["tariff", 32],
    ["blind", 32],
];

function refuse(expected: string): Result<never> {
    return fail(error("MS_MALFORMED", { where: "bill", expected }));
}
