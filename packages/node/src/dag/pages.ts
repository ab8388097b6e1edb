import { error } from "@meterseal/core";
import type { Head, Heads } from "./heads.ts";
import { factsOf, type VertexFacts, type VertexReader } from "./vertex-facts.ts";

/** Which vertices are asked for: those behind a place, or those before one, the latest first. */
export type DagQuery = {
    readonly from: { readonly after: number } | { readonly before: number };
    readonly limit: number;
};

/** A piece of the DAG. */
export type DagPage = {
    /** Size of the log up to which everything is final. */
    readonly size: number;
    readonly vertices: readonly VertexFacts[];
};

/** The latest vertex of an author. */
export type HeadFacts = VertexFacts & Pick<Head, "vertices" | "isTip">;

/** Latest vertices of all authors. */
export type DagHeads = { readonly size: number; readonly heads: readonly HeadFacts[] };

/** Final vertices of a log of a size, at most `limit` of them, in the order that is asked for. */
export async function readPage(
    reader: VertexReader,
    size: number,
    { from, limit }: DagQuery,
): Promise<DagPage> {
    const rows =
        "after" in from
            ? await reader.loggedVertices(from.after, size, limit)
            : await reader.latestVertices(-1, Math.min(from.before, size), limit);
    const vertices: VertexFacts[] = [];
    for (const row of rows) vertices.push(await factsOf(row, reader));
    return { size, vertices };
}

/** The latest vertex of each author, at most `limit` of them, the latest first. */
export async function readHeads(
    reader: VertexReader,
    heads: Pick<Heads, "list">,
    { limit, size }: { readonly limit: number; readonly size: number },
): Promise<DagHeads> {
    const facts: HeadFacts[] = [];
    for (const { isTip, leafIndex, vertices } of heads.list().slice(0, limit)) {
        facts.push({ ...(await readVertex(reader, size, leafIndex)), vertices, isTip });
    }
    return { size, heads: facts };
}

/** The final vertex at a place of the log; MS_NOT_FOUND where there is none. */
async function readVertex(
    reader: VertexReader,
    size: number,
    leafIndex: number,
): Promise<VertexFacts> {
    const rows = await reader.loggedVertices(leafIndex - 1, Math.min(leafIndex + 1, size), 1);
    if (rows[0] !== undefined) return await factsOf(rows[0], reader);
    throw error("MS_NOT_FOUND", { where: `vertex at leaf ${leafIndex}` });
}
