import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, error, type Log, type SignatureJob, toHex } from "@meterseal/core";
import { BranchEngine, type ForkEvidence, type LogEvidence } from "@meterseal/engines/branch";
import { decodeGenesis, type EngineObserver, networkIdOf } from "@meterseal/ledger";
import type { ServerStore } from "@meterseal/stores/sqlite";
import { systemClock, systemTimers } from "../clocks.ts";
import type { Caller } from "../exchange/gate.ts";
import { HttpExchange } from "../exchange/http-exchange.ts";
import type { Membership } from "../exchange/membership.ts";
import { ExchangeClient } from "../exchange/request.ts";
import { writeJson } from "../files.ts";
import type { ServerIdentity } from "./identity.ts";

/** What the engine of a branch is opened with. */
export type BranchParts = {
    readonly store: ServerStore;
    readonly identity: ServerIdentity;
    readonly observer: EngineObserver;
    readonly verify: (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;
    /** Addresses of other branches. */
    readonly peers: readonly string[];
    /** Directory of the store. */
    readonly directory: string;
    readonly log: Log;
    readonly onFatal: (cause: unknown) => void;
};

/**
 * Genesis of the network that a branch joined.
 * @throws MetersealError MS_GENESIS where the store has none, or that of another network.
 */
export async function loadBranchGenesis(
    store: ServerStore,
    membership: Membership,
): Promise<Uint8Array> {
    const genesis = await store.genesis();
    const isOurs =
        genesis !== null &&
        decodeGenesis(genesis).ok &&
        bytesEqual(networkIdOf(genesis), membership.network);
    if (isOurs) return genesis;
    const todo = "Join again: meterseal ledger join --help";
    throw error("MS_GENESIS", { expected: `network ${toHex(membership.network)}`, todo });
}

/**
 * Opens the engine of a branch; it exchanges nothing before it is started.
 * @throws MetersealError what a damaged store is refused with, MS_USAGE for the address of a peer.
 */
export async function openBranchEngine(
    membership: Membership,
    parts: BranchParts,
): Promise<BranchEngine> {
    const { directory, identity, log, observer, onFatal, peers, store, verify } = parts;
    const { author, collector: signer } = identity;
    const caller: Caller = { signer, author, network: membership.network };
    const stop = new AbortController();
    const exchangeWith = (url: string): HttpExchange =>
        new HttpExchange(new ExchangeClient(url, membership.ca, stop.signal), caller, systemClock);
    return await BranchEngine.open({
        ...{ store, observer, verify, author, log, onFatal },
        clock: systemClock,
        timers: systemTimers,
        sequencer: exchangeWith(membership.sequencer),
        peers: peers.map((url) => ({ name: url, exchange: exchangeWith(url) })),
        onEvidence: (evidence) => {
            const path = keepEvidence(directory, evidence);
            log.warn(`evidence: ${evidence.kind}`, { file: path });
        },
        onClose: () => stop.abort(),
    });
}

/** Keeps what shows somebody's fault in a file; the same again is the same file. */
function keepEvidence(directory: string, evidence: LogEvidence | ForkEvidence): string {
    const text = JSON.stringify(evidence, (_key, value: unknown) =>
        value instanceof Uint8Array ? value.toBase64() : value,
    );
    const name = createHash("sha256").update(text).digest("hex").slice(0, 16);
    const places = join(directory, "evidence");
    mkdirSync(places, { recursive: true });
    const path = join(places, `${evidence.kind.replaceAll(" ", "-")}-${name}.json`);
    if (!existsSync(path)) writeJson(path, JSON.parse(text));
    return path;
}
