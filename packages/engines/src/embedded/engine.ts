import {
    bytesEqual,
    type Clock,
    error,
    MetersealError,
    type PublicKey,
    type Signer,
    unwrap,
} from "@meterseal/core";
import {
    accept,
    type Engine,
    type EngineObserver,
    type Entry,
    entryLeafHash,
    type Finality,
    type LedgerState,
    type LogEntry,
    type LogStore,
    MerkleLog,
    originOf,
    parseEntry,
    type SignatureCheck,
    signCheckpoint,
    stateOfGenesis,
    type TreeHead,
    verifyCheckpoint,
} from "@meterseal/ledger";
import { kidOf, type MeterRecord, type Sign1, verifySign1 } from "@meterseal/record";

/** What the embedded engine works with. */
export type EmbeddedEngineOptions = {
    readonly store: LogStore;
    readonly clock: Clock;
    /** Ed25519 key of the log, named in the genesis. */
    readonly logSigner: Signer;
    readonly observer: EngineObserver;
};

/**
 * The default engine: one sequencer, one append-only log. An entry is final when its log row and
 * the signed checkpoint that covers it are on disk, in one transaction (formats 5, 7).
 */
export class EmbeddedEngine implements Engine {
    readonly state: LedgerState;
    readonly log: MerkleLog;
    readonly origin: string;
    readonly #options: EmbeddedEngineOptions;
    readonly #verified = new WeakSet<Sign1>();
    #head: TreeHead;
    #failure: MetersealError | null = null;
    #queue: Promise<unknown> = Promise.resolve();

    private constructor(state: LedgerState, log: MerkleLog, options: EmbeddedEngineOptions) {
        this.state = state;
        this.log = log;
        this.#head = { size: log.size, root: log.root() };
        this.origin = originOf(state.networkId);
        this.#options = options;
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
        const log = new MerkleLog();
        for await (const { timeMs, item, body } of options.store.entries(0)) {
            const entry = unwrap(parseEntry(item, body));
            const { outcomes } = unwrap(accept(state, entry, timeMs, () => true));
            const leafIndex = log.append(entryLeafHash({ timeMs, item }));
            const checkpoint = { size: log.size, root: log.root() };
            options.observer.entryFinal(entry, timeMs, { leafIndex, checkpoint }, outcomes);
        }
        const engine = new EmbeddedEngine(state, log, options);
        await engine.#compareWithCheckpoint();
        return engine;
    }

    /** Marks a message whose signature the caller has checked, so that it is not checked twice. */
    markVerified(message: Sign1): void {
        this.#verified.add(message);
    }

    /** Appends a vertex with its records, or another message with none; one at a time, in call order. */
    submit(item: Uint8Array, records: readonly MeterRecord[]): Promise<Finality> {
        const result = this.#queue.then(() => this.#append(item, records));
        this.#queue = result.catch(() => undefined);
        return result;
    }

    /** Tree head that the latest stored checkpoint states. */
    head(): TreeHead {
        return this.#head;
    }

    async #append(item: Uint8Array, records: readonly MeterRecord[]): Promise<Finality> {
        if (this.#failure !== null) throw this.#failure;
        const parsed = unwrap(parseEntry(item, []));
        const entry: Entry = parsed.kind === "vertex" ? { ...parsed, records } : parsed;
        const nowMs = Math.floor(this.#options.clock.nowMs());
        const timeMs = Math.max(nowMs, this.state.lastTimeMs);
        const { outcomes } = unwrap(accept(this.state, entry, timeMs, this.#check));
        const leafIndex = this.log.append(entryLeafHash({ timeMs, item }));
        const head = { size: this.log.size, root: this.log.root() };
        await this.#persist({ timeMs, item }, entry, head);
        this.#head = head;
        const finality = { leafIndex, checkpoint: head };
        this.#tell(entry, timeMs, finality, outcomes);
        return finality;
    }

    /** An observer that fails is out of step with the log: the engine stops for good (crash-only). */
    #tell(...told: Parameters<EngineObserver["entryFinal"]>): void {
        try {
            this.#options.observer.entryFinal(...told);
        } catch (cause) {
            this.#failure = error("MS_INTERNAL", { where: "observer of the log", cause });
            throw this.#failure;
        }
    }

    /** A failed write leaves memory ahead of the disk: the engine stops for good (crash-only). */
    async #persist(logged: LogEntry, entry: Entry, head: TreeHead): Promise<void> {
        try {
            const { logSigner, store } = this.#options;
            await store.append({
                entry: logged,
                vertexId: entry.kind === "vertex" ? entry.vertex.id.bytes : null,
                checkpoint: await signCheckpoint(logSigner, this.origin, head.size, head.root),
                size: head.size,
            });
        } catch (cause) {
            // What the store says of itself names the file and what to do; anything else is said here.
            const said = cause instanceof MetersealError && cause.code === "MS_STORE_UNWRITABLE";
            this.#failure = said ? cause : error("MS_STORE_UNWRITABLE", { where: "log", cause });
            throw this.#failure;
        }
    }

    readonly #check: SignatureCheck = (message: Sign1, key: PublicKey) =>
        this.#verified.has(message) || verifySign1(message, key);

    async #compareWithCheckpoint(): Promise<void> {
        const note = await this.#options.store.checkpoint();
        const { size, root } = this.head();
        if (note === null) {
            if (size === 0) return;
            throw error("MS_CHECKPOINT", { where: `size ${size}`, got: "none" });
        }
        const head = unwrap(
            verifyCheckpoint(note, { origin: this.origin, publicKey: this.state.genesis.logKey }),
        );
        if (head.size !== size || root.toHex() !== head.root.toHex()) {
            throw error("MS_CHECKPOINT", {
                where: `size ${head.size}`,
                expected: `root ${head.root.toHex()}`,
                got: `size ${size}, root ${root.toHex()}`,
            });
        }
    }
}
