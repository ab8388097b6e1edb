import { toHex } from "@meterseal/core";
import type { Entry, LedgerState } from "@meterseal/ledger";

/**
 * Enrolled collector that a vertex names as its author, in hexadecimal; null for any other entry, and
 * for a name that nobody has: refusals are counted by it, and strangers must not make names to count.
 */
export function authorOf(state: LedgerState, entry: Entry): string | null {
    if (entry.kind !== "vertex") return null;
    const author = toHex(entry.vertex.author);
    return state.authors.has(author) ? author : null;
}
