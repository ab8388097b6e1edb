import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, error, type Random, type Signer, unwrap } from "@meterseal/core";
import {
    decodeGenesis,
    encodeGenesis,
    type Genesis,
    type LogStore,
    networkIdOf,
} from "@meterseal/ledger";
import { kidOf } from "@meterseal/record";
import { fileSigner, writeSecret } from "../files.ts";

/** The keys of an operator who runs one collector and the embedded engine. */
export type ServerIdentity = {
    /** Signs enrolments; ES256. */
    readonly operator: Signer;
    /** Signs receipts and vertices; ES256. */
    readonly collector: Signer;
    /** Signs checkpoints; Ed25519. */
    readonly log: Signer;
    /** Author id of the collector, 16 bytes. */
    readonly author: Uint8Array;
};

const AUTHOR_FILE = "collector.id";

/** Loads the server's keys from files of mode 600, or makes them on first use. */
export function loadIdentity(keyDirectory: string, random: Random): ServerIdentity {
    const operator = fileSigner(join(keyDirectory, "operator.pem"), "es256");
    const collector = fileSigner(join(keyDirectory, "collector.pem"), "es256");
    const log = fileSigner(join(keyDirectory, "log.pem"), "edDsa");
    const authorFile = join(keyDirectory, AUTHOR_FILE);
    if (!existsSync(authorFile)) writeSecret(authorFile, `${random.bytes(16).toHex()}\n`);
    const author = Uint8Array.fromHex(readFileSync(authorFile, "utf8").trim());
    return { operator, collector, log, author };
}

/**
 * Genesis of the store; writes one into a new store.
 * @throws MetersealError MS_GENESIS where keys and genesis do not belong together, or the network
 * runs in another mode than asked for.
 */
export async function loadGenesis(
    store: LogStore,
    identity: ServerIdentity,
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
    const same = (a: Signer, b: Genesis["operator"]): boolean =>
        kidOf(a.publicKey).toHex() === kidOf(b).toHex();
    if (!same(identity.operator, genesis.operator) || !same(identity.log, genesis.logKey)) {
        throw error("MS_GENESIS", { expected: "the keys that the genesis names in server/keys" });
    }
    if (mode !== null && genesis.mode !== mode) {
        const names = ["sealed", "open"];
        throw error("MS_USAGE", {
            expected: `a network with ${names[mode]} streams`,
            got: `${names[genesis.mode]} streams`,
            todo: "Choose another data directory for the other mode.",
        });
    }
    return { genesis, bytes, networkId: networkIdOf(bytes) };
}
