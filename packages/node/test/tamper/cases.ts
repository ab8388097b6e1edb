import type { DatabaseSync, SQLInputValue } from "node:sqlite";

/** A row that stands for all of its kind. */
export type RowKind = {
    readonly name: string;
    readonly table: string;
    /** Column that finds the row again. */
    readonly key: string;
    /** SQL that selects the value of the key. */
    readonly pick: string;
};

/** One change to a database, made behind its program's back. */
export type TamperCase = {
    readonly name: string;
    /** False when the change is not possible, such as a second row of one key. */
    readonly run: (database: DatabaseSync) => boolean;
};

const middle = (table: string, key: string, where: string): string =>
    `SELECT ${key} FROM ${table} WHERE ${where} ORDER BY ${key}
     LIMIT 1 OFFSET (SELECT count(*) / 2 FROM ${table} WHERE ${where})`;

/** Every kind of row in `store.db`. */
export const STORE_ROWS: readonly RowKind[] = [
    {
        name: "final record",
        table: "records",
        key: "n",
        pick: middle("records", "n", "n <= (SELECT max(last) FROM bodies)"),
    },
    {
        name: "loose record",
        table: "records",
        key: "n",
        pick: middle("records", "n", "n > (SELECT max(last) FROM bodies)"),
    },
    { name: "first subject", table: "subjects", key: "n", pick: "SELECT min(n) FROM subjects" },
    { name: "last head", table: "heads", key: "n", pick: "SELECT max(n) FROM heads" },
    { name: "first body", table: "bodies", key: "first", pick: "SELECT min(first) FROM bodies" },
    { name: "last body", table: "bodies", key: "first", pick: "SELECT max(first) FROM bodies" },
    { name: "first vertex", table: "vertices", key: "n", pick: "SELECT min(n) FROM vertices" },
    { name: "last vertex", table: "vertices", key: "n", pick: "SELECT max(n) FROM vertices" },
    { name: "collector's enrolment", table: "log", key: "idx", pick: "SELECT min(idx) FROM log" },
    {
        name: "meter's enrolment",
        table: "log",
        key: "idx",
        pick: "SELECT max(idx) FROM log WHERE item IS NOT NULL",
    },
    {
        name: "first vertex entry",
        table: "log",
        key: "idx",
        pick: "SELECT min(idx) FROM log WHERE vertex IS NOT NULL",
    },
    { name: "last vertex entry", table: "log", key: "idx", pick: "SELECT max(idx) FROM log" },
    {
        name: "first checkpoint",
        table: "checkpoints",
        key: "size",
        pick: "SELECT min(size) FROM checkpoints",
    },
    {
        name: "last checkpoint",
        table: "checkpoints",
        key: "size",
        pick: "SELECT max(size) FROM checkpoints",
    },
    { name: "genesis", table: "meta", key: "key", pick: "SELECT key FROM meta" },
];

/** Every kind of row in a meter's `outbox.db`. */
export const OUTBOX_ROWS: readonly RowKind[] = [
    ...["state", "stored", "final"].map((key) => ({
        name: `${key} blob`,
        table: "blobs",
        key: "key",
        pick: `SELECT '${key}'`,
    })),
    { name: "outbox record", table: "outbox", key: "n", pick: "SELECT max(n) FROM outbox" },
];

const SAMPLES = 3;

/** Changes of every column of a row, and its deletion. */
export function casesOf(database: DatabaseSync, kind: RowKind, random: () => number): TamperCase[] {
    const { key, table } = kind;
    const place = Object.values(database.prepare(kind.pick).get() ?? {})[0] ?? null;
    const row = database.prepare(`SELECT * FROM ${table} WHERE ${key} = ?`).get(place);
    if (row === undefined) throw new Error(`no ${kind.name}`);
    const cases: TamperCase[] = [];
    for (const [column, value] of Object.entries(row)) {
        const changes = value === null ? [setInstead(column)] : changesOf(value, random);
        for (const [what, changed] of changes) {
            cases.push({
                name: `${kind.name}: ${table}.${column} ${what}`,
                run: (target) =>
                    attempt(
                        target,
                        `UPDATE ${table} SET ${column} = ? WHERE ${key} = ?`,
                        changed,
                        place,
                    ),
            });
        }
    }
    cases.push({
        name: `${kind.name}: ${table} row deleted`,
        run: (target) => attempt(target, `DELETE FROM ${table} WHERE ${key} = ?`, place),
    });
    return cases;
}

function changesOf(value: unknown, random: () => number): [string, SQLInputValue][] {
    if (value instanceof Uint8Array) return changesOfBytes(value, random);
    if (typeof value === "string") {
        return changesOfBytes(new TextEncoder().encode(value), random).map(([what, bytes]) => [
            what,
            new TextDecoder("latin1").decode(bytes),
        ]);
    }
    if (typeof value === "number") {
        return [
            ["one more", value + 1],
            ["one less", value - 1],
            ["far off", value + 1_000_003],
        ];
    }
    return [];
}

function setInstead(column: string): [string, SQLInputValue] {
    return ["set where there was none", column === "item" ? new Uint8Array(9) : 1];
}

function changesOfBytes(value: Uint8Array, random: () => number): [string, Uint8Array][] {
    const positions = [0, value.length - 1];
    for (let i = 0; i < SAMPLES; i++) positions.push(Math.floor(random() * value.length));
    const changes: [string, Uint8Array][] = positions.map((position) => {
        const bit = Math.floor(random() * 7);
        const flipped = value.slice();
        flipped[position] = (flipped[position] ?? 0) ^ (1 << bit);
        return [`bit ${bit} of byte ${position} of ${value.length} flipped`, flipped];
    });
    changes.push(["cut by a byte", value.slice(0, -1)]);
    changes.push(["with a byte more", Uint8Array.from([...value, 0x20])]);
    return changes;
}

/** Runs a statement as somebody would who owns the file: no checks, no references. */
export function attempt(
    database: DatabaseSync,
    sql: string,
    ...values: readonly SQLInputValue[]
): boolean {
    database.exec(`PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;
        PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY`);
    try {
        return Number(database.prepare(sql).run(...values).changes) > 0;
    } catch (cause) {
        if (cause instanceof Error && cause.message.includes("constraint failed")) return false;
        throw cause;
    }
}

const swap = (table: string, key: string, columns: readonly string[], where = "1"): TamperCase => ({
    name: `${table}: ${columns.join(", ")} of two rows swapped`,
    run: (database) => {
        const [a, b] = database
            .prepare(`SELECT * FROM ${table} WHERE ${where} ORDER BY ${key} LIMIT 2`)
            .all();
        if (a === undefined || b === undefined) return false;
        const set = columns.map((column) => `${column} = ?`).join(", ");
        const unset = columns.map((column) => `${column} = ?`).join(", ");
        const sql = `UPDATE ${table} SET ${set} WHERE ${key} = ?`;
        const of = (row: typeof a): SQLInputValue[] => columns.map((column) => row[column] ?? null);
        const blank = columns.map((_, i) => new Uint8Array(36).fill(i + 1));
        const parked = columns.some((column) => ["id", "bytes"].includes(column));
        if (parked) {
            attempt(
                database,
                `UPDATE ${table} SET ${unset} WHERE ${key} = ?`,
                ...blank,
                a[key] ?? null,
            );
        }
        return (
            attempt(database, sql, ...of(a), b[key] ?? null) &&
            attempt(database, sql, ...of(b), a[key] ?? null)
        );
    },
});

/** Rows in one another's place. */
export const SWAPS: readonly TamperCase[] = [
    swap("records", "n", ["rest"]),
    swap("records", "n", ["head", "rest"]),
    swap("heads", "n", ["bytes"]),
    swap("subjects", "n", ["id"]),
    swap("records", "n", ["slots", "last_slot"], "subject = (SELECT subject FROM records LIMIT 1)"),
    swap("bodies", "first", ["vertex"]),
    swap("vertices", "n", ["bytes"]),
    swap("vertices", "n", ["id", "bytes"]),
    swap("log", "idx", ["item"], "item IS NOT NULL"),
    swap("log", "idx", ["time_ms"], "vertex IS NOT NULL"),
    swap("checkpoints", "size", ["note"]),
];

const insert = (name: string, sql: string): TamperCase => ({
    name: `foreign row: ${name}`,
    run: (database) => attempt(database, sql),
});

/** A change of the schema, which SQLite reports as no changed row. */
const schema = (name: string, sql: string): TamperCase => ({
    name: `schema: ${name}`,
    run: (database) => {
        database.exec(sql);
        return true;
    },
});

/** Rows, tables and indexes that nobody of the network made. */
export const INSERTS: readonly TamperCase[] = [
    insert("meta", "INSERT INTO meta (key, value) VALUES ('note', x'00')"),
    schema("a table of its own", "CREATE TABLE other (x BLOB)"),
    schema("a missing index", "DROP INDEX records_by_slot"),
    insert(
        "a copy of a record as a fork",
        `INSERT INTO records (subject, epoch, seq, fork, slots, last_slot, head, rest)
         SELECT subject, epoch, seq, 1, slots, last_slot, head, rest FROM records LIMIT 1`,
    ),
    insert(
        "a record of random bytes",
        `INSERT INTO records (subject, epoch, seq, fork, head, rest)
         SELECT subject, epoch, 99, 0, head, randomblob(500) FROM records LIMIT 1`,
    ),
    insert("a subject of no record", "INSERT INTO subjects (id) VALUES (randomblob(16))"),
    insert("a head of no record", "INSERT INTO heads (bytes) VALUES (randomblob(47))"),
    insert(
        "a body of a record that is in another one",
        "INSERT INTO bodies (first, last, vertex) SELECT max(last), max(last), 1 FROM bodies",
    ),
    insert(
        "a body of a loose record",
        "INSERT INTO bodies (first, last, vertex) SELECT max(last) + 1, max(last) + 1, 1 FROM bodies",
    ),
    insert(
        "a vertex of random bytes",
        "INSERT INTO vertices (id, bytes) VALUES (randomblob(36), randomblob(300))",
    ),
    insert(
        "a copy of a vertex under another id",
        "INSERT INTO vertices (id, bytes) SELECT randomblob(36), bytes FROM vertices LIMIT 1",
    ),
    insert(
        "a copy of the last log entry",
        `INSERT INTO log (idx, time_ms, item) SELECT (SELECT max(idx) + 1 FROM log), time_ms, item
         FROM log WHERE item IS NOT NULL LIMIT 1`,
    ),
    insert(
        "a checkpoint of one entry more",
        "INSERT INTO checkpoints SELECT max(size) + 1, note FROM checkpoints",
    ),
    insert("a checkpoint of nothing", "INSERT INTO checkpoints VALUES (0, 'nothing')"),
    insert("a checkpoint below nothing", "INSERT INTO checkpoints VALUES (-1, 'nothing')"),
];
