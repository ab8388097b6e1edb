import { toHex, unixOfSlot } from "@meterseal/core";
import { parseRecord, usageOf } from "@meterseal/record";

/** A boundary of a record as everybody sees it. */
export type PublicBoundary = {
    readonly unix: number;
    /** Sealed: 8 bytes in hexadecimal. Open: the register in watt-hours. */
    readonly value: string;
};

/** What is public in a record: the signed header, and registers that are sealed unless the stream is open. */
export type PublicRecord = {
    readonly subject: string;
    readonly seq: number;
    readonly timeUnix: number;
    readonly prev: string;
    readonly kid: string;
    readonly signature: string;
    readonly isSealed: boolean;
    readonly count: number;
    readonly bytes: number;
    readonly boundaries: readonly PublicBoundary[];
};

const SHOWN = 6;
const SEALED_BYTES = 8;

/**
 * Reads a usage record the way the server can: parsed, not opened.
 * @returns null where the bytes are no usage record.
 */
export function readPublicRecord(bytes: Uint8Array): PublicRecord | null {
    const record = parseRecord(bytes);
    if (!record.ok) return null;
    const usage = usageOf(record.value);
    if (!usage.ok) return null;
    const { count, firstSlot, scale = 0, slotSeconds, values } = usage.value;
    const width =
        values.mode === "sealed"
            ? values.bytes.length / SEALED_BYTES / count
            : values.registers.length / count;
    const valueAt = (i: number): string => {
        if (values.mode === "open") {
            return String((values.registers[i * width] ?? 0n) * 10n ** BigInt(Math.max(0, scale)));
        }
        const start = i * width * SEALED_BYTES;
        return toHex(values.bytes.subarray(start, start + SEALED_BYTES));
    };
    return {
        subject: toHex(record.value.subject),
        seq: record.value.seq,
        timeUnix: record.value.timeUnix,
        prev: toHex(record.value.prev),
        kid: toHex(record.value.message.kid),
        signature: toHex(record.value.message.signature),
        isSealed: values.mode === "sealed",
        count,
        bytes: bytes.length,
        boundaries: Array.from({ length: Math.min(SHOWN, count) }, (_, i) => ({
            unix: unixOfSlot(firstSlot + i, slotSeconds),
            value: valueAt(i),
        })),
    };
}
