import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { unwrap } from "@meterseal/core";
import { parseRecord } from "@meterseal/record";
import { SERVER_FILE } from "@meterseal/stores/sqlite";
import { PLACES } from "../files.ts";

/** Something that somebody with full access to the server's disk may try. */
export type Attack = {
    readonly name: string;
    /** One sentence for a person who has never seen the system. */
    readonly story: string;
    readonly run: (database: DatabaseSync) => void;
};

/** Bit that the first attack turns: inside the sealed registers of a record. */
const FLIPPED_OFFSET = 300;

/** The attacks, from clumsy to careful. */
export const ATTACKS: readonly Attack[] = [
    {
        name: "one bit",
        story: "Somebody turns one bit of one sealed reading in the database.",
        run: (database) => {
            const { bytes, n } = middleRecord(database);
            bytes[FLIPPED_OFFSET] = (bytes[FLIPPED_OFFSET] as number) ^ 1;
            database.prepare("UPDATE records SET bytes = ? WHERE n = ?").run(bytes, n);
        },
    },
    {
        name: "covered bit",
        story: "The same, and the hash column beside it is recomputed to match.",
        run: (database) => {
            const { bytes, n } = middleRecord(database);
            bytes[FLIPPED_OFFSET] = (bytes[FLIPPED_OFFSET] as number) ^ 1;
            const { hash } = unwrap(parseRecord(bytes)).message;
            database
                .prepare("UPDATE records SET bytes = ?, hash = ? WHERE n = ?")
                .run(bytes, hash, n);
        },
    },
    {
        name: "deleted record",
        story: "Somebody deletes two days of one meter.",
        run: (database) => {
            database.prepare("DELETE FROM records WHERE n = ?").run(middleRecord(database).n);
        },
    },
    {
        name: "swapped records",
        story: "Somebody swaps the contents of two rows.",
        run: (database) => {
            const rows = database.prepare("SELECT n, bytes FROM records ORDER BY n LIMIT 2").all();
            const update = database.prepare("UPDATE records SET bytes = ? WHERE n = ?");
            update.run(blob(rows[0]?.bytes), Number(rows[1]?.n));
            update.run(blob(rows[1]?.bytes), Number(rows[0]?.n));
        },
    },
    {
        name: "rolled back log",
        story: "The operator removes the latest batch: log entry, checkpoint, vertex and records.",
        run: (database) => {
            database.exec(`
                DELETE FROM records WHERE vertex = (SELECT vertex FROM log ORDER BY idx DESC LIMIT 1);
                DELETE FROM checkpoints WHERE size = (SELECT max(size) FROM checkpoints);
                DELETE FROM log WHERE idx = (SELECT max(idx) FROM log);
                DELETE FROM vertices WHERE n NOT IN (SELECT vertex FROM log WHERE vertex IS NOT NULL);
            `);
        },
    },
];

/** Runs an attack on the store of a data directory that no server uses. */
export function attack(dataDir: string, { run }: Attack): void {
    const database = new DatabaseSync(join(PLACES.server(dataDir), SERVER_FILE));
    try {
        database.exec("PRAGMA foreign_keys = OFF");
        run(database);
    } finally {
        database.close();
    }
}

function middleRecord(database: DatabaseSync): { n: number; bytes: Uint8Array } {
    const row = database
        .prepare(
            "SELECT n, bytes FROM records ORDER BY n LIMIT 1 OFFSET (SELECT count(*) / 2 FROM records)",
        )
        .get();
    return { n: Number(row?.n), bytes: blob(row?.bytes).slice() };
}

function blob(value: unknown): Uint8Array {
    return value instanceof Uint8Array ? value : new Uint8Array();
}
