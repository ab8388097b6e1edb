import { existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { error, type Log, type SignatureJob } from "@meterseal/core";
import { type AbciAddress, CometEngine, localNode } from "@meterseal/engines/cometbft";
import type { EngineObserver } from "@meterseal/ledger";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { systemTimers } from "../clocks.ts";
import type { CometConfig } from "../config/config.ts";
import type { ContradictionFiles } from "../contradictions/files.ts";
import { CheckpointFollower } from "./checkpoint-follower.ts";
import { CommitFollower } from "./commit-follower.ts";
import type { ServerEngine } from "./engine.ts";
import type { ServerIdentity } from "./identity.ts";

/** How a server takes part in a network of several organisations. */
export type CometOptions = CometConfig & {
    /** Told where the application listens for its CometBFT node. */
    readonly onListening?: (address: string) => void;
    /** Ends the wait for the chain to begin. */
    readonly signal?: AbortSignal;
};

/** What an engine of CometBFT is opened with. */
export type CometParts = {
    readonly store: ServerStore;
    readonly identity: Pick<ServerIdentity, "log">;
    /** Checks signatures in threads. */
    readonly verify: (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;
    readonly observer: EngineObserver;
    /** Directory of the store. */
    readonly directory: string;
    /** Where proofs against validators are kept. */
    readonly files: ContradictionFiles;
    readonly genesis: Uint8Array;
    readonly log: Log;
    readonly onFatal: (cause: unknown) => void;
};

/** A snapshot for those that join is offered at each height that this divides. */
const SNAPSHOT_INTERVAL = 100;
/** Longest path of a Unix socket that every system takes. */
const SOCKET_PATH_MAX = 100;

/**
 * Opens our application and waits until its chain has begun, which its CometBFT node decides. A
 * server without the log's key takes the checkpoints of the one that has it.
 * @throws MetersealError MS_LISTEN_ADDRESS, MS_PORT_IN_USE, MS_LINK where the wait was ended, and
 * what a damaged store is refused with.
 */
export async function openCometEngine(
    options: CometOptions,
    { directory, files, genesis, identity, log, observer, onFatal, store, verify }: CometParts,
): Promise<ServerEngine> {
    const abci = abciAddressOf(options.abci, directory);
    if ("path" in abci && existsSync(abci.path)) rmSync(abci.path); // the directory's lock is ours
    const opened: { engine: CometEngine | null } = { engine: null };
    const commits = new CommitFollower({
        ...{ store, log, files, genesis, timers: systemTimers },
        point: () => opened.engine?.point ?? null,
        rpcUrl: options.rpcUrl,
    });
    const engine = await CometEngine.open(
        {
            ...{ store, observer, onFatal, verify },
            onMisbehaved: (height) => commits.noteMisbehaved(height),
            node: localNode(abci, options.rpcUrl),
            logSigner: identity.log,
            timers: systemTimers,
            snapshotInterval: SNAPSHOT_INTERVAL,
            ...(options.signal === undefined ? {} : { signal: options.signal }),
        },
        (address) => {
            if (options.onListening !== undefined) options.onListening(address);
            else log.info("waits for its CometBFT node", { proxy_app: address });
        },
    );
    opened.engine = engine;
    commits.start();
    engine.onClose(() => commits.close());
    const { checkpointsFrom: url } = options;
    if (identity.log !== null || url === null) return engine;
    const follower = new CheckpointFollower({ url, engine, store, timers: systemTimers, log });
    follower.start();
    engine.onClose(() => follower.close());
    return engine;
}

/**
 * Where the application listens: a port of the loopback, a path, or a name in the server's directory.
 * @throws MetersealError MS_LISTEN_ADDRESS for a path that is too long for a socket.
 */
export function abciAddressOf(text: string, directory: string): AbciAddress {
    if (/^\d+$/.test(text)) return { host: "127.0.0.1", port: Number(text) };
    const path = /[/\\]/.test(text) ? resolve(text) : join(resolve(directory), text);
    if (Buffer.byteLength(path) <= SOCKET_PATH_MAX) return { path };
    throw error("MS_LISTEN_ADDRESS", {
        where: "--comet-abci",
        expected: `a path of at most ${SOCKET_PATH_MAX} bytes`,
        got: path,
        todo: "Choose a shorter path, or a port of the loopback.",
    });
}
