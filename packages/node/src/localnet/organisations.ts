import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, error, toHex } from "@meterseal/core";
import { encodeGenesis, networkIdOf } from "@meterseal/ledger";
import { createEnrolment, ROLE } from "@meterseal/record";
import { systemRandom } from "../clocks.ts";
import { claimDirectory, PLACES, writeJson } from "../files.ts";
import { loadIdentity, loadMember } from "../server/identity.ts";
import { cometGenesis, genesisFileOf, initCometHome, writeCometGenesis } from "./comet-home.ts";

/** One organisation of a local network. */
export type Organisation = {
    readonly name: string;
    /** Its data directory, and its node's home within. */
    readonly dataDir: string;
    readonly home: string;
    readonly nodeId: string;
};

/** How to make a local network. */
export type NetworkPlan = {
    readonly binary: string;
    readonly dataDir: string;
    readonly validators: number;
    /** STREAM_MODE of a new network. */
    readonly mode: number;
    readonly clock: Clock;
};

const FORMAT = "meterseal-localnet/v1";
const NETWORK_FILE = "localnet.json";

/**
 * The organisations of a local network, with all files that each needs; they are made where the
 * directory has none. The first one holds the keys of operator and log.
 * @throws MetersealError MS_STORE_* for the directory, MS_USAGE for another number of validators.
 */
export async function openOrganisations(plan: NetworkPlan): Promise<Organisation[]> {
    const { binary, dataDir, validators } = plan;
    const networkFile = join(dataDir, NETWORK_FILE);
    if (existsSync(networkFile)) requireSameNetwork(networkFile, validators);
    const organisations = Array.from({ length: validators }, (_, i) => {
        const name = `org${i + 1}`;
        const directory = join(dataDir, name);
        claimDirectory(directory);
        const home = join(directory, "cometbft");
        return { name, dataDir: directory, home, nodeId: initCometHome(binary, home) };
    });
    if (existsSync(networkFile)) return organisations;
    const genesis = await newGenesis(organisations, plan);
    for (const { home } of organisations) writeCometGenesis(home, genesis);
    // Last: a set-up that was interrupted is begun again, before any block.
    writeJson(networkFile, { format: FORMAT, validators });
    return organisations;
}

function requireSameNetwork(path: string, validators: number): void {
    const found = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
    if (found.format !== FORMAT) throw error("MS_STORE_FORMAT", { where: path, expected: FORMAT });
    if (found.validators === validators) return;
    throw error("MS_USAGE", {
        where: path,
        expected: `--validators ${String(found.validators)}, as it was made`,
        got: `${validators}`,
    });
}

/** Operator and log of the first organisation, and the collectors of all as first entries. */
async function newGenesis(
    organisations: readonly Organisation[],
    { clock, mode }: NetworkPlan,
): Promise<unknown> {
    const keysOf = ({ dataDir }: Organisation): string => PLACES.serverKeys(dataDir);
    const [first] = organisations;
    if (first === undefined) throw error("MS_USAGE", { expected: "at least one validator" });
    const { log, operator } = loadIdentity(keysOf(first), systemRandom);
    const createdUnix = Math.floor(clock.nowMs() / 1000);
    const genesis = encodeGenesis({
        operator: operator.publicKey,
        logKey: log.publicKey,
        createdUnix,
        nonce: systemRandom.bytes(16),
        mode,
    });
    const network = networkIdOf(genesis);
    const entries: Uint8Array[] = [];
    for (const organisation of organisations) {
        const { author: id, collector } = loadMember(keysOf(organisation), systemRandom);
        const member = { role: ROLE.collector, id, key: collector.publicKey, streams: [] };
        const dated = { ...member, epoch: 0, network, timeUnix: createdUnix };
        entries.push(await createEnrolment(operator, dated));
    }
    return {
        ...(cometGenesis(
            organisations.map(({ home }) => home),
            { genesis, entries },
        ) as object),
        chain_id: `meterseal-${toHex(network).slice(0, 16)}`,
    };
}

/** Genesis file of an organisation's node, which its server begins with as well. */
export function genesisOf({ home }: Organisation): string {
    return genesisFileOf(home);
}
