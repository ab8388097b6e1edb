import { bytesEqual, error, fail, LIMITS, ok, type Result, toHex } from "@meterseal/core";
import type { Pruning } from "@meterseal/record";
import type { SignatureCheck } from "./accept.ts";
import type { LedgerState } from "./state.ts";

/**
 * Takes what says what is left of old records. It changes no fact: what it binds is for whoever reads
 * bodies. It speaks of entries before its own alone: nobody can add up what is not in the log yet. What
 * may still be disputed by the time of the entry stays. It is taken once, for anybody who reads the log has
 * its bytes and could fill the log with them.
 */
export function acceptPruning(
    state: LedgerState,
    { beforeUnix, message, network, size }: Pruning,
    timeMs: number,
    check: SignatureCheck,
): Result<undefined> {
    const name = toHex(message.hash);
    const where = `pruning ${name}`;
    const refuse = (expected: string, got = ""): Result<undefined> =>
        fail(error("MS_PRUNING", { where, expected, ...(got === "" ? {} : { got }) }));
    if (!bytesEqual(network, state.networkId)) return refuse("this network's id");
    if (!check(message, state.genesis.operator)) {
        return fail(error("MS_SIGNATURE_BAD", { where }));
    }
    if (size > state.size) return refuse(`at most the ${state.size} entries before it`);
    const latestUnix = Math.floor(timeMs / 1000) - LIMITS.disputeSeconds;
    if (beforeUnix > latestUnix) return refuse(`an instant until ${latestUnix}`, `${beforeUnix}`);
    if (state.prunings.has(name)) return refuse("one that the log does not hold");
    if (state.prunings.size >= LIMITS.prunings) return refuse(`${LIMITS.prunings} in a log`);
    state.prunings.add(name);
    return ok(undefined);
}
