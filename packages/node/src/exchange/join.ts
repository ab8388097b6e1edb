import { existsSync } from "node:fs";
import { join } from "node:path";
import { bytesEqual, error, fromHex, MetersealError, toHex, unwrap, utf8 } from "@meterseal/core";
import { decodeGenesis, networkIdOf } from "@meterseal/ledger";
import { lockDirectory } from "@meterseal/stores";
import { openServerStore } from "@meterseal/stores/sqlite";
import { systemClock, systemRandom } from "../clocks.ts";
import { claimDirectory, PLACES, readBounded, writeWhole } from "../files.ts";
import { loadMember } from "../server/identity.ts";
import {
    type CollectorRequest,
    formatCollectorRequest,
    parseCollectorAnswer,
} from "./admission.ts";
import { type Caller, callerHeader } from "./gate.ts";
import { requireNoOwnLog, writeMembership } from "./membership.ts";
import { EXCHANGE } from "./paths.ts";
import { ExchangeClient } from "./request.ts";

const TOKEN_BYTES = 1_024;
/** Name of the file that an operator admits a branch by. */
const REQUEST_FILE = "join-request.json";

/** How a directory becomes that of a branch. */
export type JoinPlan = {
    readonly dataDir: string;
    /** Address of the server that writes the ledger. */
    readonly sequencer: string;
    /** Certificates to trust instead of the well-known ones, PEM; null for those. */
    readonly ca: string | null;
    /** Network that it must be, 32 bytes; null takes the one of the server. */
    readonly network: Uint8Array | null;
    /** File with the operator's token; null asks the operator to admit it. */
    readonly tokenFile: string | null;
};

/** What became of it. */
export type Joined = {
    readonly admitted: boolean;
    readonly request: CollectorRequest;
    readonly requestFile: string;
};

/**
 * Makes a directory that of a branch: keys, genesis, membership, and with the operator's token its
 * admission. What is there already stays, so that it can be done again.
 * @throws MetersealError MS_GENESIS for another network, MS_LINK, MS_USAGE; what the server refused.
 */
export async function joinNetwork(plan: JoinPlan): Promise<Joined> {
    const { ca, dataDir, sequencer, tokenFile } = plan;
    const client = new ExchangeClient(sequencer, ca, new AbortController().signal);
    const genesis = await askGenesis(client, plan.network);
    const network = networkIdOf(genesis);
    const caller = await claim(dataDir, genesis);
    const request = { network, id: caller.author, key: caller.signer.publicKey };
    const requestFile = join(PLACES.server(dataDir), REQUEST_FILE);
    writeWhole(requestFile, formatCollectorRequest(request));
    writeMembership(dataDir, { sequencer, network, ca });
    if (tokenFile !== null) await askAdmission(client, request, tokenFile);
    const admitted = tokenFile !== null || (await isAdmitted(client, caller));
    return { admitted, request, requestFile };
}

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
        if (cause instanceof MetersealError && cause.code === "MS_NOT_ALLOWED") return false;
        throw cause;
    }
}
