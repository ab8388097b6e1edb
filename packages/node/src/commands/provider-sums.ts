import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence, type TreeHead } from "@meterseal/ledger";
import { type Grant, parseGrant } from "@meterseal/seal";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemClock } from "../clocks.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";
import {
    openOwnGrant,
    proveByServer,
    readWhole,
    requestOf,
    type WholeReading,
} from "../provider/read-grant.ts";
import { readSeen, writeSeen } from "../provider/seen-head.ts";
import { faultsOf, printReading, toCsv, toJson } from "../provider/show.ts";

/** Largest evidence file: the records of some decades of quarter-hours. */
const EVIDENCE_MAX = 268_435_456;
const GRANT_MAX = 65_536;
const FAULTS_SHOWN = 5;

/** `meterseal provider sums`: the sums of a grant, opened and proven. */
export const providerSumsCommand: Command = {
    name: "provider sums",
    summary: "opens the sums of a grant, and verifies them down to the signed records",
    options: {
        dir: { kind: "value", value: "DIR", help: "directory of the provider's keys" },
        grant: { kind: "value", value: "ID", help: "hash of the grant, or its first digits" },
        url: { kind: "value", value: "URL", help: "server that has the grant" },
        "grant-file": { kind: "value", value: "FILE", help: "a grant as it was saved: no server" },
        "evidence-file": { kind: "value", value: "FILE", help: "evidence as it was saved" },
        window: {
            kind: "value",
            value: "WINDOW",
            help: "slot, half-hour, hour, day, week, month, year or total (as granted)",
        },
        from: {
            kind: "value",
            value: "TIME",
            help: "ISO 8601, civil in the stream's zone (as granted)",
        },
        to: { kind: "value", value: "TIME", help: "end, not included (as granted)" },
        purpose: { kind: "value", value: "TEXT", help: "what for; the household reads it" },
        save: { kind: "value", value: "DIR", help: "keeps grant and evidence as files" },
        json: { kind: "flag", help: "prints JSON; energy in whole Wh" },
        csv: { kind: "flag", help: "prints CSV; energy in Wh" },
    },
    examples: [
        "meterseal provider sums --dir my-provider --url http://127.0.0.1:8480 --grant 3f9a12c4",
        "meterseal provider sums --dir my-provider --grant-file grant.cose --evidence-file evidence.cbor --csv",
    ],
    async run(options) {
        if (options.json === true && options.csv === true) {
            throw error("MS_USAGE", { expected: "--json or --csv" });
        }
        const directory = requiredOption(options, "dir", "DIR");
        const party = openParty(directory);
        const isOffline = textOption(options, "grant-file") !== undefined;
        const { grant, reading } = isOffline
            ? await readFiles(options, party)
            : await readServer(options, directory, party);
        return show(options, grant, reading);
    },
};

type Outcome = { readonly grant: Grant; readonly reading: WholeReading };

async function readServer(options: Options, directory: string, party: OwnParty): Promise<Outcome> {
    const url = requiredOption(options, "url", "URL");
    const wanted = requiredOption(options, "grant", "ID").toLowerCase();
    const { network, signer } = party;
    const api = new ServerApi(url, { network, party: party.party.id, signer });
    const { nowUnix } = await api.network();
    const hash = await findGrant(api, wanted, toHex(party.party.id));
    const bytes = await api.grant(hash, textOption(options, "purpose") ?? "sums");
    const grant = unwrap(parseGrant(bytes));
    if (toHex(grant.message.hash) !== hash) {
        throw error("MS_PROOF", { where: url, expected: `grant ${hash}`, got: "another one" });
    }
    const opened = await openOwnGrant(grant, party);
    const saved = textOption(options, "save");
    if (saved !== undefined) {
        mkdirSync(saved, { recursive: true });
        writeFileSync(join(saved, "grant.cose"), bytes);
    }
    const seen = readSeen(directory);
    let pages = 0;
    const reading = await readWhole(
        opened,
        requestOf(options, grant),
        party,
        nowUnix,
        async (plan) => {
            const { bytes: evidence, ...proof } = await proveByServer(api, grant, plan, seen);
            pages++;
            const name = pages === 1 ? "evidence.cbor" : `evidence-${pages}.cbor`;
            if (saved !== undefined) writeFileSync(join(saved, name), evidence);
            return proof;
        },
    );
    remember(directory, seen, reading);
    return { grant, reading };
}

async function readFiles(options: Options, party: OwnParty): Promise<Outcome> {
    if (textOption(options, "url") !== undefined || textOption(options, "grant") !== undefined) {
        throw error("MS_USAGE", { expected: "--grant-file without --url and --grant" });
    }
    const path = requiredOption(options, "grant-file", "FILE");
    const grant = unwrap(parseGrant(new Uint8Array(readBounded(path, GRANT_MAX))));
    const evidencePath = requiredOption(options, "evidence-file", "FILE");
    const evidence = unwrap(
        decodeEvidence(new Uint8Array(readBounded(evidencePath, EVIDENCE_MAX))),
    );
    const opened = await openOwnGrant(grant, party);
    const nowUnix = Math.floor(systemClock.nowMs() / 1000);
    const request = requestOf(options, grant);
    const reading = await readWhole(opened, request, party, nowUnix, () =>
        Promise.resolve({ evidence }),
    );
    return { grant, reading };
}

/** The grant whose hash begins with some digits, of those that are addressed to the party. */
async function findGrant(api: ServerApi, wanted: string, own: string): Promise<string> {
    if (/^[0-9a-f]{64}$/.test(wanted)) return wanted;
    if (!/^[0-9a-f]{6,63}$/.test(wanted)) {
        const expected = "--grant with the hash of a grant, or its first 6 digits or more";
        throw error("MS_USAGE", { expected, got: wanted });
    }
    const grants = await api.grants();
    const found = grants.filter(
        ({ hash, recipient }) => recipient === own && hash.startsWith(wanted),
    );
    const [only] = found;
    if (only !== undefined && found.length === 1) return only.hash;
    const todo = "See: meterseal provider grants";
    const got = found.length === 0 ? "no such grant" : `${found.length} grants`;
    throw error("MS_NOT_FOUND", { where: `grant ${wanted}`, got, todo });
}

function remember(directory: string, seen: TreeHead | null, reading: WholeReading): void {
    const { checkpoint } = reading;
    const isProven = checkpoint !== null && faultsOf(reading).length === 0;
    if (isProven && checkpoint.size > (seen?.size ?? 0)) writeSeen(directory, checkpoint);
}

function show(options: Options, grant: Grant, reading: WholeReading): number {
    const faults = faultsOf(reading);
    if (faults.length > 0) {
        for (const fault of faults.slice(0, FAULTS_SHOWN)) say(fault.error.message);
        const more = faults.length - FAULTS_SHOWN;
        if (more > 0) say(`… and ${more} more.`);
        say("These sums are not proven, and are not shown.");
        return EXIT.fault;
    }
    if (options.json === true) out(JSON.stringify(toJson(grant, reading)));
    else if (options.csv === true) out(toCsv(grant, reading));
    else printReading(grant, reading);
    return EXIT.ok;
}
