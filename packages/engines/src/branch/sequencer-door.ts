import {
    bytesEqual,
    type Clock,
    concatBytes,
    LIMITS,
    MetersealError,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    type BranchStore,
    type Exchange,
    type Heads,
    type LogPage,
    loggedHeads,
    parentsFault,
    parseVertex,
    type SentVertex,
    type VertexAnswer,
} from "@meterseal/ledger";
import { lastRegistersUnix, type MeterRecord } from "@meterseal/record";
import type { EmbeddedEngine } from "../embedded/index.ts";
import type { VerifySignatures } from "../signature-jobs.ts";
import { logPage } from "./log-page.ts";
import { type Evicted, Orphans } from "./orphans.ts";
import { type ScreenedVertex, screenVertex } from "./screen.ts";

/** What the door works with. */
export type SequencerDoorOptions = {
    readonly engine: EmbeddedEngine;
    readonly store: BranchStore;
    /** Author id of the collector of this server, 16 bytes: its vertices come in without the door. */
    readonly author: Uint8Array;
    readonly clock: Clock;
    readonly verify: VerifySignatures;
};

/** What branches ask of the server that writes the log: the log, and room in it for their vertices. */
export class SequencerDoor implements Exchange {
    readonly #options: SequencerDoorOptions;
    readonly #orphans = new Orphans();
    readonly #refused = new Map<string, number>();
    #queue: Promise<unknown> = Promise.resolve();

    private constructor(options: SequencerDoorOptions) {
        this.#options = options;
    }

    /**
     * Opens the door, and first brings into the log what a crash left on disk on its way there: while it
     * was appended a collector here may have said `stored` of its records, and its author may be removed
     * before it offers them again.
     * @throws MetersealError MS_STORE_UNWRITABLE.
     */
    static async open(options: SequencerDoorOptions): Promise<SequencerDoor> {
        const door = new SequencerDoor(options);
        for await (const { body, bytes } of options.store.openVertices()) {
            if (bytesEqual(unwrap(parseVertex(bytes)).author, options.author)) continue;
            await door.offer([{ bytes, body: concatBytes(...body) }]);
        }
        return door;
    }

    /** Vertices that wait for parents, and those dropped for want of room by author. */
    get orphans(): { readonly size: number; readonly evicted: Evicted } {
        return this.#orphans;
    }

    /** Refused vertices by author (hexadecimal, or "unknown") and code. */
    get refused(): ReadonlyMap<string, number> {
        return this.#refused;
    }

    async logPage(fromIndex: number): Promise<LogPage> {
        const { engine, store } = this.#options;
        return await logPage(store, fromIndex, engine.head().size);
    }

    async heads(): Promise<Heads> {
        const { engine } = this.#options;
        const heads = { logSize: engine.head().size, authors: loggedHeads(engine.state) };
        return await Promise.resolve(heads);
    }

    /** None: what is here is in the log. */
    async missing(): Promise<readonly SentVertex[]> {
        return await Promise.resolve([]);
    }

    /** Takes vertices into the log, one page at a time: what is answered "taken" is on disk in it. */
    offer(vertices: readonly SentVertex[]): Promise<VertexAnswer[]> {
        const answered = this.#queue.then(() => this.#takeAll(vertices));
        this.#queue = answered.catch(() => undefined);
        return answered;
    }

    async submit(item: Uint8Array): Promise<void> {
        await this.#options.engine.append(item, []);
    }

    async #takeAll(vertices: readonly SentVertex[]): Promise<VertexAnswer[]> {
        const { engine, verify } = this.#options;
        const answers: VertexAnswer[] = [];
        for (const sent of vertices) {
            const screened = await screenVertex(engine.state, sent, verify);
            if (!screened.ok) this.#count("unknown", screened.error.code);
            answers.push(screened.ok ? await this.#take(screened.value) : screened.error.code);
        }
        return answers;
    }

    async #take(first: ScreenedVertex): Promise<VertexAnswer> {
        const { state } = this.#options.engine;
        const missing = first.vertex.parents
            .map((parent) => parent.toString())
            .filter((name) => !state.vertices.has(name));
        if (missing.length > 0) {
            this.#orphans.add(first, missing);
            return "waits";
        }
        const answer = await this.#append(first);
        if (answer !== "taken" || this.#orphans.size === 0) return answer;
        const has = (name: string): boolean => state.vertices.has(name);
        for (let ready = this.#orphans.release(has); ready.length > 0; ) {
            for (const orphan of ready) await this.#append(orphan);
            ready = this.#orphans.release(has);
        }
        return answer;
    }

    async #append(screened: ScreenedVertex): Promise<VertexAnswer> {
        const { clock, engine, store } = this.#options;
        const { records, vertex } = screened;
        const { author: id, message } = vertex;
        const refuse = (code: string): VertexAnswer => {
            this.#count(toHex(id), code);
            return code;
        };
        // What the state holds is on disk only as long as nothing failed; offers come one by one.
        if (engine.failure !== null) throw engine.failure;
        const author = engine.state.authors.get(toHex(id)) ?? null;
        const fault = parentsFault(engine.state, vertex, author);
        if (fault?.code === "MS_VERTEX_DUPLICATE") return "taken";
        if (fault !== null) return refuse(fault.code);
        const nowUnix = Math.floor(clock.nowMs() / 1000);
        if (records.some((record) => isSoon(record, nowUnix))) return refuse("MS_CLOCK");
        await store.takeVertices([{ id: vertex.id.bytes, bytes: message.bytes, records }]);
        const stored = await store.storedVertex(vertex.id.bytes);
        engine.markVerified(message);
        for (const record of records) engine.markVerified(record.message);
        try {
            // A crash may have left the vertex here as its author had signed it another time.
            await engine.append(stored?.bytes ?? message.bytes, records);
            return "taken";
        } catch (cause) {
            if (!(cause instanceof MetersealError) || engine.failure !== null) throw cause;
            return cause.code === "MS_VERTEX_DUPLICATE" ? "taken" : refuse(cause.code);
        }
    }

    #count(author: string, code: string): void {
        const name = `${author} ${code}`;
        this.#refused.set(name, (this.#refused.get(name) ?? 0) + 1);
    }
}

/**
 * True for a record that the ledger would pass over now, and takes before long. Its author carries it again
 * in either case, which costs a copy; but the author's later vertices must not wait for days.
 */
function isSoon(record: MeterRecord, nowUnix: number): boolean {
    const lastUnix = Math.max(record.timeUnix, lastRegistersUnix(record));
    const waitSeconds = lastUnix - LIMITS.clockAheadSeconds - nowUnix;
    return waitSeconds > 0 && waitSeconds <= LIMITS.clockWaitSeconds;
}
