import { toHex, unwrap } from "@meterseal/core";
import { parseVertex, type VertexHeader } from "@meterseal/ledger";
import type { LoggedVertexRow, StoreReader } from "@meterseal/stores/sqlite";

/** A vertex of the log as the API tells of it; ids of vertices are CIDs as text. */
export type VertexFacts = {
    readonly leafIndex: number;
    /** When the log took it in, milliseconds since 1970. */
    readonly timeMs: number;
    readonly id: string;
    /** Collector that signed it, hexadecimal. */
    readonly author: string;
    readonly keyEpoch: number;
    readonly round: number;
    readonly records: number;
    /** Bytes of its body. */
    readonly bodyBytes: number;
    /** Time of its first and of its last record, seconds since 1970. */
    readonly firstUnix: number;
    readonly lastUnix: number;
    /** Vertices that it follows, with their places; null for a genesis vertex. */
    readonly parents: readonly { readonly id: string; readonly leafIndex: number | null }[];
    /** Size of the smallest checkpoint over it; null where there is none yet. */
    readonly checkpoint: number | null;
    /** Size of the log that its author had seen and verified. */
    readonly seenSize: number;
};

/** What the DAG is read from. */
export type VertexReader = Pick<StoreReader, "leafOfVertex" | "loggedVertices" | "latestVertices">;

/** Says of a stored vertex what its signed header says. */
export async function factsOf(
    row: LoggedVertexRow,
    reader: Pick<VertexReader, "leafOfVertex">,
): Promise<VertexFacts> {
    const vertex = unwrap(parseVertex(row.bytes));
    const parents: { id: string; leafIndex: number | null }[] = [];
    for (const parent of vertex.parents) {
        parents.push({
            id: parent.toString(),
            leafIndex: await reader.leafOfVertex(parent.bytes),
        });
    }
    const { checkpoint, index, timeMs } = row;
    const place = { leafIndex: index, timeMs, id: vertex.id.toString() };
    return { ...place, ...headerFacts(vertex), parents, checkpoint };
}

function headerFacts(vertex: VertexHeader) {
    const { author, count, keyEpoch, round, seen, size, t0, t1 } = vertex;
    return {
        ...{ author: toHex(author), keyEpoch, round, records: count, bodyBytes: size },
        ...{ firstUnix: t0, lastUnix: t1, seenSize: seen.size },
    };
}
