import type { LedgerState } from "./state.ts";

/**
 * Hash of a state, 32 bytes: the same accepted set gives the same root in any order of delivery
 * (ADR 0031). The first call hashes every fact, a later one those that changed since.
 */
export function stateRoot(state: LedgerState): Uint8Array {
    return state.facts.root(state);
}
