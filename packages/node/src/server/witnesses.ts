import { readFileSync } from "node:fs";
import { error, type Log, unwrap } from "@meterseal/core";
import type { Witnesses } from "@meterseal/engines/embedded";
import { httpPost, WitnessQuorum } from "@meterseal/engines/witness";
import { type Policy, parsePolicy } from "@meterseal/ledger";
import { systemTimers } from "../clocks.ts";
import { reasonOf } from "../files.ts";

/** Longest time for one request to one witness. */
const REQUEST_TIMEOUT_MS = 5_000;
/** The same complaint about witnesses is logged once in this time. */
const COMPLAINT_MS = 60_000;

/**
 * Policy of a file (C2SP tlog-policy).
 * @throws MetersealError MS_NOT_FOUND, MS_WITNESS_POLICY
 */
export function readPolicy(path: string): Policy {
    let text: string;
    try {
        text = readFileSync(path, "utf8");
    } catch (cause) {
        throw error("MS_NOT_FOUND", { where: path, got: reasonOf(cause), cause });
    }
    return unwrap(parsePolicy(text));
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
