import { error, unwrap } from "@meterseal/core";
import type { Fault, TreeHead } from "@meterseal/ledger";
import { readWeighted } from "@meterseal/provider";
import { GRANT_KIND } from "@meterseal/seal";
import { ledgerTariff, readProofs, trustIn } from "../billing/ledger-tariff.ts";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { readWhole, requestOf } from "../provider/read-grant.ts";
import { faultsOf, printReading, toCsv, toJson } from "../provider/show.ts";
import { priceJson, printPrice } from "../provider/show-price.ts";
import { type TakenGrant, takeFromFiles, takeFromServer } from "../provider/taken-grant.ts";

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
        "tariff-file": {
            kind: "value",
            value: "FILE",
            help: "proofs of a tariff as they were saved: for one sum at its prices",
        },
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
        const taken = isOffline
            ? await takeFromFiles(options, party)
            : await takeFromServer(options, directory, party);
        return taken.grant.kind === GRANT_KIND.W
            ? await showPrice(options, taken, party)
            : await showSums(options, taken, party);
    },
};

async function showSums(options: Options, taken: TakenGrant, party: OwnParty): Promise<number> {
    const { grant, nowUnix, prove } = taken;
    const reading = await readWhole(taken, requestOf(options, grant), party, nowUnix, prove);
    return showIfProven(taken, faultsOf(reading), reading.checkpoint, () => {
        if (options.json === true) out(JSON.stringify(toJson(grant, reading)));
        else if (options.csv === true) out(toCsv(grant, reading));
        else printReading(grant, reading);
    });
}

/** The one sum of a W grant: what its range costs under the tariff that it names. */
async function showPrice(options: Options, taken: TakenGrant, party: OwnParty): Promise<number> {
    const { grant, keys, nowUnix } = taken;
    const chosen = ["window", "from", "to", "csv"].find((name) => options[name] !== undefined);
    if (chosen !== undefined) {
        const expected = `the grant's one sum, without --${chosen}`;
        throw error("MS_USAGE", { expected });
    }
    const { claimed, evidence, seen, tariffProofs } = await taken.proveWeighted();
    const trust = trustIn(party.genesisBytes, party.network);
    const hash = grant.tariffHash ?? new Uint8Array();
    const tariff = ledgerTariff(hash, readProofs(tariffProofs, trust), trust);
    const reading = unwrap(
        readWeighted({
            ...{ grant, keys, evidence, tariff },
            ...(claimed === undefined ? {} : { claimed }),
            trust: {
                networkId: party.network,
                recipient: party.party.id,
                nowUnix,
                ...(seen === undefined ? {} : { seen }),
            },
        }),
    );
    const { continuity, signature, sums } = reading.verdicts;
    const faults = [signature, continuity, sums].flatMap((verdict) => verdict?.faults ?? []);
    return showIfProven(taken, faults, reading.checkpoint, () => {
        if (options.json === true) out(JSON.stringify(priceJson(grant, tariff, reading)));
        else printPrice(grant, tariff, reading);
    });
}

/** Shows what is proven; in its place the faults, where something is not. */
function showIfProven(
    { remember }: TakenGrant,
    faults: readonly Fault[],
    checkpoint: TreeHead | null,
    show: () => void,
): number {
    if (faults.length === 0) {
        if (checkpoint !== null) remember(checkpoint);
        show();
        return EXIT.ok;
    }
    for (const fault of faults.slice(0, FAULTS_SHOWN)) say(fault.error.message);
    const more = faults.length - FAULTS_SHOWN;
    if (more > 0) say(`… and ${more} more.`);
    say("These sums are not proven, and are not shown.");
    return EXIT.fault;
}
