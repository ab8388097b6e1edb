import { toHex } from "@meterseal/core";
import { policyWords } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { ownSubscriptions } from "../household/subscriptions.ts";
import { WALLET_OPTIONS, walletOf } from "./wallet-of-options.ts";

/** `meterseal subscription list`: to whom the wallet grants by itself. */
export const subscriptionListCommand: Command = {
    name: "subscription list",
    summary: "lists to whom the wallet grants by itself, and what",
    options: { ...WALLET_OPTIONS, json: { kind: "flag", help: "prints JSON" } },
    examples: ["meterseal subscription list --home home --url http://127.0.0.1:8480"],
    async run(options) {
        const { api, home, own, partyOf } = walletOf(options).leasing;
        const rows: object[] = [];
        for (const { hash, isRevoked, policy } of await ownSubscriptions(home, own.party, api)) {
            const recipient = toHex(policy.recipient);
            const name = (await partyOf(recipient))?.name || recipient;
            const state = isRevoked ? "revoked" : "renews";
            const says = policyWords(policy);
            if (options.json === true)
                rows.push({ subscription: hash, state, recipient, name, says });
            else {
                rows.push({});
                out(`${hash.slice(0, 16)}  ${state.padEnd(7)}  ${name}: ${says}`);
            }
        }
        if (options.json === true) out(JSON.stringify({ subscriptions: rows }));
        else if (rows.length === 0) say("There is no subscription: nothing is granted by itself.");
        return EXIT.ok;
    },
};
