import { PLACE_OPTIONS, SENDER_OPTIONS } from "../anchor/option-specs.ts";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { consoleLog, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { shutdownSignal } from "../shutdown.ts";

/** `meterseal anchor deploy`: puts the contract on a chain and gives a log to an account. */
export const anchorDeployCommand: Command = {
    name: "anchor deploy",
    summary: "puts the contract for anchors on an EVM chain, with a log of yours",
    options: {
        ...PLACE_OPTIONS,
        ...SENDER_OPTIONS,
        owner: {
            kind: "value",
            value: "ADDRESS",
            help: "account that will anchor (the one that deploys); it accepts at its first anchor",
        },
        json: { kind: "flag", help: "prints the contract's address as JSON" },
    },
    examples: [
        "meterseal anchor deploy --data .meterseal/demo --rpc http://127.0.0.1:8545 --chain 31337 --signer-key account.key",
    ],
    async run(options) {
        requiredOption(options, "data", "DIR");
        const { deployForLog } = await import("../anchor/deploy.ts");
        const { address, chainId, owner } = await deployForLog(options, {
            signal: shutdownSignal(),
            log: consoleLog("anchor"),
            clock: systemClock,
        });
        if (options.json === true) out(JSON.stringify({ contract: address, chainId, owner }));
        else {
            out(`contract ${address} on chain ${chainId}, log of account ${owner}`);
            const data = textOption(options, "data");
            const words = `--data ${data} --rpc ${textOption(options, "rpc")} --chain ${chainId}`;
            say(`Anchor with: meterseal anchor ${words} --contract ${address} --signer-key FILE`);
        }
        return EXIT.ok;
    },
};
