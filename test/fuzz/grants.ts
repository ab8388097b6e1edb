import { unwrap } from "@meterseal/core";
import { parseGrant, parseGrantBody } from "@meterseal/seal";
import { grantBodies, grantMessages } from "./corpus.ts";
import { bytesTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

function takeGrant(bytes: Uint8Array): FuzzVerdict {
    const grant = parseGrant(bytes);
    if (grant.ok) requireSame(grant.value.message.bytes, bytes);
    return verdictOf(grant);
}

const terms = grantBodies().map(({ message }) => unwrap(parseGrant(message)));

/** A body under the terms of each kind of grant: it fits one of them at most by chance. */
function takeGrantBody(bytes: Uint8Array): FuzzVerdict {
    const verdicts = terms.map((of) => verdictOf(parseGrantBody(of, bytes)));
    return verdicts.includes("accepted") ? "accepted" : "refused";
}

/** Grants as a store holds them, and their bodies as a recipient opens them. */
export const GRANTS: readonly FuzzTarget[] = [
    bytesTarget("grant", 30_000, grantMessages, takeGrant),
    bytesTarget("grant body", 30_000, () => grantBodies().map(({ body }) => body), takeGrantBody),
];
