import { toHex } from "@meterseal/core";
import { grantWords } from "@meterseal/wallet";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readJournal } from "../household/journal-file.ts";
import { type OwnGrant, ownGrants } from "../household/own-grants.ts";
import type { OwnServer } from "../household/own-ledger.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { type ServerApi, serverAs } from "../party/server-api.ts";

/** `meterseal grant list`: who may see what. */
export const grantListCommand: Command = {
    name: "grant list",
    summary: "lists the grants of a household: who sees what",
    options: {
        home: { kind: "value", value: "DIR", help: "directory of the household" },
        url: { kind: "value", value: "URL", help: "also asks a server which are in force" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: ["meterseal grant list --home home --url http://127.0.0.1:8480"],
    async run(options) {
        const home = requiredOption(options, "home", "DIR");
        const url = textOption(options, "url");
        const server = url === undefined ? null : serverOf(openParty(home), url);
        const { faults, grants } = await ownGrants(readJournal(home).grants, server);
        const names = await recipientNames(grants, server?.api ?? null);
        if (options.json === true) {
            const rows = grants.map(({ grant, hash, state }) => ({
                grant: hash,
                state,
                recipient: toHex(grant.recipient),
                name: names.get(toHex(grant.recipient)) ?? null,
                says: grantWords(grant),
            }));
            out(JSON.stringify({ grants: rows, faults }));
            return EXIT.ok;
        }
        for (const { grant, hash, state } of grants) {
            const recipient = toHex(grant.recipient);
            const name = names.get(recipient) || recipient;
            out(`${hash.slice(0, 16)}  ${state.padEnd(8)}  ${name}: ${grantWords(grant)}`);
        }
        for (const fault of faults) say(fault);
        if (grants.length + faults.length === 0)
            say("Nobody but the household sees anything: there is no grant.");
        return EXIT.ok;
    },
};

function serverOf(own: OwnParty, url: string): OwnServer {
    return { own, api: serverAs(own, url) };
}

async function recipientNames(
    grants: readonly OwnGrant[],
    api: ServerApi | null,
): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    if (api === null) return names;
    for (const id of new Set(grants.map(({ grant }) => toHex(grant.recipient)))) {
        const party = await api.party(id);
        if (party !== null) names.set(id, party.name);
    }
    return names;
}
