import type { StatementSync } from "node:sqlite";
import { bytesEqual, error, toHex } from "@meterseal/core";
import { parseStoredRecord, recordName, type StoredVertex } from "@meterseal/ledger";
import type { MeterRecord, Sign1 } from "@meterseal/record";
import { requireBodyOrder } from "../body-order.ts";
import { bodyRows } from "./body-rows.ts";
import { blobOf, integerOf, type Row } from "./columns.ts";
import type { Database } from "./database.ts";
import { Queries } from "./queries.ts";
import { splitRecord } from "./record-bytes.ts";
import { RECORD_COLUMNS, RECORDS, recordRow } from "./rows.ts";
import { type Run, runsOf } from "./runs.ts";
import { SharedBytes } from "./shared-bytes.ts";
import { slotsOf } from "./slots.ts";

/** A row whose bytes go, and the summary that takes their place. */
export type PrunedRow = { readonly n: number; readonly summary: Uint8Array };

/** Statements on `records`, `bodies` and `vertices`; each method is a part of somebody's transaction. */
export class RecordTable {
    readonly #queries: Queries;
    readonly #subjects: SharedBytes;
    readonly #heads: SharedBytes;
    readonly #insert: StatementSync;
    readonly #insertVertex: StatementSync;
    readonly #vertex: StatementSync;
    readonly #settle: StatementSync;
    readonly #runBefore: StatementSync;
    readonly #isLogged: StatementSync;
    readonly #insertRun: StatementSync;
    readonly #restBytes: StatementSync;
    readonly #prune: StatementSync;
    /** Rows that this connection committed, by the message that each of them holds. */
    readonly #rows = new WeakMap<Sign1, number>();

    constructor(database: Database) {
        this.#queries = new Queries(database);
        this.#subjects = new SharedBytes(database, "subjects", "id");
        this.#heads = new SharedBytes(database, "heads", "bytes");
        this.#insert = database.prepare(
            `INSERT INTO records (subject, epoch, seq, fork, last_slot, slots, head, rest)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, epoch, seq, fork) DO NOTHING`,
        );
        this.#insertVertex = database.prepare(
            "INSERT INTO vertices (id, bytes) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        );
        this.#vertex = database.prepare("SELECT n FROM vertices WHERE id = ?");
        this.#settle = database.prepare(
            `UPDATE vertices SET bytes = ? WHERE id = ? AND bytes <> ?
             AND NOT EXISTS (SELECT 1 FROM log WHERE log.vertex = vertices.n)`,
        );
        this.#runBefore = database.prepare(
            "SELECT first, last, vertex FROM bodies WHERE first <= ? ORDER BY first DESC LIMIT 1",
        );
        this.#isLogged = database.prepare("SELECT 1 FROM log WHERE vertex = ?");
        this.#insertRun = database.prepare(
            "INSERT INTO bodies (first, last, vertex) VALUES (?, ?, ?)",
        );
        this.#restBytes = database.prepare("SELECT length(rest) AS bytes FROM records WHERE n = ?");
        this.#prune = database.prepare("UPDATE records SET rest = ? WHERE n = ?");
    }

    /**
     * Adds records; one that is loose already stays as it is, for the first stored bytes win. One that
     * only vertices carry gets a row of its own: the ledger may have passed over it, or never take
     * a vertex of somebody else.
     * @returns rows of those that were added, for {@link RecordTable.remember}.
     */
    insert(records: readonly MeterRecord[]): ReadonlyMap<Sign1, number> {
        const added = new Map<Sign1, number>();
        const [subjects, heads] = [this.#subjects.batch(), this.#heads.batch()];
        for (const record of records) {
            const { head: headBytes, rest } = splitRecord(record);
            const subject = subjects(record.subject);
            const head = heads(headBytes);
            const n =
                this.#insertAs(record, 0, subject, head, rest) ??
                this.#insertFork(record, subject, head, rest);
            if (n !== null) added.set(record.message, n);
        }
        return added;
    }

    #insertAs(
        record: MeterRecord,
        fork: number,
        subject: number,
        head: number,
        rest: Uint8Array,
    ): number | null {
        const { chainEpoch, seq } = record;
        const { firstSlot, lastSlot } = slotsOf(record);
        const slots = firstSlot === null || lastSlot === null ? null : lastSlot - firstSlot + 1;
        const { changes, lastInsertRowid } = this.#insert.run(
            subject,
            chainEpoch,
            seq,
            fork,
            lastSlot,
            slots,
            head,
            rest,
        );
        return changes === 1 ? Number(lastInsertRowid) : null;
    }

    /** Adds a record whose place in the chain is taken, unless it is here and loose. */
    #insertFork(
        record: MeterRecord,
        subject: number,
        head: number,
        rest: Uint8Array,
    ): number | null {
        const stored = this.#at(record);
        const isLoose = stored.some(({ bytes, n }) => {
            if (this.#bodyOf(n) !== null) return false;
            const before = parseStoredRecord(bytes);
            return before.ok && bytesEqual(before.value.message.hash, record.message.hash);
        });
        return isLoose ? null : this.#insertAs(record, stored.length, subject, head, rest);
    }

    #at({ chainEpoch, seq, subject }: MeterRecord) {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE subjects.id = ? AND epoch = ? AND seq = ? ORDER BY fork`;
        return this.#queries.all(sql, subject, chainEpoch, seq).map(recordRow);
    }

    /** Keeps the rows of {@link RecordTable.insert}, once they are committed. */
    remember(added: ReadonlyMap<Sign1, number>): void {
        for (const [message, n] of added) this.#rows.set(message, n);
    }

    /** Records that are in no body, in the order of their arrival. */
    loose(): Uint8Array[] {
        const sql = `SELECT ${RECORD_COLUMNS} FROM ${RECORDS}
            WHERE records.n BETWEEN ? AND ? ORDER BY records.n`;
        return this.#looseRuns().flatMap(({ first, last }) =>
            this.#queries.all(sql, first, last).map((row) => recordRow(row).bytes),
        );
    }

    /** What the bodies leave free. */
    #looseRuns(): Run[] {
        const free: Run[] = [];
        let first = 1;
        for (const row of this.#queries.all("SELECT first, last FROM bodies ORDER BY first")) {
            const taken = integerOf(row, "first");
            if (taken > first) free.push({ first, last: taken - 1 });
            first = integerOf(row, "last") + 1;
        }
        return [...free, { first, last: Number.MAX_SAFE_INTEGER }];
    }

    /** Adds a vertex and assigns its records, which must be loose and in the order of a body. */
    insertVertex(id: Uint8Array, bytes: Uint8Array, records: readonly MeterRecord[]): void {
        requireBodyOrder(records);
        const inserted = this.#insertVertex.run(id, bytes);
        if (inserted.changes !== 1) {
            throw error("MS_VERTEX_DUPLICATE", { where: `vertex ${toHex(id)}` });
        }
        const byRow = new Map(records.map((record) => [this.#rowOf(record), record]));
        for (const { first, last } of runsOf([...byRow.keys()])) {
            const before = this.#runBefore.get(last);
            if (before !== undefined && integerOf(before, "last") >= first) {
                notLoose(byRow.get(Math.max(first, integerOf(before, "first"))));
            }
            this.#insertRun.run(first, last, inserted.lastInsertRowid);
        }
    }

    /**
     * Takes in a vertex of whoever wrote it. Records of a foreign one get rows of their own even where
     * we have them: ours belong to a vertex that we wrote, or are still to be written into one.
     * @returns rows that were added, for {@link RecordTable.remember}.
     */
    takeVertex(
        id: Uint8Array,
        bytes: Uint8Array,
        records: readonly MeterRecord[],
    ): ReadonlyMap<Sign1, number> {
        const added = new Map<Sign1, number>();
        if (this.#vertex.get(id) !== undefined) return added;
        const [subjects, heads] = [this.#subjects.batch(), this.#heads.batch()];
        for (const record of records) {
            const { head: headBytes, rest } = splitRecord(record);
            const fork = this.#at(record).length;
            const [subject, head] = [subjects(record.subject), heads(headBytes)];
            const n = this.#insertAs(record, fork, subject, head, rest);
            if (n !== null) added.set(record.message, n);
        }
        for (const [message, n] of added) this.#rows.set(message, n);
        this.insertVertex(id, bytes, records);
        return added;
    }

    /** Row that holds exactly these bytes; the one that is in no body, where there are several. */
    #rowOf(record: MeterRecord): number {
        const known = this.#rows.get(record.message);
        if (known !== undefined) return known;
        const rows = this.#at(record).filter(({ bytes }) =>
            bytesEqual(bytes, record.message.bytes),
        );
        const row = rows.find(({ n }) => this.#bodyOf(n) === null) ?? rows[0];
        return row?.n ?? notLoose(record);
    }

    /** Vertex that carries a row; null for a loose one. */
    #bodyOf(n: number): number | null {
        const run = this.#runBefore.get(n);
        return run !== undefined && integerOf(run, "last") >= n ? integerOf(run, "vertex") : null;
    }

    #isInLog(n: number): boolean {
        const vertex = this.#bodyOf(n);
        return vertex !== null && this.#isLogged.get(vertex) !== undefined;
    }

    /** Records of a vertex in body order. */
    body(vertex: number): Uint8Array[] {
        return bodyRows(this.#queries, vertex).map((row) => row.bytes);
    }

    /** First vertex behind a row that the log does not hold; null behind the last. */
    openAfter(n: number): (StoredVertex & { readonly n: number }) | null {
        const [row] = this.#queries.all(
            `SELECT n, bytes FROM vertices WHERE n > ?
             AND NOT EXISTS (SELECT 1 FROM log WHERE log.vertex = vertices.n) ORDER BY n LIMIT 1`,
            n,
        );
        return row === undefined ? null : { n: integerOf(row, "n"), ...this.#stored(row) };
    }

    /** Vertex of an id; null where there is none. */
    byId(id: Uint8Array): StoredVertex | null {
        const [row] = this.#queries.all("SELECT n, bytes FROM vertices WHERE id = ?", id);
        return row === undefined ? null : this.#stored(row);
    }

    #stored(row: Row): StoredVertex {
        return { bytes: blobOf(row, "bytes"), body: this.body(integerOf(row, "n")) };
    }

    /** Puts summaries in the place of the rest of rows; returns by how many bytes they are shorter. */
    prune(rows: readonly PrunedRow[]): number {
        let freed = 0;
        for (const { n, summary } of rows) {
            const before = this.#restBytes.get(n);
            if (before === undefined || !this.#isInLog(n)) {
                throw error("MS_NOT_FOUND", { where: `record row ${n} of a vertex in the log` });
            }
            freed += integerOf(before, "bytes") - summary.length;
            this.#prune.run(summary, n);
        }
        return freed;
    }

    /** Takes the bytes of a vertex as the log has them: its author may have signed it twice. */
    settleBytes(id: Uint8Array, bytes: Uint8Array): void {
        this.#settle.run(bytes, id, bytes);
    }
}

function notLoose(record: MeterRecord | undefined): never {
    throw error("MS_VERTEX_BODY", {
        ...(record === undefined ? {} : { where: recordName(record) }),
        expected: "a stored record that is in no vertex yet",
    });
}
