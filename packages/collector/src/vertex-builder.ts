import { type Clock, LIMITS, type Log, type Signer, type Timers } from "@meterseal/core";
import {
    compareRecords,
    createVertex,
    type Engine,
    genesisVertexIds,
    parseVertex,
    type RecordStore,
    soloParents,
    summarizeBody,
    type Vertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { earliestMs } from "./record-time.ts";
import type { NextTurn } from "./turns.ts";

/** What a vertex builder works with. */
export type VertexBuilderOptions = {
    readonly store: RecordStore;
    /** Clock by which the engine dates entries. */
    readonly clock: Clock;
    readonly timers: Timers;
    readonly nextTurn: NextTurn;
    readonly signer: Signer;
    /** Author id of this collector, 16 bytes. */
    readonly author: Uint8Array;
    readonly keyEpoch: number;
    readonly log: Log;
    /** Called once when a vertex could not be written or was refused: the collector must stop. */
    readonly onFailure: (cause: unknown) => void;
};

/** A vertex that is on disk, with its records. */
export type WrittenVertex = { readonly vertex: Vertex; readonly records: readonly MeterRecord[] };

/** How often a clock that went back is looked at again. */
const CLOCK_WAIT_MS = 1_000;

/**
 * Puts stored records into vertices and hands those to the engine. A vertex closes at
 * {@link LIMITS.vertexBytes}, {@link LIMITS.vertexRecords} or {@link LIMITS.vertexAgeMs} after its
 * first record; it is on disk before it leaves (formats 1, 6).
 *
 * The ledger passes over records that are dated too far ahead of its entry. Ours were not when they
 * were stored; where the clock went back since, a vertex waits until it is good again.
 */
export class VertexBuilder {
    readonly #options: VertexBuilderOptions;
    readonly #engine: Engine;
    readonly #own: Vertex[] = [];
    #records: MeterRecord[] = [];
    #bytes = 0;
    #cancelTimer: (() => void) | null = null;
    #closing: Promise<void> = Promise.resolve();
    #stopped = false;
    /** Records that were added and are not final yet. */
    #backlog = 0;
    #waitsForClock = false;
    #waitingForRoom: (() => void)[] = [];
    #flushing = false;
    #wake: (() => void) | null = null;

    /** @param own this author's vertices so far, oldest first. */
    constructor(engine: Engine, own: readonly Vertex[], options: VertexBuilderOptions) {
        this.#engine = engine;
        this.#options = options;
        this.#own.push(...own.slice(-2));
    }

    /** Hands over a vertex that a crash left on disk; oldest first, before anything is added. */
    resume(written: WrittenVertex): void {
        this.#remember(written.vertex);
        this.#backlog += written.records.length;
        this.#enqueue(written.records, () => this.#submit(written));
    }

    /**
     * Resolves while fewer than {@link LIMITS.vertexBacklog} records are on their way to the ledger:
     * a disk that is slower than the network must hold up senders, not fill the memory. It does not
     * wait for a clock that went back, which may take hours.
     */
    async room(): Promise<void> {
        while (this.#backlog >= LIMITS.vertexBacklog && !this.#waitsForClock && !this.#stopped) {
            await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
        }
    }

    #askAgainForRoom(): void {
        const waiting = this.#waitingForRoom;
        this.#waitingForRoom = [];
        for (const resolve of waiting) resolve();
    }

    /** Adds stored records to the vertex that is being filled. */
    add(records: readonly MeterRecord[]): void {
        this.#backlog += records.length;
        for (const record of records) {
            const size = record.message.bytes.length;
            const full =
                this.#records.length >= LIMITS.vertexRecords ||
                this.#bytes + size > LIMITS.vertexBytes;
            if (full) this.#close();
            this.#records.push(record);
            this.#bytes += size;
        }
        if (this.#records.length >= LIMITS.vertexRecords) this.#close();
        if (this.#records.length > 0) {
            this.#cancelTimer ??= this.#options.timers.after(LIMITS.vertexAgeMs, () =>
                this.#close(),
            );
        }
    }

    /**
     * Closes the vertex that is being filled and waits until every one is in the log. What waits for a
     * clock that went back stays in the store for the next start. Nothing is added afterwards.
     */
    async flush(): Promise<void> {
        this.#flushing = true;
        this.#close();
        this.#wake?.();
        await this.#closing;
    }

    #close(): void {
        this.#cancelTimer?.();
        this.#cancelTimer = null;
        const records = Object.freeze(this.#records.sort(compareRecords));
        this.#records = [];
        this.#bytes = 0;
        if (records.length > 0) this.#enqueue(records, () => this.#seal(records));
    }

    /** Runs one step after the ones before; after a failed one, none. */
    #enqueue(records: readonly MeterRecord[], step: () => Promise<void>): void {
        const notBeforeMs = records.reduce((latest, each) => Math.max(latest, earliestMs(each)), 0);
        this.#closing = this.#closing
            .then(async () => {
                await this.#untilClock(notBeforeMs);
                if (!this.#stopped) await step();
                this.#backlog -= records.length;
            })
            .catch((cause: unknown) => {
                this.#stopped = true;
                this.#options.onFailure(cause);
            })
            .finally(() => this.#askAgainForRoom());
    }

    async #untilClock(notBeforeMs: number): Promise<void> {
        const { clock, log, timers } = this.#options;
        const nowMs = (): number => Math.max(clock.nowMs(), this.#engine.state.lastTimeMs);
        if (nowMs() >= notBeforeMs || this.#stopped) return;
        log.warn("the clock is behind stored records: their vertex waits", {
            seconds: Math.ceil((notBeforeMs - nowMs()) / 1000),
        });
        this.#waitsForClock = true;
        this.#askAgainForRoom();
        while (nowMs() < notBeforeMs && !this.#stopped) {
            if (this.#flushing) {
                this.#stopped = true;
                return;
            }
            await new Promise<void>((resolve) => {
                const cancel = timers.after(CLOCK_WAIT_MS, resolve);
                this.#wake = () => {
                    cancel();
                    resolve();
                };
            });
            this.#wake = null;
        }
        this.#waitsForClock = false;
    }

    async #seal(records: readonly MeterRecord[]): Promise<void> {
        const { author, keyEpoch, nextTurn, signer, store } = this.#options;
        const { networkId } = this.#engine.state;
        const newestFirst = [...this.#own].reverse();
        const bytes = await createVertex(signer, {
            net: networkId,
            author,
            keyEpoch,
            round: (newestFirst[0]?.round ?? 0) + 1,
            parents: soloParents(
                newestFirst.map((vertex) => vertex.id),
                genesisVertexIds(networkId),
            ),
            seen: this.#engine.head(),
            ...summarizeBody(records),
        });
        const vertex = parseVertex(bytes);
        if (!vertex.ok) throw vertex.error;
        await nextTurn(); // each step takes some milliseconds of hundreds of records
        await store.insertVertex(vertex.value.id.bytes, bytes, records);
        this.#remember(vertex.value);
        await nextTurn();
        await this.#submit({ vertex: vertex.value, records });
    }

    async #submit({ vertex, records }: WrittenVertex): Promise<void> {
        await this.#engine.append(vertex.message.bytes, records);
    }

    #remember(vertex: Vertex): void {
        this.#own.push(vertex);
        if (this.#own.length > 2) this.#own.shift();
    }
}
