import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
    concatBytes,
    createLadder,
    error,
    fromBase64,
    type Ladder,
    parseInstant,
    toHex,
    unwrap,
} from "@meterseal/core";
import { readStream } from "@meterseal/tariff";
import {
    type GrantPlan,
    grantWords,
    type KeyFile,
    parseKeyFile,
    planGrant,
    planWeighted,
    type WeightedPlan,
} from "@meterseal/wallet";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { systemClock, systemRandom } from "../clocks.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { findTariff } from "../household/find-tariff.ts";
import { ASK_OPTIONS, type Asked, readAsks } from "../household/grant-asks.ts";
import { prepareGrants, type ReadyGrant } from "../household/issue.ts";
import { appendIssued, readJournal, readPolicy } from "../household/journal-file.ts";
import { issue, postUnposted } from "../household/post-issued.ts";
import { findRecipient, type PartySource } from "../household/recipient.ts";
import { type StreamSource, sourceOfEvidence, sourceOfKey } from "../household/stream-source.ts";
import { knownParties } from "../party/known-parties.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";

const EVIDENCE_BYTES = 1 << 30;
const KEY_FILE_BYTES = 65_536;

/** `meterseal grant create`: lets a provider see sums of the household's registers. */
export const grantCreateCommand: Command = {
    name: "grant create",
    summary: "grants a provider sums of a household: which windows, from when to when",
    options: {
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
        override: {
            kind: "flag",
            help: "grants although more follows from it than it says; the ledger will say so",
        },
        url: { kind: "value", value: "URL", help: "server that gets notice and grant" },
        evidence: { kind: "value", value: "FILE", help: "without a server: evidence of the meter" },
        out: { kind: "value", value: "FILE", help: "without a server: writes notices and grants" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal grant create --home .meterseal/demo/households/MAC000515 --to 'Bright Energy' --level day --from 2013-01-01 --to-date 2013-02-01 --url http://127.0.0.1:8480",
        "meterseal grant create --home home --to provider/party.json --profile TAF7 --from 2026-01-01 --to-date 2027-01-01 --evidence home.cbor --out grant.cbor",
    ],
    async run(options) {
        const home = requiredOption(options, "home", "DIR");
        const to = requiredOption(options, "to", "PROVIDER");
        const path = requireOneTarget(options);
        const key = readHomeKey(options, home);
        const own = openParty(home);
        const server = connect(options, own);
        const source = await readSource(options, key, server);
        const nowUnix = await timeOf(server);
        const ladder = unwrap(createLadder(key.zone, key.stream.slotSeconds));
        const plans = await planAll(readAsks(options, key, ladder, nowUnix), {
            key,
            ladder,
            source,
            server,
        });
        const lease = textOption(options, "lease-until");
        const ready = await prepareGrants(
            {
                key,
                household: { id: own.party.id, signer: own.signer },
                recipient: await findRecipient(to, key.network, server),
                stores: source.stores,
                epochs: source.epochs,
                ladder,
                issued: readJournal(home).grants,
                policy: readPolicy(home),
                nowUnix,
                random: systemRandom,
                ...(lease === undefined
                    ? {}
                    : { leaseEndUnix: unwrap(parseInstant(lease, key.zone)) }),
                ...(options.suite === undefined ? {} : { hpkeSuite: readSuite(options) }),
            },
            plans,
            options.override === true,
        );
        if (server === null) writeOffline(home, path as string, ready);
        else await send(home, server.api, ready);
        report(options, ready, path);
        return EXIT.ok;
    },
};

type PlanTools = {
    readonly key: KeyFile;
    readonly ladder: Ladder;
    readonly source: StreamSource;
    readonly server: PartySource | null;
};

async function planAll(
    asked: Asked,
    { key, ladder, server, source }: PlanTools,
): Promise<(GrantPlan | WeightedPlan)[]> {
    if (asked.kind === "windows") return asked.asks.map((ask) => unwrap(planGrant(ladder, ask)));
    if (server === null) throw error("MS_USAGE", { expected: "--url URL with --tariff" });
    const tariff = await findTariff(asked.hash, key.network, server);
    const recorded = unwrap(readStream(source.records, key.stream.streamId));
    return [unwrap(planWeighted(key, recorded, { ...asked.ask, tariff }))];
}

/** Either a server or a file takes what is made; the path of the file, or null. */
function requireOneTarget(options: Options): string | null {
    const [url, path] = [textOption(options, "url"), textOption(options, "out")];
    if ((url === undefined) === (path === undefined)) {
        throw error("MS_USAGE", { expected: "either --url URL or --out FILE" });
    }
    if (path !== undefined && existsSync(path)) {
        throw error("MS_USAGE", {
            where: path,
            expected: "--out with a file that is not there yet",
        });
    }
    return path ?? null;
}

function readHomeKey(options: Options, home: string): KeyFile {
    const path = textOption(options, "key") ?? join(home, "key.json");
    return unwrap(parseKeyFile(readBounded(path, KEY_FILE_BYTES).toString("utf8")));
}

/** The server that the options name, asked as the household; null for work without one. */
function connect(
    options: Options,
    { genesis, network, party, signer }: OwnParty,
): PartySource | null {
    const url = textOption(options, "url");
    if (url === undefined) return null;
    const api = new ServerApi(url, { network, party: party.id, signer });
    return { api, partyOf: knownParties(api, network, genesis) };
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
    const bytes = await server.api.bytes(`/api/v1/meters/${toHex(key.meter)}/evidence`);
    return sourceOfEvidence(bytes, key);
}

function readSuite(options: Options): number {
    return integerOption(options, "suite", { min: 1, max: 2, byDefault: 1 });
}

/** Sends what an earlier run could not, then these. */
async function send(home: string, api: ServerApi, ready: readonly ReadyGrant[]): Promise<void> {
    const late = await postUnposted(api, home);
    if (late > 0) say(`Sent ${late} earlier grants that the server did not have.`);
    for (const { issued } of ready) await issue(api, home, issued);
}

/** Notices and grants as a CBOR sequence, in the order in which a server takes them. */
function writeOffline(home: string, path: string, ready: readonly ReadyGrant[]): void {
    for (const { issued } of ready) appendIssued(home, issued);
    const messages = ready.flatMap(({ issued }) => issued.messages.map(fromBase64));
    writeFileSync(path, concatBytes(...messages), { flush: true, flag: "wx" });
}

function report(options: Options, ready: readonly ReadyGrant[], path: string | null): void {
    if (options.json === true) {
        const grants = ready.map(({ grant, judgements }) => ({
            grant: toHex(grant.message.hash),
            recipient: toHex(grant.recipient),
            says: grantWords(grant),
            bytes: grant.message.bytes.length,
            overridden: judgements.length > 0,
        }));
        out(JSON.stringify({ grants, out: path }));
        return;
    }
    for (const { grant } of ready) {
        out(toHex(grant.message.hash));
        say(`Granted to ${toHex(grant.recipient)}: ${grantWords(grant)}.`);
    }
    say("It can be revoked at any time; what was read before stays known to who read it.");
    if (path !== null) {
        say(
            `Written to ${path}. It counts once a server has it; the next grant with --url sends it.`,
        );
    }
}
