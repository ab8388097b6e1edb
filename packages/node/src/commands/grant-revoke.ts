import { error, toHex } from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import { grantWords } from "@meterseal/wallet";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { hashOf, ownGrants, pickGrant } from "../household/own-grants.ts";
import { openParty } from "../party/party.ts";
import { ServerApi } from "../party/server-api.ts";

/** `meterseal grant revoke`: takes a grant back, on the ledger. */
export const grantRevokeCommand: Command = {
    name: "grant revoke",
    positional: "HASH",
    summary: "takes a grant back; what was read before stays known to who read it",
    options: {
        home: { kind: "value", value: "DIR", help: "directory of the household" },
        url: { kind: "value", value: "URL", help: "server that has the grant" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: ["meterseal grant revoke 8f3a60c1 --home home --url http://127.0.0.1:8480"],
    async run(options, [name]) {
        if (name === undefined)
            throw error("MS_USAGE", { expected: "HASH: its beginning is enough" });
        const home = requiredOption(options, "home", "DIR");
        const { network, party, signer } = openParty(home);
        const access = { network, party: party.id, signer };
        const api = new ServerApi(requiredOption(options, "url", "URL"), access);
        const own = pickGrant(await ownGrants(home, api), name);
        if (own.state === "revoked") {
            throw error("MS_GRANT_REVOKED", { where: `grant ${own.hash}` });
        }
        const { nowUnix } = await api.network();
        const notice = await createNotice(signer, {
            network,
            party: party.id,
            timeUnix: nowUnix,
            kind: NOTICE_KIND.revocation,
            hash: hashOf(own),
        });
        await api.postNotice(notice);
        if (options.json === true) out(JSON.stringify({ revoked: own.hash }));
        else {
            say(`Revoked for ${toHex(own.grant.recipient)}: ${grantWords(own.grant)}.
Servers give it no more sums, and everybody sees that it is revoked. Its keys are out: what it opens of
the past can still be opened by who kept them.`);
        }
        return EXIT.ok;
    },
};
