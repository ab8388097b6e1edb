import { join } from "node:path";
import type { StatementSync } from "node:sqlite";
import { error } from "@meterseal/core";
import type { MeterStore, OutboxRecord } from "@meterseal/record";
import type { StoreHooks, WritePoint } from "../hooks.ts";
import { type DirectoryLock, lockDirectory } from "../lock.ts";
import { blobOf, integerOf, type Row } from "./columns.ts";
import { type Database, openDatabase } from "./database.ts";
import type { FileFormat } from "./file-format.ts";
import { type Durability, durabilityOf } from "./server-store.ts";

/** File name of a meter's store in its directory. */
export const METER_FILE = "outbox.db";

/** How to open a meter's store. */
export type MeterStoreOptions = {
    /** For `verify`: never writes nor locks, and sees the store as it was when opened. */
    readonly readOnly?: boolean;
    /** Fault injection for tests. */
    readonly hooks?: StoreHooks;
};

/** Small, because a simulated fleet opens one for each meter in one process. */
const CACHE_KIB = 128;
const CHECKPOINT_PAGES = 256;

const METER_FORMAT: FileFormat = {
    applicationId: 0x4d53_4d74, // "MSMt"
    version: 1,
    pageSize: 4096,
    schema: `
        CREATE TABLE blobs (
            key TEXT PRIMARY KEY NOT NULL CHECK (key IN ('state', 'stored', 'final')),
            value BLOB NOT NULL
        ) STRICT;

        CREATE TABLE outbox (
            n INTEGER PRIMARY KEY,
            epoch INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            hash BLOB NOT NULL CHECK (length(hash) = 32),
            bytes BLOB NOT NULL,
            UNIQUE (epoch, seq)
        ) STRICT;
    `,
};

type BlobKey = "state" | "stored" | "final";

/**
 * Takes the lock of a meter's directory: who signs from a state of before signs a place of the chain
 * twice, which puts the meter out of service for good.
 * @throws MetersealError MS_STORE_LOCKED where the meter is at work, MS_STORE_UNWRITABLE.
 */
export function lockMeter(directory: string): DirectoryLock {
    const todo =
        "A meter has one writer: stop that process first, such as its meterseal bridge or meter run.";
    return lockDirectory(directory, todo);
}

/**
 * Opens `outbox.db` in a meter's directory, and makes both where they are missing. The directory is
 * locked until the store is closed, unless it is only read.
 * @throws MetersealError MS_STORE_LOCKED where the meter is at work, MS_STORE_FORMAT for a foreign, newer
 * or damaged file, MS_STORE_UNWRITABLE.
 */
export function openMeterStore(
    directory: string,
    { hooks = {}, readOnly = false }: MeterStoreOptions = {},
): Promise<SqliteMeterStore> {
    return new Promise((resolve) => {
        const lock = readOnly ? null : lockMeter(directory);
        try {
            const database = openDatabase(join(directory, METER_FILE), METER_FORMAT, {
                ...{ readOnly, hooks },
                cacheKiB: CACHE_KIB,
                checkpointPages: CHECKPOINT_PAGES,
            });
            resolve(new SqliteMeterStore(database, lock));
        } catch (cause) {
            lock?.release();
            throw cause;
        }
    });
}

/** A meter's durable memory on SQLite; every method that writes is one transaction. */
export class SqliteMeterStore implements MeterStore {
    readonly #database: Database;
    readonly #lock: DirectoryLock | null;
    readonly #blob: StatementSync;
    readonly #setBlob: StatementSync;
    readonly #insert: StatementSync;
    readonly #outbox: StatementSync;
    readonly #deleteCovered: StatementSync;

    /** Use {@link openMeterStore}. */
    constructor(database: Database, lock: DirectoryLock | null) {
        this.#database = database;
        this.#lock = lock;
        this.#blob = database.prepare("SELECT value FROM blobs WHERE key = ?");
        this.#setBlob = database.prepare(
            `INSERT INTO blobs (key, value) VALUES (?, ?)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        );
        this.#insert = database.prepare(
            `INSERT INTO outbox (epoch, seq, hash, bytes) VALUES (?, ?, ?, ?)
             ON CONFLICT (epoch, seq) DO NOTHING`,
        );
        this.#outbox = database.prepare(
            "SELECT epoch, seq, hash, bytes FROM outbox ORDER BY epoch, seq",
        );
        this.#deleteCovered = database.prepare("DELETE FROM outbox WHERE (epoch, seq) <= (?, ?)");
    }

    state(): Promise<Uint8Array | null> {
        return this.#database.settle(() => this.#read("state"));
    }

    /** Writes state and record together; a place of the chain that is taken is MS_REPLAYED. */
    append(state: Uint8Array, record: OutboxRecord | null): Promise<void> {
        return this.#database.write("append", () => {
            this.#setBlob.run("state", state);
            if (record === null) return;
            const { chainEpoch, seq, hash, bytes } = record;
            if (this.#insert.run(chainEpoch, seq, hash, bytes).changes === 1) return;
            throw error("MS_REPLAYED", { where: `outbox record ${chainEpoch}/${seq}` });
        });
    }

    outbox(): Promise<OutboxRecord[]> {
        return this.#database.settle(() => this.#outbox.all().map(outboxRecord));
    }

    keepStored(receipt: Uint8Array): Promise<void> {
        return this.#keep("keepStored", "stored", receipt);
    }

    /** Keeps the receipt and deletes all earlier chain epochs, and this one up to `seq`. */
    keepFinal(receipt: Uint8Array, chainEpoch: number, seq: number): Promise<void> {
        return this.#keep("keepFinal", "final", receipt, () => {
            this.#deleteCovered.run(chainEpoch, seq);
        });
    }

    receipts(): Promise<{ readonly stored: Uint8Array | null; readonly final: Uint8Array | null }> {
        return this.#database.settle(() => ({
            stored: this.#read("stored"),
            final: this.#read("final"),
        }));
    }

    /** Settings that durability rests on, as they are in force. */
    durability(): Promise<Durability> {
        return this.#database.settle(() => durabilityOf(this.#database));
    }

    /** Closes the file and gives the directory back; a second time does nothing. */
    async close(): Promise<void> {
        try {
            await this.#database.close();
        } finally {
            this.#lock?.release();
        }
    }

    #read(key: BlobKey): Uint8Array | null {
        const row = this.#blob.get(key);
        return row === undefined ? null : blobOf(row, "value");
    }

    #keep(
        point: WritePoint,
        key: BlobKey,
        receipt: Uint8Array,
        then: () => void = () => {},
    ): Promise<void> {
        return this.#database.write(point, () => {
            this.#setBlob.run(key, receipt);
            then();
        });
    }
}

function outboxRecord(row: Row): OutboxRecord {
    return {
        chainEpoch: integerOf(row, "epoch"),
        seq: integerOf(row, "seq"),
        hash: blobOf(row, "hash"),
        bytes: blobOf(row, "bytes"),
    };
}
