import {
    type HpkeKeyPair,
    type Ladder,
    parseInstant,
    recipientKeyId,
    unwrap,
} from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import {
    coverBody,
    differenceBody,
    GRANT_KIND,
    type Grant,
    type GrantEpoch,
    type GrantKeys,
    type GrantTerms,
    type KeySource,
    keyBody,
    openGrant,
    parseGrant,
    sealGrant,
    type Window,
} from "../src/index.ts";
import { ladderOf, ownerOf } from "./fixtures.ts";

/** A recipient that everybody knows the keys of; RFC 7748 section 6.1, Alice. */
export const RECIPIENT: HpkeKeyPair = {
    suite: 1,
    privateKey: Uint8Array.fromHex(
        "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
    ),
    publicKey: Uint8Array.fromHex(
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    ),
};

export const HOUSEHOLD = testSigner("household");

/** Instant of a civil date or time in a zone. */
export function at(text: string, zone = "Europe/Berlin"): number {
    return unwrap(parseInstant(text, zone));
}

export type TermChanges = Partial<GrantTerms>;

/** Terms of a K grant of all slots of March 2026 in Berlin, changed where asked. */
export function termsOf(changes: TermChanges = {}): GrantTerms {
    const zone = changes.zone ?? "Europe/Berlin";
    const fromUnix = changes.fromUnix ?? at("2026-03-01", zone);
    const toUnix = changes.toUnix ?? at("2026-04-01", zone);
    const kind = changes.kind ?? GRANT_KIND.K;
    return {
        network: testBytes("network", 32),
        grantId: testBytes("grant", 16),
        household: testBytes("household", 16),
        subject: testBytes("subject", 16),
        streamId: ownerOf().stream.streamId,
        spans: [{ sealEpoch: 0, fromUnix, toUnix }],
        groups: [0],
        kind,
        ...(kind === GRANT_KIND.K ? { level: 0 } : {}),
        fromUnix,
        toUnix,
        recipient: testBytes("recipient", 16),
        recipientKeyId: recipientKeyId(RECIPIENT.publicKey),
        issuedUnix: at("2026-02-20", zone),
        zone,
        slotSeconds: 900,
        scale: 0,
        hpkeSuite: 1,
        sealSuite: 1,
        streamGroups: [0, 1],
        ...changes,
    };
}

/** The owner's keys of each span of the terms; ends of bridges as given. */
export function epochsOf(
    terms: GrantTerms,
    ends: readonly GrantEpoch["ends"][] = [],
): GrantEpoch[] {
    const { slotSeconds, streamGroups, streamId } = terms;
    const groups = streamGroups.map((group) => ({
        group,
        channels: group === 15 ? (2 as const) : (1 as const),
    }));
    return terms.spans.map((span, i) => {
        const { sealEpoch } = span;
        const owner = ownerOf({ streamId, sealEpoch, slotSeconds, groups });
        const own = ends[i];
        return own === undefined ? { span, owner } : { span, owner, ends: own };
    });
}

/** Body of terms; K needs no windows. */
export function bodyOf(
    terms: GrantTerms,
    windows: readonly Window[] = [],
    ends: readonly GrantEpoch["ends"][] = [],
): Uint8Array {
    const ladder: Ladder = ladderOf(terms.zone, terms.slotSeconds);
    const epochs = epochsOf(terms, ends);
    if (terms.kind === GRANT_KIND.K) return unwrap(coverBody(terms, ladder, epochs));
    const make = terms.kind === GRANT_KIND.E ? keyBody : differenceBody;
    return unwrap(make(terms, ladder, epochs, windows));
}

export async function grantBytes(
    terms: GrantTerms,
    body: Uint8Array = bodyOf(terms),
): Promise<Uint8Array> {
    return unwrap(await sealGrant(HOUSEHOLD, terms, RECIPIENT.publicKey, body));
}

export async function grantOf(terms: GrantTerms, body?: Uint8Array): Promise<Grant> {
    return unwrap(parseGrant(await grantBytes(terms, body)));
}

/** Keys of a K or E grant of one seal epoch, as its recipient opens it. */
export async function sourceOf(terms: GrantTerms, body?: Uint8Array): Promise<KeySource> {
    const keys = await keysOf(terms, body);
    if (keys.form !== "keys") throw new Error("a grant of keys");
    return keys.spans[0]?.keys as KeySource;
}

export async function keysOf(terms: GrantTerms, body?: Uint8Array): Promise<GrantKeys> {
    return unwrap(await openGrant(await grantOf(terms, body), RECIPIENT));
}
