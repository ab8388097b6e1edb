import { bytesEqual, type Log, MetersealError, type Timers, unwrap } from "@meterseal/core";
import { type BlockStore, verifyCheckpoint } from "@meterseal/ledger";
import { askApi } from "../http-client.ts";
import type { ServerEngine } from "./engine.ts";

/** What a follower works with. */
export type CheckpointFollowerOptions = {
    /** Server that signs checkpoints, such as http://127.0.0.1:8480. */
    readonly url: string;
    readonly engine: ServerEngine;
    readonly store: Pick<BlockStore, "keepCheckpoint">;
    readonly timers: Timers;
    readonly log: Log;
};

const INTERVAL_MS = 1_000;
/** A server that does not answer so many times in a row is worth a line: others start later. */
const SILENT_ROUNDS = 20;
const NETWORK_ROUTE = "/api/v1/network";

/**
 * Brings the checkpoints of whoever holds the log's key to a server that does not: each second the
 * latest one, kept where its signature holds and its root is that of our own tree. A root that is not
 * is never kept, and said: its signer shows others another log.
 */
export class CheckpointFollower {
    readonly #options: CheckpointFollowerOptions;
    #cancel: () => void = () => undefined;
    #closed = false;
    #keptSize = 0;
    #said = "";
    #failures = 0;

    constructor(options: CheckpointFollowerOptions) {
        this.#options = options;
    }

    /** Asks now, and then each second until it is closed. */
    start(): void {
        const again = (): void => {
            if (this.#closed) return;
            this.#cancel = this.#options.timers.after(INTERVAL_MS, () => this.start());
        };
        this.#follow().then(
            () => {
                this.#failures = 0;
                again();
            },
            (cause: unknown) => {
                this.#failures++;
                const isSilent = cause instanceof MetersealError && cause.code === "MS_LINK";
                if (!isSilent || this.#failures === SILENT_ROUNDS) {
                    this.#say("no checkpoint comes from the other server", String(cause));
                }
                again();
            },
        );
    }

    /** Asks no more. */
    close(): void {
        this.#closed = true;
        this.#cancel();
    }

    async #follow(): Promise<void> {
        const { engine, store, url } = this.#options;
        const answer = await askApi(url, NETWORK_ROUTE);
        const { checkpoint: note } = (await answer.json()) as { readonly checkpoint?: unknown };
        if (typeof note !== "string" || this.#closed) return; // nothing is signed yet
        const { root, size } = unwrap(
            verifyCheckpoint(note, {
                origin: engine.origin,
                publicKey: engine.state.genesis.logKey,
            }),
        );
        // What our own node has not executed yet is looked at when it has.
        if (size <= this.#keptSize || size > engine.head().size) return;
        if (!bytesEqual(root, engine.log.root(size))) {
            this.#say("the signed checkpoint is of another log than ours", `size ${size}`);
            return;
        }
        await store.keepCheckpoint(size, note);
        this.#keptSize = size;
        this.#said = "";
    }

    /** One line for each new reason, not one each second. */
    #say(message: string, cause: string): void {
        if (this.#said === message + cause) return;
        this.#said = message + cause;
        this.#options.log.warn(message, { url: this.#options.url, cause });
    }
}
