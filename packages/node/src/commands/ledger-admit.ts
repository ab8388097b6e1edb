import { error, toHex } from "@meterseal/core";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import {
    formatCollectorRequest,
    parseCollectorAnswer,
    parseCollectorRequest,
} from "../exchange/admission.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded, requireDirectory } from "../files.ts";
import { asOperator } from "../server/as-operator.ts";
import { COLLECTORS_ROUTE } from "../server/operator.ts";

const REQUEST_BYTES = 8_192;

/** `meterseal ledger admit`: admits the collector of a branch to a server's network. */
export const ledgerAdmitCommand: Command = {
    name: "ledger admit",
    positional: "REQUEST",
    summary: "admits a branch to a server's network, also while it runs",
    options: {
        data: {
            kind: "value",
            value: "DIR",
            help: "data directory of the server, whose operator you are",
        },
        json: { kind: "flag", help: "prints the answer as JSON" },
    },
    examples: [
        "meterseal ledger admit --data .meterseal/utility .meterseal/branch/server/join-request.json",
    ],
    async run(options, [source]) {
        const dataDir = requiredOption(options, "data", "DIR");
        if (source === undefined) {
            throw error("MS_USAGE", { expected: "REQUEST: a branch's join-request.json" });
        }
        requireDirectory(dataDir);
        const request = parseCollectorRequest(readBounded(source, REQUEST_BYTES).toString("utf8"));
        await asOperator(dataDir, {
            route: COLLECTORS_ROUTE,
            body: formatCollectorRequest(request),
            read: (text) => parseCollectorAnswer(text, request),
            local: (server) => server.admitCollector(request),
        });
        const [author, network] = [toHex(request.id), toHex(request.network)];
        if (options.json === true) out(JSON.stringify({ author, network }));
        else say(`Admitted branch ${author} to network ${network}.`);
        return EXIT.ok;
    },
};
