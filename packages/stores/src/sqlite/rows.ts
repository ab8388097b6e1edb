import { isSummary } from "@meterseal/record";
import {
    blobOf,
    integerOf,
    optionalBlobOf,
    optionalIntegerOf,
    type Row,
    textOf,
} from "./columns.ts";
import { joinRecord } from "./record-bytes.ts";

/** A row of `records`, every column. */
export type RecordRow = {
    /** Place in the order of admission, from 1. */
    readonly n: number;
    /** 16 bytes. */
    readonly subject: Uint8Array;
    readonly chainEpoch: number;
    readonly seq: number;
    /** 0, or how many other records of a forked chain arrived before it at its place. */
    readonly fork: number;
    /** First and last slot of a usage record; null for any other. */
    readonly firstSlot: number | null;
    readonly lastSlot: number | null;
    /** Row of the vertex that carries the record; null while it is in none. */
    readonly vertex: number | null;
    /** What is stored once for many records: all bytes before the payload. */
    readonly head: Uint8Array;
    /** Whole COSE_Sign1, or where it was pruned the summary that is left, which no parser of records takes. */
    readonly bytes: Uint8Array;
};

/** A row of `vertices`, every column. */
export type VertexRow = {
    readonly n: number;
    /** 36 bytes. */
    readonly id: Uint8Array;
    readonly bytes: Uint8Array;
};

/** A row of `log`: an enrolment holds its item, a vertex stands in its own table. */
export type LogRow = { readonly index: number; readonly timeMs: number } & (
    | { readonly vertex: number; readonly item: null }
    | { readonly vertex: null; readonly item: Uint8Array }
);

/** A row of `checkpoints`. */
export type CheckpointRow = { readonly size: number; readonly note: string };

/** A vertex of the log, with its place there. */
export type LoggedVertexRow = VertexRow & {
    readonly index: number;
    readonly timeMs: number;
    /** Size of the smallest checkpoint over it; null where there is none yet. */
    readonly checkpoint: number | null;
};

/** What a record's row says, without its vertex. */
const OWN_COLUMNS = `records.n, subjects.id AS subject_id, epoch, seq, fork,
    slots, last_slot, heads.bytes AS head_bytes, rest`;

/** Columns of {@link recordRow} where the run of a body is at hand, as `runs`. */
export const BODY_COLUMNS: string = `${OWN_COLUMNS}, runs.vertex`;

/** Columns of {@link recordRow}, of the table {@link RECORDS}. */
export const RECORD_COLUMNS: string = `${OWN_COLUMNS},
    (SELECT CASE WHEN last >= records.n THEN vertex END FROM bodies
     WHERE first <= records.n ORDER BY first DESC LIMIT 1) AS vertex`;

/** Records with what they share with others. */
export const RECORDS: string = `records JOIN subjects ON subjects.n = records.subject
    JOIN heads ON heads.n = records.head`;

/** Typed row of `records`. */
export function recordRow(row: Row): RecordRow {
    const subject = blobOf(row, "subject_id");
    const parts = { head: blobOf(row, "head_bytes"), rest: blobOf(row, "rest") };
    const isPruned = isSummary(parts.rest);
    const lastSlot = optionalIntegerOf(row, "last_slot");
    const slots = optionalIntegerOf(row, "slots");
    return {
        n: integerOf(row, "n"),
        subject,
        chainEpoch: integerOf(row, "epoch"),
        seq: integerOf(row, "seq"),
        fork: integerOf(row, "fork"),
        firstSlot: lastSlot === null || slots === null ? null : lastSlot - slots + 1,
        lastSlot,
        vertex: optionalIntegerOf(row, "vertex"),
        head: parts.head,
        bytes: isPruned ? parts.rest : joinRecord(parts, subject),
    };
}

/** Typed row of `vertices`. */
export function vertexRow(row: Row): VertexRow {
    return { n: integerOf(row, "n"), id: blobOf(row, "id"), bytes: blobOf(row, "bytes") };
}

/** Typed row of a vertex of the log. */
export function loggedVertexRow(row: Row): LoggedVertexRow {
    return {
        ...vertexRow(row),
        index: integerOf(row, "idx"),
        timeMs: integerOf(row, "time_ms"),
        checkpoint: optionalIntegerOf(row, "checkpoint"),
    };
}

/** Typed row of `log`. */
export function logRow(row: Row): LogRow {
    const place = { index: integerOf(row, "idx"), timeMs: integerOf(row, "time_ms") };
    const item = optionalBlobOf(row, "item");
    return item === null
        ? { ...place, vertex: integerOf(row, "vertex"), item }
        : { ...place, vertex: null, item };
}

/** Typed row of `checkpoints`. */
export function checkpointRow(row: Row): CheckpointRow {
    return { size: integerOf(row, "size"), note: textOf(row, "note") };
}
