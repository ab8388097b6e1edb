import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error, LIMITS } from "@meterseal/core";
import { formatGenesisState, type GenesisState } from "@meterseal/engines/cometbft";
import { reasonOf } from "../files.ts";

/** Addresses of a node as `host:port`. */
export type CometAddresses = { readonly p2p: string; readonly rpc: string };

/** A change of one line of a configuration file. */
export type Edit = readonly [RegExp, string];

/** What a network on one machine or in one building needs (formats 10). */
const SETTINGS: readonly Edit[] = [
    [/^log_level = .*$/m, 'log_level = "error"'],
    [/^timeout_commit = .*$/m, 'timeout_commit = "200ms"'],
    [/^create_empty_blocks_interval = .*$/m, 'create_empty_blocks_interval = "30s"'],
    [/^addr_book_strict = .*$/m, "addr_book_strict = false"],
    [/^allow_duplicate_ip = .*$/m, "allow_duplicate_ip = true"],
    [/^send_rate = .*$/m, "send_rate = 51200000"],
    [/^recv_rate = .*$/m, "recv_rate = 51200000"],
    // What no block can take must leave the mempool, which is looked through after each block.
    [/^recheck = .*$/m, "recheck = true"],
    [/^size = .*$/m, `size = ${LIMITS.mempoolTransactions}`],
    [/^max_txs_bytes = .*$/m, `max_txs_bytes = ${LIMITS.mempoolBytes}`],
    // A vote waits for these at each of the three steps of a block.
    [/^flush_throttle_timeout = .*$/m, 'flush_throttle_timeout = "10ms"'],
    [/^peer_gossip_sleep_duration = .*$/m, 'peer_gossip_sleep_duration = "20ms"'],
    [/^indexer = .*$/m, 'indexer = "null"'],
];

const BLOCK_BYTES = 16 * 1024 * 1024;
const POWER = "10";

/** Path of a home's genesis file. */
export function genesisFileOf(home: string): string {
    return join(home, "config", "genesis.json");
}

/** Makes the keys and files of a node where they are missing; returns the node's id. */
export function initCometHome(binary: string, home: string): string {
    run(binary, ["init", "--home", home]);
    return run(binary, ["show-node-id", "--home", home]);
}

/** Genesis file of the nodes of some homes, each a validator of the same power. */
export function cometGenesis(homes: readonly string[], state: GenesisState): unknown {
    const genesis = readJson(genesisFileOf(homes[0] ?? ""));
    genesis.validators = homes.map((home) => {
        const { address, pub_key } = readJson(join(home, "config", "priv_validator_key.json"));
        return { address, pub_key, power: POWER, name: "" };
    });
    genesis.app_state = formatGenesisState(state);
    genesis.consensus_params.block.max_bytes = `${BLOCK_BYTES}`;
    return genesis;
}

/** Writes the genesis of a network into a home. */
export function writeCometGenesis(home: string, genesis: unknown): void {
    writeFileSync(genesisFileOf(home), `${JSON.stringify(genesis, null, 2)}\n`, { flush: true });
}

/**
 * Sets the configuration of a home: its own addresses, and those of its peers as `id@host:port`.
 * @throws MetersealError MS_CONFIG for a file without the lines that are to be set.
 */
export function configureComet(
    home: string,
    { p2p, rpc }: CometAddresses,
    peers: readonly string[],
    more: readonly Edit[] = [],
): void {
    editFile(join(home, "config", "config.toml"), [
        ...SETTINGS,
        [/^(\[rpc\][^[]*?)^laddr = .*$/m, `$1laddr = "tcp://${rpc}"`],
        [/^(\[p2p\][^[]*?)^laddr = .*$/m, `$1laddr = "tcp://${p2p}"`],
        [/^persistent_peers = .*$/m, `persistent_peers = "${peers.join(",")}"`],
        ...more,
    ]);
}

function editFile(path: string, changes: readonly Edit[]): void {
    let text = readFileSync(path, "utf8");
    for (const [pattern, line] of changes) {
        if (!pattern.test(text)) throw error("MS_CONFIG", { where: path, expected: `${pattern}` });
        text = text.replace(pattern, line);
    }
    writeFileSync(path, text);
}

function run(binary: string, words: readonly string[]): string {
    try {
        return execFileSync(binary, words, {
            encoding: "utf8",
            stdio: ["ignore", "pipe", "pipe"],
        }).trim();
    } catch (cause) {
        throw error("MS_CONFIG", { where: `${binary} ${words[0]}`, got: reasonOf(cause), cause });
    }
}

// biome-ignore lint/suspicious/noExplicitAny: CometBFT's own files, read and written as they are
function readJson(path: string): any {
    return JSON.parse(readFileSync(path, "utf8"));
}
