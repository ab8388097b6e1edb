import { join } from "node:path";
import { createLadder, error, type Ladder, parseInstant, unwrap } from "@meterseal/core";
import type { Party } from "@meterseal/record";
import { readStream } from "@meterseal/tariff";
import {
    type GrantPlan,
    type KeyFile,
    parseKeyFile,
    planGrant,
    planWeighted,
    type ReadyGrant,
    type WeightedPlan,
} from "@meterseal/wallet";
import { fetchTariff } from "../billing/bill-evidence.ts";
import { isIndependent } from "../billing/ledger-tariff.ts";
import {
    integerOption,
    type OptionSpec,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { systemClock, systemRandom } from "../clocks.ts";
import { readBounded } from "../files.ts";
import { evidencePath } from "../http-client.ts";
import { knownParties } from "../party/known-parties.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { serverAs } from "../party/server-api.ts";
import { ASK_OPTIONS, type Asked, readAsks } from "./grant-asks.ts";
import { prepareOrRefuse } from "./issue.ts";
import { issuedBefore } from "./issued-before.ts";
import { readJournal, readPolicy } from "./journal-file.ts";
import { findRecipient, type PartySource } from "./recipient.ts";
import { type StreamSource, sourceOfEvidence, sourceOfKey } from "./stream-source.ts";

const EVIDENCE_BYTES = 1 << 30;
const KEY_FILE_BYTES = 65_536;

/** Options that say who grants what to whom. */
export const GRANT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    home: {
        kind: "value",
        value: "DIR",
        help: "directory of the household: key.json, wallet.key, party.json",
    },
    key: { kind: "value", value: "FILE", help: "key file (key.json in --home)" },
    to: {
        kind: "value",
        value: "PROVIDER",
        help: "its party.json, or with --url its id or name",
    },
    ...ASK_OPTIONS,
    "lease-until": { kind: "value", value: "TIME", help: "the right to read ends here" },
    suite: {
        kind: "value",
        value: "N",
        help: "seals with 1 X25519, 2 with ML-KEM-768 (the best)",
    },
    url: { kind: "value", value: "URL", help: "server that gets notice and grant" },
    evidence: { kind: "value", value: "FILE", help: "without a server: evidence of the meter" },
};

/** Grants that a command line asks for, judged and signed; nothing is written down or sent. */
export type PreparedGrants = {
    readonly home: string;
    readonly key: KeyFile;
    readonly recipient: Party;
    readonly ready: readonly ReadyGrant[];
    /** Sentences about what nobody could tell of earlier grants; see OwnGrants. */
    readonly faults: readonly string[];
    /** The server that was named; null for work without one. */
    readonly server: PartySource | null;
};

/**
 * Makes the grants that {@link GRANT_OPTIONS} ask for.
 * @param override - makes them whatever follows from them.
 * @throws MetersealError MS_DERIVABLE, MS_USAGE, and what reading and asking may.
 */
export async function prepareFromOptions(
    options: Options,
    override: boolean,
): Promise<PreparedGrants> {
    const home = requiredOption(options, "home", "DIR");
    const to = requiredOption(options, "to", "PROVIDER");
    const key = readHomeKey(options, home);
    const own = openParty(home);
    const server = connect(options, own);
    const source = await readSource(options, key, server);
    const nowUnix = await timeOf(server);
    const ladder = unwrap(createLadder(key.zone, key.stream.slotSeconds));
    const asked = readAsks(options, key, ladder, nowUnix);
    const recipient = await findRecipient(to, key.network, server);
    const url = textOption(options, "url");
    const plans = await planAll(asked, { key, ladder, source, url, recipient: recipient.id });
    const lease = textOption(options, "lease-until");
    const before = await issuedBefore(
        readJournal(home),
        server && { own, api: server.api },
        ladder,
    );
    const ready = await prepareOrRefuse(
        {
            key,
            household: { id: own.party.id, signer: own.signer },
            recipient,
            stores: source.stores,
            epochs: source.epochs,
            ladder,
            policy: readPolicy(home),
            nowUnix,
            random: systemRandom,
            ...(lease === undefined ? {} : { leaseEndUnix: unwrap(parseInstant(lease, key.zone)) }),
            ...(options.suite === undefined ? {} : { hpkeSuite: readSuite(options) }),
        },
        before,
        plans,
        override,
    );
    return { home, key, recipient, ready, server, faults: before.faults };
}

type PlanTools = {
    readonly key: KeyFile;
    readonly ladder: Ladder;
    readonly source: StreamSource;
    readonly url: string | undefined;
    /** Party id of the recipient, 16 bytes. */
    readonly recipient: Uint8Array;
};

async function planAll(
    asked: Asked,
    { key, ladder, recipient, source, url }: PlanTools,
): Promise<(GrantPlan | WeightedPlan)[]> {
    if (asked.kind === "windows") return asked.asks.map((ask) => unwrap(planGrant(ladder, ask)));
    if (url === undefined) throw error("MS_USAGE", { expected: "--url URL with --tariff" });
    const tariff = await fetchTariff(url, asked.hash, key.network);
    const isMarketSeries = isIndependent(asked.market, tariff, recipient);
    const recorded = unwrap(readStream(source.records, key.stream.streamId));
    return [unwrap(planWeighted(key, recorded, { ...asked.ask, tariff, isMarketSeries }))];
}

function readHomeKey(options: Options, home: string): KeyFile {
    const path = textOption(options, "key") ?? join(home, "key.json");
    return unwrap(parseKeyFile(readBounded(path, KEY_FILE_BYTES).toString("utf8")));
}

/** The server that the options name, asked as the household; null for work without one. */
function connect(options: Options, own: OwnParty): PartySource | null {
    const url = textOption(options, "url");
    if (url === undefined) return null;
    const api = serverAs(own, url);
    return { api, partyOf: knownParties(api, own.network, own.genesis) };
}

/** The network's time: that of the replay in a demo; the machine's without a server. */
async function timeOf(server: PartySource | null): Promise<number> {
    if (server === null) return Math.floor(systemClock.nowMs() / 1000);
    return (await server.api.network()).nowUnix;
}

async function readSource(
    options: Options,
    key: KeyFile,
    server: PartySource | null,
): Promise<StreamSource> {
    const path = textOption(options, "evidence");
    if (path !== undefined) return sourceOfEvidence(readBounded(path, EVIDENCE_BYTES), key);
    if (server === null) return sourceOfKey(key);
    return sourceOfEvidence(await server.api.bytes(evidencePath(key.meter)), key);
}

function readSuite(options: Options): number {
    return integerOption(options, "suite", { min: 1, max: 2, byDefault: 1 });
}
