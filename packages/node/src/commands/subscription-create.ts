import {
    error,
    isWindowName,
    type Ladder,
    parseInstant,
    toHex,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { createNotice, NOTICE_KIND } from "@meterseal/record";
import {
    createStandingPolicy,
    LEASE_PERIODS,
    type LeasePeriod,
    type PolicyTerms,
    parseStandingPolicy,
    type StandingPolicy,
} from "@meterseal/seal";
import {
    dueLeases,
    firstLease,
    grantWords,
    type KeyFile,
    kindOfWindow,
    policyWords,
    startOfPeriod,
} from "@meterseal/wallet";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { systemRandom } from "../clocks.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { ASK_OPTIONS, readGroups, readKind } from "../household/grant-asks.ts";
import { issuedBefore } from "../household/issued-before.ts";
import { aloneWithJournal, type HouseholdJournal } from "../household/journal-file.ts";
import { postUnposted } from "../household/post-issued.ts";
import { findRecipient } from "../household/recipient.ts";
import {
    type LeasingHousehold,
    ladderOf,
    prepareLease,
    readSource,
    renewLeases,
} from "../household/renew-leases.ts";
import { keepPolicy, postPolicies } from "../household/subscriptions.ts";
import { networkNow } from "../household/wallet-rounds.ts";
import { WALLET_OPTIONS, walletOf } from "./wallet-of-options.ts";

/** What is asked for as `grant create` asks. */
const ASKED = ["level", "kind", "groups"];

/** `meterseal subscription create`: lets the wallet grant a provider sums from now on, in leases. */
export const subscriptionCreateCommand: Command = {
    name: "subscription create",
    summary: "grants a provider sums until revoked, a lease at a time; wallet run renews",
    options: {
        ...WALLET_OPTIONS,
        to: { kind: "value", value: "PROVIDER", help: "its party.json, id or name" },
        ...Object.fromEntries(Object.entries(ASK_OPTIONS).filter(([name]) => ASKED.includes(name))),
        every: {
            kind: "value",
            value: "PERIOD",
            help: `length of a lease: ${LEASE_PERIODS.join(", ")} (month)`,
        },
        from: { kind: "value", value: "TIME", help: "begins with this period (the present one)" },
        until: { kind: "value", value: "TIME", help: "ends by itself (until it is revoked)" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        'meterseal subscription create --home home --to "Bright Energy" --level day --url http://127.0.0.1:8480',
    ],
    async run(options) {
        const { clock, leasing } = walletOf(options);
        const { api, home, key, own } = leasing;
        const ladder = ladderOf(leasing);
        const nowUnix = await networkNow(api, clock);
        const recipient = await findRecipient(
            requiredOption(options, "to", "PROVIDER"),
            key.network,
            {
                api,
                partyOf: leasing.partyOf,
            },
        );
        const { leasePeriod, ...asked } = readTerms(options, key, ladder, nowUnix);
        const bytes = await createStandingPolicy(own.signer, {
            ...{ network: key.network, policyId: systemRandom.bytes(16), household: own.party.id },
            ...{ subject: key.meter, streamId: key.stream.streamId, recipient: recipient.id },
            ...{ issuedUnix: nowUnix, zone: key.zone, slotSeconds: key.stream.slotSeconds },
            ...{ leasePeriod, ...asked },
        });
        const policy = unwrap(parseStandingPolicy(bytes));
        const { hash } = policy.message;
        const notice = await createNotice(own.signer, {
            ...{ network: key.network, party: own.party.id, timeUnix: nowUnix },
            ...{ kind: NOTICE_KIND.policy, hash },
        });
        const renewals = await aloneWithJournal(home, async (journal) => {
            await requireLease(leasing, journal, policy, nowUnix);
            keepPolicy(home, notice, policy);
            await postUnposted(api, journal);
            await postPolicies(home, api);
            return await renewLeases(leasing, journal, nowUnix);
        });
        const made = renewals.find(({ subscription }) => subscription.hash === toHex(hash));
        if (made?.refusal != null) throw made.refusal;
        const leases = made?.issued ?? [];
        if (options.json === true) {
            const grants = leases.map(({ grant }) => toHex(grant.message.hash));
            out(JSON.stringify({ subscription: toHex(hash), says: policyWords(policy), grants }));
            return EXIT.ok;
        }
        out(toHex(hash));
        say(`Subscribed ${recipient.name || toHex(recipient.id)}: ${policyWords(policy)}.`);
        for (const { grant } of leases) say(`  lease: ${grantWords(grant)}`);
        say(`The next leases are made by: meterseal wallet run --home ${home} --url ${api.url}
It can be revoked at any time: no lease follows then. What a lease opens stays known to who read it.`);
        return EXIT.ok;
    },
};

type Asked = Pick<
    PolicyTerms,
    "fromUnix" | "groups" | "kind" | "leasePeriod" | "toUnix" | "window"
>;

function readTerms(options: Options, key: KeyFile, ladder: Ladder, nowUnix: number): Asked {
    const leasePeriod = readPeriod(options);
    const window = requiredOption(options, "level", "WINDOW");
    if (!isWindowName(window)) {
        throw error("MS_USAGE", {
            expected: "--level slot|half-hour|hour|day|week|month|year",
            got: window,
        });
    }
    const instant = (name: string): number | undefined => {
        const text = textOption(options, name);
        return text === undefined ? undefined : unwrap(parseInstant(text, key.zone));
    };
    const slot = startOfPeriod(ladder, leasePeriod, nowUnix);
    const fromUnix = instant("from") ?? unixOfSlot(slot, ladder.slotSeconds);
    const toUnix = instant("until");
    const groups = readGroups(options) ?? [0];
    const kind = readKind(options) ?? kindOfWindow(ladder, window);
    return {
        ...{ window, kind, groups, fromUnix, leasePeriod },
        ...(toUnix === undefined ? {} : { toUnix }),
    };
}

function readPeriod(options: Options): LeasePeriod {
    const text = textOption(options, "every") ?? "month";
    const period = LEASE_PERIODS.find((each) => each === text);
    if (period !== undefined) return period;
    throw error("MS_USAGE", { expected: `--every ${LEASE_PERIODS.join("|")}`, got: text });
}

/**
 * Makes the leases that are due and throws them away: a policy that cannot be served, or whose leases would make more
 * derivable than they say, is not begun.
 * @throws MetersealError MS_DERIVABLE, MS_USAGE, and what makes no grant.
 */
async function requireLease(
    leasing: LeasingHousehold,
    journal: HouseholdJournal,
    policy: StandingPolicy,
    nowUnix: number,
): Promise<void> {
    const ladder = ladderOf(leasing);
    const first = unwrap(firstLease(policy, ladder));
    const { due } = unwrap(dueLeases(policy, ladder, () => false, nowUnix));
    const source = await readSource(leasing);
    const before = await issuedBefore(journal.read(), leasing, ladder);
    let { issued } = before;
    for (const lease of due.length === 0 ? [first] : due) {
        const tools = { ladder, nowUnix, source, before: { ...before, issued } };
        const ready = await prepareLease(leasing, policy, lease, tools);
        issued = [...issued, ...ready.map((each) => each.issued)];
    }
}
