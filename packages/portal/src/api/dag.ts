import { fetchJson } from "./client.ts";

/** A vertex of the ledger, as the server tells of it. */
export type DagVertex = {
    /** Place in the log. */
    readonly leafIndex: number;
    /** When the log took it in, milliseconds since 1970. */
    readonly timeMs: number;
    /** CIDv1. */
    readonly id: string;
    /** Collector that signed it, hexadecimal. */
    readonly author: string;
    readonly round: number;
    readonly records: number;
    readonly bodyBytes: number;
    /** Vertices that it follows; those of the genesis have no place. */
    readonly parents: readonly { readonly id: string; readonly leafIndex: number | null }[];
    /** Size of the smallest checkpoint over it; null where there is none yet. */
    readonly checkpoint: number | null;
};

/** A piece of the DAG. */
export type DagPage = {
    /** Size of the log up to which everything is final. */
    readonly size: number;
    readonly vertices: readonly DagVertex[];
};

/** Vertices of one answer at most. */
export const DAG_PAGE = 500;

/** The latest vertices before a place of the log, the latest first; before its end for null. @throws ApiError */
export async function fetchBefore(place: number | null): Promise<DagPage> {
    const before = place ?? 10 ** 15 - 1;
    return await fetchJson<DagPage>(`/api/v1/dag?before=${before}&limit=${DAG_PAGE}`);
}

/** The first vertices behind a place of the log. @throws ApiError */
export async function fetchAfter(place: number): Promise<DagPage> {
    return await fetchJson<DagPage>(`/api/v1/dag?after=${place}&limit=${DAG_PAGE}`);
}

/** Where a proof is that a vertex stands in the log. */
export function proofPath({ leafIndex }: DagVertex): string {
    return `/api/v1/dag/${leafIndex}/proof`;
}
