import { bytesEqual } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { CID } from "multiformats/cid";
import { parseVertex, type Vertex } from "../vertex/vertex.ts";
import { recordsContradict } from "./check.ts";
import { isForkOf, type ParentFacts } from "./fork.ts";

/** Two vertices that fork, with the headers of the later one's parents where the proof needs them. */
export type FoundFork = {
    readonly vertices: readonly [Vertex, Vertex];
    readonly headers: readonly Uint8Array[];
};

/**
 * Finds what a refused vertex forks from: the accepted vertex of its author that contradicts it.
 * @param last - id of the author's last accepted vertex.
 * @param lookUp - bytes of an accepted vertex by its id of 36 bytes; null for one of the genesis.
 * @returns null where the two do not contradict each other.
 */
export async function findFork(
    refused: Vertex,
    last: string,
    lookUp: (id: Uint8Array) => Promise<Uint8Array | null>,
): Promise<FoundFork | null> {
    const vertexOf = async (id: CID): Promise<Vertex | null> => {
        const bytes = await lookUp(id.bytes);
        const parsed = bytes === null ? null : parseVertex(bytes);
        return parsed?.ok === true ? parsed.value : null;
    };
    let known = await vertexOf(CID.parse(last));
    while (known !== null) {
        const later = known.round > refused.round ? known : refused;
        const parents = await parentsOf(later, vertexOf);
        const facts = parents.map(factsOf);
        if (isForkOf(known, refused, facts)) {
            const headers = known.round === refused.round ? [] : parents.map(headerOf);
            return { vertices: [known, refused], headers };
        }
        if (known.round <= refused.round) return null;
        known = lastOwn(known, parents);
    }
    return null;
}

async function parentsOf(
    vertex: Vertex,
    vertexOf: (id: CID) => Promise<Vertex | null>,
): Promise<Vertex[]> {
    const found: Vertex[] = [];
    for (const id of vertex.parents) {
        const parent = await vertexOf(id);
        if (parent !== null) found.push(parent);
    }
    return found;
}

function lastOwn(vertex: Vertex, parents: readonly Vertex[]): Vertex | null {
    const own = parents.filter(({ author }) => bytesEqual(author, vertex.author));
    return own.sort((a, b) => b.round - a.round)[0] ?? null;
}

function factsOf({ author, id, round }: Vertex): ParentFacts {
    return { id: id.toString(), author, round };
}

function headerOf({ message }: Vertex): Uint8Array {
    return message.payload;
}

/** The first record that contradicts another of the same key; null where none does. */
export function findOther(record: MeterRecord, others: Iterable<MeterRecord>): MeterRecord | null {
    for (const other of others) {
        const isSameKey = bytesEqual(other.message.kid, record.message.kid);
        if (isSameKey && recordsContradict(record, other)) return other;
    }
    return null;
}
