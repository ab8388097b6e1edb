import { concatBytes, LIMITS } from "@meterseal/core";
import type { BranchStore, SentVertex } from "@meterseal/ledger";
import type { PendingVertex } from "./pending.ts";

/** Bytes that a vertex may cost beside message and body. */
const FRAME_BYTES = 16;

/** A page of vertices, and where the next one begins. */
export type VertexPage = {
    readonly sent: readonly SentVertex[];
    /** The vertices of {@link sent}, in the same order. */
    readonly vertices: readonly PendingVertex[];
    readonly next: number;
};

/** Reads vertices from disk, from a place in a list on, as many as a page holds. */
export async function readPage(
    store: Pick<BranchStore, "storedVertex">,
    wanted: readonly PendingVertex[],
    from: number,
): Promise<VertexPage> {
    const [sent, vertices]: [SentVertex[], PendingVertex[]] = [[], []];
    let [bytes, next] = [0, from];
    for (; next < wanted.length && sent.length < LIMITS.exchangeEntries; next++) {
        const vertex = wanted[next] as PendingVertex;
        const stored = await store.storedVertex(vertex.id.bytes);
        if (stored === null) continue;
        const each = { bytes: stored.bytes, body: concatBytes(...stored.body) };
        bytes += FRAME_BYTES + each.bytes.length + each.body.length;
        if (sent.length > 0 && bytes > LIMITS.exchangeBytes) break;
        sent.push(each);
        vertices.push(vertex);
    }
    return { sent, vertices, next };
}
