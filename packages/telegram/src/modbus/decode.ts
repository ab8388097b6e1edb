import { attempt, type Decoded, refuse } from "../result.ts";
import type { Telegram, TelegramText, TelegramValue } from "../value.ts";
import type { RegisterMap, RegisterPoint } from "./register-map.ts";
import { ACC32_WRAPS_AT, type ModbusBlock, numberOf, REGISTERS_OF, wordsAt } from "./registers.ts";

/** Powers of ten that SunSpec allows (type sunssf). */
const SCALER_MAX = 10;

/**
 * Telegram of what was read of a Modbus meter: values that the meter does not have, or says that it
 * does not accumulate, are left out. A meter's registers have no time and no check of their own.
 *
 * @param names - who the meter is, where it says so.
 * @returns fault `malformed` where a scale factor is none.
 */
export function decodeModbus(
    map: RegisterMap,
    blocks: readonly ModbusBlock[],
    names: readonly TelegramText[] = [],
): Decoded<Telegram> {
    return attempt(() => ({
        kind: "modbus",
        identification: names.length === 0 ? map.title : names.map(({ text }) => text).join(" "),
        atUnix: null,
        values: map.points.flatMap((point) => pointValue(map, blocks, point) ?? []),
        texts: names,
        check: "absent",
    }));
}

/** Value of a point; for use inside {@link attempt}. */
function pointValue(
    { table }: RegisterMap,
    blocks: readonly ModbusBlock[],
    { address, obis, scaler, scalerAt, type, unit }: RegisterPoint,
): TelegramValue | null {
    const words = wordsAt(blocks, table, address, REGISTERS_OF[type]);
    const number = words === null ? null : numberOf(words, type);
    if (number === null) return null;
    let power = scaler + number.scaler;
    if (scalerAt !== undefined) {
        const factor = wordsAt(blocks, table, scalerAt, 1);
        const exponent = factor === null ? null : numberOf(factor, "s16");
        if (exponent === null) return null; // "not implemented", and with it what it scales
        const further = Number(exponent.digits);
        if (Math.abs(further) > SCALER_MAX)
            refuse("malformed", `register ${scalerAt}`, `a scale factor of ±${SCALER_MAX}`);
        power += further;
    }
    return {
        ...{ obis, digits: number.digits, scaler: power, unit, atUnix: null },
        ...(type === "acc32" ? { wrapsAt: ACC32_WRAPS_AT } : {}),
    };
}

/** Text in registers, two characters each, without the zeros or blanks that fill it. */
export function textOfRegisters(words: Uint16Array): string {
    const bytes = [...words].flatMap((word) => [word >> 8, word & 0xff]);
    const end = bytes.indexOf(0);
    return String.fromCharCode(...(end < 0 ? bytes : bytes.slice(0, end)))
        .replaceAll(/[^\x20-\x7e]/g, "?")
        .trim();
}
