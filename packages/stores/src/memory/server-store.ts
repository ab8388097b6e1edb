import { bytesEqual, error, toHex } from "@meterseal/core";
import {
    type BlockAppend,
    type BlockHead,
    type BlockStore,
    type BranchStore,
    type FollowedEntry,
    type LogAppend,
    type RecordPlaceName,
    type RecordStore,
    recordName,
    type StoredEntry,
    type StoredVertex,
    type TakenVertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { requireBodyOrder } from "../body-order.ts";
import type { StoreHooks } from "../hooks.ts";
import { Life } from "./life.ts";

type StoredRecord = {
    readonly subject: Uint8Array;
    readonly chainEpoch: number;
    readonly seq: number;
    readonly hash: Uint8Array;
    readonly bytes: Uint8Array;
    /** The vertex that carries it; null while it is loose. */
    vertex: Vertex | null;
};

type Vertex = {
    readonly bytes: Uint8Array;
    readonly body: readonly StoredRecord[];
    final: boolean;
};

/** What survives a crash. */
type Disk = {
    genesis: Uint8Array | null;
    /** In the order of their arrival. */
    readonly records: StoredRecord[];
    /** The same by {@link keyOf}. */
    readonly byKey: Map<string, StoredRecord[]>;
    /** Oldest first, by hexadecimal id. */
    readonly vertices: Map<string, Vertex>;
    readonly log: {
        readonly timeMs: number;
        readonly item: Uint8Array;
        readonly vertex: Vertex | null;
    }[];
    checkpoint: { readonly size: number; readonly note: string } | null;
    /** Checkpoints by size. */
    readonly notes: Map<number, string>;
    /** Latest checkpoint that witnesses have cosigned. */
    cosigned: string | null;
    blockHead: BlockHead | null;
};

/** Double of the server's durable store, with the rules of the real one and a crash. */
export class MemoryServerStore implements BlockStore, BranchStore, RecordStore {
    readonly #life: Life;
    readonly #disk: Disk;

    constructor(hooks: StoreHooks = {}, disk: Disk = emptyDisk()) {
        this.#life = new Life(hooks);
        this.#disk = disk;
    }

    /** Ends this store and opens another one on what was durable. */
    crash(hooks: StoreHooks = {}): MemoryServerStore {
        this.#life.end("crashed");
        return new MemoryServerStore(hooks, this.#disk);
    }

    genesis(): Promise<Uint8Array | null> {
        return this.#life.read(() => this.#disk.genesis);
    }

    initialize(genesis: Uint8Array): Promise<void> {
        return this.#life.write("initialize", () => {
            const before = this.#disk.genesis;
            if (before !== null && !bytesEqual(before, genesis)) {
                throw error("MS_GENESIS", { expected: "the genesis that this store has" });
            }
            const copy = genesis.slice();
            return () => {
                this.#disk.genesis = copy;
            };
        });
    }

    async *entries(fromIndex: number): AsyncGenerator<StoredEntry, void, undefined> {
        for (let index = Math.max(fromIndex, 0); ; index++) {
            const entry = await this.#life.read(() => this.#entry(index));
            if (entry === null) return;
            yield entry;
        }
    }

    async *items(fromIndex: number): AsyncGenerator<Omit<StoredEntry, "body">, void, undefined> {
        for await (const { index, item, timeMs } of this.entries(fromIndex)) {
            yield { index, item, timeMs };
        }
    }

    #entry(index: number): StoredEntry | null {
        const row = this.#disk.log[index];
        if (row === undefined) return null;
        const body = row.vertex === null ? [] : bodyOf(row.vertex);
        return { index, timeMs: row.timeMs, item: row.item.slice(), body };
    }

    append(append: LogAppend): Promise<void> {
        return this.#life.write("append", () => {
            const { log } = this.#disk;
            if (append.size !== log.length + 1) {
                throw error("MS_LOG_LEAF", {
                    where: "append",
                    expected: `size ${log.length + 1}`,
                    got: `size ${append.size}`,
                });
            }
            const { vertexId, entry } = append;
            const vertex = vertexId === null ? null : this.#requireVertex(vertexId, entry.item);
            const row = { timeMs: entry.timeMs, item: entry.item.slice(), vertex };
            return () => {
                log.push(row);
                if (vertex !== null) vertex.final = true;
                this.#keepNote(append.size, append.checkpoint);
            };
        });
    }

    #requireVertex(id: Uint8Array, item: Uint8Array): Vertex {
        const where = `vertex ${toHex(id)}`;
        const vertex = this.#disk.vertices.get(toHex(id));
        if (vertex === undefined) throw error("MS_NOT_FOUND", { where });
        if (vertex.final || !bytesEqual(vertex.bytes, item)) {
            throw error("MS_VERTEX_DUPLICATE", { where });
        }
        return vertex;
    }

    blockHead(): Promise<BlockHead | null> {
        return this.#life.read(() => this.#disk.blockHead);
    }

    appendBlock({ appHash, checkpoint, engineState, entries, height }: BlockAppend): Promise<void> {
        return this.#life.write("appendBlock", () => {
            const ids = entries.flatMap(({ vertexId }) =>
                vertexId === null ? [] : toHex(vertexId),
            );
            if (new Set(ids).size < ids.length) {
                throw error("MS_VERTEX_DUPLICATE", { where: `block ${height}` });
            }
            const rows = entries.map(({ entry, records, vertexId }) => ({
                id: vertexId === null ? null : toHex(vertexId),
                timeMs: entry.timeMs,
                item: entry.item.slice(),
                vertex: vertexId === null ? null : this.#takeVertex(vertexId, entry.item, records),
            }));
            const head = { height, appHash: appHash.slice(), engineState: engineState.slice() };
            return () => {
                for (const { id, item, timeMs, vertex } of rows) {
                    this.#disk.log.push({ timeMs, item, vertex });
                    if (id === null || vertex === null) continue;
                    vertex.final = true;
                    this.#keepVertex(id, vertex);
                }
                const { length: size } = this.#disk.log;
                if (checkpoint !== null) this.#keepNote(size, checkpoint);
                this.#disk.blockHead = head;
            };
        });
    }

    /** Our own vertex of these bytes, or a foreign one with rows of its own. */
    #takeVertex(id: Uint8Array, item: Uint8Array, records: readonly MeterRecord[]): Vertex {
        if (this.#disk.vertices.has(toHex(id))) return this.#requireVertex(id, item);
        return newVertex(item, records);
    }

    #keepRow(row: StoredRecord): void {
        this.#disk.records.push(row);
        this.#disk.byKey.set(keyOf(row), [...this.#rowsLike(row), row]);
    }

    #rowsLike(row: StoredRecord): readonly StoredRecord[] {
        return this.#disk.byKey.get(keyOf(row)) ?? [];
    }

    keepCheckpoint(size: number, note: string): Promise<void> {
        return this.#life.write("keepCheckpoint", () => {
            const { length } = this.#disk.log;
            if (size < 1 || size > length) {
                throw error("MS_NOT_FOUND", { where: `checkpoint of size ${size}` });
            }
            return () => {
                if (size > (this.#disk.checkpoint?.size ?? 0)) this.#keepNote(size, note);
            };
        });
    }

    checkpoint(): Promise<string | null> {
        return this.#life.read(() => this.#disk.checkpoint?.note ?? null);
    }

    cosigned(): Promise<string | null> {
        return this.#life.read(() => this.#disk.cosigned);
    }

    keepCosigned(size: number, note: string): Promise<void> {
        return this.#life.write("keepCosigned", () => {
            const { length } = this.#disk.log;
            if (size < 1 || size > length) {
                throw error("MS_NOT_FOUND", { where: `checkpoint of size ${size}` });
            }
            return () => {
                if (size === length) this.#disk.checkpoint = { size, note };
                this.#disk.notes.set(size, note);
                this.#disk.cosigned = note;
            };
        });
    }

    async insertRecords(records: readonly MeterRecord[]): Promise<readonly MeterRecord[]> {
        const added: MeterRecord[] = [];
        await this.#life.write("insertRecords", () => {
            const rows = records.map((record) => ({ record, row: storedRecord(record) }));
            return () => {
                for (const { record, row } of rows) {
                    if (this.#rowsLike(row).some(({ vertex }) => vertex === null)) continue;
                    this.#keepRow(row);
                    added.push(record);
                }
            };
        });
        return added;
    }

    looseRecords(): Promise<Uint8Array[]> {
        return this.#life.read(() =>
            this.#disk.records.filter((row) => row.vertex === null).map((row) => row.bytes.slice()),
        );
    }

    insertVertex(
        id: Uint8Array,
        bytes: Uint8Array,
        records: readonly MeterRecord[],
    ): Promise<void> {
        return this.#life.write("insertVertex", () => {
            const name = toHex(id);
            requireBodyOrder(records);
            if (this.#disk.vertices.has(name)) {
                throw error("MS_VERTEX_DUPLICATE", { where: `vertex ${name}` });
            }
            const body = records.map((record) => this.#requireLoose(record));
            const vertex = { bytes: bytes.slice(), body, final: false };
            return () => {
                this.#disk.vertices.set(name, vertex);
                for (const row of body) row.vertex = vertex;
            };
        });
    }

    #requireLoose(record: MeterRecord): StoredRecord {
        const row = this.#rowsLike(storedRecord(record)).find(
            ({ bytes, vertex }) => vertex === null && bytesEqual(bytes, record.message.bytes),
        );
        if (row !== undefined) return row;
        throw error("MS_VERTEX_BODY", {
            where: recordName(record),
            expected: "a stored record that is in no vertex yet",
        });
    }

    async *openVertices(): AsyncGenerator<StoredVertex, void, undefined> {
        const open = await this.#life.read(() =>
            [...this.#disk.vertices.values()].filter((vertex) => !vertex.final),
        );
        for (const vertex of open) yield storedVertex(vertex);
    }

    storedVertex(id: Uint8Array): Promise<StoredVertex | null> {
        return this.#life.read(() => {
            const vertex = this.#disk.vertices.get(toHex(id));
            return vertex === undefined ? null : storedVertex(vertex);
        });
    }

    async leafOfRecord(place: RecordPlaceName, hash: Uint8Array): Promise<number | null> {
        const key = keyOf({ ...place, hash });
        const log = await this.#life.read(() => this.#disk.log);
        const at = log.findIndex(({ vertex }) => vertex?.body.some((row) => keyOf(row) === key));
        return at < 0 ? null : at;
    }

    takeVertices(vertices: readonly TakenVertex[]): Promise<void> {
        return this.#life.write("takeVertices", () => {
            const rows = vertices.map(({ bytes, id, records }) => {
                const known = this.#disk.vertices.get(toHex(id));
                return [toHex(id), known ?? newVertex(bytes, records)] as const;
            });
            return () => {
                for (const [name, vertex] of rows) this.#keepVertex(name, vertex);
            };
        });
    }

    followLog(entries: readonly FollowedEntry[]): Promise<void> {
        return this.#life.write("followLog", () => {
            const { log } = this.#disk;
            if (entries[0] !== undefined && entries[0].size !== log.length + 1) {
                const expected = `size ${log.length + 1}`;
                throw error("MS_LOG_LEAF", { where: "followLog", expected });
            }
            const rows = entries.map(({ checkpoint, entry, records, size, vertexId }) => {
                const name = vertexId === null ? null : toHex(vertexId);
                const known = name === null ? undefined : this.#disk.vertices.get(name);
                const vertex = name === null ? null : newVertex(entry.item, records, known);
                return { name, vertex, checkpoint, size, timeMs: entry.timeMs, item: entry.item };
            });
            return () => {
                for (const { checkpoint, item, name, size, timeMs, vertex } of rows) {
                    log.push({ timeMs, item: item.slice(), vertex });
                    this.#keepNote(size, checkpoint);
                    if (name === null || vertex === null) continue;
                    vertex.final = true;
                    this.#keepVertex(name, vertex);
                }
            };
        });
    }

    #keepVertex(name: string, vertex: Vertex): void {
        const isNew = !this.#disk.vertices.has(name);
        this.#disk.vertices.set(name, vertex);
        for (const row of vertex.body) {
            row.vertex = vertex;
            if (isNew) this.#keepRow(row);
        }
    }

    #keepNote(size: number, note: string): void {
        this.#disk.checkpoint = { size, note };
        this.#disk.notes.set(size, note);
    }

    checkpointOf(size: number): Promise<string | null> {
        return this.#life.read(() => this.#disk.notes.get(size) ?? null);
    }

    /** Ends the store without losing anything: {@link crash} opens it again. */
    close(): Promise<void> {
        this.#life.end("closed");
        return Promise.resolve();
    }
}

function bodyOf(vertex: Vertex): Uint8Array[] {
    return vertex.body.map((row) => row.bytes.slice());
}

function storedVertex(vertex: Vertex): StoredVertex {
    return { bytes: vertex.bytes.slice(), body: bodyOf(vertex) };
}

/** A vertex of others with rows of its own, or one that is known, with these bytes. */
function newVertex(bytes: Uint8Array, records: readonly MeterRecord[], known?: Vertex): Vertex {
    requireBodyOrder(records);
    const body = known?.body ?? records.map(storedRecord);
    return { bytes: bytes.slice(), body, final: false };
}

function emptyDisk(): Disk {
    return {
        genesis: null,
        records: [],
        byKey: new Map(),
        vertices: new Map(),
        log: [],
        checkpoint: null,
        notes: new Map(),
        cosigned: null,
        blockHead: null,
    };
}

function storedRecord({ subject, chainEpoch, seq, message }: MeterRecord): StoredRecord {
    const [hash, bytes] = [message.hash.slice(), message.bytes.slice()];
    return { subject: subject.slice(), chainEpoch, seq, hash, bytes, vertex: null };
}

function keyOf(row: RecordPlaceName & { readonly hash: Uint8Array }): string {
    return `${toHex(row.subject)}/${row.chainEpoch}/${row.seq}/${toHex(row.hash)}`;
}
