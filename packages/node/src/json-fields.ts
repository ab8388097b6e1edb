import { error, fail, fromBase64, fromHex, ok, type Result } from "@meterseal/core";

/** Fields of a JSON object, of any shape. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a JSON text must be. */
export type JsonShape = {
    /** Value of its field `format`. */
    readonly format: string;
    /** Longest text, characters. */
    readonly max: number;
    /** What people call it. */
    readonly where: string;
};

/** A field that is not what it must be. */
export class WrongField extends Error {}

/**
 * Reads a JSON text of a format; MS_MALFORMED says which field is wrong, and never what it held.
 * @param reader reads the fields with the functions below, and throws what they throw.
 */
export function readJson<T>(
    text: string,
    { format, max, where }: JsonShape,
    reader: (fields: Fields) => T,
): Result<T> {
    const refuse = (expected: string): Result<T> =>
        fail(error("MS_MALFORMED", { where, expected }));
    if (text.length > max) return refuse(`at most ${max} characters`);
    try {
        const fields: unknown = JSON.parse(text);
        if (!isFields(fields) || fields.format !== format) return refuse(`"format": "${format}"`);
        return ok(reader(fields));
    } catch (cause) {
        if (cause instanceof WrongField) return refuse(cause.message);
        return refuse("all fields, unchanged");
    }
}

/** Whether a value is a JSON object. */
export function isFields(value: unknown): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text field. */
export function stringField(fields: Fields, name: string): string {
    const value = fields[name];
    if (typeof value === "string") return value;
    throw new WrongField(`a text in "${name}"`);
}

/** A field in padded base64. */
export function base64Field(fields: Fields, name: string): Uint8Array {
    return fromBase64(stringField(fields, name));
}

/** A field of so many bytes in hexadecimal. */
export function hexField(fields: Fields, name: string, length: number): Uint8Array {
    return hexBytes(stringField(fields, name), name, length);
}

/** Bytes in hexadecimal, which stand in the field of a name. */
export function hexBytes(value: unknown, name: string, length: number): Uint8Array {
    if (typeof value === "string" && /^[0-9a-f]*$/.test(value) && value.length === 2 * length) {
        return fromHex(value);
    }
    throw new WrongField(`${2 * length} hexadecimal digits in "${name}"`);
}

/** A list of at most so many. */
export function arrayField(fields: Fields, name: string, max: number): readonly unknown[] {
    const value = fields[name];
    if (Array.isArray(value) && value.length <= max) return value;
    throw new WrongField(`a list of at most ${max} in "${name}"`);
}

/** A whole number. */
export function integerField(fields: Fields, name: string): number {
    const value = fields[name];
    if (Number.isSafeInteger(value)) return value as number;
    throw new WrongField(`a whole number in "${name}"`);
}
