import { existsSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, error, fromHex, MetersealError, toHex, unwrap, utf8 } from "@meterseal/core";
import { decodeGenesis, networkIdOf } from "@meterseal/ledger";
import { lockDirectory } from "@meterseal/stores";
import { openServerStore } from "@meterseal/stores/sqlite";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { NETWORK_OPTION, networkOption } from "../cli/network-option.ts";
import { systemClock, systemRandom } from "../clocks.ts";
import { out, say } from "../console.ts";
import {
    type CollectorRequest,
    formatCollectorRequest,
    parseCollectorAnswer,
} from "../exchange/admission.ts";
import { type Caller, callerHeader } from "../exchange/gate.ts";
import { requireNoOwnLog, writeMembership } from "../exchange/membership.ts";
import { EXCHANGE } from "../exchange/paths.ts";
import { ExchangeClient } from "../exchange/request.ts";
import { EXIT } from "../exit-codes.ts";
import { claimDirectory, PLACES, readBounded, writeWhole } from "../files.ts";
import { loadMember } from "../server/identity.ts";

const PEM_BYTES = 65_536;
const TOKEN_BYTES = 1_024;
/** What a server without admission answers: not a member, or a member no more. */
const NOT_ADMITTED = ["MS_NOT_ALLOWED"];

/** Name of the file that an operator admits a branch by. */
const REQUEST_FILE = "join-request.json";

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
        const sequencer = requiredOption(options, "to", "URL");
        const caFile = textOption(options, "ca");
        const ca = caFile === undefined ? null : readBounded(caFile, PEM_BYTES).toString("utf8");
        const client = new ExchangeClient(sequencer, ca, new AbortController().signal);
        const genesis = await askGenesis(client, networkOption(options));
        const network = networkIdOf(genesis);
        const caller = await claim(dataDir, genesis);
        const request = { network, id: caller.author, key: caller.signer.publicKey };
        const requestFile = join(PLACES.server(dataDir), REQUEST_FILE);
        writeWhole(requestFile, formatCollectorRequest(request));
        writeMembership(dataDir, { sequencer, network, ca });
        const token = textOption(options, "operator-token");
        if (token !== undefined) await askAdmission(client, request, token);
        const admitted = token !== undefined || (await isAdmitted(client, caller));
        report(options, { admitted, dataDir, network, request, requestFile });
        return admitted ? EXIT.ok : EXIT.fault;
    },
};

/** Genesis of the network; one that is named must be it. */
async function askGenesis(client: ExchangeClient, wanted: Uint8Array | null): Promise<Uint8Array> {
    const bytes = await client.ask({ method: "GET", path: EXCHANGE.network });
    const { genesis: text } = JSON.parse(new TextDecoder().decode(bytes)) as {
        readonly genesis?: unknown;
    };
    if (typeof text !== "string" || !/^(?:[0-9a-f]{2})+$/.test(text)) {
        throw error("MS_GENESIS", { where: "answer", expected: "a genesis" });
    }
    const genesis = fromHex(text);
    unwrap(decodeGenesis(genesis));
    const network = networkIdOf(genesis);
    if (wanted === null || bytesEqual(wanted, network)) return genesis;
    throw error("MS_GENESIS", { expected: `network ${toHex(wanted)}`, got: toHex(network) });
}

/** Makes the directory that of a branch, with keys and genesis; what is there already stays. */
async function claim(dataDir: string, genesis: Uint8Array): Promise<Caller> {
    claimDirectory(dataDir);
    requireNoOwnLog(dataDir);
    const lock = lockDirectory(PLACES.server(dataDir));
    try {
        const store = await openServerStore(PLACES.server(dataDir));
        try {
            await store.initialize(genesis);
        } finally {
            await store.close();
        }
        const { author, collector } = loadMember(PLACES.serverKeys(dataDir), systemRandom);
        return { signer: collector, author, network: networkIdOf(genesis) };
    } finally {
        lock.release();
    }
}

async function askAdmission(
    client: ExchangeClient,
    request: CollectorRequest,
    tokenFile: string,
): Promise<void> {
    if (!existsSync(tokenFile)) throw error("MS_NOT_FOUND", { where: tokenFile });
    const token = readBounded(tokenFile, TOKEN_BYTES).toString("utf8").trim();
    const answer = await client.ask({
        method: "POST",
        path: EXCHANGE.collectors,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: utf8(formatCollectorRequest(request)),
    });
    parseCollectorAnswer(new TextDecoder().decode(answer), request);
}

/** Whether the server takes this collector for a member. */
async function isAdmitted(client: ExchangeClient, caller: Caller): Promise<boolean> {
    const authorization = await callerHeader(caller, systemClock);
    try {
        await client.ask({ method: "GET", path: EXCHANGE.heads, headers: { authorization } });
        return true;
    } catch (cause) {
        if (cause instanceof MetersealError && NOT_ADMITTED.includes(cause.code)) return false;
        throw cause;
    }
}

type Outcome = {
    readonly admitted: boolean;
    readonly dataDir: string;
    readonly network: Uint8Array;
    readonly request: CollectorRequest;
    readonly requestFile: string;
};

function report(
    options: Options,
    { admitted, dataDir, network, request, requestFile }: Outcome,
): void {
    const [id, author] = [toHex(network), toHex(request.id)];
    if (options.json === true) {
        out(JSON.stringify({ network: id, author, admitted, request: requestFile }));
    } else if (admitted) {
        say(`Branch ${author} of network ${id}.
Compare the network with what its operator says, by another way than this link.
Next:  meterseal serve --data ${dataDir}`);
    } else {
        say(`Branch ${author} asks to join network ${id}, and is not admitted yet.
The operator admits it with:  meterseal ledger admit --data DIR ${requestFile}
Then call this command again.`);
    }
}
