import { concatBytes, error, sha256, toHex, utf8 } from "@meterseal/core";
import type { AbciHandler, BroadcastAnswer, CometNode } from "@meterseal/engines/cometbft";
import type { Block, OracleHost } from "./oracle.ts";

type Request = Parameters<AbciHandler>[0];
type Response = Awaited<ReturnType<AbciHandler>>;
type Transactions = readonly Uint8Array[];

/** Transactions in the mempool of one node; beyond it senders are told to come again. */
const MEMPOOL_MAX = 2_000;
const CHAIN_ID = "organisations";
const HASH = new Uint8Array(32);
const ACCEPT = 1;
/** How often it ends alone between a block and its commit, and how long it is away. */
const RESTART_RATE = 0.01;
const RESTART_MS = 800;

/**
 * One CometBFT node of the ordering oracle: asks the application of one process, keeps a mempool, and
 * executes the blocks of the chain in their order. It and its mempool end with the process.
 */
export class OracleNode {
    readonly index: number;
    /** Transactions by hash, in the order of their arrival. */
    readonly mempool = new Map<string, Uint8Array>();
    /** Height of the last block that this node's application has committed. */
    height = 0;
    /** True while its application has caught up with what the node had on disk. */
    isOnline = false;
    readonly #host: OracleHost;
    readonly #seen = new Set<string>();
    #handle: AbciHandler | null = null;
    #onFatal: (cause: unknown) => void = () => undefined;
    /** Which process it belongs to, and which run of the node within. */
    #process = 0;
    #life = 0;
    #isSyncing = false;

    constructor(index: number, host: OracleHost) {
        this.index = index;
        this.#host = host;
    }

    /** The node as one life of a process has it. */
    connect(): CometNode {
        this.stop();
        const process = this.#process;
        return {
            serve: (handle, onFatal) => {
                if (process === this.#process) {
                    this.#handle = handle;
                    this.#onFatal = onFatal;
                    void this.#handshake(this.#life);
                }
                return Promise.resolve("oracle");
            },
            broadcast: (tx) =>
                process === this.#process ? this.offer(tx) : Promise.reject(error("MS_LINK")),
            close: () => {
                if (process === this.#process) this.stop();
                return Promise.resolve();
            },
        };
    }

    /** Ends with its process. */
    stop(): void {
        this.#process++;
        this.#handle = null;
        this.#reset();
    }

    /** Ends alone, and comes back to an application that went on. */
    #restart(): void {
        this.#reset();
        const life = this.#life;
        this.#host.trace.note("node", `${this.index} comes back to its application`);
        this.#host.time.after(RESTART_MS, () => {
            if (life === this.#life) void this.#handshake(life);
        });
    }

    #reset(): void {
        this.#life++;
        this.isOnline = false;
        this.#isSyncing = false;
        this.mempool.clear();
        this.#seen.clear();
    }

    /** Takes a transaction into the mempool, if the application does not refuse it. */
    async offer(tx: Uint8Array): Promise<BroadcastAnswer> {
        const hash = toHex(sha256(tx));
        if (!this.isOnline || this.mempool.size >= MEMPOOL_MAX) throw error("MS_LINK");
        if (this.#seen.has(hash)) return { kind: "known" };
        this.#seen.add(hash);
        const code = await this.#screen(tx, 0);
        if (code !== "") {
            this.#seen.delete(hash);
            return { kind: "refused", code };
        }
        this.mempool.set(hash, tx);
        return { kind: "taken" };
    }

    /** True where a transaction was never offered here. */
    lacks(hash: string): boolean {
        return this.isOnline && !this.#seen.has(hash);
    }

    /** The first transactions of the mempool, in the order of their arrival, up to the bytes of a block. */
    reap(maxBytes: number): Uint8Array[] {
        const txs: Uint8Array[] = [];
        let room = maxBytes;
        for (const tx of this.mempool.values()) {
            room -= tx.length;
            if (room < 0) break;
            txs.push(tx);
        }
        return txs;
    }

    /** Transactions that its application puts into a block. */
    async prepare(txs: Transactions, maxBytes: number, height: number): Promise<Uint8Array[]> {
        const { prepareProposal } = await this.#ask({
            prepareProposal: {
                maxTxBytes: BigInt(maxBytes),
                txs: [...txs],
                misbehavior: [],
                height: BigInt(height),
                nextValidatorsHash: HASH,
                proposerAddress: HASH.subarray(0, 20),
            },
        } as unknown as Request);
        return [...(prepareProposal?.txs ?? [])];
    }

    /** True when its application votes for a block. */
    async votes(block: Block): Promise<boolean> {
        const processProposal = requestOf(block);
        const answer = await this.#ask({ processProposal } as unknown as Request);
        return answer.processProposal?.status === ACCEPT;
    }

    /** Executes what the chain has beyond this node's height. */
    async sync(): Promise<void> {
        if (!this.isOnline || this.#isSyncing) return;
        this.#isSyncing = true;
        const life = this.#life;
        try {
            for (;;) {
                const block = this.#host.chain[this.height];
                if (block === undefined || life !== this.#life || !this.#host.hears(this.index)) {
                    break;
                }
                await this.#execute(block, life);
            }
        } catch {
            // its process has been told and ends
        }
        if (life === this.#life) this.#isSyncing = false;
    }

    async #handshake(life: number): Promise<void> {
        try {
            const { info } = await this.#ask({ info: {} } as unknown as Request);
            this.height = Number(info?.lastBlockHeight ?? 0n);
            if (this.height === 0) await this.#beginChain();
            else {
                const agreed = this.#host.chain[this.height - 1]?.appHash;
                const own = toHex(info?.lastBlockAppHash ?? HASH);
                this.#host.trace.check(
                    "I5",
                    agreed === own,
                    () => `node ${this.index} opens height ${this.height} with ${own}`,
                );
            }
            if (life !== this.#life) return;
            this.isOnline = true;
            this.#host.trace.note("online", `node ${this.index} at ${this.height}`);
            await this.sync();
        } catch {
            // its process has been told and ends
        }
    }

    async #beginChain(): Promise<void> {
        const { appState, startMs, trace, validators } = this.#host;
        const { initChain } = await this.#ask({
            initChain: {
                time: timeOf(startMs),
                chainId: CHAIN_ID,
                validators: validators.map((ed25519) => ({ pubKey: { ed25519 }, power: 10n })),
                appStateBytes: appState,
                initialHeight: 1n,
            },
        } as unknown as Request);
        const hash = toHex(initChain?.appHash ?? HASH);
        this.#host.firstHash ??= hash;
        trace.check("I19", hash === this.#host.firstHash, () => "two hashes of the same genesis");
    }

    async #execute(block: Block, life: number): Promise<void> {
        const finalizeBlock = requestOf(block);
        const { finalizeBlock: done } = await this.#ask({ finalizeBlock } as unknown as Request);
        if (done === undefined || life !== this.#life) return;
        const appHash = toHex(done.appHash);
        const codes = done.txResults.map(({ code, data, log }) => `${code}${toHex(data)}${log}`);
        const digest = `${appHash} ${codes.join()} ${done.validatorUpdates.length}`;
        block.appHash ??= appHash;
        block.digest ??= digest;
        block.codes ??= done.txResults.map(({ log }) => log);
        this.#host.trace.check(
            "I19",
            digest === block.digest,
            () => `node ${this.index}, height ${block.height}: ${digest} and not ${block.digest}`,
        );
        if (this.#host.strikes(RESTART_RATE)) {
            this.#restart();
            return;
        }
        await this.#ask({ commit: {} } as unknown as Request);
        if (life !== this.#life) return;
        this.height = block.height;
        await this.#forget(
            block,
            done.txResults.map(({ code }) => code),
            life,
        );
    }

    /** Takes the transactions of a block out of the mempool, and looks at the rest again. */
    async #forget(block: Block, codes: readonly number[], life: number): Promise<void> {
        for (const [i, tx] of block.txs.entries()) {
            const hash = toHex(sha256(tx));
            this.mempool.delete(hash);
            if (codes[i] === 0) this.#seen.add(hash);
            else this.#seen.delete(hash);
        }
        for (const [hash, tx] of [...this.mempool]) {
            const code = await this.#screen(tx, 1);
            if (life !== this.#life) return;
            if (code === "") continue;
            this.mempool.delete(hash);
            this.#seen.delete(hash);
        }
    }

    /** Why the application refuses a transaction; empty where it does not. */
    async #screen(tx: Uint8Array, type: number): Promise<string> {
        const { checkTx } = await this.#ask({ checkTx: { tx, type } } as unknown as Request);
        return checkTx?.code === 0 ? "" : (checkTx?.log ?? "MS_INTERNAL");
    }

    /** Asks the application; where it fails its process ends, as behind the real socket. */
    async #ask(request: Request): Promise<Response> {
        const [handle, process] = [this.#handle, this.#process];
        if (handle === null) throw error("MS_LINK");
        try {
            return await handle(request);
        } catch (cause) {
            if (process === this.#process) this.#onFatal(cause);
            throw cause;
        }
    }
}

function timeOf(ms: number): { readonly seconds: bigint; readonly nanos: number } {
    return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

/** What ProcessProposal and FinalizeBlock are told of a block. */
function requestOf(block: Block): object {
    return {
        txs: [...block.txs],
        misbehavior: block.misbehavior,
        hash: sha256(concatBytes(utf8(`${block.height} ${block.timeMs} `), ...block.txs)),
        height: BigInt(block.height),
        time: timeOf(block.timeMs),
        nextValidatorsHash: HASH,
        proposerAddress: HASH.subarray(0, 20),
    };
}
