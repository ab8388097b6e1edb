import { DatabaseSync } from "node:sqlite";
import { error, LIMITS } from "@meterseal/core";
import {
    MESSAGE_TYPE,
    type MessageType,
    messageTypeOf,
    SUMMARY_FIRST_BYTE,
} from "@meterseal/record";
import { bodyRows } from "./body-rows.ts";
import { blobOf, integerOf, type Row, textOf } from "./columns.ts";
import type { Database } from "./database.ts";
import { Queries } from "./queries.ts";
import {
    type CheckpointRow,
    checkpointRow,
    type LoggedVertexRow,
    type LogRow,
    loggedVertexRow,
    logRow,
    RECORD_COLUMNS,
    RECORDS,
    type RecordRow,
    recordRow,
    type VertexRow,
    vertexRow,
} from "./rows.ts";
import { SERVER_FORMAT } from "./server-schema.ts";
import { countRows, type StoreCounts } from "./summary.ts";

/**
 * Queries on a server store. Ranges come as async iterables that read in pages; in a store that
 * somebody writes to, a row added meanwhile may or may not be seen.
 */
export class StoreReader {
    readonly #queries: Queries;

    constructor(database: Database) {
        this.#queries = new Queries(database);
    }

    /** Sizes of the store. */
    counts(): Promise<StoreCounts> {
        return countRows(this.#queries);
    }

    /** Records of one subject in chain order, from a place in its chain on. */
    recordsOf(
        subject: Uint8Array,
        from: { readonly chainEpoch: number; readonly seq: number } = { chainEpoch: 0, seq: 0 },
    ): AsyncIterable<RecordRow> {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE ${OF_SUBJECT} AND (epoch, seq, fork) > (?, ?, ?) ORDER BY epoch, seq, fork LIMIT ?`;
        return this.#queries.pages<Pick<RecordRow, "chainEpoch" | "seq" | "fork">, RecordRow>(
            { ...from, fork: -1 },
            (after, limit) =>
                this.#queries.all(sql, subject, after.chainEpoch, after.seq, after.fork, limit),
            recordRow,
            (row) => row,
        );
    }

    /** Records at one place of a chain as they arrived: none, one, or several where it forked. */
    recordsAt(subject: Uint8Array, chainEpoch: number, seq: number): Promise<RecordRow[]> {
        return this.#queries.rows(
            `SELECT ${RECORD_COLUMNS} FROM ${RECORDS} WHERE ${OF_SUBJECT} AND epoch = ? AND seq = ?
             ORDER BY fork`,
            recordRow,
            subject,
            chainEpoch,
            seq,
        );
    }

    /**
     * Usage records of one subject that reach into a range of slots, both ends included, by last
     * slot. Where streams of a subject differ in the length of their slots, the caller picks.
     */
    recordsInSlots(subject: Uint8Array, from: number, to: number): AsyncIterable<RecordRow> {
        // A record spans few slots, so those that begin by the end of the range end soon after it.
        const latest = to + LIMITS.usageBoundaries - 1;
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE ${OF_SUBJECT} AND (last_slot, records.n) > (?, ?) AND last_slot <= ?
            AND last_slot - slots < ? ORDER BY last_slot, records.n LIMIT ?`;
        return this.#queries.pages(
            { lastSlot: from, n: 0 },
            (after, limit) =>
                this.#queries.all(sql, subject, after.lastSlot, after.n, latest, to, limit),
            recordRow,
            (row) => ({ lastSlot: row.lastSlot ?? latest, n: row.n }),
        );
    }

    /** Last usage record of a chain up to a place in it; null where there is none. */
    async lastUsage(
        subject: Uint8Array,
        chainEpoch: number,
        seq: number,
    ): Promise<RecordRow | null> {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE ${OF_SUBJECT} AND epoch = ? AND seq <= ? AND last_slot IS NOT NULL
            ORDER BY seq DESC, fork LIMIT 1`;
        const rows = await this.#queries.rows(sql, recordRow, subject, chainEpoch, seq);
        return rows[0] ?? null;
    }

    /** Last place in a subject's chain at which a record was pruned; null where none was. */
    async lastPruned(subject: Uint8Array): Promise<Pick<RecordRow, "chainEpoch" | "seq"> | null> {
        const sql = `SELECT epoch, seq FROM records WHERE ${OF_SUBJECT}
            AND substr(rest, 1, 1) = ? ORDER BY epoch DESC, seq DESC LIMIT 1`;
        const place = (row: Row) => ({
            chainEpoch: integerOf(row, "epoch"),
            seq: integerOf(row, "seq"),
        });
        const first = Uint8Array.of(SUMMARY_FIRST_BYTE);
        return (await this.#queries.rows(sql, place, subject, first))[0] ?? null;
    }

    /** All records in the order of their admission. */
    records(afterN = 0): AsyncIterable<RecordRow> {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE records.n > ? ORDER BY records.n LIMIT ?`;
        return this.#queries.inOrder(sql, afterN, recordRow, (row) => row.n);
    }

    /** Numbers of all records, ascending. */
    recordNumbers(afterN = 0): AsyncIterable<number> {
        const sql = "SELECT n FROM records WHERE n > ? ORDER BY n LIMIT ?";
        return this.#queries.inOrder(
            sql,
            afterN,
            (row) => integerOf(row, "n"),
            (n) => n,
        );
    }

    /** A record by its number; null where there is none, or its subject or head is missing. */
    async record(n: number): Promise<RecordRow | null> {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS} WHERE records.n = ?`;
        return (await this.#queries.rows(sql, recordRow, n))[0] ?? null;
    }

    /** All vertices, oldest first. */
    vertices(afterN = 0): AsyncIterable<VertexRow> {
        const sql = "SELECT n, id, bytes FROM vertices WHERE n > ? ORDER BY n LIMIT ?";
        return this.#queries.inOrder(sql, afterN, vertexRow, (row) => row.n);
    }

    /** A vertex by its row; MS_NOT_FOUND when there is none. */
    async vertex(n: number): Promise<VertexRow> {
        const rows = await this.#queries.rows(
            "SELECT n, id, bytes FROM vertices WHERE n = ?",
            vertexRow,
            n,
        );
        return rows[0] ?? notFound(`vertex row ${n}`);
    }

    /** Bytes of a vertex by its id of 36 bytes; null when there is none. */
    async vertexBytes(id: Uint8Array): Promise<Uint8Array | null> {
        const sql = "SELECT n, id, bytes FROM vertices WHERE id = ?";
        return (await this.#queries.rows(sql, vertexRow, id))[0]?.bytes ?? null;
    }

    /** Records of a vertex in body order: the place in the array is the leaf index in the vertex. */
    bodyOf(vertex: number): Promise<RecordRow[]> {
        return this.#queries.settle(() => bodyRows(this.#queries, vertex));
    }

    /** Log entries in order, from an index on. */
    log(fromIndex = 0): AsyncIterable<LogRow> {
        const sql = "SELECT idx, time_ms, vertex, item FROM log WHERE idx > ? ORDER BY idx LIMIT ?";
        return this.#queries.inOrder(sql, fromIndex - 1, logRow, (row) => row.index);
    }

    /** Log entry of a vertex; null while it is not final. */
    async logOfVertex(vertex: number): Promise<LogRow | null> {
        const sql = "SELECT idx, time_ms, vertex, item FROM log WHERE vertex = ?";
        return (await this.#queries.rows(sql, logRow, vertex))[0] ?? null;
    }

    /** Entries of the log that say what is left of old records, in its order. */
    prunings(): Promise<LogRow[]> {
        return this.#items(MESSAGE_TYPE.prune);
    }

    /** Entries of the log that removed a member, in its order. */
    revocations(): Promise<LogRow[]> {
        return this.#items(MESSAGE_TYPE.revoke);
    }

    async #items(type: MessageType): Promise<LogRow[]> {
        const sql = `SELECT idx, time_ms, vertex, item FROM log
            WHERE instr(item, CAST('${type}' AS BLOB)) > 0 ORDER BY idx`;
        const rows = await this.#queries.rows(sql, logRow);
        return rows.filter(({ item }) => item !== null && messageTypeOf(item) === type);
    }

    /** Vertices of the log between two places, both left out, in the order of the log. */
    loggedVertices(after: number, before: number, limit: number): Promise<LoggedVertexRow[]> {
        const sql = `${LOGGED_VERTICES} ORDER BY log.idx LIMIT ?`;
        return this.#queries.rows(sql, loggedVertexRow, after, before, limit);
    }

    /** As {@link StoreReader.loggedVertices}, from the later end: the latest vertex comes first. */
    latestVertices(after: number, before: number, limit: number): Promise<LoggedVertexRow[]> {
        const sql = `${LOGGED_VERTICES} ORDER BY log.idx DESC LIMIT ?`;
        return this.#queries.rows(sql, loggedVertexRow, after, before, limit);
    }

    /** Place in the log of a vertex (36 bytes); null where the log does not hold it. */
    async leafOfVertex(id: Uint8Array): Promise<number | null> {
        const sql = `SELECT idx FROM vertices JOIN log ON log.vertex = vertices.n WHERE id = ?`;
        const rows = await this.#queries.rows(sql, (row) => integerOf(row, "idx"), id);
        return rows[0] ?? null;
    }

    /** All checkpoints by tree size. */
    checkpoints(afterSize = 0): AsyncIterable<CheckpointRow> {
        const sql = "SELECT size, note FROM checkpoints WHERE size > ? ORDER BY size LIMIT ?";
        return this.#queries.inOrder(sql, afterSize, checkpointRow, (row) => row.size);
    }

    /** Checkpoint of a tree size; null when there is none. */
    async checkpoint(size: number): Promise<CheckpointRow | null> {
        const sql = "SELECT size, note FROM checkpoints WHERE size = ?";
        return (await this.#queries.rows(sql, checkpointRow, size))[0] ?? null;
    }

    /** Checkpoint of the largest tree size up to one; null when there is none. */
    async checkpointUpTo(size: number): Promise<CheckpointRow | null> {
        const sql = `SELECT size, note FROM checkpoints WHERE size <= ?
            ORDER BY size DESC LIMIT 1`;
        return (await this.#queries.rows(sql, checkpointRow, size))[0] ?? null;
    }

    /** Every row of `meta`: the genesis, and what an engine or witnesses have agreed on. */
    meta(): Promise<{ readonly key: string; readonly value: Uint8Array }[]> {
        return this.#queries.rows("SELECT key, value FROM meta ORDER BY key", (row) => ({
            key: textOf(row, "key"),
            value: blobOf(row, "value"),
        }));
    }

    /**
     * Checks the file as a file: its schema, pages, indexes against tables, column types, constraints
     * and references, and the rows that are of use only to other rows. Reads all of it; empty when
     * there is no fault.
     */
    async fileFaults(): Promise<string[]> {
        const texts = await this.#queries.rows("PRAGMA integrity_check", (row) =>
            textOf(row, "integrity_check"),
        );
        const references = await this.#queries.rows("PRAGMA foreign_key_check", (row) =>
            [row.table, row.rowid, row.parent].join(" "),
        );
        const misfits = await this.#queries.rows(MISFITS, (row) => textOf(row, "text"));
        const schema = await this.#queries.rows(SCHEMA, schemaText);
        return [
            ...differences(schema, schemaOf(SERVER_FORMAT.schema)),
            ...texts.filter((text) => text !== "ok"),
            ...misfits,
            ...references.map((text) => `missing reference: ${text}`),
        ];
    }
}

const OF_SUBJECT = "records.subject = (SELECT n FROM subjects WHERE id = ?)";

const LOGGED_VERTICES = `SELECT log.idx, time_ms, vertices.n, id, bytes,
    (SELECT min(size) FROM checkpoints WHERE size > log.idx) AS checkpoint
    FROM log JOIN vertices ON vertices.n = log.vertex WHERE log.idx > ? AND log.idx < ?`;

/** What no record, constraint or reference contradicts, and is wrong all the same. */
const MISFITS = `
    SELECT 'subject ' || n || ' of no record' AS text FROM subjects
    WHERE n NOT IN (SELECT subject FROM records)
    UNION ALL SELECT 'head ' || n || ' of no record' FROM heads
    WHERE n NOT IN (SELECT head FROM records)
    UNION ALL SELECT 'body at record ' || first || ' reaches into the next' FROM
    (SELECT first, last, lead(first) OVER (ORDER BY first) AS next FROM bodies) WHERE next <= last
    UNION ALL SELECT 'record ' || n || ', column fork' FROM
    (SELECT n, fork, row_number() OVER (PARTITION BY subject, epoch, seq ORDER BY n) - 1 AS before
     FROM records) WHERE fork <> before`;

const SCHEMA = "SELECT type, name, sql FROM sqlite_schema ORDER BY type, name";

function schemaText(row: Row): string {
    return [row.type, row.name, row.sql].join(" ");
}

/** What a file that these statements made says of its schema. */
function schemaOf(statements: string): string[] {
    const fresh = new DatabaseSync(":memory:");
    try {
        fresh.exec(statements);
        return fresh.prepare(SCHEMA).all().map(schemaText);
    } finally {
        fresh.close();
    }
}

function differences(found: readonly string[], expected: readonly string[]): string[] {
    return [
        ...found.filter((text) => !expected.includes(text)).map((text) => `foreign: ${text}`),
        ...expected.filter((text) => !found.includes(text)).map((text) => `missing: ${text}`),
    ];
}

function notFound(where: string): never {
    throw error("MS_NOT_FOUND", { where });
}
