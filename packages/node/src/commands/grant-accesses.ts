import { toHex } from "@meterseal/core";
import type { Command } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { NAMED_GRANT_OPTIONS, namedGrant } from "../household/named-grant.ts";

/** `meterseal grant accesses`: who took a grant, why, and who was refused. */
export const grantAccessesCommand: Command = {
    name: "grant accesses",
    positional: "HASH",
    summary: "lists who took a grant from the server, for what, and who was refused",
    options: NAMED_GRANT_OPTIONS,
    examples: ["meterseal grant accesses 8f3a60c1 --home home --url http://127.0.0.1:8480"],
    async run(options, [name]) {
        const { api, found } = await namedGrant(options, name);
        const { grant, hash } = found;
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
