import { error } from "@meterseal/core";
import { type Command, hexOption, integerOption, textOption } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { EXIT } from "../exit-codes.ts";

/** `meterseal anchor check`: checks the proof file of an anchor. */
export const anchorCheckCommand: Command = {
    name: "anchor check",
    positional: "FILE",
    summary: "checks a proof that a tree head of a log was anchored on an EVM chain",
    options: {
        network: { kind: "value", value: "HEX", help: "network whose log it must be" },
        contract: { kind: "value", value: "ADDRESS", help: "contract that it must stand in" },
        "block-hash": {
            kind: "value",
            value: "HEX",
            help: "hash of its block, from a source that you trust",
        },
        rpc: {
            kind: "value",
            value: "URL",
            help: "asks this node whether its chain has the block, instead",
        },
        confirmations: { kind: "value", value: "N", help: "with --rpc: blocks from it on (6)" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal anchor check anchor-96.json --network 7c… --rpc http://127.0.0.1:8545",
        "meterseal anchor check anchor-96.json --network 7c… --block-hash 9f…",
    ],
    async run(options, [path]) {
        if (path === undefined) throw error("MS_USAGE", { expected: "a proof FILE", got: "none" });
        const rpc = textOption(options, "rpc");
        const blockHash = hexOption(options, "block-hash", 32);
        const { checkProofFile } = await import("../anchor/check.ts");
        const { addressOption } = await import("../anchor/options.ts");
        const isNamed = textOption(options, "contract") !== undefined;
        const bounds = { min: 1, max: 10_000, byDefault: 6 };
        const proven = await checkProofFile(path, {
            networkId: hexOption(options, "network", 32),
            contract: isNamed ? addressOption(options, "contract") : null,
            blockHash,
            rpc: rpc ?? null,
            confirmations: integerOption(options, "confirmations", bounds),
        });
        const trusted = rpc !== undefined || blockHash !== null;
        if (options.json === true) out(JSON.stringify({ verified: trusted, ...proven }));
        else {
            out(`${proven.size} entries, root ${proven.root}, of ${proven.origin}`);
            out(`stood in ${proven.contract} on chain ${proven.chainId}`);
            out(`as of block ${proven.blockNumber}, ${proven.time}: ${proven.blockHash}`);
            if (!trusted) {
                out("Not checked: whether that block is in the chain. Give --rpc or --block-hash.");
            }
        }
        return trusted ? EXIT.ok : EXIT.fault;
    },
};
