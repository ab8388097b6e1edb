import { error, toHex } from "@meterseal/core";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { ownGrants, pickGrant } from "../household/own-grants.ts";
import { openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";

/** `meterseal grant accesses`: who took a grant, why, and who was refused. */
export const grantAccessesCommand: Command = {
    name: "grant accesses",
    positional: "HASH",
    summary: "lists who took a grant from the server, for what, and who was refused",
    options: {
        home: { kind: "value", value: "DIR", help: "directory of the household" },
        url: { kind: "value", value: "URL", help: "server that has the grant" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: ["meterseal grant accesses 8f3a60c1 --home home --url http://127.0.0.1:8480"],
    async run(options, [name]) {
        if (name === undefined)
            throw error("MS_USAGE", { expected: "HASH: its beginning is enough" });
        const home = requiredOption(options, "home", "DIR");
        const { network, party, signer } = openParty(home);
        const access = { network, party: party.id, signer };
        const api = new ServerApi(requiredOption(options, "url", "URL"), access);
        const { grant, hash } = pickGrant(await ownGrants(home, api), name);
        const accesses = await api.accesses(hash);
        if (options.json === true) {
            out(JSON.stringify({ grant: hash, accesses }));
            return EXIT.ok;
        }
        for (const { caller, granted, purpose, timeUnix } of accesses) {
            const who = (await api.party(caller))?.name || caller;
            const why = purpose === "" ? "no purpose said" : `for ${JSON.stringify(purpose)}`;
            const time = new Date(timeUnix * 1000).toISOString();
            out(`${time}  ${granted ? "taken  " : "refused"}  ${who}: ${why}`);
        }
        if (accesses.length === 0) {
            say(`Nobody asked for it; it is for ${toHex(grant.recipient)}.`);
        }
        return EXIT.ok;
    },
};
