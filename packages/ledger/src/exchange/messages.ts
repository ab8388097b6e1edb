import { LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { AuthorHead, Heads, LogPage, SentEntry, SentVertex, VertexAnswer } from "./port.ts";

const BODY_BYTES = LIMITS.vertexBytes + LIMITS.recordBytes;
const NOTE_CHARACTERS = 65_536;
const ANSWER_CHARACTERS = 64;
const ID_BYTES = 36;

/** Deterministic CBOR of a page of the log: [size, [[time, item, body, checkpoint] …]]. */
export function encodeLogPage({ entries, size }: LogPage): Uint8Array {
    const rows = entries.map(({ body, checkpoint, item, timeMs }) => [
        timeMs,
        item,
        body,
        checkpoint,
    ]);
    return encodeCbor([size, rows]);
}

/** Parses a page of the log strictly; nothing of its content is checked. */
export function decodeLogPage(bytes: Uint8Array): Result<LogPage> {
    return attempt(() => {
        const [size, rows] = tuple(decodeCbor(bytes), "log page", 2);
        return {
            size: toInteger(size, "log page size", 0, Number.MAX_SAFE_INTEGER),
            entries: toArray(rows, "log page", LIMITS.exchangeEntries).map(entryOf),
        };
    });
}

function entryOf(value: unknown): SentEntry {
    const [timeMs, item, body, checkpoint] = tuple(value, "log page entry", 4);
    return {
        timeMs: toInteger(timeMs, "entry time", 0, Number.MAX_SAFE_INTEGER),
        item: toBytes(item, "entry item", 1, LIMITS.recordBytes),
        body: toBytes(body, "entry body", 0, BODY_BYTES),
        checkpoint: text(checkpoint, "checkpoint", NOTE_CHARACTERS),
    };
}

/** Deterministic CBOR of heads: [log size, [[author, round, id] …]], authors ascending. */
export function encodeHeads({ authors, logSize }: Heads): Uint8Array {
    return encodeCbor([logSize, authors.map(({ author, id, round }) => [author, round, id])]);
}

/** Parses heads strictly. */
export function decodeHeads(bytes: Uint8Array): Result<Heads> {
    return attempt(() => {
        const [logSize, rows] = tuple(decodeCbor(bytes), "heads", 2);
        return {
            logSize: toInteger(logSize, "heads log size", 0, Number.MAX_SAFE_INTEGER),
            authors: toArray(rows, "heads", LIMITS.exchangeAuthors).map(headOf),
        };
    });
}

function headOf(value: unknown): AuthorHead {
    const [author, round, id] = tuple(value, "head", 3);
    return {
        author: toBytes(author, "head author", 16),
        round: toInteger(round, "head round", 1, Number.MAX_SAFE_INTEGER),
        id: toBytes(id, "head id", ID_BYTES),
    };
}

/** Deterministic CBOR of vertices: [[vertex, body] …]. */
export function encodeVertices(vertices: readonly SentVertex[]): Uint8Array {
    return encodeCbor(vertices.map(({ body, bytes }) => [bytes, body]));
}

/** Parses vertices strictly, as far as their frame goes. */
export function decodeVertices(bytes: Uint8Array): Result<readonly SentVertex[]> {
    return attempt(() =>
        toArray(decodeCbor(bytes), "vertices", LIMITS.exchangeEntries).map((value) => {
            const [vertex, body] = tuple(value, "vertex", 2);
            return {
                bytes: toBytes(vertex, "vertex", 1, LIMITS.recordBytes),
                body: toBytes(body, "vertex body", 1, BODY_BYTES),
            };
        }),
    );
}

/** Deterministic CBOR of the answers to vertices that were offered. */
export function encodeAnswers(answers: readonly VertexAnswer[]): Uint8Array {
    return encodeCbor(answers);
}

/** Parses answers strictly. */
export function decodeAnswers(bytes: Uint8Array): Result<readonly VertexAnswer[]> {
    return attempt(() =>
        toArray(decodeCbor(bytes), "answers", LIMITS.exchangeEntries).map((value) =>
            text(value, "answer", ANSWER_CHARACTERS),
        ),
    );
}

function tuple(value: unknown, where: string, length: number): readonly unknown[] {
    const items = toArray(value, where, length);
    return items.length === length ? items : malformed(where, `${length} items`);
}

function text(value: unknown, where: string, max: number): string {
    if (typeof value === "string" && value.length <= max) return value;
    return malformed(where, `a text of at most ${max} characters`);
}
