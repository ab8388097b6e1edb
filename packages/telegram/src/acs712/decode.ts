import { crc16X25 } from "../crc16.ts";
import { attempt, type Decoded, refuse, requireSize } from "../result.ts";
import { latin1 } from "../text.ts";
import type { Telegram, TelegramValue, Unit } from "../value.ts";
import { SENSOR_FLAGS, SENSOR_LINE_BYTES } from "./tables.ts";

/** A line of the sensor, with what is its own. */
export type SensorTelegram = Telegram & {
    /** Number of the line since the sensor started; the first is 0. */
    readonly sequence: number;
    /** What the line is to be read with care for: `clipped`, `late samples`. */
    readonly flags: readonly string[];
    /** The sensor's zero point, in steps of its converter (0–1023). */
    readonly offsetSteps: number;
};

/** Sequence, flags, mA, mWh, nominal V, zero point; then the check. */
const LINE =
    /^MSC1,(\d{1,10}),([0-9A-F]{2}),(\d{1,6}),(\d{1,20}),(\d{1,3}),(\d{1,4})\*([0-9A-F]{4})\r?\n?$/;
const SEQUENCE_MAX = 0xffff_ffff;
const ENERGY_MAX = 2n ** 64n - 1n;

/**
 * Decodes one line of the current sensor of `firmware/acs712`, whose README describes the form. The
 * register is energy at a nominal voltage, which comes with it: the sensor measures none. A line has
 * no time.
 *
 * A CRC-16/X-25 that does not match is a verdict and not a fault.
 * @param bytes - a line of at most 96 bytes, with or without its end.
 * @returns faults `too-large`, `malformed`; `unsupported` for another version or an unknown flag;
 *   `meter-error` where the sensor itself says that what it measures is no energy.
 */
export function decodeSensorLine(bytes: Uint8Array): Decoded<SensorTelegram> {
    return attempt(() => {
        requireSize(bytes, SENSOR_LINE_BYTES);
        const text = latin1(bytes);
        if (/^MSC[02-9],/.test(text)) refuse("unsupported", "byte 3", "version 1");
        const fields = LINE.exec(text)?.slice(1);
        if (fields === undefined) refuse("malformed", "byte 0", "MSC1, six fields, * and a check");
        const [sequence = "", flags = "", milliamps = "", energy = "", volts = "", offset = ""] =
            fields;
        const isRight = crc16X25(bytes.subarray(0, text.indexOf("*"))) === hexadecimal(fields[6]);
        if (Number(sequence) > SEQUENCE_MAX) refuse("malformed", "field 1", "a number of 32 bits");
        if (BigInt(energy) > ENERGY_MAX) refuse("malformed", "field 4", "a number of 64 bits");
        const names = isRight ? namesOf(hexadecimal(flags)) : [];
        return {
            ...{ kind: "acs712", identification: "", atUnix: null },
            ...{ sequence: Number(sequence), flags: names, offsetSteps: Number(offset) },
            values: [
                quantityOf("1-0:1.8.0", energy, -3, "Wh"),
                quantityOf("1-0:11.7.0", milliamps, -3, "A"),
                quantityOf("1-0:0.6.0", volts, 0, "V"),
            ],
            texts: names.map((text) => ({ obis: "0-0:97.97.0", text })),
            check: isRight ? "ok" : "mismatch",
        };
    });
}

const hexadecimal = (digits = ""): number => Number.parseInt(digits, 16);

function quantityOf(obis: string, digits: string, scaler: number, unit: Unit): TelegramValue {
    return { ...{ obis, scaler, unit }, digits: BigInt(digits), atUnix: null };
}

/** Names of flags; for use inside {@link attempt}, as a fault leaves the decoder. */
function namesOf(flags: number): string[] {
    const set = SENSOR_FLAGS.filter(({ bit }) => (flags & bit) !== 0);
    const known = set.reduce((sum, { bit }) => sum | bit, 0);
    if (known !== flags) refuse("unsupported", "field 2", "flags of version 1");
    const fault = set.find(({ isFault }) => isFault);
    if (fault !== undefined) refuse("meter-error", "field 2", `no fault: ${fault.name}`);
    return set.map(({ name }) => name);
}
