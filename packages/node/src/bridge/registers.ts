import { GROUP, type MediumUnit } from "@meterseal/record";
import type { Telegram, TelegramValue } from "@meterseal/telegram";

/** OBIS groups C of active energy by the group of a stream. */
const CODES: ReadonlyMap<number, number> = new Map([
    [GROUP.import, 1],
    [GROUP.export, 2],
]);
/** Tariff registers that a meter may have in place of a total. */
const TARIFFS = [1, 2, 3, 4];

/** What a register follows: it helps to see that one began at 0 again. */
export type RegistersBefore = {
    readonly registers: readonly bigint[];
    /** Energy that can have flowed since, in Wh. */
    readonly growthMaxWh: bigint;
};

/**
 * Registers of a telegram for the groups of a stream, in whole Wh rounded down: the total of each, or
 * the sum of its tariffs where the meter shows no total (Belgian and Dutch P1). A register that began
 * at 0 again, as its standard lets it, counts on.
 * @param channel - OBIS group B: which of the meters behind one port.
 * @returns null where the telegram lacks one of them.
 */
export function registersOf(
    { values }: Telegram,
    groups: readonly number[],
    channel: number,
    before: RegistersBefore | null = null,
): bigint[] | null {
    const registers: bigint[] = [];
    for (const [i, group] of groups.entries()) {
        const code = CODES.get(group);
        const parts = code === undefined ? [] : partsOf(values, `1-${channel}:${code}.8`);
        const register = amountOf(parts, 0n, "Wh");
        if (register === null) return null;
        registers.push(before === null ? register : countedOn(parts, register, i, before));
    }
    return registers;
}

function partsOf(values: readonly TelegramValue[], code: string): TelegramValue[] {
    const find = (tariff: number): TelegramValue | undefined =>
        values.find(({ obis }) => obis === `${code}.${tariff}`);
    const total = find(0);
    return total === undefined ? TARIFFS.flatMap((tariff) => find(tariff) ?? []) : [total];
}

/** Units of whole numbers, and the units of telegrams that they are made of: so many for one. */
const BASES: Readonly<Record<MediumUnit["base"], ReadonlyMap<string, Share>>> = {
    Wh: new Map([
        ["Wh", { times: 1n, of: 1n }],
        ["J", { times: 1n, of: 3600n }],
    ]),
    Litres: new Map([["m3", { times: 1000n, of: 1n }]]),
};
type Share = { readonly times: bigint; readonly of: bigint };
/** Every `of` of {@link BASES} divides it. */
const COMMON = 3600n;

/**
 * Sum of registers and so many turns of the first one, in whole base units; summed before it is rounded
 * down, at the finest scaler of the parts.
 * @returns null for no register, one below zero, of another unit, or of an absurd size.
 */
export function amountOf(
    parts: readonly TelegramValue[],
    turns: bigint,
    base: MediumUnit["base"],
): bigint | null {
    if (parts.length === 0 || parts.some(({ digits }) => digits < 0n)) return null;
    const finest = Math.min(...parts.map(({ scaler }) => scaler), 0);
    if (finest < -18 || parts.some(({ scaler }) => scaler > 18)) return null;
    let sum = 0n;
    for (const [i, { digits, scaler, unit, wrapsAt = 0n }] of parts.entries()) {
        const share = BASES[base].get(unit);
        if (share === undefined) return null;
        const counted = i === 0 ? digits + turns * wrapsAt : digits;
        sum += (counted * 10n ** BigInt(scaler - finest) * share.times * COMMON) / share.of;
    }
    return sum / (COMMON * 10n ** BigInt(-finest));
}

/** The register with the turns that bring it to the one before or above, if so much can have flowed. */
function countedOn(
    parts: readonly TelegramValue[],
    register: bigint,
    channel: number,
    { growthMaxWh, registers }: RegistersBefore,
): bigint {
    const last = registers[channel] ?? 0n;
    const turn = amountOf(parts, 1n, "Wh");
    if (register >= last || turn === null || turn === register) return register;
    const turns = (last - register) / (turn - register);
    const counted = [turns, turns + 1n]
        .map((each) => amountOf(parts, each, "Wh") ?? 0n)
        .find((each) => each >= last && each - last <= growthMaxWh);
    return counted ?? register;
}
