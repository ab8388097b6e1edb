import { error, toHex } from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import { grantWords } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { NAMED_GRANT_OPTIONS, namedGrant } from "../household/named-grant.ts";
import { hashOf } from "../household/own-grants.ts";

/** `meterseal grant revoke`: takes a grant back, on the ledger. */
export const grantRevokeCommand: Command = {
    name: "grant revoke",
    positional: "HASH",
    summary: "takes a grant back; what was read before stays known to who read it",
    options: NAMED_GRANT_OPTIONS,
    examples: ["meterseal grant revoke 8f3a60c1 --home home --url http://127.0.0.1:8480"],
    async run(options, [name]) {
        const { api, own, found } = await namedGrant(options, name);
        if (found.state === "revoked") {
            throw error("MS_GRANT_REVOKED", { where: `grant ${found.hash}` });
        }
        const { nowUnix } = await api.network();
        const notice = await createNotice(own.signer, {
            network: own.network,
            party: own.party.id,
            timeUnix: nowUnix,
            kind: NOTICE_KIND.revocation,
            hash: hashOf(found),
        });
        await api.postNotice(notice);
        if (options.json === true) out(JSON.stringify({ revoked: found.hash }));
        else {
            say(`Revoked for ${toHex(found.grant.recipient)}: ${grantWords(found.grant)}.
Servers give it no more sums, and everybody sees that it is revoked. Its keys are out: what it opens of
the past can still be opened by who kept them.`);
        }
        return EXIT.ok;
    },
};
