import { toHex } from "@meterseal/core";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { NETWORK_OPTION, networkOption } from "../cli/network-option.ts";
import { out, say } from "../console.ts";
import { type Joined, joinNetwork } from "../exchange/join.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";

const PEM_BYTES = 65_536;

/** `meterseal ledger join`: makes a data directory that of a branch of a network. */
export const ledgerJoinCommand: Command = {
    name: "ledger join",
    summary: "makes a directory a branch: a collector that follows another server's ledger",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory of the branch; made where it is missing",
        },
        to: {
            kind: "value",
            value: "URL",
            help: "the server that writes the ledger: its --exchange-port",
        },
        network: NETWORK_OPTION,
        ca: {
            kind: "value",
            value: "FILE",
            help: "certificates to trust instead of the well-known ones, PEM",
        },
        "operator-token": {
            kind: "value",
            value: "FILE",
            help: "the operator's token: admits this branch at once",
        },
        json: { kind: "flag", help: "prints the outcome as JSON" },
    },
    examples: [
        "meterseal ledger join --data .meterseal/branch --to http://127.0.0.1:8490 --operator-token .meterseal/utility/server/keys/operator.token",
        "meterseal ledger join --data .meterseal/branch --to https://ledger.example:8490 --network 7c…",
    ],
    async run(options) {
        const dataDir = requiredOption(options, "data", "DIR");
        const caFile = textOption(options, "ca");
        const joined = await joinNetwork({
            dataDir,
            sequencer: requiredOption(options, "to", "URL"),
            ca: caFile === undefined ? null : readBounded(caFile, PEM_BYTES).toString("utf8"),
            network: networkOption(options),
            tokenFile: textOption(options, "operator-token") ?? null,
        });
        report(options, dataDir, joined);
        return joined.admitted ? EXIT.ok : EXIT.fault;
    },
};

function report(
    options: Options,
    dataDir: string,
    { admitted, request, requestFile }: Joined,
): void {
    const [network, author] = [toHex(request.network), toHex(request.id)];
    if (options.json === true) {
        out(JSON.stringify({ network, author, admitted, request: requestFile }));
    } else if (admitted) {
        say(`Branch ${author} of network ${network}.
Compare the network with what its operator says, by another way than this link.
Next:  meterseal serve --data ${dataDir}`);
    } else {
        say(`Branch ${author} asks to join network ${network}, and is not admitted yet.
The operator admits it with:  meterseal ledger admit --data DIR ${requestFile}
Then call this command again.`);
    }
}
