import { error } from "@meterseal/core";
import type { ModbusClient } from "@meterseal/links/modbus";
import {
    type Decoded,
    DIN_RAIL_MAPS,
    decodeModbus,
    type ModbusBlock,
    type RegisterMap,
    SUNSPEC_BEGINS,
    SUNSPEC_COMMON,
    SUNSPEC_END,
    SUNSPEC_MARKER,
    SUNSPEC_NAMES,
    sunspecMap,
    type Telegram,
    type TelegramText,
    textOfRegisters,
} from "@meterseal/telegram";
import type { MapName } from "./address.ts";

/** Models that a SunSpec device has, at most; one that says more is none. */
const MODELS_MAX = 64;
/** Number and length of a model. */
const HEAD_REGISTERS = 2;

/** A meter behind a Modbus line: finds out what it is once, and is read from then on. */
export class ModbusMeter {
    readonly #client: ModbusClient;
    readonly #unit: number;
    readonly #mapName: MapName;
    #found: { readonly map: RegisterMap; readonly names: readonly TelegramText[] } | null = null;
    /** Addresses of optional ranges that the meter refused: it is not asked again. */
    readonly #refused = new Set<number>();

    constructor(client: ModbusClient, unit: number, map: MapName) {
        this.#client = client;
        this.#unit = unit;
        this.#mapName = map;
    }

    /**
     * Reads the meter.
     * @throws MetersealError MS_LINK where it does not answer, MS_NOT_FOUND where it is no SunSpec
     * device, has no model that holds energy, or refuses a register that its map names.
     */
    async read(): Promise<Decoded<Telegram>> {
        this.#found ??= await this.#find();
        const { map, names } = this.#found;
        const blocks: ModbusBlock[] = [];
        for (const { address, count, isOptional } of map.ranges) {
            if (this.#refused.has(address)) continue;
            const words = await this.#words(map.table, address, count);
            if (words !== null) blocks.push({ table: map.table, address, words });
            else if (isOptional) this.#refused.add(address);
            else
                throw error("MS_NOT_FOUND", {
                    where: `register ${address} of unit ${this.#unit}`,
                    expected: map.title,
                    todo: "Is map= that of this meter?",
                });
        }
        return decodeModbus(map, blocks, names);
    }

    /** Registers; null where the device refuses. */
    async #words(
        table: RegisterMap["table"],
        address: number,
        count: number,
    ): Promise<Uint16Array | null> {
        const answer = await this.#client.read({ unit: this.#unit, table, address, count });
        return "words" in answer ? answer.words : null;
    }

    async #find(): Promise<{ map: RegisterMap; names: TelegramText[] }> {
        if (this.#mapName !== "sunspec") return { map: DIN_RAIL_MAPS[this.#mapName], names: [] };
        for (const begin of SUNSPEC_BEGINS) {
            const marker = await this.#words("holding", begin, SUNSPEC_MARKER.length);
            if (marker?.every((word, i) => word === SUNSPEC_MARKER[i])) {
                return await this.#walk(begin + SUNSPEC_MARKER.length);
            }
        }
        throw error("MS_NOT_FOUND", {
            where: `unit ${this.#unit}`,
            expected: "a SunSpec device",
            todo: "Give the map of this meter: map= in the address.",
        });
    }

    /** Goes from model to model; the first that holds energy is the meter. */
    async #walk(first: number): Promise<{ map: RegisterMap; names: TelegramText[] }> {
        const seen: number[] = [];
        let names: TelegramText[] = [];
        let at = first;
        while (seen.length < MODELS_MAX) {
            const head = await this.#words("holding", at, HEAD_REGISTERS);
            const [model = SUNSPEC_END, length = 0] = head ?? [];
            if (model === SUNSPEC_END) break;
            seen.push(model);
            if (model === SUNSPEC_COMMON) names = await this.#names(at);
            const map = sunspecMap(model, at, length);
            if (map !== null) return { map, names };
            at += HEAD_REGISTERS + length;
            if (at > 0xffff) break;
        }
        const got = seen.length === 0 ? "no model" : `models ${seen.join(", ")}`;
        throw error("MS_NOT_FOUND", {
            ...{ where: `unit ${this.#unit}`, expected: "a SunSpec meter or inverter", got },
        });
    }

    async #names(model: number): Promise<TelegramText[]> {
        const names: TelegramText[] = [];
        for (const { count, obis, offset } of SUNSPEC_NAMES) {
            const words = await this.#words("holding", model + offset, count);
            const text = words === null ? "" : textOfRegisters(words);
            if (text !== "") names.push({ obis, text });
        }
        return names;
    }
}
