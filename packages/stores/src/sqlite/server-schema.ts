import type { FileFormat } from "./file-format.ts";

/**
 * Layout of `store.db`. Rows stand in the order of their arrival and are never changed, which is
 * what makes inserts cheap (performance note 5b). Pages of 16 KiB: 17 records of 96
 * readings fill one, and the many small tables cost little. Nothing is stored that follows from the bytes beside it, but for what a query needs;
 * `verify` checks each such column.
 *
 * What a meter's records have in common stands once: its subject, and the head of a message up to
 * its payload (protected header with the key's id); `rest` is the record without both. A chain that forked has two records for one
 * sequence number, and both are kept: `fork` counts them. A body is a set of runs of row numbers,
 * mostly one, for records are carried into vertices in the order of their arrival.
 */
export const SERVER_FORMAT: FileFormat = {
    applicationId: 0x4d53_5376, // "MSSv"
    version: 2,
    pageSize: 16_384,
    schema: `
        CREATE TABLE meta (
            key TEXT PRIMARY KEY NOT NULL,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE vertices (
            n INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 36),
            bytes BLOB NOT NULL
        ) STRICT;

        CREATE TABLE subjects (
            n INTEGER PRIMARY KEY,
            id BLOB NOT NULL UNIQUE CHECK (length(id) = 16)
        ) STRICT;

        CREATE TABLE heads (
            n INTEGER PRIMARY KEY,
            bytes BLOB NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE records (
            n INTEGER PRIMARY KEY,
            subject INTEGER NOT NULL REFERENCES subjects (n),
            epoch INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            fork INTEGER NOT NULL,
            last_slot INTEGER,
            slots INTEGER,
            head INTEGER NOT NULL REFERENCES heads (n),
            rest BLOB NOT NULL,
            UNIQUE (subject, epoch, seq, fork),
            CHECK ((slots IS NULL) = (last_slot IS NULL))
        ) STRICT;
        CREATE INDEX records_by_slot ON records (subject, last_slot) WHERE last_slot IS NOT NULL;

        CREATE TABLE bodies (
            first INTEGER PRIMARY KEY REFERENCES records (n),
            last INTEGER NOT NULL REFERENCES records (n),
            vertex INTEGER NOT NULL REFERENCES vertices (n),
            CHECK (first <= last)
        ) STRICT;
        CREATE INDEX bodies_by_vertex ON bodies (vertex);

        CREATE TABLE log (
            idx INTEGER PRIMARY KEY,
            time_ms INTEGER NOT NULL,
            vertex INTEGER UNIQUE REFERENCES vertices (n),
            item BLOB,
            CHECK ((vertex IS NULL) <> (item IS NULL))
        ) STRICT;

        CREATE TABLE checkpoints (
            size INTEGER PRIMARY KEY,
            note TEXT NOT NULL
        ) STRICT;
    `,
};
