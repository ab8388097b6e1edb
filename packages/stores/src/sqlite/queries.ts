import type { StatementSync } from "node:sqlite";
import { error } from "@meterseal/core";
import type { Row } from "./columns.ts";
import type { Database } from "./database.ts";
import { pages } from "./pages.ts";

/** A value that a query takes. */
export type Parameter = number | Uint8Array;

/** Reads from a database, each statement compiled once, at its first use. */
export class Queries {
    readonly #database: Database;
    readonly #statements = new Map<string, StatementSync>();

    constructor(database: Database) {
        this.#database = database;
    }

    /** Runs reads as one promise; see {@link Database.settle}. */
    settle<T>(body: () => T): Promise<T> {
        return this.#database.settle(body);
    }

    /** The one row of a query that always has one. */
    get(sql: string, ...parameters: readonly Parameter[]): Row {
        const row = this.#statement(sql).get(...parameters);
        if (row === undefined) throw error("MS_NOT_FOUND", { where: this.#database.path });
        return row;
    }

    /** All rows of a query. */
    all(sql: string, ...parameters: readonly Parameter[]): Row[] {
        return this.#statement(sql).all(...parameters);
    }

    /** All rows of a query, typed. */
    rows<Item>(
        sql: string,
        item: (row: Row) => Item,
        ...parameters: readonly Parameter[]
    ): Promise<Item[]> {
        return this.settle(() => this.all(sql, ...parameters).map(item));
    }

    /** Rows of a query with parameters (after, limit) in pages; see {@link pages}. */
    inOrder<Item>(
        sql: string,
        start: number,
        item: (row: Row) => Item,
        place: (item: Item) => number,
    ): AsyncIterable<Item> {
        return this.pages(start, (after, limit) => this.all(sql, after, limit), item, place);
    }

    /** See {@link pages}. */
    pages<Place, Item>(
        start: Place,
        read: (after: Place, limit: number) => Row[],
        item: (row: Row) => Item,
        place: (item: Item) => Place,
    ): AsyncIterable<Item> {
        return pages(this.#database, start, read, item, place);
    }

    #statement(sql: string): StatementSync {
        const known = this.#statements.get(sql);
        if (known !== undefined) return known;
        const statement = this.#database.prepare(sql);
        this.#statements.set(sql, statement);
        return statement;
    }
}
