import type { StatementSync } from "node:sqlite";
import { toHex } from "@meterseal/core";
import { integerOf } from "./columns.ts";
import type { Database } from "./database.ts";

/** A table of byte strings that many rows share: each stands once, the rows hold its number. */
export class SharedBytes {
    readonly #find: StatementSync;
    readonly #insert: StatementSync;

    constructor(database: Database, table: "subjects" | "heads", column: string) {
        this.#find = database.prepare(`SELECT n FROM ${table} WHERE ${column} = ?`);
        this.#insert = database.prepare(`INSERT INTO ${table} (${column}) VALUES (?)`);
    }

    /**
     * Finds or adds within one transaction. What it found is forgotten with it, so that a number of
     * a transaction that was undone is never used.
     */
    batch(): (bytes: Uint8Array) => number {
        const known = new Map<string, number>();
        return (bytes) => {
            const name = toHex(bytes);
            const n = known.get(name) ?? this.#findOrInsert(bytes);
            known.set(name, n);
            return n;
        };
    }

    #findOrInsert(bytes: Uint8Array): number {
        const row = this.#find.get(bytes);
        if (row !== undefined) return integerOf(row, "n");
        return Number(this.#insert.run(bytes).lastInsertRowid);
    }
}
