import { fromHex } from "@meterseal/core";
import type { Holding, Known, KnownSpan, Stretch } from "@meterseal/seal";

// Readers of the wallet's own JSON; what does not fit throws, and the caller says which file it is.

/** Fields of an object. */
export function fields(value: unknown): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new TypeError("object");
    }
    return value as Record<string, unknown>;
}

/** Items of an array, each read. */
export function list<T>(value: unknown, read: (item: unknown) => T): T[] {
    if (!Array.isArray(value)) throw new TypeError("array");
    return value.map((item) => read(item));
}

/** A text. */
export function text(value: unknown): string {
    if (typeof value !== "string") throw new TypeError("text");
    return value;
}

/** A whole number, not negative. */
export function integer(value: unknown): number {
    if (!Number.isSafeInteger(value) || (value as number) < 0) throw new TypeError("integer");
    return value as number;
}

/** Lower-case hex of so many bytes. */
export function hex(value: unknown, bytes: number): string {
    const read = text(value);
    if (fromHex(read).length !== bytes || read !== read.toLowerCase()) throw new TypeError("hex");
    return read;
}

/** What a grant lets its holder compute. */
export function holding(read: Record<string, unknown>): Holding {
    return { groups: list(read.groups, integer), known: known(fields(read.known)) };
}

function known(read: Record<string, unknown>): Known {
    switch (read.kind) {
        case "keys": {
            const level = integer(read.level);
            if (level !== 0 && level !== 1 && level !== 2 && level !== 3) break;
            return { kind: "keys", level, spans: list(read.spans, span) };
        }
        case "boundaries":
            return {
                kind: "boundaries",
                epochs: list(read.epochs, (item) => {
                    const { sealEpoch, slots } = fields(item);
                    return { sealEpoch: integer(sealEpoch), slots: list(slots, integer) };
                }),
            };
        case "differences":
            return { kind: "differences", windows: list(read.windows, stretch) };
        case "sums":
            return { kind: "sums", rows: list(read.rows, (row) => list(row, stretch)) };
    }
    throw new TypeError("known");
}

function span(value: unknown): KnownSpan {
    const { sealEpoch } = fields(value);
    return { sealEpoch: integer(sealEpoch), ...stretch(value) };
}

function stretch(value: unknown): Stretch {
    const read = fields(value);
    const fromSlot = integer(read.fromSlot);
    const toSlot = integer(read.toSlot);
    if (fromSlot > toSlot) throw new RangeError("stretch");
    return { fromSlot, toSlot };
}
