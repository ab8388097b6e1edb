import { error } from "@meterseal/core";
import { PLACE_OPTIONS, SENDER_OPTIONS } from "../anchor/option-specs.ts";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal } from "../shutdown.ts";

const EVERY = "1h";

/** `meterseal anchor`: writes checkpoints of a log to a contract on an EVM chain. */
export const anchorCommand: Command = {
    name: "anchor",
    summary: "writes the checkpoints of a log to an EVM chain, on a schedule",
    options: {
        ...PLACE_OPTIONS,
        contract: { kind: "value", value: "ADDRESS", help: "contract RootAnchor on the chain" },
        ...SENDER_OPTIONS,
        every: { kind: "value", value: "TIME", help: `such as 15m, 1h or 1d (${EVERY})` },
        once: { kind: "flag", help: "anchors the latest checkpoint, and ends" },
        json: { kind: "flag", help: "prints each anchor as a line of JSON" },
    },
    examples: [
        "meterseal anchor --data .meterseal/demo --rpc http://127.0.0.1:8545 --chain 31337 --contract 0x5f… --signer-key account.key --once",
        "meterseal anchor --data anchors --url https://meters.example --network 7c… --rpc https://node.example --chain 1 --contract 0x5f… --signer http://127.0.0.1:9000 --account 0xa1… --every 1h",
    ],
    async run(options) {
        requiredOption(options, "data", "DIR");
        const every = textOption(options, "every");
        if (options.once === true && every !== undefined) {
            throw error("MS_USAGE", { expected: "--once or --every, not both" });
        }
        const { runAnchors } = await import("../anchor/run.ts");
        const { secondsOf } = await import("../anchor/options.ts");
        const signal = shutdownSignal();
        await runAnchors(options, {
            everySeconds: options.once === true ? null : secondsOf(every ?? EVERY),
            signal,
            log: consoleLog("anchor"),
            onRound: (round) => {
                if (options.json === true) out(JSON.stringify(round));
                else {
                    const { isNew, onChain, proof, root, size } = round;
                    const before = onChain > size ? `${onChain} entries are` : "they are";
                    const what = isNew ? "anchored" : `nothing to do, ${before} on the chain`;
                    out(`${size} entries, root ${root}: ${what}`);
                    if (proof !== null) say(`Proof: ${proof}`);
                }
            },
        });
        if (signal.aborted)
            say("Ended. What was under way is kept; the next start goes on with it.");
        return EXIT.ok;
    },
};
