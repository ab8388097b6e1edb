import {
    bytesEqual,
    type ErrorCode,
    error,
    type MetersealError,
    type Result,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import {
    type BlockStore,
    type Finality,
    originOf,
    parseEntry,
    type SignatureCheck,
    signCheckpoint,
    type TreeHead,
    type Vertex,
} from "@meterseal/ledger";
import type { Sign1 } from "@meterseal/record";
import type {
    RequestFinalizeBlock,
    RequestInitChain,
    ResponseFinalizeBlock,
    ResponseInitChain,
} from "cosmjs-types/tendermint/abci/types";
import { authorOf } from "../author-of.ts";
import { type EngineImages, ImageWriter } from "../image.ts";
import type { VerifySignatures } from "../signature-jobs.ts";
import { encodeEngineState } from "./engine-state.ts";
import { type Executed, executeBlock, timeMsOf } from "./execute.ts";
import { parseGenesisState } from "./genesis-state.ts";
import { BlockLedger, openLedger, type TakenEntry } from "./ledger.ts";
import { MempoolVertices } from "./mempool.ts";
import {
    composeBlock,
    isFaultyProposal,
    outdatedFault,
    screenTx,
    unsignedFault,
} from "./screen.ts";
import { type ReadTx, TxReader } from "./tx-reader.ts";
import type { Validator } from "./validators.ts";
import { SignatureVerdicts } from "./verdicts.ts";

/** Told of what blocks do, in the order of the log. */
export interface BlockObserver {
    /** The entry is in the log of this node, on disk. */
    entryLogged(taken: TakenEntry): void;
    /** A later block has signed the state after it: the entry is final. */
    entryFinal(taken: TakenEntry, finality: Finality): void;
    /** A transaction of a block was refused by the ledger's rule; its hash in hexadecimal. */
    txRefused(txHash: string, code: ErrorCode): void;
    /** A transaction was refused, by a block or by the mempool: who wrote its vertex, see `authorOf`. */
    entryRefused(author: string | null, code: ErrorCode): void;
    /** A block holds a vertex whose author has forked; the rule refused it. */
    vertexForked?(vertex: Vertex): void;
    /** The block of a height carries evidence against validators. */
    misbehaved?(height: number): void;
}

/** What an application works with. */
export type ApplicationOptions = {
    readonly store: BlockStore;
    /** Ed25519 key of the log, named in the genesis; null where another node signs checkpoints. */
    readonly logSigner: Signer | null;
    readonly observer: BlockObserver;
    /** Checks signatures; absent = by their keys. */
    readonly check?: SignatureCheck;
    /** Checks those of records away from the main thread; absent = there. */
    readonly verify?: VerifySignatures;
    /**
     * Images of the state, so that a start replays the end of the log only. The observer then hears of
     * that end and not of what is in the image.
     */
    readonly images?: EngineImages;
};

/** State that the header of a block signs: that after the block before it. */
export type ProofPoint = {
    /** Height of the header. */
    readonly height: number;
    /** Size of the log, and validators, after the block before. */
    readonly size: number;
    readonly validators: readonly Validator[];
};

/** The block that waits for its commit: its hash, what it did, and the answer to it. */
type Execution = ReturnType<typeof executeBlock> & { readonly hash: Uint8Array };

/** A ledger from elsewhere whose hash is the one agreed on. */
export type SyncedLedger = {
    readonly height: number;
    readonly appHash: Uint8Array;
    readonly genesis: Uint8Array;
    readonly ledger: BlockLedger;
    readonly taken: readonly TakenEntry[];
};

/**
 * Our application of CometBFT: executes agreed blocks on the ledger by `accept()` alone, and keeps each
 * in one durable transaction with the hash that the validators agree on (formats 10). What it answers
 * is a function of the blocks so far; the only clock is that of the blocks.
 */
export class Application {
    readonly #options: ApplicationOptions;
    readonly #reader = new TxReader();
    readonly #verdicts: SignatureVerdicts;
    readonly #images: ImageWriter | null;
    #ledger: BlockLedger | null = null;
    #height = 0;
    #appHash: Uint8Array = new Uint8Array();
    /** Entries of the genesis, which the first block carries into the store. */
    #first: readonly TakenEntry[] = [];
    #executed: Execution | null = null;
    #turn: Promise<unknown> = Promise.resolve();
    readonly #mempool = new MempoolVertices();
    /** Entries of the last block, final with the next one. */
    #waiting: TakenEntry[] = [];
    #final: TreeHead | null = null;
    #point: ProofPoint | null = null;

    private constructor(options: ApplicationOptions) {
        this.#options = options;
        this.#verdicts = new SignatureVerdicts(options.check, options.verify);
        this.#images = options.images === undefined ? null : new ImageWriter(options.images);
    }

    /**
     * Opens the application on its store, and tells the observer of the whole log.
     * @throws MetersealError MS_CHECKPOINT and others for a damaged store: such a node does not vote.
     */
    static async open(options: ApplicationOptions): Promise<Application> {
        const app = new Application(options);
        const opened = unwrap(await openLedger(options.store, options.images));
        if (opened === null) return app;
        app.#ledger = opened.ledger;
        app.#height = opened.height;
        app.#appHash = opened.appHash;
        const root = opened.ledger.log.root(opened.finalSize);
        app.#final = { size: opened.finalSize, root };
        const entries = opened.replayed;
        for (const taken of entries) options.observer.entryLogged(taken);
        const isFinal = ({ leafIndex }: TakenEntry): boolean => leafIndex < opened.finalSize;
        app.#tellFinal(entries.filter(isFinal));
        app.#waiting = entries.filter((taken) => !isFinal(taken));
        return app;
    }

    /** Ledger as of the last executed block; null before the chain begins. */
    get ledger(): BlockLedger | null {
        return this.#ledger;
    }

    /** Tree head up to which everything is final. */
    get final(): TreeHead | null {
        return this.#final;
    }

    /** What the header of the last committed block signs; null before one was committed here. */
    get point(): ProofPoint | null {
        return this.#point;
    }

    /** Last committed block. */
    info(): { readonly height: number; readonly appHash: Uint8Array } {
        return { height: this.#height, appHash: this.#appHash };
    }

    /**
     * Resolves when everything that was asked to change ledger or store has done so; rejects where that
     * failed. A node that comes back is told the height only then: it asks again for what it lacks.
     */
    async settled(): Promise<void> {
        await this.#turn;
    }

    /**
     * Begins the chain: genesis, validators and first entries. CometBFT asks again until the first block is
     * committed, and the ledger stays the same.
     * @throws MetersealError MS_GENESIS for another beginning than before, or a first height other than 1.
     */
    initChain(request: RequestInitChain): Promise<ResponseInitChain> {
        return this.#inTurn(() => this.#begin(request));
    }

    async #begin(request: RequestInitChain): Promise<ResponseInitChain> {
        const { entries, genesis } = unwrap(parseGenesisState(request.appStateBytes));
        await this.#options.store.initialize(genesis);
        const ledger = new BlockLedger(genesis);
        for (const { power, pubKey } of request.validators) {
            ledger.validators.set({ publicKey: requireEd25519(pubKey), power });
        }
        const timeMs = timeMsOf(request.time);
        const first = entries.map((item) => {
            const entry = unwrap(parseEntry(item, []));
            return unwrap(ledger.take({ entry, item }, timeMs, this.#verdicts));
        });
        const appHash = ledger.appHash();
        const isOther = this.#ledger !== null && !bytesEqual(appHash, this.#appHash);
        if (isOther || this.#height > 0 || request.initialHeight !== 1n) {
            const expected = "the beginning that this server began with, and height 1";
            throw error("MS_GENESIS", { where: "InitChain", expected });
        }
        if (this.#ledger === null) {
            this.#ledger = ledger;
            this.#first = first;
            this.#final = { size: 0, root: ledger.log.root(0) };
            this.#appHash = appHash;
        }
        return { validators: [], appHash };
    }

    /** Null where the mempool may take a transaction, or the reason why not. */
    async screen(tx: Uint8Array): Promise<MetersealError | null> {
        const { state } = this.#require();
        const read = this.#reader.read(tx);
        // What the log has, or other records beside a header, anybody can send: it costs no check.
        if (read.ok && unsignedFault(state, read.value) === null) await this.#learn([read.value]);
        return this.#admit(read, (value) => screenTx(state, value, this.#verdicts));
    }

    /** The same for one that the mempool has, after a block: its signatures were checked. */
    rescreen(tx: Uint8Array): MetersealError | null {
        const { state } = this.#require();
        const judge = (value: ReadTx) => outdatedFault(state, value, this.#verdicts);
        return this.#admit(this.#reader.read(tx), judge);
    }

    #admit(
        read: Result<ReadTx>,
        judge: (read: ReadTx) => MetersealError | null,
    ): MetersealError | null {
        const { state } = this.#require();
        const refusal = read.ok
            ? (judge(read.value) ?? this.#mempool.admit(state, read.value))
            : read.error;
        if (refusal === null) return null;
        const author = read.ok ? authorOf(state, read.value.tx.entry) : null;
        this.#options.observer.entryRefused(author, refusal.code);
        return refusal;
    }

    /** Transactions for a block of at most so many bytes. */
    prepare(txs: readonly Uint8Array[], maxBytes: number): Uint8Array[] {
        return composeBlock(this.#require().state, this.#reader.readAll(txs), maxBytes);
    }

    /** True for a block that this validator votes for. */
    async process(txs: readonly Uint8Array[]): Promise<boolean> {
        const reads = this.#reader.readAll(txs);
        await this.#learn(reads);
        return !isFaultyProposal(this.#require().state, reads, this.#verdicts);
    }

    /**
     * Executes a block that is agreed on, which makes what the block before did final. The same block once
     * more is not executed, and gets the same answer: CometBFT may have ended before it asked for the commit.
     * @throws MetersealError MS_INTERNAL for a block that does not follow.
     */
    finalize(request: RequestFinalizeBlock): Promise<ResponseFinalizeBlock> {
        return this.#inTurn(() => this.#execute(request));
    }

    async #execute(request: RequestFinalizeBlock): Promise<ResponseFinalizeBlock> {
        const ledger = this.#require();
        const before = this.#executed;
        const height = Number(request.height);
        const isSame = before !== null && bytesEqual(before.hash, request.hash);
        if (height !== this.#height + 1 || (before !== null && !isSame)) {
            const got = `block ${toHex(request.hash)} of height ${height}`;
            const expected = before === null ? `height ${this.#height + 1}` : toHex(before.hash);
            throw error("MS_INTERNAL", { where: "FinalizeBlock", expected, got });
        }
        if (before !== null) return before.response;
        const reads = this.#reader.readAll(request.txs);
        await this.#learn(reads); // from here on nothing comes between
        // Here all of the log is final and on disk, as a start from an image needs it.
        if (this.#images?.isDue) void this.#images.write(ledger);
        this.#final = ledger.head();
        this.#tellFinal(this.#waiting.splice(0));
        const execution = executeBlock(ledger, request, reads, this.#verdicts);
        for (const read of reads) if (read !== null) this.#reader.forget(read);
        this.#executed = { hash: request.hash, ...execution };
        return execution.response;
    }

    /** Keeps the executed block: on disk, in one transaction, when the promise resolves. */
    commit(): Promise<void> {
        return this.#inTurn(async () => {
            if (this.#executed === null) {
                throw error("MS_INTERNAL", { where: "commit", got: "no block" });
            }
            const { executed } = this.#executed;
            await this.#keep({ ...executed, taken: [...this.#first, ...executed.taken] });
            this.#first = [];
            this.#executed = null;
            this.#mempool.clear(); // the node, which waits for us with it, goes through it next
        });
    }

    async #keep(block: Executed): Promise<void> {
        const ledger = this.#require();
        const { accuses, appHash, finalSize, height, refused, taken, validators } = block;
        const { size, root } = ledger.head();
        const { logSigner, observer, store } = this.#options;
        const signs = logSigner !== null && taken.length > 0;
        const origin = originOf(ledger.state.networkId);
        await store.appendBlock({
            height,
            appHash,
            engineState: encodeEngineState({ validators: ledger.validators.list(), finalSize }),
            entries: taken.map(({ entry, logged }) => ({
                entry: logged,
                vertexId: entry.kind === "vertex" ? entry.vertex.id.bytes : null,
                records: entry.kind === "vertex" ? entry.records : [],
            })),
            checkpoint: signs ? await signCheckpoint(logSigner, origin, size, root) : null,
        });
        this.#height = height;
        this.#appHash = appHash;
        this.#point = { height, size: finalSize, validators };
        for (const each of taken) observer.entryLogged(each);
        for (const { author, code, forked, txHash } of refused) {
            observer.txRefused(txHash, code);
            observer.entryRefused(author, code);
            if (forked !== null) observer.vertexForked?.(forked);
        }
        for (const { outcomes } of taken) this.#images?.add(1 + outcomes.length);
        if (accuses) observer.misbehaved?.(height);
        this.#waiting.push(...taken);
    }

    /** Takes in a ledger that state sync has brought and verified; all of it is final. */
    adopt(synced: SyncedLedger): Promise<void> {
        return this.#inTurn(() => this.#adopt(synced));
    }

    async #adopt({ appHash, genesis, height, ledger, taken }: SyncedLedger): Promise<void> {
        await this.#options.store.initialize(genesis);
        this.#ledger = ledger;
        const [finalSize, validators] = [ledger.log.size, ledger.validators.list()];
        const none = { refused: [], accuses: false };
        await this.#keep({ height, appHash, taken, finalSize, validators, ...none });
        this.#point = null; // the state came without the one before its last block
        this.#final = ledger.head();
        this.#tellFinal(this.#waiting.splice(0));
    }

    /** Remembers a message that the collector has checked. */
    markVerified(message: Sign1): void {
        this.#verdicts.note(message);
    }

    /**
     * What changes ledger or store, one after another, whichever connection asks: what a node asked before it
     * ended is still under way when it comes back. Nothing follows a failure: memory may be ahead of the disk.
     */
    #inTurn<T>(step: () => Promise<T>): Promise<T> {
        const done = this.#turn.then(step);
        this.#turn = done;
        done.catch(() => undefined); // whoever asked is told
        return done;
    }

    async #learn(reads: readonly (ReadTx | null)[]): Promise<void> {
        const entries = reads.flatMap((read) => (read === null ? [] : [read.tx.entry]));
        await this.#verdicts.learn(this.#require().state, entries);
    }

    #tellFinal(taken: readonly TakenEntry[]): void {
        const checkpoint = this.#final;
        if (checkpoint === null) return;
        for (const each of taken) {
            this.#options.observer.entryFinal(each, { leafIndex: each.leafIndex, checkpoint });
        }
    }

    #require(): BlockLedger {
        if (this.#ledger !== null) return this.#ledger;
        throw error("MS_GENESIS", { where: "application", got: "a block before the chain began" });
    }
}

function requireEd25519(key: { readonly ed25519?: Uint8Array } | undefined): Uint8Array {
    if (key?.ed25519?.length === 32) return key.ed25519;
    throw error("MS_GENESIS", { where: "validators", expected: "Ed25519 keys of 32 bytes" });
}
