import {
    type Clock,
    LIMITS,
    type Log,
    MetersealError,
    type Signer,
    type Timers,
} from "@meterseal/core";
import {
    compareRecords,
    createVertex,
    type Engine,
    parseVertex,
    type RecordStore,
    summarizeBody,
    type Tips,
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
    /** What this author has in sight; the builder adds what it writes. */
    readonly tips: Tips;
    readonly log: Log;
    /** Called when a vertex could not be written, or was refused though its author is none that was removed: the
     * collector must stop. */
    readonly onFailure: (cause: unknown) => void;
};

/** A vertex that is on disk, with its records. */
export type WrittenVertex = { readonly vertex: Vertex; readonly records: readonly MeterRecord[] };

/** How often a clock that went back is looked at again. */
const CLOCK_WAIT_MS = 1_000;

/**
 * Puts stored records into vertices and hands those to the engine. A vertex closes at
 * {@link LIMITS.vertexBytes}, {@link LIMITS.vertexRecords} or {@link LIMITS.vertexAgeMs} after its
 * first record; it is on disk before it leaves (formats 1, 6). It goes on while earlier ones are on
 * their way, at most {@link LIMITS.verticesUnderWay}: each names the one before, so they can only
 * enter the log in order.
 *
 * The ledger passes over records that are dated too far ahead of its entry. Ours were not when they
 * were stored; where the clock went back since, a vertex waits until it is good again.
 */
export class VertexBuilder {
    readonly #options: VertexBuilderOptions;
    readonly #engine: Engine;
    #records: MeterRecord[] = [];
    #bytes = 0;
    #cancelTimer: (() => void) | null = null;
    #closing: Promise<void> = Promise.resolve();
    readonly #underWay = new Set<Promise<void>>();
    #stopped = false;
    /** Records that were added and are not final yet. */
    #backlog = 0;
    #waitsForClock = false;
    #waitingForRoom: (() => void)[] = [];
    #flushing = false;
    #wake: (() => void) | null = null;

    constructor(engine: Engine, options: VertexBuilderOptions) {
        this.#engine = engine;
        this.#options = options;
    }

    /** Hands over a vertex that a crash left on disk; oldest first, before anything is added. */
    resume(written: WrittenVertex): void {
        this.#options.tips.add(written.vertex, this.#engine.head().size);
        this.#backlog += written.records.length;
        this.#enqueue(written.records, () => Promise.resolve(written));
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
        await Promise.all(this.#underWay);
    }

    #close(): void {
        this.#cancelTimer?.();
        this.#cancelTimer = null;
        const records = Object.freeze(this.#records.sort(compareRecords));
        this.#records = [];
        this.#bytes = 0;
        if (records.length > 0) this.#enqueue(records, () => this.#seal(records));
    }

    /** Writes a vertex after the ones before, and sends it on its way; after a failure, none. */
    #enqueue(records: readonly MeterRecord[], write: () => Promise<WrittenVertex>): void {
        const notBeforeMs = records.reduce((latest, each) => Math.max(latest, earliestMs(each)), 0);
        this.#closing = this.#closing
            .then(async () => {
                await this.#untilClock(notBeforeMs);
                while (this.#underWay.size >= LIMITS.verticesUnderWay && !this.#stopped) {
                    await Promise.race(this.#underWay);
                }
                if (this.#stopped) this.#leave(records);
                else this.#send(await write());
            })
            .catch((cause: unknown) => this.#fail(cause))
            .finally(() => this.#askAgainForRoom());
    }

    /** Hands a vertex that is on disk to the engine, and does not wait for it. */
    #send({ records, vertex }: WrittenVertex): void {
        if (this.#engine.carry !== undefined) {
            this.#engine.carry(vertex);
            this.#leave(records);
            return;
        }
        const sent = this.#engine
            .append(vertex.message.bytes, records)
            .then(() => this.#leave(records))
            .catch((cause: unknown) => (isRemoved(cause) ? this.#end(records) : this.#fail(cause)))
            .finally(() => {
                this.#underWay.delete(sent);
                this.#askAgainForRoom();
            });
        this.#underWay.add(sent);
    }

    #leave(records: readonly MeterRecord[]): void {
        this.#backlog -= records.length;
    }

    /** The ledger takes nothing more of this author; the rest of the server goes on. */
    #end(records: readonly MeterRecord[]): void {
        this.#leave(records);
        if (this.#stopped) return;
        this.#stopped = true;
        this.#options.log.warn(
            "this collector was removed: what it stored last stays out of the log",
        );
    }

    #fail(cause: unknown): void {
        this.#stopped = true;
        this.#options.onFailure(cause);
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

    async #seal(records: readonly MeterRecord[]): Promise<WrittenVertex> {
        const { author, keyEpoch, nextTurn, signer, store, tips } = this.#options;
        const seen = this.#engine.head();
        const bytes = await createVertex(signer, {
            net: this.#engine.state.networkId,
            author,
            keyEpoch,
            ...tips.next(),
            seen,
            ...summarizeBody(records),
        });
        const vertex = parseVertex(bytes);
        if (!vertex.ok) throw vertex.error;
        await nextTurn(); // each step takes some milliseconds of hundreds of records
        await store.insertVertex(vertex.value.id.bytes, bytes, records);
        tips.add(vertex.value, seen.size);
        await nextTurn();
        return { vertex: vertex.value, records };
    }
}

function isRemoved(cause: unknown): boolean {
    return cause instanceof MetersealError && cause.code === "MS_FROZEN";
}
