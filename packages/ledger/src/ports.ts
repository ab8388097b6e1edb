import type { ErrorCode } from "@meterseal/core";
import type { MeterRecord, Sign1 } from "@meterseal/record";
import type { Entry } from "./accept/accept.ts";
import type { RecordOutcome } from "./accept/record-rules.ts";
import type { LedgerState } from "./accept/state.ts";
import type { LogEntry } from "./entry.ts";
import type { Vertex } from "./vertex/vertex.ts";

/** Size and root (32 bytes) of a tree. */
export type TreeHead = { readonly size: number; readonly root: Uint8Array };

/** A log entry at its place, with the body of its vertex (empty for other kinds). */
export type StoredEntry = LogEntry & {
    readonly index: number;
    /** Whole records in body order; empty but for a vertex. */
    readonly body: readonly Uint8Array[];
};

/** A new log entry with the checkpoint that covers it. */
export type LogAppend = {
    readonly entry: LogEntry;
    /** 36 bytes for a vertex, null for other kinds. */
    readonly vertexId: Uint8Array | null;
    /** Signed note over the tree that ends with this entry. */
    readonly checkpoint: string;
    readonly size: number;
};

/** Durable log of an engine. */
export interface LogStore {
    /** Genesis bytes; null before {@link initialize}. */
    genesis(): Promise<Uint8Array | null>;
    /** Writes the genesis once. */
    initialize(genesis: Uint8Array): Promise<void>;
    /** All entries from an index on, in order. */
    entries(fromIndex: number): AsyncIterable<StoredEntry>;
    /** The same entries without their bodies. */
    items(fromIndex: number): AsyncIterable<LogEntry & { readonly index: number }>;
    /** Appends an entry and its checkpoint in one durable transaction. */
    append(append: LogAppend): Promise<void>;
    /** Latest checkpoint note; null before the first. */
    checkpoint(): Promise<string | null>;
    /** Latest checkpoint note that witnesses have cosigned; null before the first. */
    cosigned(): Promise<string | null>;
    /** Puts a note with cosignatures in the place of the checkpoint of its size, durably. */
    keepCosigned(size: number, note: string): Promise<void>;
}

/** Where an engine keeps an image of its state, so that a start need not replay the whole log. */
export interface ImageStore {
    /** Pieces of the latest image; null where there is none, or what is there is not whole. */
    read(): Promise<Uint8Array[] | null>;
    /**
     * Puts an image in the place of the one before: durable when the promise resolves. The pieces are
     * taken before the call returns; they may change after it.
     */
    write(pieces: readonly Uint8Array[]): Promise<void>;
}

/** An entry of a block; its vertex and records may be new to the store. */
export type BlockEntry = {
    readonly entry: LogEntry;
    /** 36 bytes for a vertex, null for any other entry. */
    readonly vertexId: Uint8Array | null;
    /** Records of the vertex in body order. */
    readonly records: readonly MeterRecord[];
};

/** What a consensus engine has agreed on up to a height. */
export type BlockHead = {
    readonly height: number;
    /** 32 bytes. */
    readonly appHash: Uint8Array;
    /** What the engine keeps for itself, such as its validators; at most 64 KiB. */
    readonly engineState: Uint8Array;
};

/** A block that was agreed on. */
export type BlockAppend = BlockHead & {
    readonly entries: readonly BlockEntry[];
    /** Signed note over the tree after the block; null where it adds nothing or nobody signs here. */
    readonly checkpoint: string | null;
};

/** Durable log of an engine that commits whole blocks, and takes in vertices of others. */
export interface BlockStore extends LogStore {
    /** Null before the first block. */
    blockHead(): Promise<BlockHead | null>;
    /** Writes a block in one durable transaction. */
    appendBlock(block: BlockAppend): Promise<void>;
    /** Keeps a checkpoint that somebody else signed over the tree of a size, durably. */
    keepCheckpoint(size: number, note: string): Promise<void>;
}

/** Durable records of a collector: admitted, put into vertices, final. */
export interface RecordStore {
    /**
     * Writes records that are now `stored`, in one durable transaction. One that is loose already stays
     * as it is; one that only vertices carry is loose again, for the ledger may have passed over it, or
     * never take the vertex: its author may be removed.
     * @returns those that are loose by this, and so are to go into a vertex of ours.
     */
    insertRecords(records: readonly MeterRecord[]): Promise<readonly MeterRecord[]>;
    /** Records that are in no vertex yet, in the order of their admission. */
    looseRecords(): Promise<Uint8Array[]>;
    /** Writes a vertex of our own and assigns its records, in one durable transaction. */
    insertVertex(id: Uint8Array, bytes: Uint8Array, records: readonly MeterRecord[]): Promise<void>;
    /** Vertices that the log does not hold yet, oldest first, with their bodies. */
    openVertices(): AsyncIterable<StoredVertex>;
    /** A vertex by its id of 36 bytes; null where there is none. */
    storedVertex(id: Uint8Array): Promise<StoredVertex | null>;
    /** Log index of the first entry that carries a record, by its hash at its place; null for none. */
    leafOfRecord(place: RecordPlaceName, hash: Uint8Array): Promise<number | null>;
}

/** Place of a record in its chain. */
export type RecordPlaceName = Pick<MeterRecord, "subject" | "chainEpoch" | "seq">;

/** A vertex as it is stored. */
export type StoredVertex = {
    readonly bytes: Uint8Array;
    /** Whole records in body order. */
    readonly body: readonly Uint8Array[];
};

/** A vertex of another author that is to be stored. */
export type TakenVertex = {
    /** 36 bytes. */
    readonly id: Uint8Array;
    readonly bytes: Uint8Array;
    readonly records: readonly MeterRecord[];
};

/** An entry of a log that is followed; its vertex and records may be new to the store. */
export type FollowedEntry = LogAppend & Pick<BlockEntry, "records">;

/** Durable log of a collector that follows one, and takes in vertices of others before the log has them. */
export interface BranchStore extends LogStore {
    /** Writes entries of the log that is followed, in one durable transaction. */
    followLog(entries: readonly FollowedEntry[]): Promise<void>;
    /** Writes vertices of others, in one durable transaction; what is known stays as it is. */
    takeVertices(vertices: readonly TakenVertex[]): Promise<void>;
    /** Checkpoint over the tree of a size; null where none is kept. */
    checkpointOf(size: number): Promise<string | null>;
    /** A vertex by its id of 36 bytes; null where there is none. */
    storedVertex(id: Uint8Array): Promise<StoredVertex | null>;
    /** Vertices that the log does not hold yet, oldest first, with their bodies. */
    openVertices(): AsyncIterable<StoredVertex>;
}

/** Where a final vertex stands. */
export type Finality = {
    readonly leafIndex: number;
    readonly checkpoint: TreeHead;
};

/** An engine orders entries and makes them final. */
export interface Engine {
    /**
     * Takes a vertex of our own that is on disk, with its records, into its care: it brings it into the
     * log by itself, however long that takes. Absent where a caller has to wait for {@link append}.
     */
    carry?(vertex: Vertex): void;
    /** Committed state; nobody but the engine changes it. */
    readonly state: LedgerState;
    /**
     * Takes an entry: a vertex with its records, or another message with none.
     * @returns where it stands once it is final.
     * @throws MetersealError the refusal of `accept()`, or a failed store.
     */
    submit(item: Uint8Array, records: readonly MeterRecord[]): Promise<Finality>;
    /**
     * Takes an entry as {@link submit} does.
     * @returns its leaf index, once it is in the log and on disk; it may not be final yet.
     */
    append(item: Uint8Array, records: readonly MeterRecord[]): Promise<number>;
    /** Marks a message whose signature the caller has checked, so that it is not checked twice. */
    markVerified(message: Sign1): void;
    /** Tree head up to which everything is final. */
    head(): TreeHead;
}

/** Told of every entry in order: those in the log at start, and each that comes later. */
export interface EngineObserver {
    /**
     * Told before any entry: the engine's state, which it alone changes from here on, and which may begin
     * behind entries that nobody is told of (an image).
     */
    begin?(state: LedgerState): void;
    /** The entry is in the log, on disk; {@link entryFinal} follows for it, now or later. */
    entryLogged?(entry: Entry, timeMs: number): void;
    /** The rule refused a vertex because its author has forked: its signature holds. */
    vertexForked?(vertex: Vertex): void;
    /**
     * The entry is final.
     * @param outcomes what became of the records of a vertex, in body order; none of an enrolment.
     */
    entryFinal(
        entry: Entry,
        timeMs: number,
        finality: Finality,
        outcomes: readonly RecordOutcome[],
    ): void;
    /**
     * The engine refused an entry.
     * @param author - enrolled collector that the vertex names, in hexadecimal; null where there is none
     * such. Only a good signature shows that it was its doing.
     */
    entryRefused?(author: string | null, code: ErrorCode): void;
}
