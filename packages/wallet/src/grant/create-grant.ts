import {
    bytesEqual,
    createLadder,
    error,
    fail,
    type Ladder,
    ok,
    type Random,
    type Result,
    recipientKeyId,
    type Signer,
} from "@meterseal/core";
import { kidOf } from "@meterseal/record";
import {
    coverBody,
    differenceBody,
    GRANT_KIND,
    type Grant,
    type GrantEpoch,
    type GrantTerms,
    keyBody,
    parseGrant,
    sealGrant,
    weightedBody,
} from "@meterseal/seal";
import type { KeyFile } from "../key-file.ts";
import { grantEpochs, type StreamEpoch } from "./epochs.ts";
import type { GrantPlan } from "./plan.ts";
import type { WeightedPlan } from "./weighted.ts";

/** To whom a grant is made out, as the ledger has the party. */
export type GrantRecipient = {
    /** Party id, 16 bytes. */
    readonly id: Uint8Array;
    /** Key that the party signs with. */
    readonly key: Parameters<typeof kidOf>[0];
    /** Keys that grants are sealed to, by suite. */
    readonly recipients: readonly { readonly suite: number; readonly bytes: Uint8Array }[];
};

/** A grant to be made. */
export type GrantOrder = {
    readonly key: KeyFile;
    /** The household as a party: its id and the signer of its wallet. */
    readonly household: { readonly id: Uint8Array; readonly signer: Signer };
    readonly recipient: GrantRecipient;
    /** Key ids of those who store and carry the records: no grant is made out to them. */
    readonly stores: readonly Uint8Array[];
    readonly plan: GrantPlan | WeightedPlan;
    /** Seal epochs of the stream. */
    readonly epochs: readonly StreamEpoch[];
    readonly issuedUnix: number;
    /** When the right to read ends, where it does before the range. */
    readonly leaseEndUnix?: number;
    readonly policyId?: Uint8Array;
    /** Suite to seal with; without it the strongest that the recipient has. */
    readonly hpkeSuite?: number;
    readonly random: Random;
};

/**
 * Makes a grant: one signed message, sealed to the recipient. Nothing is sent and nothing remembered.
 * @returns MS_NOT_ALLOWED where the recipient stores the records, or is the household itself;
 * MS_GRANT_RECIPIENT where it has no key of the suite; MS_STREAM_RULE for groups that the stream
 * lacks, or a change of the seal epoch without registers; MS_KEY_FILE for an open stream; MS_ZONE;
 * errors of sealGrant.
 */
export async function createGrant(order: GrantOrder): Promise<Result<Grant>> {
    const { key, plan } = order;
    const recipientKey = chooseKey(order);
    if (!recipientKey.ok) return recipientKey;
    const streamGroups = key.stream.groups.map(({ group }) => group);
    const missing = plan.groups.find((group) => !streamGroups.includes(group));
    if (missing !== undefined) {
        const expected = `groups of the stream: ${streamGroups.join(", ")}`;
        return fail(error("MS_STREAM_RULE", { expected, got: `group ${missing}` }));
    }
    const ladder = createLadder(key.zone, key.stream.slotSeconds);
    if (!ladder.ok) return ladder;
    const epochs = grantEpochs(key, order.epochs, plan.fromUnix, plan.toUnix);
    if (!epochs.ok) return epochs;
    const spans = epochs.value.map(({ span }) => span);
    const terms = termsOf(order, recipientKey.value, streamGroups, spans);
    const body = bodyOf(plan, terms, ladder.value, epochs.value);
    if (!body.ok) return body;
    const { bytes: publicKey } = recipientKey.value;
    const sealed = await sealGrant(order.household.signer, terms, publicKey, body.value);
    return sealed.ok ? parseGrant(sealed.value) : sealed;
}

function bodyOf(
    plan: GrantOrder["plan"],
    terms: GrantTerms,
    ladder: Ladder,
    epochs: readonly GrantEpoch[],
): Result<Uint8Array> {
    if ("weights" in plan) return weightedBody(terms, epochs, plan.weights);
    if (plan.kind === GRANT_KIND.K) return coverBody(terms, ladder, epochs);
    const make = plan.kind === GRANT_KIND.E ? keyBody : differenceBody;
    return make(terms, ladder, epochs, plan.windows);
}

function chooseKey({ household, hpkeSuite, recipient, stores }: GrantOrder) {
    if (bytesEqual(recipient.id, household.id)) {
        const expected = "another party than the household";
        return fail(error("MS_NOT_ALLOWED", { where: "the recipient", expected }));
    }
    const kid = kidOf(recipient.key);
    if (stores.some((store) => bytesEqual(store, kid) || bytesEqual(store, recipient.id))) {
        const expected = "a party that neither stores nor carries the records";
        return fail(error("MS_NOT_ALLOWED", { where: "the recipient", expected }));
    }
    const fitting = recipient.recipients.filter(({ suite }) => suite === (hpkeSuite ?? suite));
    const chosen = fitting.toSorted((a, b) => b.suite - a.suite)[0];
    if (chosen !== undefined) return ok(chosen);
    const expected = hpkeSuite === undefined ? "a recipient key" : `a key of suite ${hpkeSuite}`;
    return fail(error("MS_GRANT_RECIPIENT", { where: "the recipient's party", expected }));
}

function termsOf(
    order: GrantOrder,
    recipientKey: { readonly suite: number; readonly bytes: Uint8Array },
    streamGroups: readonly number[],
    spans: GrantTerms["spans"],
): GrantTerms {
    const { household, key, leaseEndUnix, plan, policyId, recipient } = order;
    const isWindowed = plan.kind === GRANT_KIND.D || plan.kind === GRANT_KIND.E;
    return {
        network: key.network,
        grantId: order.random.bytes(16),
        household: household.id,
        subject: key.meter,
        streamId: key.stream.streamId,
        spans,
        groups: plan.groups,
        kind: plan.kind,
        ...(plan.level === undefined ? {} : { level: plan.level }),
        fromUnix: plan.fromUnix,
        toUnix: plan.toUnix,
        recipient: recipient.id,
        recipientKeyId: recipientKeyId(recipientKey.bytes),
        issuedUnix: order.issuedUnix,
        ...(leaseEndUnix === undefined ? {} : { leaseEndUnix }),
        ...(policyId === undefined ? {} : { policyId }),
        ...("tariffHash" in plan ? { tariffHash: plan.tariffHash } : {}),
        ...(isWindowed ? { window: plan.window } : {}),
        zone: key.zone,
        slotSeconds: key.stream.slotSeconds,
        scale: key.scale,
        hpkeSuite: recipientKey.suite,
        sealSuite: key.stream.suite,
        streamGroups,
    };
}
