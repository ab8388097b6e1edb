import {
    bytesEqual,
    error,
    fail,
    type HpkeKeyPair,
    ok,
    openHpke,
    type Result,
    recipientKeyId,
} from "@meterseal/core";
import type { KeySource } from "../key-source.ts";
import type { Bridge } from "./bridge.ts";
import { parseCoverBody } from "./cover-body.ts";
import { parseKeyBody } from "./key-body.ts";
import { GRANT_INFO, type Grant } from "./message.ts";
import { coverSource, listedSource } from "./sources.ts";
import { GRANT_KIND, type GrantSpan, type GrantTerms } from "./terms.ts";
import { parseTokenBody, type TokenTable } from "./token-body.ts";

/** Keys of one seal epoch's part of a grant. */
export type GrantSource = GrantSpan & {
    readonly keys: KeySource;
    /** How sums go on from the span before; in every span but the first. */
    readonly bridge?: Bridge;
};

/** What the recipient holds after opening a grant; as secret as the grant's private key. */
export type GrantKeys =
    /** K and E: keys of boundaries, span by span. */
    | { readonly form: "keys"; readonly spans: readonly GrantSource[] }
    /** D, W and C: one number a sum. */
    | { readonly form: "tokens"; readonly table: TokenTable };

/**
 * Opens the sealed body of a grant with the recipient's keys. What it allows is not checked here: see
 * {@link checkGrant}.
 * @returns MS_GRANT_RECIPIENT where the grant names another key, MS_UNSEAL where the body does not
 * open with it or the open part was altered, MS_MALFORMED for a body of another shape.
 */
export async function openGrant(grant: Grant, recipient: HpkeKeyPair): Promise<Result<GrantKeys>> {
    const isAddressed =
        recipient.suite === grant.hpkeSuite &&
        bytesEqual(recipientKeyId(recipient.publicKey), grant.recipientKeyId);
    if (!isAddressed) return fail(error("MS_GRANT_RECIPIENT", { where: "the recipient's key" }));
    const context = { info: GRANT_INFO, aad: grant.aad };
    const body = await openHpke(recipient, context, grant);
    if (!body.ok) return body;
    return parseGrantBody(grant, body.value);
}

/**
 * Reads the opened body of a grant strictly.
 * @returns MS_MALFORMED for anything but the one encoding of a body that fits the terms.
 */
export function parseGrantBody(grant: GrantTerms, body: Uint8Array): Result<GrantKeys> {
    if (grant.kind === GRANT_KIND.K) {
        const parsed = parseCoverBody(body, grant);
        if (!parsed.ok) return parsed;
        return sources(grant, parsed.value, (epoch, span) => coverSource(grant, epoch, span));
    }
    if (grant.kind === GRANT_KIND.E) {
        const parsed = parseKeyBody(body, grant);
        if (!parsed.ok) return parsed;
        return sources(grant, parsed.value, (epoch, span) => ok(listedSource(grant, epoch, span)));
    }
    const table = parseTokenBody(body, grant);
    return table.ok ? ok({ form: "tokens", table: table.value }) : table;
}

function sources<T extends { readonly bridge?: Bridge }>(
    grant: GrantTerms,
    parts: readonly T[],
    make: (sealEpoch: number, part: T) => Result<KeySource>,
): Result<GrantKeys> {
    const spans: GrantSource[] = [];
    for (const [i, part] of parts.entries()) {
        const span = grant.spans[i] as GrantSpan;
        const keys = make(span.sealEpoch, part);
        if (!keys.ok) return keys;
        const bridge = part.bridge === undefined ? {} : { bridge: part.bridge };
        spans.push({ ...span, keys: keys.value, ...bridge });
    }
    return ok({ form: "keys", spans });
}
