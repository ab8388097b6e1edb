import {
    bytesEqual,
    ERRORS,
    type ErrorCode,
    error,
    type MetersealError,
    type Signer,
    sha256,
    type Timers,
    toHex,
} from "@meterseal/core";
import {
    type BlockStore,
    type Engine,
    type EngineObserver,
    type Finality,
    type LedgerState,
    type MerkleLog,
    originOf,
    type SignatureCheck,
    type TreeHead,
} from "@meterseal/ledger";
import type { MeterRecord, Sign1 } from "@meterseal/record";
import type { VerifySignatures } from "../signature-jobs.ts";
import { answerAbci } from "./abci/answer.ts";
import type { AbciHandler } from "./abci/server.ts";
import { Application, type ProofPoint } from "./application.ts";
import type { BlockLedger, TakenEntry } from "./ledger.ts";
import type { CometNode } from "./node.ts";
import { Snapshots } from "./snapshots.ts";
import { encodeTx } from "./tx.ts";

/** What the engine works with. */
export type CometEngineOptions = {
    readonly store: BlockStore;
    /** Ed25519 key of the log, named in the genesis; null where another node signs checkpoints. */
    readonly logSigner: Signer | null;
    readonly observer: EngineObserver;
    readonly timers: Timers;
    /** The CometBFT node that asks our application. */
    readonly node: CometNode;
    /** A snapshot for state sync is offered at each height that this divides. */
    readonly snapshotInterval: number;
    /** Told of a failure after which the process must stop. */
    readonly onFatal: (cause: unknown) => void;
    /** Told of the height of a block that carries evidence against validators. */
    readonly onMisbehaved?: (height: number) => void;
    /** Checks signatures; absent = by their keys. */
    readonly check?: SignatureCheck;
    /** Checks those of records away from the main thread; absent = there. */
    readonly verify?: VerifySignatures;
    /** Ends the wait for the chain to begin. */
    readonly signal?: AbortSignal;
};

/** A transaction of ours on its way into a block. */
type Submitted = {
    readonly item: Uint8Array;
    readonly tx: Uint8Array;
    readonly logged: (leafIndex: number) => void;
    readonly final: (finality: Finality) => void;
    readonly refuse: (cause: unknown) => void;
    cancel: () => void;
};

/** A transaction that is in no block by then is offered again: mempools forget. */
const OFFER_AGAIN_MS = 5_000;
const RETRY_MS = 500;
/** Refusal of a vertex that the ledger has: nothing is wrong with it. */
const KNOWN_CODE = "MS_VERTEX_DUPLICATE";
/** Refusal of a transaction that may come again. */
const BUSY_CODE = "MS_BUSY";
/** Refusal of a vertex whose parent the ledger does not have yet. */
const ORPHAN_CODE = "MS_VERTEX_PARENTS";
/** Entries of the log that are looked through at one time. */
const SEARCHED_ENTRIES = 256;

/**
 * The engine for several organisations: CometBFT orders and finalises, our {@link Application} executes
 * by `accept()`. A transaction is in the log when its block is committed here, and final when a later
 * block has signed the state after it.
 */
export class CometEngine implements Engine {
    readonly #options: CometEngineOptions;
    readonly #app: Application;
    readonly #snapshots: Snapshots;
    readonly #node: CometNode;
    readonly #submitted: Map<string, Submitted>;
    /** Those that are in the log and not final. */
    readonly #byLeaf: Map<number, Submitted>;
    readonly #settling: EngineParts["settling"];
    readonly #ledger: BlockLedger;
    #failure: MetersealError | null = null;
    #closing: (() => void)[] = [];

    private constructor(parts: EngineParts, ledger: BlockLedger) {
        this.#options = parts.options;
        this.#app = parts.app;
        this.#snapshots = parts.snapshots;
        this.#node = parts.options.node;
        this.#submitted = parts.submitted;
        this.#byLeaf = parts.byLeaf;
        this.#settling = parts.settling;
        this.#ledger = ledger;
    }

    /**
     * Opens the application and waits until its chain has begun: by its first block, from the store, or
     * by state sync. The CometBFT node may start before or after.
     * @param onListening - told of the address for CometBFT's `proxy_app`.
     * @throws MetersealError MS_CHECKPOINT and others for a damaged store, MS_PORT_IN_USE.
     */
    static async open(
        options: CometEngineOptions,
        onListening: (address: string) => void = () => undefined,
    ): Promise<CometEngine> {
        const submitted = new Map<string, Submitted>();
        const { check, node, observer, onFatal, store, verify } = options;
        const byLeaf = new Map<number, Submitted>();
        const settling: EngineParts["settling"] = new Map();
        const app = await Application.open({
            store,
            logSigner: options.logSigner,
            ...(check === undefined ? {} : { check }),
            ...(verify === undefined ? {} : { verify }),
            observer: {
                entryLogged(taken) {
                    observer.entryLogged?.(taken.entry, taken.timeMs);
                    const own = takeSubmitted(submitted, taken);
                    if (own === null) return;
                    byLeaf.set(taken.leafIndex, own);
                    own.cancel();
                    own.logged(taken.leafIndex);
                },
                entryFinal({ entry, leafIndex, outcomes, timeMs }, finality) {
                    observer.entryFinal(entry, timeMs, finality, outcomes);
                    byLeaf.get(leafIndex)?.final(finality);
                    byLeaf.delete(leafIndex);
                    settling.get(leafIndex)?.resolve();
                    settling.delete(leafIndex);
                },
                entryRefused: (author, code) => observer.entryRefused?.(author, code),
                vertexForked: (vertex) => observer.vertexForked?.(vertex),
                misbehaved: (height) => options.onMisbehaved?.(height),
                txRefused(txHash, code) {
                    if (code === ORPHAN_CODE) return; // it is offered again, after its parent
                    const own = submitted.get(txHash);
                    submitted.delete(txHash);
                    own?.cancel();
                    own?.refuse(refusalOf(code));
                },
            },
        });
        const snapshots = new Snapshots(app, store, options.snapshotInterval);
        return await new Promise((resolve, reject) => {
            let engine: CometEngine | null = null;
            const parts = { options, app, snapshots, submitted, byLeaf, settling };
            const ready = (): void => {
                if (engine !== null || app.ledger === null) return;
                engine = new CometEngine(parts, app.ledger);
                resolve(engine);
            };
            const handle: AbciHandler = async (request) => {
                const response = await answerAbci(app, snapshots, request);
                if (request.commit !== undefined) await snapshots.noteBlock();
                ready();
                return response;
            };
            const giveUp = (): void => {
                if (engine !== null) return;
                void node.close();
                reject(error("MS_LINK", { where: "CometBFT", got: "a request to stop" }));
            };
            options.signal?.addEventListener("abort", giveUp, { once: true });
            const fail = (cause: unknown): void => {
                reject(cause);
                onFatal(cause);
                const failure = error("MS_INTERNAL", { where: "CometBFT application", cause });
                if (engine !== null) engine.#end(failure);
            };
            node.serve(handle, fail).then((address) => {
                onListening(address);
                ready();
                if (options.signal?.aborted === true) giveUp();
            }, reject);
        });
    }

    get state(): LedgerState {
        return this.#ledger.state;
    }

    get log(): MerkleLog {
        return this.#ledger.log;
    }

    get origin(): string {
        return originOf(this.state.networkId);
    }

    /** Height of the last committed block. */
    get height(): number {
        return this.#app.info().height;
    }

    /** What the header of the last committed block signs; null before one was committed here. */
    get point(): ProofPoint | null {
        return this.#app.point;
    }

    /** Why it takes nothing more; null while it does. */
    get failure(): MetersealError | null {
        return this.#failure;
    }

    /** Tree head up to which everything is final. */
    head(): TreeHead {
        return this.#app.final ?? this.#ledger.head();
    }

    markVerified(message: Sign1): void {
        this.#app.markVerified(message);
    }

    /** Offers an entry; resolves once it is final. */
    async submit(item: Uint8Array, records: readonly MeterRecord[]): Promise<Finality> {
        return await this.#offer(item, records).final;
    }

    /** Offers an entry; resolves with its leaf index once its block is committed here, on disk. */
    async append(item: Uint8Array, records: readonly MeterRecord[]): Promise<number> {
        return await this.#offer(item, records).logged;
    }

    /**
     * Resolves once all that the state holds now is final: on disk, and signed by a later block.
     * @throws MetersealError MS_LINK where the engine is closed before, MS_INTERNAL where it failed.
     */
    async settled(): Promise<void> {
        const last = this.log.size - 1;
        if (last < this.head().size) return;
        if (this.#failure !== null) throw this.#failure;
        const wait = this.#settling.get(last) ?? Promise.withResolvers<void>();
        this.#settling.set(last, wait);
        await wait.promise;
    }

    /** Snapshots that this node serves to those that join. */
    snapshotHeights(): number[] {
        return this.#snapshots.list().map(({ height }) => Number(height));
    }

    /** Has something end with the engine. */
    onClose(end: () => void): void {
        this.#closing.push(end);
    }

    /** Stops listening; the CometBFT node ends with its application. */
    async close(): Promise<void> {
        for (const end of this.#closing.splice(0)) end();
        this.#end(error("MS_LINK", { where: "CometBFT", got: "the engine is closed" }));
        await this.#node.close();
    }

    /** Takes nothing more, and settles what is on its way: no block will, and others wait for it to end. */
    #end(failure: MetersealError): void {
        this.#failure ??= failure;
        for (const own of [...this.#submitted.values(), ...this.#byLeaf.values()]) {
            own.cancel();
            own.refuse(this.#failure);
        }
        this.#submitted.clear();
        this.#byLeaf.clear();
        for (const wait of this.#settling.values()) wait.reject(this.#failure);
        this.#settling.clear();
    }

    #offer(
        item: Uint8Array,
        records: readonly MeterRecord[],
    ): { readonly logged: Promise<number>; readonly final: Promise<Finality> } {
        const tx = encodeTx(
            item,
            records.map(({ message }) => message.bytes),
        );
        const [logged, final] = [
            Promise.withResolvers<number>(),
            Promise.withResolvers<Finality>(),
        ];
        for (const { promise } of [logged, final]) promise.catch(() => undefined);
        const refuse = (cause: unknown): void => {
            logged.reject(cause);
            final.reject(cause);
        };
        if (this.#failure !== null) refuse(this.#failure);
        else {
            const own: Submitted = {
                item,
                tx,
                logged: logged.resolve,
                final: final.resolve,
                refuse,
                cancel: () => undefined,
            };
            this.#submitted.set(toHex(sha256(tx)), own);
            void this.#broadcast(own);
        }
        return { logged: logged.promise, final: final.promise };
    }

    /**
     * True where the log has what is offered: a crash took the news, or a block was executed between
     * the question whether it is open and its offer.
     */
    async #isLogged(own: Submitted): Promise<boolean> {
        const leafIndex = await leafIndexOf(this.#options.store, this.#ledger.log.size, own.item);
        if (leafIndex === null) return false;
        const hash = toHex(sha256(own.tx));
        if (this.#submitted.get(hash) !== own) return true; // told meanwhile
        this.#submitted.delete(hash);
        own.logged(leafIndex);
        const checkpoint = this.head();
        if (leafIndex < checkpoint.size) own.final({ leafIndex, checkpoint });
        else this.#byLeaf.set(leafIndex, own);
        return true;
    }

    /** Offers a transaction to our node until a block has it, or our own CheckTx refuses it. */
    async #broadcast(own: Submitted): Promise<void> {
        let delayMs = OFFER_AGAIN_MS;
        try {
            const answer = await this.#node.broadcast(own.tx);
            if (answer.kind === "refused" && answer.code === KNOWN_CODE) {
                if (await this.#isLogged(own)) return;
                delayMs = RETRY_MS; // its block is executed, and not on disk yet
            } else if (answer.kind === "refused" && answer.code === BUSY_CODE) {
                delayMs = RETRY_MS; // its parent comes first
            } else if (answer.kind === "refused") {
                this.#submitted.delete(toHex(sha256(own.tx)));
                own.refuse(refusalOf(answer.code));
                return;
            }
        } catch {
            delayMs = RETRY_MS; // the node is not there, or has no room: it is asked again
        }
        if (this.#submitted.get(toHex(sha256(own.tx))) !== own) return;
        own.cancel = this.#options.timers.after(delayMs, () => void this.#broadcast(own));
    }
}

/** Index of an entry of a store's log, sought from its end; null where it is not there. */
async function leafIndexOf(
    store: BlockStore,
    size: number,
    item: Uint8Array,
): Promise<number | null> {
    for (let end = size; end > 0; end -= SEARCHED_ENTRIES) {
        for await (const entry of store.entries(Math.max(0, end - SEARCHED_ENTRIES))) {
            if (bytesEqual(entry.item, item)) return entry.index;
            if (entry.index >= end) break;
        }
    }
    return null;
}

type EngineParts = {
    readonly options: CometEngineOptions;
    readonly app: Application;
    readonly snapshots: Snapshots;
    readonly submitted: Map<string, Submitted>;
    readonly byLeaf: Map<number, Submitted>;
    /** Told when the entry of an index is final. */
    readonly settling: Map<number, PromiseWithResolvers<void>>;
};

/** Our own transaction behind an entry of a block; null for one of somebody else. */
function takeSubmitted(
    submitted: Map<string, Submitted>,
    { txHash }: TakenEntry,
): Submitted | null {
    const own = txHash === null ? undefined : submitted.get(txHash);
    if (own === undefined || txHash === null) return null;
    submitted.delete(txHash);
    return own;
}

function refusalOf(code: string): MetersealError {
    const isOurs = Object.hasOwn(ERRORS, code);
    return error(isOurs ? (code as ErrorCode) : "MS_INTERNAL", { where: "CometBFT", got: code });
}
