import { LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    type Enrolment,
    encodeCbor,
    malformed,
    parseEnrolment,
    toBytes,
    toInteger,
} from "@meterseal/record";
import { leafHash } from "./merkle/hash.ts";
import { parseVertex, type Vertex } from "./vertex/vertex.ts";

/** One entry of the log: when it was accepted, and the signed message that was (formats 7). */
export type LogEntry = {
    /** Milliseconds since 1970 by the sequencer's clock, never falling. */
    readonly timeMs: number;
    /** A vertex or an enrolment, whole COSE_Sign1 bytes. */
    readonly item: Uint8Array;
};

/** Content of a log entry. */
export type LogItem =
    | { readonly kind: "vertex"; readonly vertex: Vertex }
    | { readonly kind: "enrolment"; readonly enrolment: Enrolment };

/** Leaf data of an entry: CBOR [time, item]. */
export function encodeEntry(entry: LogEntry): Uint8Array {
    return encodeCbor([entry.timeMs, entry.item]);
}

/** Parses the leaf data of an entry. */
export function decodeEntry(bytes: Uint8Array): Result<LogEntry> {
    return attempt(() => {
        const value = decodeCbor(bytes);
        if (!Array.isArray(value) || value.length !== 2) malformed("entry", "time and item");
        return {
            timeMs: toInteger(value[0], "entry time", 0, Number.MAX_SAFE_INTEGER),
            item: toBytes(value[1], "entry item", 1, LIMITS.recordBytes),
        };
    });
}

/** Leaf hash of an entry in the log (RFC 9162 section 2.1.1), 32 bytes. */
export function entryLeafHash(entry: LogEntry): Uint8Array {
    return leafHash(encodeEntry(entry));
}

/** Parses the message of an entry, whichever of the two kinds it is. */
export function parseItem(item: Uint8Array): Result<LogItem> {
    const vertex = parseVertex(item);
    if (vertex.ok) return { ok: true, value: { kind: "vertex", vertex: vertex.value } };
    if (vertex.error.code !== "MS_VERSION") return vertex;
    const enrolment = parseEnrolment(item);
    if (!enrolment.ok) return enrolment;
    return { ok: true, value: { kind: "enrolment", enrolment: enrolment.value } };
}
