import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
    bytesEqual,
    type Clock,
    error,
    MetersealError,
    type PublicKey,
    type Random,
    type Signer,
    unwrap,
    utf8,
} from "@meterseal/core";
import type { FileKeyKind } from "@meterseal/core/node";
import { type GenesisState, parseGenesisState } from "@meterseal/engines/cometbft";
import {
    decodeGenesis,
    encodeGenesis,
    type Genesis,
    type LogStore,
    NETWORK_MODE,
    networkIdOf,
} from "@meterseal/ledger";
import { kidOf } from "@meterseal/record";
import { fileSigner, readBounded, writeSecret } from "../files.ts";

/** The keys of a server. */
export type ServerIdentity = {
    /** Signs enrolments; ES256. Null where another organisation is the operator. */
    readonly operator: Signer | null;
    /** Signs receipts and vertices; ES256. */
    readonly collector: Signer;
    /** Signs checkpoints; Ed25519. Null where another organisation does. */
    readonly log: Signer | null;
    /** Author id of the collector, 16 bytes. */
    readonly author: Uint8Array;
};

const OPERATOR_FILE = "operator.pem";
const LOG_FILE = "log.pem";
const AUTHOR_FILE = "collector.id";
/** Largest genesis file that is read: validators, and the first entries of the log. */
const GENESIS_FILE_BYTES = 8 * 1024 * 1024;

/** The keys of a server that is its own network's operator, with the embedded engine. */
export type OwnIdentity = ServerIdentity & { readonly operator: Signer; readonly log: Signer };

/** Loads the keys of a server of its own from files of mode 600, or makes them on first use. */
export function loadIdentity(keyDirectory: string, random: Random): OwnIdentity {
    return {
        operator: fileSigner(join(keyDirectory, OPERATOR_FILE), "es256"),
        log: fileSigner(join(keyDirectory, LOG_FILE), "edDsa"),
        ...loadCollector(keyDirectory, random),
    };
}

/** Loads the keys of a member of a network: only its collector's are made where there are none. */
export function loadMember(keyDirectory: string, random: Random): ServerIdentity {
    const found = (name: string, kind: FileKeyKind): Signer | null => {
        const path = join(keyDirectory, name);
        return existsSync(path) ? fileSigner(path, kind) : null;
    };
    return {
        operator: found(OPERATOR_FILE, "es256"),
        log: found(LOG_FILE, "edDsa"),
        ...loadCollector(keyDirectory, random),
    };
}

function loadCollector(
    keyDirectory: string,
    random: Random,
): Pick<ServerIdentity, "collector" | "author"> {
    const collector = fileSigner(join(keyDirectory, "collector.pem"), "es256");
    const authorFile = join(keyDirectory, AUTHOR_FILE);
    if (!existsSync(authorFile)) writeSecret(authorFile, `${random.bytes(16).toHex()}\n`);
    const author = Uint8Array.fromHex(readFileSync(authorFile, "utf8").trim());
    return { collector, author };
}

/** Name of one of {@link NETWORK_MODE}. */
export function nameOfMode(mode: number): string {
    const names = Object.entries(NETWORK_MODE);
    return names.find(([, value]) => value === mode)?.[0] ?? "unknown";
}

/**
 * Genesis of the store; writes one into a new store.
 * @throws MetersealError MS_GENESIS where keys and genesis do not belong together, or the network
 * runs in another mode than asked for.
 */
export async function loadGenesis(
    store: LogStore,
    identity: OwnIdentity,
    mode: number | null,
    tools: { readonly clock: Clock; readonly random: Random },
): Promise<{ genesis: Genesis; bytes: Uint8Array; networkId: Uint8Array }> {
    let bytes = await store.genesis();
    if (bytes === null) {
        bytes = encodeGenesis({
            operator: identity.operator.publicKey,
            logKey: identity.log.publicKey,
            createdUnix: Math.floor(tools.clock.nowMs() / 1000),
            nonce: tools.random.bytes(16),
            mode: mode ?? 0,
        });
        await store.initialize(bytes);
    }
    const genesis = unwrap(decodeGenesis(bytes));
    requireOwnKeys(identity, genesis);
    if (mode !== null && genesis.mode !== mode) {
        throw error("MS_USAGE", {
            expected: `a network with ${nameOfMode(mode)} streams`,
            got: `${nameOfMode(genesis.mode)} streams`,
            todo: "Choose another data directory for the other mode.",
        });
    }
    return { genesis, bytes, networkId: networkIdOf(bytes) };
}

/**
 * Genesis that a network of several organisations begins with.
 * @param path - CometBFT's genesis file, the same for all of them.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_GENESIS for the file, or where it is of
 * another network than the store or the keys that are here.
 */
export async function loadSharedGenesis(
    store: LogStore,
    identity: ServerIdentity,
    path: string,
): Promise<Uint8Array> {
    const { genesis: bytes } = readGenesisState(path);
    const before = await store.genesis();
    if (before !== null && !bytesEqual(before, bytes)) {
        throw error("MS_GENESIS", { where: path, expected: "the network of this data directory" });
    }
    requireOwnKeys(identity, unwrap(decodeGenesis(bytes)));
    return bytes;
}

function readGenesisState(path: string): GenesisState {
    const text = readBounded(path, GENESIS_FILE_BYTES).toString("utf8");
    try {
        const { app_state: state } = JSON.parse(text) as { readonly app_state?: unknown };
        return unwrap(parseGenesisState(utf8(JSON.stringify(state ?? null))));
    } catch (cause) {
        if (cause instanceof MetersealError) throw cause;
        throw error("MS_GENESIS", { where: path, expected: "CometBFT's genesis file", cause });
    }
}

/** Keys of operator and log that are here must be those that the genesis names. */
function requireOwnKeys({ log, operator }: ServerIdentity, genesis: Genesis): void {
    const isOther = (own: Signer | null, named: PublicKey): boolean =>
        own !== null && !bytesEqual(kidOf(own.publicKey), kidOf(named));
    if (isOther(operator, genesis.operator) || isOther(log, genesis.logKey)) {
        throw error("MS_GENESIS", { expected: "the keys that the genesis names in server/keys" });
    }
}
