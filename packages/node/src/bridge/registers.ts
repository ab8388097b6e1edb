import { GROUP } from "@meterseal/record";
import type { Telegram, TelegramValue } from "@meterseal/telegram";

/** OBIS groups C of active energy by the group of a stream. */
const CODES: ReadonlyMap<number, number> = new Map([
    [GROUP.import, 1],
    [GROUP.export, 2],
]);
/** Tariff registers that a meter may have in place of a total. */
const TARIFFS = [1, 2, 3, 4];
const JOULE_PER_WH = 3600n;

/**
 * Registers of a telegram for the groups of a stream, in whole Wh rounded down: the total of each, or
 * the sum of its tariffs where the meter shows no total (Belgian and Dutch P1).
 * @param channel - OBIS group B: which of the meters behind one port.
 * @returns null where the telegram lacks one of them.
 */
export function registersOf(
    { values }: Telegram,
    groups: readonly number[],
    channel: number,
): bigint[] | null {
    const registers: bigint[] = [];
    for (const group of groups) {
        const code = CODES.get(group);
        const register = code === undefined ? null : energyOf(values, `1-${channel}:${code}.8`);
        if (register === null) return null;
        registers.push(register);
    }
    return registers;
}

function energyOf(values: readonly TelegramValue[], code: string): bigint | null {
    const find = (tariff: number): TelegramValue | undefined =>
        values.find(({ obis }) => obis === `${code}.${tariff}`);
    const total = find(0);
    const parts = total === undefined ? TARIFFS.flatMap((tariff) => find(tariff) ?? []) : [total];
    if (parts.length === 0 || parts.some(({ digits }) => digits < 0n)) return null;
    // Summed before it is rounded, at the finest scaler of the parts.
    const finest = Math.min(...parts.map(({ scaler }) => scaler), 0);
    if (finest < -18 || parts.some(({ scaler }) => scaler > 18)) return null;
    let sum = 0n;
    for (const { digits, scaler, unit } of parts) {
        if (unit !== "Wh" && unit !== "J") return null;
        const scaled = digits * 10n ** BigInt(scaler - finest);
        sum += unit === "J" ? scaled : scaled * JOULE_PER_WH;
    }
    return sum / (JOULE_PER_WH * 10n ** BigInt(-finest));
}
