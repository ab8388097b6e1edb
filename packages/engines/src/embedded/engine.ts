import {
    bytesEqual,
    type Clock,
    error,
    MetersealError,
    type PublicKey,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    accept,
    type CheckpointTrust,
    type Engine,
    type EngineObserver,
    type Entry,
    emptyRoot,
    entryLeafHash,
    type Finality,
    type ImagedLedger,
    type LedgerState,
    type LogEntry,
    type LogStore,
    MerkleLog,
    originOf,
    parseEntry,
    parseStoredEntry,
    type SignatureCheck,
    signCheckpoint,
    stateOfGenesis,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { kidOf, type MeterRecord, type Sign1, verifySign1 } from "@meterseal/record";
import { authorOf } from "../author-of.ts";
import { type EngineImages, ImageWriter, readImage } from "../image.ts";
import { FinalityGate, type LoggedEntry, type Witnesses } from "./finality.ts";

/** What the embedded engine works with. */
export type EmbeddedEngineOptions = {
    readonly store: LogStore;
    readonly clock: Clock;
    /** Ed25519 key of the log, named in the genesis. */
    readonly logSigner: Signer;
    readonly observer: EngineObserver;
    /** What makes a checkpoint final beyond the disk; absent where nothing does. */
    readonly witnesses?: Witnesses;
    /**
     * Images of the state, so that a start replays the end of the log only. The observer then hears of
     * that end and not of what is in the image.
     */
    readonly images?: EngineImages;
    /**
     * Told once that the engine has failed for good: the process must stop. Absent where whoever appends
     * waits for each entry, and so hears of it.
     */
    readonly onFatal?: (cause: unknown) => void;
};

/**
 * The default engine: one sequencer, one append-only log. An entry is in the log when its row and the
 * signed checkpoint that covers it are on disk, in one transaction; it is final then, or where a
 * policy asks for witnesses when enough of them have cosigned a checkpoint over it (formats 5, 7).
 */
export class EmbeddedEngine implements Engine {
    readonly state: LedgerState;
    readonly log: MerkleLog;
    readonly origin: string;
    readonly #options: EmbeddedEngineOptions;
    readonly #verified = new WeakSet<Sign1>();
    readonly #gate: FinalityGate;
    /** Latest checkpoint on disk; null for an empty log. */
    #checkpoint: string | null = null;
    #failure: MetersealError | null = null;
    readonly #images: ImageWriter | null;
    #queue: Promise<unknown> = Promise.resolve();

    private constructor(
        state: LedgerState,
        log: MerkleLog,
        final: TreeHead,
        options: EmbeddedEngineOptions,
    ) {
        this.state = state;
        this.log = log;
        this.origin = originOf(state.networkId);
        this.#options = options;
        const { images, observer, store, witnesses } = options;
        this.#images = images === undefined ? null : new ImageWriter(images);
        this.#gate = new FinalityGate(final, {
            observer,
            witnesses: witnesses ?? null,
            latest: () => ({ note: this.#checkpoint ?? "", head: this.#logHead() }),
            pathFrom: (oldSize, size) => this.log.consistencyPath(oldSize, size),
            keep: (size, note) => store.keepCosigned(size, note),
            onFailure: (cause) => {
                this.#fail(error("MS_STORE_UNWRITABLE", { where: "cosigned checkpoint", cause }));
            },
        });
    }

    /**
     * Opens the engine on its store: replays the log through `accept()` and compares the result with
     * the last checkpoint. Signatures are not checked again here; `meterseal verify` does that.
     * @throws MetersealError MS_GENESIS without a genesis or with another log key than it names; the
     * refusal of `accept()`, MS_LOG_LEAF or MS_CHECKPOINT when the store contradicts itself.
     */
    static async open(options: EmbeddedEngineOptions): Promise<EmbeddedEngine> {
        const genesis = await options.store.genesis();
        if (genesis === null) throw error("MS_GENESIS", { where: "store", got: "no genesis" });
        const state = unwrap(stateOfGenesis(genesis));
        if (!bytesEqual(kidOf(options.logSigner.publicKey), kidOf(state.genesis.logKey))) {
            throw error("MS_GENESIS", { where: "log key", expected: "the key that it names" });
        }
        const final = await finalHead(options, trustOf(state));
        const { images, store } = options;
        const sizeAtMost = final?.size ?? Number.POSITIVE_INFINITY;
        const imaged =
            images === undefined ? null : await readImage(images, store, genesis, sizeAtMost);
        if (imaged !== null) return await EmbeddedEngine.#start(options, imaged, final);
        const fresh = { state, log: new MerkleLog() };
        return await EmbeddedEngine.#start(options, fresh, final);
    }

    /** Replays what the log has beyond a state, and tells the observer of it. */
    static async #start(
        options: EmbeddedEngineOptions,
        { log, state }: ImagedLedger,
        final: TreeHead | null,
    ): Promise<EmbeddedEngine> {
        options.observer.begin?.(state);
        const held: LoggedEntry[] = [];
        let replayed = 0;
        for await (const { timeMs, item, body } of options.store.entries(log.size)) {
            const entry = unwrap(parseStoredEntry(item, body));
            const { outcomes } = unwrap(accept(state, entry, timeMs, () => true));
            replayed += 1 + outcomes.length;
            const leafIndex = log.append(entryLeafHash({ timeMs, item }));
            options.observer.entryLogged?.(entry, timeMs);
            if (final !== null && leafIndex >= final.size) {
                held.push({ entry, timeMs, leafIndex, outcomes });
                continue;
            }
            const checkpoint = { size: log.size, root: log.root() };
            options.observer.entryFinal(entry, timeMs, { leafIndex, checkpoint }, outcomes);
        }
        const head = final ?? { size: log.size, root: log.root() };
        const engine = new EmbeddedEngine(state, log, head, options);
        engine.#images?.add(replayed);
        await engine.#compareWithCheckpoint(final);
        for (const logged of held) void engine.#gate.add(logged);
        return engine;
    }

    /** Marks a message whose signature the caller has checked, so that it is not checked twice. */
    markVerified(message: Sign1): void {
        this.#verified.add(message);
    }

    /** Appends a vertex with its records, or another entry with none; resolves once it is final. */
    async submit(item: Uint8Array, records: readonly MeterRecord[]): Promise<Finality> {
        const { final } = await this.#enqueue(item, records);
        return await final;
    }

    /** Appends an entry; resolves with its leaf index once it is in the log, on disk. */
    async append(item: Uint8Array, records: readonly MeterRecord[]): Promise<number> {
        const { leafIndex } = await this.#enqueue(item, records);
        return leafIndex;
    }

    /**
     * Resolves once all that the state holds now is final.
     * @throws MetersealError where that does not come before the engine ends, or did not before it failed.
     */
    async settled(): Promise<void> {
        await this.#queue;
        if (this.#failure !== null) throw this.#failure;
        await this.#gate.settled();
    }

    /** Tree head up to which everything is final. */
    head(): TreeHead {
        return this.#gate.head;
    }

    /** Why the engine takes nothing more; null while it does. Its state may be ahead of the disk then. */
    get failure(): MetersealError | null {
        return this.#failure;
    }

    /** Takes no more and asks no witness any more; what is not final yet stays in the log. */
    close(): void {
        this.#failure ??= error("MS_STORE_UNWRITABLE", { where: "log", got: "closed" });
        this.#gate.close();
    }

    #logHead(): TreeHead {
        return { size: this.log.size, root: this.log.root() };
    }

    /** One entry at a time, in call order. */
    #enqueue(item: Uint8Array, records: readonly MeterRecord[]): Promise<Logged> {
        const logged = this.#queue.then(() => this.#append(item, records));
        this.#queue = logged.catch(() => undefined);
        return logged;
    }

    async #append(item: Uint8Array, records: readonly MeterRecord[]): Promise<Logged> {
        await this.#gate.room();
        if (this.#failure !== null) throw this.#failure;
        const parsed = parseEntry(item, []);
        if (!parsed.ok) throw this.#refused(null, parsed.error);
        const { value } = parsed;
        const entry: Entry = value.kind === "vertex" ? { ...value, records } : value;
        const nowMs = Math.floor(this.#options.clock.nowMs());
        const timeMs = Math.max(nowMs, this.state.lastTimeMs);
        const accepted = accept(this.state, entry, timeMs, this.#check);
        if (!accepted.ok) {
            const isFork = accepted.error.code === "MS_VERTEX_FORK" && entry.kind === "vertex";
            if (isFork) this.#options.observer.vertexForked?.(entry.vertex);
            throw this.#refused(authorOf(this.state, entry), accepted.error);
        }
        const { outcomes } = accepted.value;
        const leafIndex = this.log.append(entryLeafHash({ timeMs, item }));
        await this.#persist({ timeMs, item }, entry, this.#logHead());
        const final = this.#tell({ entry, timeMs, leafIndex, outcomes });
        this.#images?.add(1 + records.length);
        if (this.#images?.isDue) await this.saveImage();
        return { leafIndex, final };
    }

    /**
     * Writes an image of the state, where the options have a place for one, all of the log is final, and
     * something came since the last one. The engine waits while the pages are written, some hundred
     * megabytes a second; nobody may append meanwhile but the engine itself.
     */
    async saveImage(): Promise<void> {
        const images = this.#images;
        if (images === null || this.#failure !== null) return;
        await images.settled();
        const isFinal = this.head().size === this.log.size;
        if (isFinal && images.isBehind) await images.write(this);
    }

    #refused(author: string | null, refusal: MetersealError): MetersealError {
        this.#options.observer.entryRefused?.(author, refusal.code);
        return refusal;
    }

    /** Stops for good (crash-only); tells of it unless the engine has ended before. */
    #fail(failure: MetersealError): MetersealError {
        if (this.#failure === null) {
            this.#failure = failure;
            this.#options.onFatal?.(failure);
        }
        return failure;
    }

    /** An observer that fails is out of step with the log. */
    #tell(logged: LoggedEntry): Promise<Finality> {
        try {
            this.#options.observer.entryLogged?.(logged.entry, logged.timeMs);
            return this.#gate.add(logged);
        } catch (cause) {
            throw this.#fail(error("MS_INTERNAL", { where: "observer of the log", cause }));
        }
    }

    /** A failed write leaves memory ahead of the disk. */
    async #persist(logged: LogEntry, entry: Entry, head: TreeHead): Promise<void> {
        try {
            const { logSigner, store } = this.#options;
            const note = await signCheckpoint(logSigner, this.origin, head.size, head.root);
            await store.append({
                entry: logged,
                vertexId: entry.kind === "vertex" ? entry.vertex.id.bytes : null,
                checkpoint: note,
                size: head.size,
            });
            this.#checkpoint = note;
        } catch (cause) {
            // What the store says of itself names the file and what to do; anything else is said here.
            const said = cause instanceof MetersealError && cause.code === "MS_STORE_UNWRITABLE";
            throw this.#fail(said ? cause : error("MS_STORE_UNWRITABLE", { where: "log", cause }));
        }
    }

    readonly #check: SignatureCheck = (message: Sign1, key: PublicKey) =>
        this.#verified.has(message) || verifySign1(message, key);

    /** Compares the log with its last checkpoint, and with the last one that is cosigned. */
    async #compareWithCheckpoint(final: TreeHead | null): Promise<void> {
        const note = await this.#options.store.checkpoint();
        const head = this.#logHead();
        if (note === null) {
            if (head.size === 0) return;
            throw error("MS_CHECKPOINT", { where: `size ${head.size}`, got: "none" });
        }
        this.#checkpoint = note;
        requireSameHead(unwrap(verifyCheckpoint(note, trustOf(this.state))), head);
        if (final === null || final.size === 0) return;
        const covered = final.size <= head.size ? this.log.root(final.size) : head.root;
        requireSameHead(final, { size: final.size, root: covered });
    }
}

/** An entry that is on disk, and the promise of its finality. */
type Logged = { readonly leafIndex: number; readonly final: Promise<Finality> };

/** Tree head up to which the log is cosigned as the policy asks; null where it asks for nobody. */
async function finalHead(
    { store, witnesses }: EmbeddedEngineOptions,
    trust: CheckpointTrust,
): Promise<TreeHead | null> {
    if (witnesses === undefined) return null;
    const note = await store.cosigned();
    if (note === null || !witnesses.cosigner.isMet(note)) return { size: 0, root: emptyRoot() };
    const { root, size } = unwrap(verifyCheckpoint(note, trust));
    return { size, root };
}

/** Whose checkpoints the engine's own are. */
function trustOf(state: LedgerState): CheckpointTrust {
    return { origin: originOf(state.networkId), publicKey: state.genesis.logKey };
}

function requireSameHead(stated: TreeHead, found: TreeHead): void {
    if (stated.size === found.size && bytesEqual(stated.root, found.root)) return;
    throw error("MS_CHECKPOINT", {
        where: `size ${stated.size}`,
        expected: `root ${toHex(stated.root)}`,
        got: `size ${found.size}, root ${toHex(found.root)}`,
    });
}
