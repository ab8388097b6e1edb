import { concatBytes, error, LIMITS } from "@meterseal/core";
import type { BranchStore, LogPage, SentEntry } from "@meterseal/ledger";
import { isSummary } from "@meterseal/record";

/** Bytes that an entry may cost beside item, body and note. */
const FRAME_BYTES = 32;

/**
 * Entries of a log from an index on, as many as a page holds, at least one where there is one.
 *
 * @param size entries that are final; none beyond is given.
 * @throws MetersealError MS_PRUNED where the first one's body was pruned: nobody could check the rest.
 */
export async function logPage(
    store: Pick<BranchStore, "entries" | "checkpointOf">,
    fromIndex: number,
    size: number,
): Promise<LogPage> {
    const entries: SentEntry[] = [];
    if (fromIndex >= size) return { size, entries };
    let bytes = 0;
    for await (const { body, index, item, timeMs } of store.entries(fromIndex)) {
        if (index >= size || entries.length >= LIMITS.exchangeEntries) break;
        if (body.some(isSummary)) {
            if (entries.length > 0) break;
            const todo = "Begin with a copy of the server's data that was made before.";
            throw error("MS_PRUNED", { where: `leaf ${index}`, todo });
        }
        const checkpoint = await store.checkpointOf(index + 1);
        if (checkpoint === null) throw error("MS_CHECKPOINT", { where: `size ${index + 1}` });
        const entry = { timeMs, item, body: concatBytes(...body), checkpoint };
        bytes += FRAME_BYTES + item.length + entry.body.length + checkpoint.length;
        if (entries.length > 0 && bytes > LIMITS.exchangeBytes) break;
        entries.push(entry);
    }
    return { size, entries };
}
