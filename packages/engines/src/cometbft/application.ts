import {
    type ErrorCode,
    error,
    type MetersealError,
    type Signer,
    u64be,
    unwrap,
} from "@meterseal/core";
import {
    type BlockStore,
    type Entry,
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
import { parseGenesisState } from "./genesis-state.ts";
import { BlockLedger, openLedger, type TakenEntry } from "./ledger.ts";
import { composeBlock, duplicateOf, isFaultyProposal, screenTx } from "./screen.ts";
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

/** A transaction of a block that the ledger's rule refused. */
type Refused = {
    readonly txHash: string;
    readonly author: string | null;
    readonly code: ErrorCode;
    /** The vertex where its author has forked; null otherwise. */
    readonly forked: Vertex | null;
};

/** A block that was executed and is not committed yet. */
type Executed = {
    readonly height: number;
    readonly appHash: Uint8Array;
    readonly taken: readonly TakenEntry[];
    readonly refused: readonly Refused[];
    readonly finalSize: number;
    /** Validators before the block. */
    readonly validators: readonly Validator[];
    /** Whether it carries evidence against validators. */
    readonly accuses: boolean;
};

/** A ledger from elsewhere whose hash is the one agreed on. */
export type SyncedLedger = {
    readonly height: number;
    readonly appHash: Uint8Array;
    readonly genesis: Uint8Array;
    readonly ledger: BlockLedger;
    readonly taken: readonly TakenEntry[];
};

const CODESPACE = "meterseal";
const REFUSED = 1;
/** Evidence of a validator that voted twice (CometBFT, MisbehaviorType). */
const DUPLICATE_VOTE = 1;

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
    #executed: Executed | null = null;
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

    /** Begins the chain: genesis, validators and first entries. The same call again is the same. */
    async initChain(request: RequestInitChain): Promise<ResponseInitChain> {
        const { entries, genesis } = unwrap(parseGenesisState(request.appStateBytes));
        await this.#options.store.initialize(genesis);
        const ledger = new BlockLedger(genesis);
        for (const { power, pubKey } of request.validators) {
            ledger.validators.set({ publicKey: requireEd25519(pubKey), power });
        }
        const timeMs = timeMsOf(request.time);
        this.#first = entries.map((item) => {
            const entry = unwrap(parseEntry(item, []));
            return unwrap(ledger.take({ entry, item }, timeMs, this.#verdicts));
        });
        this.#ledger = ledger;
        this.#final = { size: 0, root: ledger.log.root(0) };
        this.#appHash = ledger.appHash();
        return { validators: [], appHash: this.#appHash };
    }

    /** Null where the mempool may keep a transaction, or the reason why not. */
    async screen(tx: Uint8Array): Promise<MetersealError | null> {
        const { state } = this.#require();
        const read = this.#reader.read(tx);
        // What the log has is sent again by anybody: it costs no check.
        if (read.ok && duplicateOf(state, read.value) === null) await this.#learn([read.value]);
        const refusal = read.ok ? screenTx(state, read.value, this.#verdicts) : read.error;
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

    /** Executes a block that is agreed on. It makes what the block before did final. */
    async finalize(request: RequestFinalizeBlock): Promise<ResponseFinalizeBlock> {
        const ledger = this.#require();
        const reads = this.#reader.readAll(request.txs);
        await this.#learn(reads); // from here on nothing comes between
        const finalSize = ledger.log.size;
        // Here all of the log is final and on disk, as a start from an image needs it.
        if (this.#images?.isDue) void this.#images.write(ledger);
        const validators = ledger.validators.list();
        this.#final = ledger.head();
        this.#tellFinal(this.#waiting.splice(0));
        const timeMs = timeMsOf(request.time);
        const taken: TakenEntry[] = [...this.#first];
        const refused: Refused[] = [];
        const txResults = reads.map((read, i) => {
            if (read !== null) this.#reader.forget(read);
            const outcome = read === null ? null : ledger.take(read.tx, timeMs, this.#verdicts);
            if (outcome?.ok) {
                taken.push({ ...outcome.value, txHash: read?.hash ?? null });
                return resultOf(0, u64be(BigInt(outcome.value.leafIndex)), "");
            }
            const code = outcome === null ? "MS_MALFORMED" : outcome.error.code;
            const author = read === null ? null : authorOf(ledger.state, read.tx.entry);
            const forked = code === "MS_VERTEX_FORK" ? vertexOf(read?.tx.entry) : null;
            refused.push({ txHash: read?.hash ?? `tx ${i}`, author, code, forked });
            return resultOf(REFUSED, new Uint8Array(), code);
        });
        const validatorUpdates = request.misbehavior
            .filter(({ type }) => type === DUPLICATE_VOTE)
            .flatMap(({ validator }) => {
                const known = ledger.validators.find(validator.address);
                if (known === undefined) return [];
                ledger.validators.set({ ...known, power: 0n });
                return [{ pubKey: { ed25519: known.publicKey }, power: 0n }];
            });
        const appHash = ledger.appHash();
        const height = Number(request.height);
        const accuses = request.misbehavior.some(({ type }) => type === DUPLICATE_VOTE);
        this.#executed = { height, appHash, taken, refused, finalSize, validators, accuses };
        return { events: [], txResults, validatorUpdates, appHash };
    }

    /** Keeps the executed block: on disk, in one transaction, when the promise resolves. */
    async commit(): Promise<void> {
        const ledger = this.#require();
        const block = this.#executed;
        if (block === null) throw error("MS_INTERNAL", { where: "commit", got: "no block" });
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
        this.#first = [];
        this.#executed = null;
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
    async adopt(synced: SyncedLedger): Promise<void> {
        const { appHash, genesis, height, ledger, taken } = synced;
        await this.#options.store.initialize(genesis);
        this.#ledger = ledger;
        const finalSize = ledger.log.size;
        const validators = ledger.validators.list();
        this.#executed = {
            height,
            appHash,
            taken,
            refused: [],
            finalSize,
            validators,
            accuses: false,
        };
        await this.commit();
        this.#point = null; // the state came without the one before its last block
        this.#final = ledger.head();
        this.#tellFinal(this.#waiting.splice(0));
    }

    /** Remembers a message that the collector has checked. */
    markVerified(message: Sign1): void {
        this.#verdicts.note(message);
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

function timeMsOf(time: { readonly seconds: bigint; readonly nanos: number }): number {
    return Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000);
}

function requireEd25519(key: { readonly ed25519?: Uint8Array } | undefined): Uint8Array {
    if (key?.ed25519?.length === 32) return key.ed25519;
    throw error("MS_GENESIS", { where: "validators", expected: "Ed25519 keys of 32 bytes" });
}

function vertexOf(entry: Entry | undefined): Vertex | null {
    return entry?.kind === "vertex" ? entry.vertex : null;
}

function resultOf(
    code: number,
    data: Uint8Array,
    log: string,
): ResponseFinalizeBlock["txResults"][0] {
    return {
        code,
        data,
        log,
        info: "",
        gasWanted: 0n,
        gasUsed: 0n,
        events: [],
        codespace: code === 0 ? "" : CODESPACE,
    };
}
