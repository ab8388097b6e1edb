import { formatObis } from "../obis.ts";
import type { TelegramValue } from "../value.ts";
import type { MbusRecord } from "./records.ts";
import type { MbusQuantity } from "./tables.ts";

/** OBIS groups A of the media that M-Bus devices state (EN 13757-3 table 3, IEC 62056-6-1). */
const MBUS_MEDIUM: ReadonlyMap<number, number> = new Map([
    [0x02, 1], // electricity
    [0x03, 7], // gas
    [0x04, 6], // heat, measured at the return
    [0x0c, 6], // heat, measured at the flow
    [0x0a, 5], // cooling, return
    [0x0b, 5], // cooling, flow
    [0x0d, 6], // heat and cooling
    [0x06, 9], // warm water
    [0x15, 9], // hot water
    [0x07, 8], // water
    [0x16, 8], // cold water
    [0x08, 4], // heat cost allocator
]);

/** OBIS groups C and D of a quantity in a medium (IEC 62056-6-1; OMS volume 2 annex A). */
const CODES: ReadonlyMap<string, readonly [c: number, d: number]> = new Map([
    ["1 energy", [1, 8]],
    ["1 power", [1, 7]],
    ["1 voltage", [12, 7]],
    ["1 current", [11, 7]],
    ["7 volume", [3, 0]],
    ["8 volume", [1, 0]],
    ["9 volume", [1, 0]],
    ["4 heat cost allocation", [1, 0]],
    ...[5, 6].flatMap((medium) =>
        (
            [
                ["energy", 1],
                ["volume", 2],
                ["power", 8],
                ["volume flow", 9],
                ["flow temperature", 10],
                ["return temperature", 11],
                ["temperature difference", 12],
            ] as const satisfies readonly (readonly [MbusQuantity, number])[]
        ).map(([quantity, c]): [string, readonly [number, number]] => [
            `${medium} ${quantity}`,
            [c, 0],
        ]),
    ),
]);

/**
 * The record as a value with an OBIS code: sub-unit in group B, tariff in E, storage in F.
 * @returns null where the record has no such code: another quantity, an extreme value, or a
 * qualifier that would change its meaning.
 */
export function obisValueOf(medium: number, record: MbusRecord): TelegramValue | null {
    const group = MBUS_MEDIUM.get(medium);
    const code = CODES.get(`${group} ${record.quantity}`);
    const { device, direction, number, storage, tariff, unit } = record;
    const isPlain = record.function === "instantaneous" && record.qualifiers.length === 0;
    if (group === undefined || code === undefined || number === null || !isPlain) return null;
    const [c, d] = code;
    // Only negative contributions are what flows out: export in electricity.
    const isExport = direction === "-" && group === 1 && c === 1;
    if ((direction === "-" && !isExport) || device > 255 || tariff > 255 || storage > 254)
        return null;
    const groups = [group, device, isExport ? 2 : c, d, tariff, storage === 0 ? 255 : storage];
    return { obis: formatObis(Uint8Array.from(groups)), ...number, unit, atUnix: null };
}
