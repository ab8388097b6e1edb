import { type Log, MetersealError, type Timers } from "@meterseal/core";
import {
    type CometEngine,
    CometRpc,
    type CommitStore,
    keepCommits,
} from "@meterseal/engines/cometbft";

/** What a follower works with. */
export type CommitFollowerOptions = {
    /** RPC of the CometBFT node on this machine. */
    readonly rpcUrl: string;
    readonly engine: Pick<CometEngine, "point">;
    readonly store: CommitStore;
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

    async #follow(): Promise<void> {
        const { engine, store } = this.#options;
        const { point } = engine;
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
