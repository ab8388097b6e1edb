import {
    type Clock,
    error,
    type Log,
    type MetersealError,
    type Timers,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    type BranchStore,
    type Engine,
    type EngineObserver,
    type Exchange,
    type Finality,
    type Heads,
    type LedgerState,
    type LogPage,
    type MerkleLog,
    messageOf,
    parseItem,
    parseVertex,
    type SentVertex,
    type TreeHead,
    type Vertex,
    type VertexAnswer,
} from "@meterseal/ledger";
import type { Sign1 } from "@meterseal/record";
import type { VerifySignatures } from "../signature-jobs.ts";
import { type FollowedItem, FollowedLog, type LogEvidence } from "./followed-log.ts";
import { type ForkEvidence, Inbox } from "./inbox.ts";
import { logPage } from "./log-page.ts";
import { type Connection, Loop } from "./loop.ts";
import { PendingDag } from "./pending.ts";
import { Sender } from "./sender.ts";
import { readPage } from "./sent.ts";
import { type BranchStatus, statusOf } from "./status.ts";

/** Another branch that vertices are exchanged with directly. */
export type BranchPeer = { readonly name: string; readonly exchange: Exchange };

/** What a branch works with. */
export type BranchEngineOptions = {
    readonly store: BranchStore;
    readonly observer: EngineObserver;
    readonly clock: Clock;
    readonly timers: Timers;
    readonly log: Log;
    readonly verify: VerifySignatures;
    /** Author id of the collector of this branch, 16 bytes. */
    readonly author: Uint8Array;
    /** Who writes the log. */
    readonly sequencer: Exchange;
    readonly peers: readonly BranchPeer[];
    /** Told once of each thing that shows somebody's fault; to be kept. */
    readonly onEvidence: (evidence: LogEvidence | ForkEvidence) => void;
    /** Ends requests to others that are under way. */
    readonly onClose?: () => void;
    /** Store or observer failed: the process must stop. */
    readonly onFatal: (cause: unknown) => void;
};

const POLL_MS = 1_000;
const PEER_POLL_MS = 2_000;

type Parts = {
    readonly options: BranchEngineOptions;
    readonly followed: FollowedLog;
    readonly pending: PendingDag;
};

/**
 * The engine of a branch: a collector that does not write the log, and is cut off from who does for as
 * long as its links are poor. It follows the log and checks all of it, brings its own vertices there and
 * those it heard of, exchanges vertices with other branches, and calls final what the log that it
 * checked holds under a signed checkpoint (formats 5).
 */
export class BranchEngine implements Engine {
    readonly #options: BranchEngineOptions;
    readonly #followed: FollowedLog;
    readonly #pending: PendingDag;
    readonly #inbox: Inbox;
    readonly #sender: Sender;
    readonly #sequencer: Loop;
    readonly #peers: readonly { readonly name: string; readonly loop: Loop }[];
    readonly #waiting = new Map<string, (finality: Finality) => void>();
    readonly #kept = new Set<string>();
    #taking: Promise<unknown> = Promise.resolve();
    #stopped = false;
    #failure: MetersealError | null = null;
    #sequencerSize = 0;

    private constructor({ followed, options, pending }: Parts) {
        this.#options = options;
        this.#followed = followed;
        this.#pending = pending;
        const { clock, log, store, verify } = options;
        this.#inbox = new Inbox({
            ...{ state: followed.state, pending, store, verify },
            onTaken: () => this.#kick(),
            onVerified: (message) => followed.markVerified(message),
            onFork: (evidence) => {
                pending.noteFork(evidence.author);
                this.#keep(evidence);
            },
        });
        const nowMs = (): number => clock.nowMs();
        this.#sender = new Sender(store, nowMs);
        const loopOf = (name: string, step: () => Promise<number | null>): Loop =>
            new Loop({
                ...{ step, nowMs, timers: options.timers, onFatal: options.onFatal },
                onChange: ({ reason, state }: Connection) =>
                    state === "connected"
                        ? log.info("connected", { to: name })
                        : log.warn(state, { from: name, reason: reason ?? "" }),
            });
        this.#sequencer = loopOf("the sequencer", () => this.#withSequencer());
        this.#peers = options.peers.map(({ exchange, name }) => {
            const sender = new Sender(store, nowMs);
            return { name, loop: loopOf(name, () => this.#withPeer(exchange, sender)) };
        });
    }

    /**
     * Opens the engine on its store: replays the log that it followed, compares it with the last
     * checkpoint, and takes up the vertices that the log does not hold yet.
     * @throws MetersealError MS_GENESIS, MS_CHECKPOINT, and what a damaged store is refused with.
     */
    static async open(options: BranchEngineOptions): Promise<BranchEngine> {
        const { author, observer, store, verify } = options;
        const followed = await FollowedLog.open(store, verify, (item, checkpoint) => {
            const { entry, leafIndex, outcomes, timeMs } = item;
            observer.entryLogged?.(entry, timeMs);
            observer.entryFinal(entry, timeMs, { leafIndex, checkpoint }, outcomes);
        });
        const pending = new PendingDag(followed.state, author);
        const open: Vertex[] = [];
        for await (const { bytes } of store.openVertices()) open.push(unwrap(parseVertex(bytes)));
        for (const vertex of open.sort((a, b) => a.round - b.round)) {
            if (pending.fit(vertex).kind !== "attaches") continue;
            pending.add(vertex);
        }
        return new BranchEngine({ options, followed, pending });
    }

    /** Begins to exchange. */
    start(): void {
        for (const loop of this.#loops()) loop.start();
    }

    get state(): LedgerState {
        return this.#followed.state;
    }

    get log(): MerkleLog {
        return this.#followed.log;
    }

    get origin(): string {
        return this.#followed.trust.origin;
    }

    head(): TreeHead {
        return this.#followed.head();
    }

    markVerified(message: Sign1): void {
        this.#followed.markVerified(message);
    }

    carry(vertex: Vertex): void {
        this.#pending.add(vertex);
        this.#kick();
    }

    /** Offers a message of a party to who writes the log; resolves once it is final there and checked here. */
    async submit(item: Uint8Array): Promise<Finality> {
        const name = toHex(messageOf(unwrap(parseItem(item))).hash);
        const final = new Promise<Finality>((resolve) => this.#waiting.set(name, resolve));
        try {
            await this.#options.sequencer.submit(item);
        } catch (cause) {
            this.#waiting.delete(name);
            throw cause;
        }
        this.#sequencer.kick();
        return await final;
    }

    async append(item: Uint8Array): Promise<number> {
        return (await this.submit(item)).leafIndex;
    }

    /**
     * Resolves once all that the state holds now is on disk; it is final as soon as it is here.
     * @throws MetersealError MS_INTERNAL where the store or the observer has failed.
     */
    async settled(): Promise<void> {
        await this.#taking;
        if (this.#failure !== null) throw this.#failure;
    }

    /** Exchanges no more; what is not in the log yet stays on disk. */
    async close(): Promise<void> {
        const ended = this.#loops().map((loop) => loop.close());
        this.#options.onClose?.();
        await Promise.all(ended);
        await this.#taking.catch(() => undefined);
    }

    /** Pages of the log as far as it was checked here: for branches that reach us and not who writes it. */
    async logPage(fromIndex: number): Promise<LogPage> {
        return await logPage(this.#options.store, fromIndex, this.log.size);
    }

    async heads(): Promise<Heads> {
        return await Promise.resolve({ logSize: this.log.size, authors: this.#pending.heads() });
    }

    async missing(heads: Heads): Promise<readonly SentVertex[]> {
        return (await readPage(this.#options.store, this.#pending.behind(heads), 0)).sent;
    }

    async offer(vertices: readonly SentVertex[]): Promise<readonly VertexAnswer[]> {
        return await this.#inbox.offer(vertices);
    }

    /** How things stand. */
    status(): BranchStatus {
        return statusOf({
            ...{ pending: this.#pending, inbox: this.#inbox, sender: this.#sender },
            head: this.head(),
            lastEntryMs: this.state.lastTimeMs,
            sequencerSize: this.#sequencerSize,
            sequencer: this.#sequencer.connection,
            peers: this.#peers.map(({ loop, name }) => ({ name, ...loop.connection })),
            evidence: this.#kept.size,
        });
    }

    #loops(): readonly Loop[] {
        return [this.#sequencer, ...this.#peers.map(({ loop }) => loop)];
    }

    #kick(): void {
        for (const loop of this.#loops()) loop.kick();
    }

    async #withSequencer(): Promise<number | null> {
        const { sequencer } = this.#options;
        const before = this.log.size;
        this.#sequencerSize = await this.#follow(sequencer);
        if (this.#stopped) return null;
        // A log that is said to go on, and of which nothing comes, is asked for again in a while.
        const isMoving = this.#sequencerSize > this.log.size && this.log.size > before;
        // After each page: over a link that is slower than the log grows, its end may never come.
        const taken = await this.#sender.send(sequencer, this.#pending.inOrder());
        return isMoving || taken > 0 ? 0 : POLL_MS;
    }

    async #withPeer(peer: Exchange, sender: Sender): Promise<number> {
        const theirs = await peer.heads();
        const before = this.log.size;
        if (theirs.logSize > before && !this.#stopped) await this.#follow(peer);
        let news = this.log.size > before;
        if (this.#pending.lacks(theirs)) {
            const sent = await peer.missing(await this.heads());
            const answers = await this.#inbox.offer(sent);
            news ||= answers.includes("taken");
        }
        const taken = await sender.send(peer, this.#pending.behind(theirs));
        return news || taken > 0 ? 0 : PEER_POLL_MS;
    }

    /** Takes the next page of the log from somebody; resolves with the size that the log has there. */
    async #follow(from: Exchange): Promise<number> {
        const fromIndex = this.log.size;
        const page = await from.logPage(fromIndex);
        if (page.size < fromIndex) await this.#lookBack(from, page.size);
        const taken = this.#taking.then(() => this.#take(page, fromIndex));
        this.#taking = taken.catch(() => undefined);
        const foreign = await taken;
        if (foreign !== null) {
            // Out of the turn of the others, for whoever sent it may answer late.
            await this.#lookBack(from, fromIndex);
            if (!this.#stopped) throw foreign;
        }
        return page.size;
    }

    /** Takes a page in; resolves with the reason where it is not one of our log. */
    async #take(page: LogPage, fromIndex: number): Promise<MetersealError | null> {
        if (this.#stopped) return null;
        const outcome = await this.#guard(() =>
            this.#followed.take(page, fromIndex, this.#pending.isPending),
        );
        if (outcome.kind === "evidence") this.#stopFor(outcome.evidence);
        else if (outcome.kind === "foreign") return outcome.reason;
        else {
            await this.#guard(() => this.#tell(outcome.items));
            await this.#inbox.release();
        }
        return null;
    }

    /** Compares the checkpoint that somebody has of a size with ours. */
    async #lookBack(from: Exchange, size: number): Promise<void> {
        if (size === 0) return;
        const { entries } = await from.logPage(size - 1);
        const note = entries[0]?.checkpoint;
        const evidence = note === undefined ? null : await this.#followed.compare(note);
        if (evidence !== null) this.#stopFor(evidence);
    }

    #tell(items: readonly FollowedItem[]): Promise<void> {
        const { observer } = this.#options;
        const checkpoint = this.head();
        for (const { entry, leafIndex, outcomes, timeMs } of items) {
            if (entry.kind === "vertex") this.#pending.settle(entry.vertex);
            if (entry.kind === "revocation") this.#pending.dropAuthor(toHex(entry.revocation.id));
            observer.entryLogged?.(entry, timeMs);
            const finality = { leafIndex, checkpoint };
            observer.entryFinal(entry, timeMs, finality, outcomes);
            const name = toHex(messageOf(entry).hash);
            this.#waiting.get(name)?.(finality);
            this.#waiting.delete(name);
        }
        return Promise.resolve();
    }

    /** What fails here leaves memory ahead of the disk: the process must stop. */
    async #guard<T>(work: () => Promise<T>): Promise<T> {
        try {
            return await work();
        } catch (cause) {
            this.#stopped = true;
            this.#failure ??= error("MS_INTERNAL", { where: "branch", cause });
            this.#options.onFatal(cause);
            throw this.#failure;
        }
    }

    /** The log contradicts itself or its rules: nothing more is taken from it, or brought to it. */
    #stopFor(evidence: LogEvidence): void {
        this.#stopped = true;
        this.#keep(evidence);
    }

    #keep(evidence: LogEvidence | ForkEvidence): void {
        const name = evidence.kind === "vertex fork" ? evidence.author : evidence.kind;
        if (this.#kept.has(name)) return;
        this.#kept.add(name);
        this.#options.onEvidence(evidence);
    }
}
