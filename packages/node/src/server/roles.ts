import { join } from "node:path";
import { Collector } from "@meterseal/collector";
import { error, type SignatureJob, unwrap } from "@meterseal/core";
import type { VerifierPool } from "@meterseal/core/node";
import { BranchEngine } from "@meterseal/engines/branch";
import { EmbeddedEngine, type ImagedViews } from "@meterseal/engines/embedded";
import { type EngineObserver, networkIdOf, stateOfGenesis } from "@meterseal/ledger";
import { ImageFile } from "@meterseal/stores";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { nextTurn, systemClock, systemRandom, systemTimers } from "../clocks.ts";
import { ContradictionFiles } from "../contradictions/files.ts";
import { ContradictionWatcher } from "../contradictions/watcher.ts";
import { Heads } from "../dag/heads.ts";
import { readMembership } from "../exchange/membership.ts";
import { PLACES, reasonOf } from "../files.ts";
import { loadBranchGenesis, openBranchEngine } from "./branch.ts";
import { openCometEngine } from "./comet.ts";
import type { ServerEngine } from "./engine.ts";
import { enrolCollector } from "./enrolment.ts";
import { Facts } from "./facts.ts";
import {
    loadGenesis,
    loadIdentity,
    loadMember,
    loadSharedGenesis,
    type ServerIdentity,
} from "./identity.ts";
import { imagedViews } from "./imaged-view.ts";
import type { ServerMetrics } from "./metrics.ts";
import { Said } from "./said.ts";
import type { ServerOptions } from "./server.ts";
import { StreamIndex } from "./stream-index.ts";
import { witnessesOf } from "./witnesses.ts";

/** The roles of a server, started. */
export type Roles = {
    readonly collector: Collector;
    readonly engine: ServerEngine;
    readonly identity: ServerIdentity;
    readonly facts: Facts;
    readonly heads: Heads;
    readonly said: Said;
    readonly streams: StreamIndex;
    /** Finds what signers contradict themselves in, and where the proofs are. */
    readonly contradictions: {
        readonly files: ContradictionFiles;
        readonly watcher: ContradictionWatcher;
    };
    readonly genesis: Uint8Array;
};

/** Name of the file in the server's directory from which a start goes on. */
const IMAGE_FILE = "state.image";
/** Entries and records after which it is written anew; at a stop it is in any case. */
const IMAGE_EVERY = 1_000_000;

/** What the roles of a server work with. */
type RoleParts = {
    readonly store: ServerStore;
    readonly verifier: VerifierPool;
    readonly metrics: ServerMetrics;
};

/**
 * Starts ledger and collector on a store, with the engine that the options ask for.
 * @throws MetersealError MS_GENESIS, MS_USAGE, and what the engine is refused with.
 */
export async function startRoles(options: ServerOptions, parts: RoleParts): Promise<Roles> {
    const { metrics, store, verifier } = parts;
    const { bytes, identity, openEngine } = await chooseEngine(options, parts);
    const collector = new Collector(unwrap(stateOfGenesis(bytes)), {
        store,
        clock: options.clock,
        steadyClock: systemClock,
        timers: systemTimers,
        nextTurn,
        signer: identity.collector,
        author: identity.author,
        keyEpoch: 0,
        verify: (jobs) => verifier.verify(jobs),
        log: options.log,
        onFatal: options.onFatal,
        onRefused: (code) => metrics.refused(code),
    });
    const facts = new Facts();
    const heads = new Heads();
    const streams = new StreamIndex();
    const said = new Said();
    const files = new ContradictionFiles(
        PLACES.contradictions(options.dataDir),
        networkIdOf(bytes),
    );
    const watcher = new ContradictionWatcher({
        ...{ files, genesis: bytes, reader: store.reader, log: options.log },
    });
    const views = {
        ...imagedViews([facts, heads, said]),
        settled: () => watcher.settled(),
    };
    const observer: EngineObserver = {
        begin: (state) => collector.begin(state),
        entryRefused: (author, code) => metrics.entryRefused(author, code),
        entryLogged: (entry, timeMs) => collector.entryLogged(entry, timeMs),
        vertexForked: (vertex) => watcher.vertexForked(vertex),
        entryFinal(entry, timeMs, finality, outcomes) {
            facts.entryFinal(entry, timeMs, finality, outcomes);
            heads.entryFinal(entry, timeMs, finality);
            streams.entryFinal(entry, timeMs, finality, outcomes);
            said.entryFinal(entry, timeMs, finality);
            collector.entryFinal(entry, timeMs, finality, outcomes);
            watcher.entryFinal(entry, outcomes);
        },
    };
    const onFatal = (cause: unknown): void => collector.fail(cause);
    const engine = await openEngine({ observer, views, onFatal });
    watcher.start(engine.state);
    streams.attach({ state: engine.state, head: () => engine.head(), reader: store.reader });
    try {
        if (!(engine instanceof BranchEngine)) {
            await enrolCollector({ engine, genesis: bytes, identity, clock: options.clock });
        }
        await collector.start(engine);
        if (engine instanceof BranchEngine) engine.start();
    } catch (cause) {
        await engine.close();
        throw cause;
    }
    const contradictions = { files, watcher };
    return {
        collector,
        contradictions,
        engine,
        identity,
        facts,
        heads,
        said,
        streams,
        genesis: bytes,
    };
}

/** Who hears of what an engine does. */
type EngineListeners = {
    readonly observer: EngineObserver;
    readonly views: ImagedViews;
    readonly onFatal: (cause: unknown) => void;
};

/** What orders the log of a server, with the keys and the genesis that belong to it. */
type ChosenEngine = {
    readonly bytes: Uint8Array;
    readonly identity: ServerIdentity;
    readonly openEngine: (listeners: EngineListeners) => Promise<ServerEngine>;
};

async function chooseEngine(
    options: ServerOptions,
    { store, verifier }: Pick<RoleParts, "store" | "verifier">,
): Promise<ChosenEngine> {
    const { peers = [] } = options;
    const { clock, comet = null, dataDir, log, mode, witnessPolicy = null } = options;
    const keys = PLACES.serverKeys(dataDir);
    const verify = (jobs: readonly SignatureJob[]) => verifier.verify(jobs);
    if (comet !== null) {
        const identity = loadMember(keys, systemRandom);
        const bytes = await loadSharedGenesis(store, identity, comet.genesisFile);
        const files = new ContradictionFiles(PLACES.contradictions(dataDir), networkIdOf(bytes));
        const directory = PLACES.server(dataDir);
        const parts = {
            ...{ store, identity, verify, log, directory, files },
            genesis: bytes,
        };
        const openEngine = ({ observer, onFatal }: EngineListeners): Promise<ServerEngine> =>
            openCometEngine(comet, { ...parts, observer, onFatal });
        return { bytes, identity, openEngine };
    }
    const membership = readMembership(dataDir);
    if (membership !== null) {
        requireBranchOptions(options);
        const identity = loadMember(keys, systemRandom);
        const bytes = await loadBranchGenesis(store, membership);
        const directory = PLACES.server(dataDir);
        const parts = { store, identity, verify, peers, log, directory };
        const openEngine = ({ observer, onFatal }: EngineListeners): Promise<ServerEngine> =>
            openBranchEngine(membership, { ...parts, observer, onFatal });
        return { bytes, identity, openEngine };
    }
    if (peers.length > 0) {
        const expected = "a directory that joined a network: meterseal ledger join";
        throw error("MS_USAGE", { where: "--peers", expected, got: dataDir });
    }
    const identity = loadIdentity(keys, systemRandom);
    const { bytes } = await loadGenesis(store, identity, mode, { clock, random: systemRandom });
    if ((await store.blockHead()) !== null) {
        throw error("MS_USAGE", {
            where: dataDir,
            expected: "--engine cometbft: several organisations share its ledger",
        });
    }
    const witnesses = witnessPolicy === null ? null : witnessesOf(witnessPolicy, log);
    const openEngine = ({ observer, onFatal, views }: EngineListeners): Promise<ServerEngine> =>
        EmbeddedEngine.open({
            ...{ store, clock, observer, onFatal, logSigner: identity.log },
            images: {
                store: new ImageFile(join(PLACES.server(dataDir), IMAGE_FILE)),
                every: IMAGE_EVERY,
                views,
                onFailed: (cause) =>
                    log.warn("no image of the state: a start replays more of the log", {
                        cause: reasonOf(cause),
                    }),
            },
            ...(witnesses === null ? {} : { witnesses }),
        });
    return { bytes, identity, openEngine };
}

/** What decides for the whole network is decided where its log is written. */
function requireBranchOptions({ dataDir, mode, witnessPolicy = null }: ServerOptions): void {
    const got =
        mode === null ? (witnessPolicy === null ? null : "a witness policy") : "--open or --mixed";
    if (got === null) return;
    throw error("MS_USAGE", {
        where: dataDir,
        expected: "a branch takes what its network has",
        got,
    });
}
