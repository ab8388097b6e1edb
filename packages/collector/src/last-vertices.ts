import { unwrap } from "@meterseal/core";
import {
    type LedgerState,
    parseVertex,
    type RecordStore,
    type Tips,
    vertexIdOfName,
} from "@meterseal/ledger";

/**
 * Takes the last vertex of each author into sight: nobody is told of what an image covers. One that an
 * older vertex of ours names already may be named again, which does no harm.
 */
export async function addLastVertices(
    tips: Tips,
    { authors }: LedgerState,
    store: RecordStore,
): Promise<void> {
    for (const { lastVertex } of authors.values()) {
        if (lastVertex === null) continue;
        const stored = await store.storedVertex(vertexIdOfName(lastVertex));
        if (stored !== null) tips.add(unwrap(parseVertex(stored.bytes)), 0);
    }
}
