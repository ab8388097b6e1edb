import * as dagCbor from "@ipld/dag-cbor";
import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { attempt, malformed, toBytes, toInteger } from "@meterseal/record";
import { vertexIdOf } from "../vertex/cid.ts";
import type { Vertex } from "../vertex/vertex.ts";

/** What a fork needs to know of a parent: who wrote it, and in which round. */
export type ParentFacts = {
    readonly id: string;
    readonly author: Uint8Array;
    readonly round: number;
};

/**
 * True for two vertices of one author of which neither has the other in its past. Every vertex of
 * an author names the one before as a parent and stands in a later round, so two of one round are a
 * fork; and so are two of different rounds where the later one's last own parent is older than the
 * other vertex.
 * @param parents - of the one with the larger round, without the genesis vertices; none are needed
 * for two of one round.
 */
export function isForkOf(a: Vertex, b: Vertex, parents: readonly ParentFacts[]): boolean {
    if (bytesEqual(a.id.bytes, b.id.bytes)) return false;
    if (a.round === b.round) return true;
    const [earlier, later] = a.round < b.round ? [a, b] : [b, a];
    const own = parents.filter(({ author }) => bytesEqual(author, later.author));
    const lastRound = own.reduce((last, { round }) => Math.max(last, round), 0);
    return lastRound < earlier.round;
}

/**
 * Facts of all parents of a vertex from their headers, which the vertex names by their hashes.
 * @param roots - ids of the network's genesis vertices, which have no author.
 * @returns MS_CONTRADICTION where a header is missing, or is that of no parent.
 */
export function parseParents(
    vertex: Vertex,
    headers: readonly Uint8Array[],
    roots: readonly string[],
): Result<ParentFacts[]> {
    const facts = headers.map((header) => attempt(() => factsOf(header)));
    const named = vertex.parents.map((id) => id.toString()).filter((id) => !roots.includes(id));
    const parents: ParentFacts[] = [];
    for (const fact of facts) {
        if (!fact.ok) return fact;
        parents.push(fact.value);
    }
    const ids = parents.map(({ id }) => id);
    const isComplete = named.length === ids.length && named.every((id) => ids.includes(id));
    if (isComplete) return ok(parents);
    const [expected, got] = ["the headers of all parents", `${ids.length} of ${named.length}`];
    return fail(error("MS_CONTRADICTION", { where: `vertex ${vertex.id}`, expected, got }));
}

function factsOf(header: Uint8Array): ParentFacts {
    const value: unknown = dagCbor.decode(header);
    const map = (
        typeof value === "object" && value !== null ? value : malformed("header", "a map")
    ) as {
        readonly author?: unknown;
        readonly round?: unknown;
    };
    return {
        id: vertexIdOf(header).toString(),
        author: toBytes(map.author, "header.author", 16),
        round: toInteger(map.round, "header.round", 1, Number.MAX_SAFE_INTEGER),
    };
}
