import { bytesEqual, error, toHex } from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import { dateOf, policyWords } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { counted, out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { aloneWithJournal, type HouseholdJournal } from "../household/journal-file.ts";
import { hashOf, type OwnGrant, ownGrants } from "../household/own-grants.ts";
import { postUnposted } from "../household/post-issued.ts";
import {
    keepRevocation,
    ownSubscriptions,
    pickSubscription,
    postPolicies,
    type Subscription,
} from "../household/subscriptions.ts";
import { networkNow, type WalletTools } from "../household/wallet-rounds.ts";
import { WALLET_OPTIONS, walletOf } from "./wallet-of-options.ts";

/** `meterseal subscription revoke`: no lease follows, and servers give out no present one. */
export const subscriptionRevokeCommand: Command = {
    name: "subscription revoke",
    positional: "HASH",
    summary: "ends a subscription: no lease follows; what was read before stays known",
    options: { ...WALLET_OPTIONS, json: { kind: "flag", help: "prints JSON" } },
    examples: ["meterseal subscription revoke 8f3a60c1 --home home --url http://127.0.0.1:8480"],
    async run(options, [name]) {
        if (name === undefined) {
            throw error("MS_USAGE", { expected: "HASH: its beginning is enough" });
        }
        const wallet = walletOf(options);
        const { leasing } = wallet;
        const ended = await aloneWithJournal(leasing.home, (journal) =>
            endSubscription(wallet, journal, name),
        );
        const { found, leases, running } = ended;
        const { hash, policy } = found;
        if (options.json === true) {
            out(JSON.stringify({ revoked: hash, leases: running.map((lease) => lease.hash) }));
            return EXIT.ok;
        }
        const recipient = (await leasing.partyOf(toHex(policy.recipient)))?.name;
        say(`Ended for ${recipient || toHex(policy.recipient)}: ${policyWords(policy)}.
No lease follows, and everybody sees that it is revoked. Servers give out ${counted(running.length, "running lease")} no more.
${pastSentence(leases)}`);
        return EXIT.ok;
    },
};

/** A subscription that was revoked just now, its leases, and those that were still to be read. */
type Ended = {
    readonly found: Subscription;
    readonly leases: readonly OwnGrant[];
    readonly running: readonly OwnGrant[];
};

/** Nobody issues a lease meanwhile: what follows the revocation would be one too many. */
async function endSubscription(
    { clock, leasing }: WalletTools,
    journal: HouseholdJournal,
    name: string,
): Promise<Ended> {
    const { api, home, own } = leasing;
    await postUnposted(api, journal);
    await postPolicies(home, api);
    const found = pickSubscription(await ownSubscriptions(home, own.party, api), name);
    const { hash, policy } = found;
    if (found.isRevoked) throw error("MS_GRANT_REVOKED", { where: `subscription ${hash}` });
    const timeUnix = await networkNow(api, clock);
    const said = { network: own.network, party: own.party.id, timeUnix };
    const revocation = { ...said, kind: NOTICE_KIND.revocation };
    const notice = await createNotice(own.signer, { ...revocation, hash: policy.message.hash });
    keepRevocation(home, hash, notice);
    await postPolicies(home, api);
    const { faults, grants } = await ownGrants(journal.read().grants, { own, api });
    for (const fault of faults) say(fault);
    const leases = grants.filter(
        ({ grant }) => grant.policyId !== undefined && bytesEqual(grant.policyId, policy.policyId),
    );
    const running = leases.filter(
        ({ grant, state }) => state !== "revoked" && (grant.leaseEndUnix ?? 0) > timeUnix,
    );
    for (const lease of running) {
        await api.postNotice(
            await createNotice(own.signer, { ...revocation, hash: hashOf(lease) }),
        );
    }
    return { found, leases, running };
}

/** What cannot be taken back, said plainly. */
function pastSentence(leases: readonly OwnGrant[]): string {
    const [first] = leases;
    if (first === undefined) return "Nothing was granted under it: nothing of it can be read.";
    const ends = leases.map(({ grant }) => grant.toUnix);
    const end = dateOf(Math.max(...ends), first.grant.zone);
    return `The past stays readable: who kept the keys of these leases opens with them what they cover,
until ${end}. What comes after is closed to them.`;
}
