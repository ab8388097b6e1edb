import { type Log, MetersealError, type Timers } from "@meterseal/core";
import {
    type CometEngine,
    CometRpc,
    type CommitStore,
    doubleVoteOf,
    keepCommits,
} from "@meterseal/engines/cometbft";
import type { ContradictionFiles } from "../contradictions/files.ts";

/** What a follower works with. */
export type CommitFollowerOptions = {
    /** RPC of the CometBFT node on this machine. */
    readonly rpcUrl: string;
    /** What the header of the last committed block signs; null before there is one. */
    readonly point: () => CometEngine["point"];
    readonly store: CommitStore;
    /** Where proofs against validators are kept, and the network's genesis. */
    readonly files: Pick<ContradictionFiles, "keep">;
    readonly genesis: Uint8Array;
    readonly timers: Timers;
    readonly log: Log;
};

const INTERVAL_MS = 1_000;
const RPC_TIMEOUT_MS = 5_000;

/**
 * Keeps what the validators signed beside the ledger, so that its directory shows their agreement
 * without a node: each second the latest signed header, and every change of the validators.
 */
export class CommitFollower {
    readonly #options: CommitFollowerOptions;
    readonly #rpc: CometRpc;
    #cancel: () => void = () => undefined;
    #closed = false;
    #keptHeight = 0;
    /** Heights of blocks with evidence that is not kept yet. */
    readonly #accusing = new Set<number>();
    #said = "";

    constructor(options: CommitFollowerOptions) {
        this.#options = options;
        this.#rpc = new CometRpc(options.rpcUrl, RPC_TIMEOUT_MS);
    }

    /** Looks now, and then each second until it is closed. */
    start(): void {
        void this.#follow()
            .catch((cause: unknown) => this.#say(cause))
            .then(() => {
                if (this.#closed) return;
                this.#cancel = this.#options.timers.after(INTERVAL_MS, () => this.start());
            });
    }

    /** Looks no more. */
    close(): void {
        this.#closed = true;
        this.#cancel();
    }

    /** Takes from a block, at the next turn, what it carries against validators. */
    noteMisbehaved(height: number): void {
        this.#accusing.add(height);
    }

    async #follow(): Promise<void> {
        for (const height of this.#accusing) {
            await this.#keepVotes(height);
            this.#accusing.delete(height);
        }
        await this.#keepCommits();
    }

    async #keepVotes(height: number): Promise<void> {
        const { files, genesis, log } = this.#options;
        const { chainId, votes } = await this.#rpc.doubleVotes(height);
        for (const vote of votes) {
            const validators = await this.#rpc.validators(Number(vote.vote_a.height));
            const proven = files.keep(doubleVoteOf(vote, { chainId, validators, genesis }));
            if (proven === null) continue;
            const { id, where } = proven;
            log.warn("a validator signed what contradicts itself; the proof is kept", {
                id,
                where,
            });
        }
    }

    async #keepCommits(): Promise<void> {
        const { store } = this.#options;
        const point = this.#options.point();
        if (this.#closed || point === null || point.height <= this.#keptHeight) return;
        await keepCommits(point, this.#rpc, store);
        this.#keptHeight = point.height;
        this.#said = "";
    }

    /** One line for each new reason; a node that does not answer is said by others. */
    #say(cause: unknown): void {
        const isSilent = cause instanceof MetersealError && cause.code === "MS_LINK";
        const text = String(cause);
        if (isSilent || this.#closed || this.#said === text) return;
        this.#said = text;
        this.#options.log.warn("what the validators signed could not be kept", { cause: text });
    }
}
