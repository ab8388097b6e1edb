import { unwrap } from "@meterseal/core";
import { parseGrant, parseGrantBody, parseStandingPolicy } from "@meterseal/seal";
import { grantBodies, grantMessages, policyMessages } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

function takeGrant(bytes: Uint8Array): FuzzVerdict {
    const grant = parseGrant(bytes);
    if (grant.ok) requireSame(grant.value.message.bytes, bytes);
    return verdictOf(grant);
}

function takePolicy(bytes: Uint8Array): FuzzVerdict {
    const policy = parseStandingPolicy(bytes);
    if (policy.ok) requireSame(policy.value.message.bytes, bytes);
    return verdictOf(policy);
}

const terms = grantBodies().map(({ message }) => unwrap(parseGrant(message)));

/** A body under the terms of each kind of grant: it fits one of them at most by chance. */
function takeGrantBody(bytes: Uint8Array): FuzzVerdict {
    const verdicts = terms.map((of) => verdictOf(parseGrantBody(of, bytes)));
    return verdicts.includes("accepted") ? "accepted" : "refused";
}

/** Grants as a store holds them, and their bodies as a recipient opens them. */
export const GRANTS: readonly FuzzTarget[] = [
    bytesTarget("grant", 15_000, grantMessages, takeGrant),
    bytesTarget("standing policy", 15_000, policyMessages, takePolicy),
    bytesTarget("grant body", 30_000, () => grantBodies().map(({ body }) => body), takeGrantBody),
];
