import { LIMITS } from "@meterseal/core";
import { closed, count, hex, json, type Operation, type Paths, problems } from "./openapi-parts.ts";

const place = (name: string, description: string): Operation => ({
    ...{ name, in: "query", description },
    schema: { type: "integer", minimum: 0 },
});

/** Routes of the DAG. */
export const DAG_PATHS: Paths = {
    "/api/v1/dag": {
        get: {
            operationId: "getDag",
            summary: "Final vertices in the order of the log, or from its end",
            parameters: [
                place("after", "vertices behind this leaf index; from the first one by default"),
                place("before", "vertices before this leaf index, the latest first"),
                {
                    ...{ name: "limit", in: "query", description: "vertices at most" },
                    schema: { type: "integer", minimum: 1, maximum: LIMITS.listItems },
                },
            ],
            responses: { 200: json("dag", "a piece of the DAG"), ...problems(400) },
        },
    },
    "/api/v1/dag/heads": {
        get: {
            operationId: "getDagHeads",
            summary: "The latest vertex of each author, the latest first",
            responses: { 200: json("dagHeads", "the heads"), ...problems() },
        },
    },
    "/api/v1/dag/{leaf}/proof": {
        get: {
            operationId: "getVertexProof",
            summary: "That a vertex is in the log, for whoever has the genesis (C2SP tlog-proof)",
            parameters: [
                {
                    ...{ name: "leaf", in: "path", required: true },
                    description: "leaf index of the vertex",
                    schema: { type: "integer", minimum: 0 },
                },
            ],
            responses: {
                200: {
                    description: "the proof",
                    content: { "text/plain": { schema: { type: "string" } } },
                },
                ...problems(400, 404),
            },
        },
    },
};

const vertexId = { type: "string", description: "CIDv1, dag-cbor, SHA-256", maxLength: 64 };
const index = { ...count, description: "leaf index in the log" };
const unix = { ...count, description: "seconds since 1970" };

const vertex = {
    leafIndex: index,
    timeMs: { ...count, description: "when the log took it in, since 1970" },
    id: vertexId,
    author: hex(32),
    keyEpoch: count,
    round: { ...count, description: "one more than the largest of its parents" },
    records: count,
    bodyBytes: count,
    firstUnix: unix,
    lastUnix: unix,
    parents: {
        type: "array",
        maxItems: LIMITS.vertexParents,
        items: closed({
            id: vertexId,
            leafIndex: { type: ["integer", "null"], description: "null for a genesis vertex" },
        }),
    },
    checkpoint: {
        type: ["integer", "null"],
        description: "size of the smallest checkpoint over it; null where there is none yet",
    },
    seenSize: { ...count, description: "size of the log that its author had verified" },
};

const size = { ...count, description: "size of the log up to which everything is final" };

/** Schemas of their answers. */
export const dagSchemas: Readonly<Record<string, object>> = {
    dag: closed({ size, vertices: { type: "array", items: closed(vertex) } }),
    dagHeads: closed({
        size,
        heads: {
            type: "array",
            items: closed({
                ...vertex,
                vertices: { ...count, description: "final vertices of this author" },
                isTip: { type: "boolean", description: "whether no vertex follows it yet" },
            }),
        },
    }),
};
