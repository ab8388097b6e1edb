import { error, fail, MetersealError, ok, type Result } from "@meterseal/core";

/** Runs a parser that throws; every failure comes back as a typed error, never an exception. */
export function attempt<T>(parser: () => T): Result<T> {
    try {
        return ok(parser());
    } catch (cause) {
        if (cause instanceof MetersealError) return fail(cause);
        const got = cause instanceof Error ? cause.message : String(cause);
        return fail(error("MS_MALFORMED", { got }));
    }
}

/** Throws MS_MALFORMED with what was expected; for use inside {@link attempt}. */
export function malformed(where: string, expected: string, got?: string): never {
    throw error("MS_MALFORMED", { where, expected, ...(got === undefined ? {} : { got }) });
}

/** Integer between two bounds, or MS_MALFORMED. */
export function toInteger(value: unknown, where: string, min: number, max: number): number {
    if (isInteger(value, min, max)) return value;
    return malformed(where, `an integer ${min} … ${max}`);
}

function isInteger(value: unknown, min: number, max: number): value is number {
    return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** Non-negative integer below 2^63 as bigint, or MS_MALFORMED. */
export function toRegister(value: unknown, where: string): bigint {
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)
        return BigInt(value);
    if (typeof value === "bigint" && value >= 0n && value < 1n << 63n) return value;
    return malformed(where, "a register below 2^63");
}

/** Byte string whose length lies between two bounds, or MS_MALFORMED. */
export function toBytes(value: unknown, where: string, min: number, max: number = min): Uint8Array {
    if (isBytes(value, min, max)) return value;
    return malformed(where, min === max ? `${min} bytes` : `${min} … ${max} bytes`);
}

function isBytes(value: unknown, min: number, max: number): value is Uint8Array {
    return value instanceof Uint8Array && value.length >= min && value.length <= max;
}

/** Array of at most so many entries, or MS_MALFORMED. */
export function toArray(value: unknown, where: string, max: number): readonly unknown[] {
    if (Array.isArray(value) && value.length <= max) return value;
    return malformed(where, `an array of at most ${max} entries`);
}

/** Reads a CBOR map field by field and refuses what was not asked for; names a field only in an error. */
export class MapReader {
    readonly #map: ReadonlyMap<unknown, unknown>;
    readonly #where: string;
    #read = 0;

    constructor(value: unknown, where: string) {
        if (!(value instanceof Map)) malformed(where, "a map");
        this.#map = value;
        this.#where = where;
    }

    /** True when the optional field is there. */
    has(key: number): boolean {
        return this.#map.has(key);
    }

    /** Value of a field, any shape; MS_MALFORMED when it is missing. */
    value(key: number): unknown {
        const value = this.#map.get(key);
        if (value === undefined) malformed(this.at(key), "a value");
        this.#read++;
        return value;
    }

    /** Integer field between two bounds. */
    integer(key: number, min: number, max: number): number {
        const value = this.value(key);
        return isInteger(value, min, max) ? value : toInteger(value, this.at(key), min, max);
    }

    /** Byte string field with a length between two bounds. */
    bytes(key: number, min: number, max: number = min): Uint8Array {
        const value = this.value(key);
        return isBytes(value, min, max) ? value : toBytes(value, this.at(key), min, max);
    }

    /** Text field of at most so many characters. */
    text(key: number, max: number): string {
        const value = this.value(key);
        if (typeof value === "string" && value.length <= max) return value;
        return malformed(this.at(key), `a text of at most ${max} characters`);
    }

    /** Array field of at most so many entries. */
    array(key: number, max: number): readonly unknown[] {
        return toArray(this.value(key), this.at(key), max);
    }

    /** Refuses fields that nobody asked for; call it last. */
    end(): void {
        if (this.#read !== this.#map.size) malformed(this.#where, "no further fields");
    }

    /** Name of a field for error texts. */
    at(key: number): string {
        return `${this.#where}[${key}]`;
    }
}
