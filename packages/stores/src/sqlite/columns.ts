import type { SQLOutputValue } from "node:sqlite";
import { error } from "@meterseal/core";

/** A row as the driver gives it. */
export type Row = Readonly<Record<string, SQLOutputValue>>;

/** Bytes of a column, or MS_STORE_COLUMN: somebody may have edited the file. */
export function blobOf(row: Row, column: string): Uint8Array {
    const value = row[column];
    return value instanceof Uint8Array ? value : wrongType(column, "bytes", value);
}

/** Bytes of a column that may be NULL. */
export function optionalBlobOf(row: Row, column: string): Uint8Array | null {
    return row[column] === null ? null : blobOf(row, column);
}

/** Integer of a column, or MS_STORE_COLUMN. */
export function integerOf(row: Row, column: string): number {
    const value = row[column];
    return typeof value === "number" && Number.isSafeInteger(value)
        ? value
        : wrongType(column, "an integer", value);
}

/** Integer of a column that may be NULL. */
export function optionalIntegerOf(row: Row, column: string): number | null {
    return row[column] === null ? null : integerOf(row, column);
}

/** Text of a column, or MS_STORE_COLUMN. */
export function textOf(row: Row, column: string): string {
    const value = row[column];
    return typeof value === "string" ? value : wrongType(column, "text", value);
}

function wrongType(column: string, expected: string, value: unknown): never {
    throw error("MS_STORE_COLUMN", { where: `column ${column}`, expected, got: typeof value });
}
