import { error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import { type Entry, parseEntry } from "@meterseal/ledger";
import { attempt, decodeCbor, encodeCbor, malformed, toArray, toBytes } from "@meterseal/record";

/** Bytes of a transaction: a vertex of the largest size, its header, and room for the CBOR around. */
export const TX_BYTES = 458_752;

/** A transaction as it was read. */
export type Tx = {
    readonly entry: Entry;
    readonly item: Uint8Array;
    /** Whole records in body order; empty but for a vertex. */
    readonly body: readonly Uint8Array[];
};

/** Transaction of an entry: CBOR [item, [records]]. */
export function encodeTx(item: Uint8Array, body: readonly Uint8Array[]): Uint8Array {
    return encodeCbor([item, body]);
}

/** Parses a transaction strictly; no signature is checked. MS_TOO_LARGE, MS_MALFORMED, MS_VERSION. */
export function parseTx(bytes: Uint8Array): Result<Tx> {
    if (bytes.length > TX_BYTES) {
        return fail(error("MS_TOO_LARGE", { expected: `at most ${TX_BYTES} bytes` }));
    }
    const parts = attempt(() => {
        const [item, body, ...more] = toArray(decodeCbor(bytes), "transaction", 2);
        if (more.length > 0) malformed("transaction", "item and body");
        return {
            item: toBytes(item, "item", 1, LIMITS.recordBytes),
            body: toArray(body, "body", LIMITS.vertexRecords).map((record) =>
                toBytes(record, "record", 1, LIMITS.recordBytes),
            ),
        };
    });
    if (!parts.ok) return parts;
    const entry = parseEntry(parts.value.item, parts.value.body);
    return entry.ok ? ok({ entry: entry.value, ...parts.value }) : entry;
}
