import type { StatementSync } from "node:sqlite";
import { error, toHex } from "@meterseal/core";
import { recordName } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { requireBodyOrder } from "../body-order.ts";
import { blobOf, integerOf, type Row } from "./columns.ts";
import type { Database } from "./database.ts";
import { slotsOf } from "./slots.ts";

/** Statements on `records` and `vertices`; each method is a part of somebody's transaction. */
export class RecordTable {
    readonly #insert: StatementSync;
    readonly #loose: StatementSync;
    readonly #insertVertex: StatementSync;
    readonly #assign: StatementSync;
    readonly #body: StatementSync;
    readonly #open: StatementSync;

    constructor(database: Database) {
        this.#insert = database.prepare(
            `INSERT INTO records (subject, epoch, seq, hash, first_slot, last_slot, bytes)
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, epoch, seq, hash) DO NOTHING`,
        );
        this.#loose = database.prepare("SELECT bytes FROM records WHERE vertex IS NULL ORDER BY n");
        this.#insertVertex = database.prepare(
            "INSERT INTO vertices (id, bytes) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
        );
        this.#assign = database.prepare(
            `UPDATE records SET vertex = ?
             WHERE subject = ? AND epoch = ? AND seq = ? AND hash = ? AND bytes = ?
             AND vertex IS NULL`,
        );
        this.#body = database.prepare(
            "SELECT bytes FROM records WHERE vertex = ? ORDER BY subject, epoch, seq, hash",
        );
        this.#open = database.prepare(
            `SELECT n, bytes FROM vertices
             WHERE NOT EXISTS (SELECT 1 FROM log WHERE log.vertex = vertices.n) ORDER BY n`,
        );
    }

    /** Adds records; one that is there already stays as it is, for the first stored bytes win. */
    insert(records: readonly MeterRecord[]): void {
        for (const record of records) {
            const { firstSlot, lastSlot } = slotsOf(record);
            this.#insert.run(
                record.subject,
                record.chainEpoch,
                record.seq,
                record.message.hash,
                firstSlot,
                lastSlot,
                record.message.bytes,
            );
        }
    }

    loose(): Uint8Array[] {
        return this.#loose.all().map((row) => blobOf(row, "bytes"));
    }

    /** Adds a vertex and assigns its records, which must be loose and in the order of a body. */
    insertVertex(id: Uint8Array, bytes: Uint8Array, records: readonly MeterRecord[]): void {
        requireBodyOrder(records);
        const inserted = this.#insertVertex.run(id, bytes);
        if (inserted.changes !== 1) {
            throw error("MS_VERTEX_DUPLICATE", { where: `vertex ${toHex(id)}` });
        }
        const n = inserted.lastInsertRowid;
        for (const record of records) {
            const { subject, chainEpoch, seq, message } = record;
            const assigned = this.#assign.run(
                n,
                subject,
                chainEpoch,
                seq,
                message.hash,
                message.bytes,
            );
            if (assigned.changes !== 1) {
                throw error("MS_VERTEX_BODY", {
                    where: recordName(record),
                    expected: "a stored record that is in no vertex yet",
                });
            }
        }
    }

    /** Records of a vertex in body order. */
    body(vertex: number): Uint8Array[] {
        return this.#body.all(vertex).map((row) => blobOf(row, "bytes"));
    }

    /** Vertices that the log does not hold, oldest first. */
    open(): { readonly bytes: Uint8Array; readonly body: readonly Uint8Array[] }[] {
        const rows: Row[] = this.#open.all();
        return rows.map((row) => ({
            bytes: blobOf(row, "bytes"),
            body: this.body(integerOf(row, "n")),
        }));
    }
}
