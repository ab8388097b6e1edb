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
import { EarlyRecords, type Pause } from "./early-records.ts";
import { earliestMs } from "./record-time.ts";
import type { NextTurn } from "./turns.ts";

/** What a vertex builder works with. */
export type VertexBuilderOptions = {
    readonly store: RecordStore;
    /** Clock by which the engine dates entries. */
    readonly clock: Clock;
    /** Real time: when the ledger is asked again. */
    readonly steadyClock: Clock;
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

/** How often it is looked whether the time of early records has come. */
const EARLY_LOOK_MS = 1_000;

/**
 * Puts stored records into vertices and hands those to the engine. A vertex closes at
 * {@link LIMITS.vertexBytes}, {@link LIMITS.vertexRecords} or {@link LIMITS.vertexAgeMs} after its
 * first record; it is on disk before it leaves (formats 1, 6). It goes on while earlier ones are on
 * their way, at most {@link LIMITS.verticesUnderWay}: each names the one before, so they can only
 * enter the log in order.
 *
 * The ledger passes over records that are dated too far ahead of its entry. Ours were not when they
 * were stored; where the clock went back since, they wait on disk, and with them the later ones of their
 * meters, which the ledger could not take before. All others go on.
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
    #waitingForRoom: (() => void)[] = [];
    readonly #early = new EarlyRecords();
    #cancelLook: (() => void) | null = null;
    #flushing = false;

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
     * a disk that is slower than the network must hold up senders, not fill the memory. Early records
     * do not count, which may wait for days.
     */
    async room(): Promise<void> {
        while (this.#backlog >= LIMITS.vertexBacklog && !this.#stopped) {
            await new Promise<void>((resolve) => this.#waitingForRoom.push(resolve));
        }
    }

    /** True for a meter (hexadecimal) whose records wait for their time while no more may. */
    isFullFor(subjectHex: string): boolean {
        return this.#early.isFullFor(subjectHex);
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

    /** Adds a stored record again that the ledger passed over, after a pause. */
    addLater(record: MeterRecord, pause: Pause): void {
        this.#early.add(record, pause);
        this.#lookLater();
    }

    /**
     * Closes the vertex that is being filled and waits until every one is in the log. Early records stay in
     * the store for the next start. Nothing is added afterwards.
     */
    async flush(): Promise<void> {
        this.#flushing = true;
        this.#cancelLook?.();
        this.#close();
        await this.#closing;
        await Promise.all(this.#underWay);
    }

    #close(): void {
        this.#cancelTimer?.();
        this.#cancelTimer = null;
        const records = this.#records.sort(compareRecords);
        this.#records = [];
        this.#bytes = 0;
        if (records.length > 0)
            this.#enqueue(records, () => this.#seal(this.#withoutEarly(records)));
    }

    /** Writes a vertex after the ones before, and sends it on its way; after a failure, none. */
    #enqueue(records: readonly MeterRecord[], write: () => Promise<WrittenVertex | null>): void {
        this.#closing = this.#closing
            .then(async () => {
                while (this.#underWay.size >= LIMITS.verticesUnderWay && !this.#stopped) {
                    await Promise.race(this.#underWay);
                }
                const written = this.#stopped ? null : await write();
                this.#leave(records.length - (written?.records.length ?? 0));
                if (written !== null) this.#send(written);
            })
            .catch((cause: unknown) => this.#fail(cause))
            .finally(() => this.#askAgainForRoom());
    }

    /** Sets aside what the ledger would pass over by its date, or could not take before that. */
    #withoutEarly(sorted: readonly MeterRecord[]): readonly MeterRecord[] {
        const nowMs = this.#nowMs();
        const before = this.#early.size;
        const ready = sorted.filter((record) => {
            const isEarly = earliestMs(record) > nowMs || this.#early.isBehind(record);
            if (isEarly) this.#early.add(record);
            return !isEarly;
        });
        const count = sorted.length - ready.length;
        if (count > 0 && before === 0) {
            this.#options.log.warn("the clock is behind stored records: they wait on disk", {
                records: count,
            });
        }
        this.#lookLater();
        return Object.freeze(ready);
    }

    /** Time by which the engine will date an entry, at least. */
    #nowMs(): number {
        return Math.max(this.#options.clock.nowMs(), this.#engine.state.lastTimeMs);
    }

    #lookLater(): void {
        if (this.#early.size === 0 || this.#flushing || this.#stopped) return;
        const { steadyClock, timers } = this.#options;
        this.#cancelLook ??= timers.after(EARLY_LOOK_MS, () => {
            this.#cancelLook = null;
            const steadyMs = steadyClock.nowMs();
            const ledger = this.#engine.state;
            this.add(this.#early.take({ nowMs: this.#nowMs(), steadyMs, ledger }));
            this.#lookLater();
        });
    }

    /** Hands a vertex that is on disk to the engine, and does not wait for it. */
    #send({ records, vertex }: WrittenVertex): void {
        if (this.#engine.carry !== undefined) {
            this.#engine.carry(vertex);
            this.#leave(records.length);
            return;
        }
        const sent = this.#engine
            .append(vertex.message.bytes, records)
            .then(() => this.#leave(records.length))
            .catch((cause: unknown) => (isRemoved(cause) ? this.#end(records) : this.#fail(cause)))
            .finally(() => {
                this.#underWay.delete(sent);
                this.#askAgainForRoom();
            });
        this.#underWay.add(sent);
    }

    #leave(count: number): void {
        this.#backlog -= count;
    }

    /** The ledger takes nothing more of this author; the rest of the server goes on. */
    #end(records: readonly MeterRecord[]): void {
        this.#leave(records.length);
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

    async #seal(records: readonly MeterRecord[]): Promise<WrittenVertex | null> {
        if (records.length === 0) return null;
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
