import { attempt, type Decoded, refuse, requireSize } from "../result.ts";
import type { Telegram, TelegramValue } from "../value.ts";
import { type AttributeValue, readAttributeValue } from "./data-types.ts";
import { ATTRIBUTE, MEDIA, REGISTERS, UNITS } from "./tables.ts";

/** Largest payload of a fragmented APS message. */
const FRAME_BYTES = 1_024;
const COMMAND = { readAttributesResponse: 0x01, reportAttributes: 0x0a };
const FRAME_CONTROL = { typeMask: 0x03, manufacturerSpecific: 0x04 };

/** An attribute as the device reported it. */
export type ZigbeeAttribute = {
    readonly id: number;
    /** Type of its value (ZCL section 2.6.2). */
    readonly type: number;
    /** Exact, before any factor; null where the device says that it has none. */
    readonly raw: AttributeValue | null;
};

/** What makes a number of a metering cluster a quantity; devices say it when they are asked. */
export type ZigbeeFactors = {
    readonly multiplier: bigint | null;
    readonly divisor: bigint | null;
    /** UnitofMeasure, such as 0 for kWh. */
    readonly unitOfMeasure: number | null;
    /** MeteringDeviceType, such as 0 for electricity. */
    readonly deviceType: number | null;
};

/** What a metering cluster of Zigbee says. */
export type ZigbeeTelegram = Telegram & {
    readonly attributes: readonly ZigbeeAttribute[];
    /** Those given, with what this frame says of them. */
    readonly factors: ZigbeeFactors;
};

/** Factors of a device that has not been asked yet. */
export const UNKNOWN_FACTORS: ZigbeeFactors = {
    multiplier: null,
    divisor: null,
    unitOfMeasure: null,
    deviceType: null,
};

/**
 * Decodes a report or a read response of the metering cluster 0x0702 (Zigbee Cluster Library section
 * 10.4): the ZCL frame, without the layers below. Attributes come out raw; a register becomes a value
 * only where unit, multiplier and divisor are known, from this frame or from an earlier one, and the
 * division leaves no remainder: a wrong guess of a factor makes a bill wrong a hundred times.
 *
 * @param known - factors that earlier frames of the same device said.
 * @returns faults `too-large`, `truncated`, `malformed`, `unsupported`.
 */
export function decodeZigbeeMetering(
    bytes: Uint8Array,
    known: ZigbeeFactors = UNKNOWN_FACTORS,
): Decoded<ZigbeeTelegram> {
    return attempt(() => {
        requireSize(bytes, FRAME_BYTES);
        const attributes = readAttributes(bytes);
        const factors = factorsOf(attributes, known);
        const serial = attributes.find(({ id }) => id === ATTRIBUTE.meterSerialNumber)?.raw;
        return {
            kind: "zigbee",
            identification: textOf(serial ?? null),
            atUnix: null,
            values: attributes.flatMap((attribute) => registerOf(attribute, factors)),
            texts: [],
            check: "absent", // the layers below have checks, and are gone
            attributes,
            factors,
        };
    });
}

function textOf(value: AttributeValue | null): string {
    if (value instanceof Uint8Array) return new TextDecoder("latin1").decode(value);
    return typeof value === "string" ? value : "";
}

/** Frame control, manufacturer code where one stands, sequence number, command, attributes (ZCL 2.4.1). */
function readAttributes(bytes: Uint8Array): ZigbeeAttribute[] {
    const [control = 0] = bytes;
    if ((control & FRAME_CONTROL.typeMask) !== 0)
        refuse("unsupported", "frame control", "a command of the whole library");
    const start = (control & FRAME_CONTROL.manufacturerSpecific) !== 0 ? 3 : 1;
    if (bytes.length < start + 2) refuse("truncated", `byte ${bytes.length}`, "a ZCL header");
    const command = bytes[start + 1];
    const isRead = command === COMMAND.readAttributesResponse;
    if (!isRead && command !== COMMAND.reportAttributes)
        refuse("unsupported", `byte ${start + 1}`, "a report or a read response");
    const attributes: ZigbeeAttribute[] = [];
    for (let offset = start + 2; offset < bytes.length; ) {
        const id = (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
        offset += 2;
        if (isRead && bytes[offset++] !== 0) continue; // a status: this attribute is not there
        const type = bytes[offset++];
        if (type === undefined) return refuse("truncated", `byte ${bytes.length}`, "a data type");
        const { end, value } = readAttributeValue(bytes, offset, type);
        attributes.push({ id, type, raw: value });
        offset = end;
    }
    return attributes;
}

function factorsOf(attributes: readonly ZigbeeAttribute[], known: ZigbeeFactors): ZigbeeFactors {
    const integer = (id: number): bigint | null => {
        const raw = attributes.find((attribute) => attribute.id === id)?.raw;
        return typeof raw === "bigint" ? raw : null;
    };
    const small = (id: number): number | null => {
        const raw = integer(id);
        return raw === null ? null : Number(raw);
    };
    const unit = small(ATTRIBUTE.unitOfMeasure) ?? known.unitOfMeasure;
    return {
        multiplier: integer(ATTRIBUTE.multiplier) ?? known.multiplier,
        divisor: integer(ATTRIBUTE.divisor) ?? known.divisor,
        unitOfMeasure: unit === null ? null : unit & 0x7f, // bit 7 asks for BCD on a display
        deviceType: small(ATTRIBUTE.meteringDeviceType) ?? known.deviceType,
    };
}

function registerOf({ id, raw }: ZigbeeAttribute, factors: ZigbeeFactors): TelegramValue[] {
    const register = REGISTERS.get(id);
    const { divisor, multiplier, unitOfMeasure } = factors;
    const unit = unitOfMeasure === null ? undefined : UNITS.get(unitOfMeasure);
    if (register === undefined || unit === undefined || typeof raw !== "bigint") return [];
    if (multiplier === null || divisor === null) return [];
    const quotient = divide(raw * multiplier, divisor);
    const [electric, isDemand] = register;
    const obis = obisOf(electric, isDemand, factors.deviceType);
    if (quotient === null || obis === null) return [];
    const { digits, scaler } = quotient;
    const exact = { digits, scaler: scaler + unit.scaler };
    return [{ obis, ...exact, unit: isDemand ? unit.demand : unit.register, atUnix: null }];
}

/** Exact decimal quotient; null where there is none: a divisor of zero, or with a factor beside 2 and 5. */
function divide(dividend: bigint, divisor: bigint): { digits: bigint; scaler: number } | null {
    for (let scaler = 0; scaler >= -24; scaler--) {
        const scaled = dividend * 10n ** BigInt(-scaler);
        if (divisor !== 0n && scaled % divisor === 0n) return { digits: scaled / divisor, scaler };
    }
    return null;
}

/** Other media have one register that is known by a code; tiers and demands of theirs stay raw. */
function obisOf(electric: string, isDemand: boolean, deviceType: number | null): string | null {
    const medium = deviceType === null ? undefined : MEDIA.get(deviceType);
    if (medium === undefined) return `1-0:${electric}`;
    const [group, code] = medium;
    return electric === "1.8.0" && !isDemand ? `${group}-0:${code}` : null;
}
