import type {
    BlockAppend,
    BlockHead,
    BlockStore,
    BranchStore,
    FollowedEntry,
    LogAppend,
    RecordPlaceName,
    RecordStore,
    StoredEntry,
    StoredVertex,
    TakenVertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { MemoryServerStore } from "@meterseal/stores/memory";
import type { SimulatedTime } from "../sim-time.ts";

/** What a simulated disk works with. */
export type DiskOptions = {
    readonly time: SimulatedTime;
    /** How long the next write takes, ms. */
    readonly drawMs: () => number;
    /** How many writes of so many under way a power cut leaves behind, whole and in order. */
    readonly drawKept: (underWay: number) => number;
    /** True for a write that is called durable and is not: a disk that lies. */
    readonly forgets: () => boolean;
    /** Told of every write as it begins and when it has become durable; may cut the power there. */
    readonly onWrite: (point: string, isDurable: boolean) => void;
};

/**
 * A server's disk that syncs in its own time: a write is durable, and its caller told, some
 * milliseconds later. A crash loses what was not synced, but for a first part of it that had reached
 * the platter while nobody was told.
 */
export class SimDisk implements BlockStore, BranchStore, RecordStore {
    readonly #options: DiskOptions;
    readonly #store: MemoryServerStore;
    readonly #underWay: (() => Promise<unknown>)[] = [];
    #lastMs = 0;
    #dead = false;

    constructor(options: DiskOptions, store: MemoryServerStore = new MemoryServerStore()) {
        this.#options = options;
        this.#store = store;
    }

    /** Cuts the power: nothing is written and nobody told any more. */
    crash(): void {
        if (this.#dead) return;
        this.#dead = true;
        const kept = this.#options.drawKept(this.#underWay.length);
        for (const apply of this.#underWay.splice(0).slice(0, kept)) apply().catch(() => undefined);
    }

    /** A disk for the next life, on what is durable. */
    reopen(options: DiskOptions): SimDisk {
        this.crash();
        return new SimDisk(options, this.#store.crash());
    }

    genesis(): Promise<Uint8Array | null> {
        return this.#store.genesis();
    }

    initialize(genesis: Uint8Array): Promise<void> {
        return this.#write("initialize", () => this.#store.initialize(genesis));
    }

    entries(fromIndex: number): AsyncIterable<StoredEntry> {
        return this.#store.entries(fromIndex);
    }

    items(fromIndex: number): ReturnType<BlockStore["items"]> {
        return this.#store.items(fromIndex);
    }

    append(append: LogAppend): Promise<void> {
        return this.#write("append", () => this.#store.append(append));
    }

    checkpoint(): Promise<string | null> {
        return this.#store.checkpoint();
    }

    cosigned(): Promise<string | null> {
        return this.#store.cosigned();
    }

    keepCosigned(size: number, note: string): Promise<void> {
        return this.#write("keepCosigned", () => this.#store.keepCosigned(size, note));
    }

    blockHead(): Promise<BlockHead | null> {
        return this.#store.blockHead();
    }

    appendBlock(block: BlockAppend): Promise<void> {
        return this.#write("appendBlock", () => this.#store.appendBlock(block));
    }

    keepCheckpoint(size: number, note: string): Promise<void> {
        return this.#write("keepCheckpoint", () => this.#store.keepCheckpoint(size, note));
    }

    followLog(entries: readonly FollowedEntry[]): Promise<void> {
        return this.#write("followLog", () => this.#store.followLog(entries));
    }

    takeVertices(vertices: readonly TakenVertex[]): Promise<void> {
        return this.#write("takeVertices", () => this.#store.takeVertices(vertices));
    }

    checkpointOf(size: number): Promise<string | null> {
        return this.#store.checkpointOf(size);
    }

    storedVertex(id: Uint8Array): Promise<StoredVertex | null> {
        return this.#store.storedVertex(id);
    }

    leafOfRecord(place: RecordPlaceName, hash: Uint8Array): Promise<number | null> {
        return this.#store.leafOfRecord(place, hash);
    }

    insertRecords(records: readonly MeterRecord[]): Promise<readonly MeterRecord[]> {
        const forgotten = (): readonly MeterRecord[] => records;
        return this.#write("insertRecords", () => this.#store.insertRecords(records), forgotten);
    }

    looseRecords(): Promise<Uint8Array[]> {
        return this.#store.looseRecords();
    }

    insertVertex(
        id: Uint8Array,
        bytes: Uint8Array,
        records: readonly MeterRecord[],
    ): Promise<void> {
        return this.#write("insertVertex", () => this.#store.insertVertex(id, bytes, records));
    }

    openVertices(): ReturnType<RecordStore["openVertices"]> {
        return this.#store.openVertices();
    }

    #write<T>(
        point: string,
        apply: () => Promise<T>,
        forgotten: () => T = () => undefined as T,
    ): Promise<T> {
        const { drawMs, forgets, onWrite, time } = this.#options;
        return new Promise((resolve, reject) => {
            if (this.#dead) return;
            this.#underWay.push(apply);
            this.#lastMs = Math.max(this.#lastMs, time.nowMs() + drawMs());
            time.after(this.#lastMs - time.nowMs(), () => {
                if (this.#dead) return;
                this.#underWay.shift();
                const written = forgets() ? Promise.resolve(forgotten()) : apply();
                written.then((value) => {
                    onWrite(point, true);
                    if (!this.#dead) resolve(value);
                }, reject);
            });
            onWrite(point, false);
        });
    }
}
