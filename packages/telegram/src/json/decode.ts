import { attempt, type Decoded, refuse } from "../result.ts";
import { parseDecimal, type Telegram, type TelegramValue } from "../value.ts";
import {
    type ExactJson,
    ExactNumber,
    type ExactObject,
    isObject,
    parseExactObject,
} from "./exact-json.ts";
import {
    PHASES,
    type Quantity,
    SHELLY,
    SHELLY_EMETER,
    SHELLY_PHASES,
    TASMOTA,
    ZIGBEE2MQTT,
} from "./tables.ts";

/** A Shelly of the first generation counts in watt minutes, of 60 J each. */
const JOULE_PER_WATT_MINUTE = 60n;
/** Largest channel number: OBIS group B of a meter's channels. */
const CHANNELS = 64;
/** A component of a Shelly and its number, such as `switch:0`. */
const COMPONENT = /^(?:switch|pm1|em1?|em1?data|cover|light):(\d{1,2})$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/;

/**
 * Decodes what a plug or meter in the home publishes over MQTT or answers over HTTP: Zigbee2MQTT,
 * Tasmota (`tele/…/SENSOR`), Shelly of both generations. Numbers come out as they are written, never
 * through a float; several channels of a device stand in OBIS group B. Nothing in such a message is
 * signed or checked: whoever may publish can say anything.
 *
 * @returns faults `too-large`, `malformed`, and `unsupported` where no known number is in it.
 */
export function decodeDeviceJson(bytes: Uint8Array): Decoded<Telegram> {
    return attempt(() => {
        const message = parseExactObject(bytes);
        const reading = readTasmota(message) ?? readShelly(message) ?? readZigbee2mqtt(message);
        if (reading === null || reading.values.length === 0)
            refuse(
                "unsupported",
                "message",
                "energy or power as Zigbee2MQTT, Tasmota or Shelly say it",
            );
        return { ...reading, identification: nameOf(message), texts: [], check: "absent" };
    });
}

type Reading = Pick<Telegram, "kind" | "atUnix" | "values">;

/** The device's own name, where its message has one. */
function nameOf(message: ExactObject): string {
    const device = isObject(message.device) ? message.device : message;
    const name = device.friendlyName ?? device.ieeeAddr ?? message.src ?? message.mac;
    return typeof name === "string" ? name.slice(0, 64) : "";
}

function readZigbee2mqtt(message: ExactObject): Reading {
    const { last_seen: seen } = message;
    return {
        kind: "zigbee2mqtt",
        atUnix: typeof seen === "string" ? unixOf(seen) : null,
        values: valuesOf(message, ZIGBEE2MQTT, 0, null),
    };
}

function readTasmota(message: ExactObject): Reading | null {
    const { ENERGY: energy, Time: time } = message;
    if (!isObject(energy)) return null;
    const atUnix = typeof time === "string" ? unixOf(time) : null;
    const values = valuesOf(energy, TASMOTA, 0, atUnix);
    const tariffs = Array.isArray(energy.TotalTariff) ? energy.TotalTariff.slice(0, 4) : [];
    for (const [index, total] of tariffs.entries())
        values.push(...readValue(total, [`1.8.${index + 1}`, 3, "Wh"], 0, atUnix));
    return { kind: "tasmota", atUnix, values };
}

function readShelly(message: ExactObject): Reading | null {
    const values = [...readShellyArrays(message), ...readShellyComponents(message)];
    return values.length === 0 ? null : { kind: "shelly", atUnix: null, values };
}

/** Second generation: components by name, or the status of one component, which has an `id`. */
function readShellyComponents(message: ExactObject): TelegramValue[] {
    const values: TelegramValue[] = [];
    const single = message.id;
    if (single instanceof ExactNumber)
        values.push(...componentValues(message, channelOf(single.text)));
    const status = isObject(message.params) ? message.params : message;
    for (const [key, component] of Object.entries(status)) {
        const channel = COMPONENT.exec(key)?.[1];
        if (channel !== undefined && isObject(component))
            values.push(...componentValues(component, channelOf(channel)));
    }
    return values;
}

function componentValues(component: ExactObject, channel: number): TelegramValue[] {
    const flat: Record<string, ExactJson> = {};
    for (const [key, value] of Object.entries(component)) {
        if (isObject(value) && value.total !== undefined) flat[`${key}.total`] = value.total;
        else flat[key] = value;
    }
    const values = valuesOf(flat, SHELLY, channel, null);
    for (const [phase, prefix] of SHELLY_PHASES.entries()) {
        const ofPhase = Object.entries(SHELLY).map(([key, [code, scaler, unit]]) => {
            const quantity: Quantity = [PHASES.get(code)?.[phase] ?? code, scaler, unit];
            return [prefix + key, quantity] as const;
        });
        values.push(...valuesOf(flat, Object.fromEntries(ofPhase), channel, null));
    }
    return values;
}

/** First generation: lists of meters, in watt minutes, and of energy meters, in Wh. */
function readShellyArrays({ emeters, meters }: ExactObject): TelegramValue[] {
    const values: TelegramValue[] = [];
    for (const [channel, meter] of listOf(emeters))
        if (meter.is_valid !== false) values.push(...valuesOf(meter, SHELLY_EMETER, channel, null));
    for (const [channel, meter] of listOf(meters)) {
        if (meter.is_valid === false) continue;
        values.push(...readValue(meter.power, ["16.7.0", 0, "W"], channel, null));
        const total = readValue(meter.total, ["1.8.0", 0, "J"], channel, null);
        values.push(
            ...total.map((value) => ({ ...value, digits: value.digits * JOULE_PER_WATT_MINUTE })),
        );
    }
    return values;
}

function listOf(list: ExactJson | undefined): [number, ExactObject][] {
    if (!Array.isArray(list)) return [];
    const elements = list.slice(0, CHANNELS).entries() as ArrayIterator<[number, ExactJson]>;
    return [...elements].filter((each): each is [number, ExactObject] => isObject(each[1]));
}

function valuesOf(
    object: ExactObject,
    table: Readonly<Record<string, Quantity>>,
    channel: number,
    atUnix: number | null,
): TelegramValue[] {
    const values: TelegramValue[] = [];
    for (const [key, quantity] of Object.entries(table)) {
        const value = Object.hasOwn(object, key) ? object[key] : undefined;
        if (!Array.isArray(value)) {
            values.push(...readValue(value, quantity, channel, atUnix));
            continue;
        }
        const codes = PHASES.get(quantity[0]) ?? [];
        for (const [phase, code] of codes.entries())
            values.push(
                ...readValue(value[phase], [code, quantity[1], quantity[2]], channel, atUnix),
            );
    }
    return values;
}

/** None for what is no number, such as the null of a device that has just started. */
function readValue(
    value: ExactJson | undefined,
    [code, scaler, unit]: Quantity,
    channel: number,
    atUnix: number | null,
): TelegramValue[] {
    const text = value instanceof ExactNumber ? value.text : typeof value === "string" ? value : "";
    const number = parseDecimal(text);
    if (number === null) return [];
    const exact = { digits: number.digits, scaler: number.scaler + scaler };
    return [{ obis: `1-${channel}:${code}`, ...exact, unit, atUnix }];
}

function channelOf(text: string): number {
    const channel = Number(text);
    if (!Number.isInteger(channel) || channel >= CHANNELS)
        refuse("malformed", "component", `a number below ${CHANNELS}`);
    return channel;
}

/** Seconds since 1970 of a time with its offset; null without one: whose wall clock it is, is not said. */
function unixOf(text: string): number | null {
    return INSTANT.test(text) ? Math.floor(Date.parse(text) / 1000) : null;
}
