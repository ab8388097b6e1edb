import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatGenesisState } from "@meterseal/engines/cometbft";
import { hostOf, Validator } from "./validator.ts";

/** Files of a network of validators in one directory. */
export type Network = {
    readonly dir: string;
    readonly binary: string;
    readonly validators: readonly Validator[];
    /** Makes the files of one more node that is no validator, and joins by state sync. */
    readonly joiner: (trust: { height: number; hash: string }) => Validator;
    readonly remove: () => Promise<void>;
};

/** The few settings that a local network needs (formats 10). */
const SETTINGS: readonly [RegExp, string][] = [
    [/^timeout_commit = .*$/m, 'timeout_commit = "200ms"'],
    [/^create_empty_blocks_interval = .*$/m, 'create_empty_blocks_interval = "30s"'],
    [/^addr_book_strict = .*$/m, "addr_book_strict = false"],
    [/^allow_duplicate_ip = .*$/m, "allow_duplicate_ip = true"],
    [/^send_rate = .*$/m, "send_rate = 51200000"],
    [/^recv_rate = .*$/m, "recv_rate = 51200000"],
    [/^indexer = .*$/m, 'indexer = "null"'],
];

/** Path of the cometbft program; null where it is not installed. */
export function findCometBft(): string | null {
    const path = process.env.COMETBFT;
    if (path !== undefined) return path;
    try {
        return execFileSync("sh", ["-c", "command -v cometbft"], { encoding: "utf8" }).trim();
    } catch {
        return null;
    }
}

/** Makes the files of validators that begin with a genesis and some entries. */
export function makeNetwork(
    binary: string,
    count: number,
    state: { genesis: Uint8Array; entries: readonly Uint8Array[] },
): Network {
    const dir = mkdtempSync(join(tmpdir(), "meterseal-cometbft-"));
    const homeOf = (index: number): string => join(dir, `node${index}`);
    const indices = Array.from({ length: count }, (_, index) => index);
    for (const index of indices) init(binary, homeOf(index));
    const genesis = readJson(join(homeOf(0), "config/genesis.json"));
    genesis.validators = indices.flatMap(
        (index) => readJson(join(homeOf(index), "config/genesis.json")).validators,
    );
    genesis.app_state = formatGenesisState(state);
    genesis.consensus_params.block.max_bytes = `${16 * 1024 * 1024}`;
    const ids = indices.map((index) =>
        execFileSync(binary, ["show-node-id", "--home", homeOf(index)], {
            encoding: "utf8",
        }).trim(),
    );
    const peers = ids.map((id, index) => `${id}@${hostOf(index)}:26656`);
    for (const index of indices) configure(homeOf(index), index, peers, genesis);
    const validators = indices.map(
        (index) =>
            new Validator(binary, { home: homeOf(index), dir: join(homeOf(index), "app"), index }),
    );
    const joiner = ({ hash, height }: { height: number; hash: string }): Validator => {
        const home = homeOf(count);
        init(binary, home);
        configure(home, count, peers, genesis);
        edit(join(home, "config/config.toml"), [
            [/^(\[statesync\][^[]*?)^enable = .*$/m, "$1enable = true"],
            [
                /^rpc_servers = .*$/m,
                `rpc_servers = "http://${hostOf(0)}:26657,http://${hostOf(1)}:26657"`,
            ],
            [/^trust_height = .*$/m, `trust_height = ${height}`],
            [/^trust_hash = .*$/m, `trust_hash = "${hash}"`],
            [/^discovery_time = .*$/m, 'discovery_time = "5s"'],
        ]);
        return new Validator(binary, { home, dir: join(home, "app"), index: count });
    };
    const remove = async (): Promise<void> => {
        for (const validator of validators) await validator.stop();
        rmSync(dir, { recursive: true, force: true });
    };
    return { dir, binary, validators, joiner, remove };
}

function init(binary: string, home: string): void {
    execFileSync(binary, ["init", "--home", home], { stdio: "ignore" });
    mkdirSync(join(home, "app"), { recursive: true });
}

function configure(home: string, index: number, peers: readonly string[], genesis: unknown): void {
    writeFileSync(join(home, "config/genesis.json"), JSON.stringify(genesis, null, 2));
    const others = peers.filter((_, other) => other !== index).join(",");
    edit(join(home, "config/config.toml"), [
        ...SETTINGS,
        [/^laddr = "tcp:\/\/127\.0\.0\.1:26657"$/m, `laddr = "tcp://${hostOf(index)}:26657"`],
        [/^laddr = "tcp:\/\/0\.0\.0\.0:26656"$/m, `laddr = "tcp://${hostOf(index)}:26656"`],
        [/^persistent_peers = .*$/m, `persistent_peers = "${others}"`],
    ]);
}

/** Changes lines of a file; a line that is not there is a fault. */
function edit(path: string, changes: readonly [RegExp, string][]): void {
    let text = readFileSync(path, "utf8");
    for (const [pattern, line] of changes) {
        if (!pattern.test(text)) throw new Error(`${path} has no ${pattern}`);
        text = text.replace(pattern, line);
    }
    writeFileSync(path, text);
}

// biome-ignore lint/suspicious/noExplicitAny: CometBFT's own files, read and written as they are
function readJson(path: string): any {
    return JSON.parse(readFileSync(path, "utf8"));
}
