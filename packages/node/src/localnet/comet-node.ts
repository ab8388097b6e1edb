import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CometRpc } from "@meterseal/engines/cometbft";

/** Where a node is and how it is reached. */
export type CometNodePlan = {
    readonly binary: string;
    readonly home: string;
    /** Address of its RPC, `host:port`. */
    readonly rpc: string;
    /** Where its application listens, as `proxy_app` takes it. */
    readonly proxyApp: string;
};

const STOP_TIMEOUT_MS = 3_000;
const RPC_TIMEOUT_MS = 5_000;
const LOG_FILE = "node.log";

/** A CometBFT node in a process of its own. It ends with its application, too. */
export class CometNode {
    readonly rpc: CometRpc;
    /** File that it writes its log lines to. */
    readonly logFile: string;
    /** Resolves when the process has ended, however that came. */
    readonly ended: Promise<void>;
    readonly #child: ChildProcess;

    constructor({ binary, home, proxyApp, rpc }: CometNodePlan) {
        this.rpc = new CometRpc(`http://${rpc}`, RPC_TIMEOUT_MS);
        this.logFile = join(home, LOG_FILE);
        const log = openSync(this.logFile, "w");
        // A group of its own: Ctrl-C goes to us, and we end the nodes after their applications.
        this.#child = spawn(binary, ["node", "--home", home, "--proxy_app", proxyApp], {
            stdio: ["ignore", log, log],
            detached: true,
        });
        closeSync(log);
        this.ended = new Promise((resolve) => {
            this.#child.once("exit", () => resolve());
            this.#child.once("error", () => resolve());
        });
    }

    /** Ends the node properly, or kills it where that takes too long. */
    async stop(): Promise<void> {
        this.#child.kill("SIGTERM");
        const late = new AbortController();
        const killed = sleep(STOP_TIMEOUT_MS, undefined, { signal: late.signal }).then(
            () => this.#child.kill("SIGKILL"),
            () => undefined,
        );
        await this.ended;
        late.abort();
        await killed;
    }
}
