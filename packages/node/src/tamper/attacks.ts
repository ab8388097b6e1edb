import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { leafHash, MerkleLog } from "@meterseal/ledger";
import { joinRecord, SERVER_FILE } from "@meterseal/stores/sqlite";
import { PLACES } from "../files.ts";

/** Something that somebody with full access to the server's disk may try. */
export type Attack = {
    readonly name: string;
    /** One sentence for a person who has never seen the system. */
    readonly story: string;
    readonly run: (database: DatabaseSync) => void;
};

/** Bit that the first attack turns: inside the sealed registers of a record. */
const FLIPPED_OFFSET = 250;

/** The attacks, from clumsy to careful. */
export const ATTACKS: readonly Attack[] = [
    {
        name: "one bit",
        story: "Somebody turns one bit of one sealed reading in the database.",
        run: (database) => {
            const { n, rest } = middleRecord(database);
            flipBit(database, n, rest);
        },
    },
    {
        name: "covered bit",
        story: "The same, and the batch's header is given the Merkle root that matches.",
        run: (database) => {
            const { n, rest } = middleRecord(database);
            const vertex = database
                .prepare(
                    `SELECT n, bytes FROM vertices WHERE n =
                     (SELECT vertex FROM bodies WHERE first <= ? ORDER BY first DESC LIMIT 1)`,
                )
                .get(n);
            const before = rootOf(database, Number(vertex?.n));
            flipBit(database, n, rest);
            const header = Buffer.from(blob(vertex?.bytes));
            header.set(rootOf(database, Number(vertex?.n)), header.indexOf(before));
            database
                .prepare("UPDATE vertices SET bytes = ? WHERE n = ?")
                .run(header, Number(vertex?.n));
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
            const rows = database.prepare("SELECT n, rest FROM records ORDER BY n LIMIT 2").all();
            const update = database.prepare("UPDATE records SET rest = ? WHERE n = ?");
            update.run(blob(rows[0]?.rest), Number(rows[1]?.n));
            update.run(blob(rows[1]?.rest), Number(rows[0]?.n));
        },
    },
    {
        name: "rolled back log",
        story: "The operator removes the latest batch: log entry, checkpoint, vertex and records.",
        run: (database) => {
            database.exec(`
                DELETE FROM records WHERE EXISTS (SELECT 1 FROM bodies WHERE n BETWEEN first AND last
                    AND vertex = (SELECT vertex FROM log ORDER BY idx DESC LIMIT 1));
                DELETE FROM bodies WHERE vertex = (SELECT vertex FROM log ORDER BY idx DESC LIMIT 1);
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

function middleRecord(database: DatabaseSync): { n: number; rest: Uint8Array } {
    const row = database
        .prepare(
            "SELECT n, rest FROM records ORDER BY n LIMIT 1 OFFSET (SELECT count(*) / 2 FROM records)",
        )
        .get();
    return { n: Number(row?.n), rest: blob(row?.rest) };
}

function flipBit(database: DatabaseSync, n: number, rest: Uint8Array): void {
    const flipped = rest.slice();
    flipped[FLIPPED_OFFSET] = (flipped[FLIPPED_OFFSET] as number) ^ 1;
    database.prepare("UPDATE records SET rest = ? WHERE n = ?").run(flipped, n);
}

/** Merkle root of the records under a vertex, as its header states it. */
function rootOf(database: DatabaseSync, vertex: number): Uint8Array {
    const rows = database
        .prepare(
            `SELECT subjects.id AS subject, heads.bytes AS head, rest FROM bodies
             JOIN records ON records.n BETWEEN first AND last
             JOIN subjects ON subjects.n = records.subject JOIN heads ON heads.n = records.head
             WHERE vertex = ? ORDER BY subjects.id, epoch, seq`,
        )
        .all(vertex);
    const leaves = rows.map(({ head, rest, subject }) =>
        leafHash(joinRecord({ head: blob(head), rest: blob(rest) }, blob(subject))),
    );
    return MerkleLog.of(leaves).root(leaves.length);
}

function blob(value: unknown): Uint8Array {
    return value instanceof Uint8Array ? value : new Uint8Array();
}
