import { type Log, unwrap } from "@meterseal/core";
import type { Witnesses } from "@meterseal/engines/embedded";
import { httpPost, WitnessQuorum } from "@meterseal/engines/witness";
import { POLICY_LIMITS, type Policy, parsePolicy } from "@meterseal/ledger";
import { systemTimers } from "../clocks.ts";
import { readBounded } from "../files.ts";

/** Longest time for one request to one witness. */
const REQUEST_TIMEOUT_MS = 5_000;
/** The same complaint about witnesses is logged once in this time. */
const COMPLAINT_MS = 60_000;

/**
 * Policy of a file (C2SP tlog-policy).
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_WITNESS_POLICY
 */
export function readPolicy(path: string): Policy {
    return unwrap(parsePolicy(readBounded(path, POLICY_LIMITS.characters).toString("utf8")));
}

/**
 * The witnesses of a policy, asked over HTTP; null where it asks for none.
 * @throws MetersealError MS_WITNESS_POLICY where one has no URL.
 */
export function witnessesOf(policy: Policy, log: Log): Witnesses | null {
    if (policy.quorum === null) return null;
    let complainedMs = Number.NEGATIVE_INFINITY;
    return {
        cosigner: new WitnessQuorum(policy, httpPost(REQUEST_TIMEOUT_MS)),
        timers: systemTimers,
        onWaiting: (cause) => {
            const nowMs = performance.now();
            if (nowMs - complainedMs < COMPLAINT_MS) return;
            complainedMs = nowMs;
            log.warn("too few witnesses cosign: entries wait to be final", {
                cause: cause.details.got ?? cause.message,
            });
        },
    };
}
