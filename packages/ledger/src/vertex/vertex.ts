import * as dagCbor from "@ipld/dag-cbor";
import { bytesEqual, compareBytes, LIMITS, type Result, type Signer } from "@meterseal/core";
import {
    attempt,
    createSign1,
    MESSAGE_TYPE,
    malformed,
    parseSign1,
    type Sign1,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { CID } from "multiformats/cid";
import type { BodySummary } from "./body.ts";
import { isVertexId, vertexIdOf } from "./cid.ts";

/** Header of a vertex: a batch of records and the earlier vertices that its author had seen (formats 7). */
export type VertexHeader = BodySummary & {
    /** Network id, 32 bytes. */
    readonly net: Uint8Array;
    /** Author id, 16 bytes. */
    readonly author: Uint8Array;
    readonly keyEpoch: number;
    /** One more than the largest round of the parents. */
    readonly round: number;
    /** 2 … 8 vertex ids, sorted by bytes, distinct; the author's previous vertex among them. */
    readonly parents: readonly CID[];
    /** Latest checkpoint that the author has verified. */
    readonly seen: { readonly size: number; readonly root: Uint8Array };
};

/** A parsed vertex whose signature and rules are not checked yet. */
export type Vertex = VertexHeader & { readonly id: CID; readonly message: Sign1 };

const KEYS = [
    "v",
    "net",
    "author",
    "keyEpoch",
    "round",
    "parents",
    "count",
    "root",
    "bodyHash",
    "size",
    "t0",
    "t1",
    "seen",
];

/** Signs a vertex header. */
export function createVertex(signer: Signer, header: VertexHeader): Promise<Uint8Array> {
    const parents = [...header.parents].sort((a, b) => compareBytes(a.bytes, b.bytes));
    const payload = dagCbor.encode({ v: 1, ...header, parents });
    return createSign1(signer, MESSAGE_TYPE.vertex, payload);
}

/** Parses a vertex strictly: canonical dag-cbor, every key known, parents sorted and distinct. */
export function parseVertex(bytes: Uint8Array): Result<Vertex> {
    const message = parseSign1(bytes, MESSAGE_TYPE.vertex);
    if (!message.ok) return message;
    return attempt(() => {
        const payload = message.value.payload;
        const map = dagCbor.decode<Record<string, unknown>>(payload);
        if (!bytesEqual(dagCbor.encode(map), payload)) malformed("vertex", "canonical dag-cbor");
        if (Object.keys(map).length !== KEYS.length)
            malformed("vertex", `the keys ${KEYS.join(", ")}`);
        const integer = (key: string, min: number, max: number): number =>
            toInteger(map[key], `vertex.${key}`, min, max);
        integer("v", 1, 1);
        return {
            net: toBytes(map.net, "vertex.net", 32),
            author: toBytes(map.author, "vertex.author", 16),
            keyEpoch: integer("keyEpoch", 0, 0xffff_ffff),
            round: integer("round", 1, Number.MAX_SAFE_INTEGER),
            parents: parseParents(map.parents),
            count: integer("count", 1, LIMITS.vertexRecords),
            root: toBytes(map.root, "vertex.root", 32),
            bodyHash: toBytes(map.bodyHash, "vertex.bodyHash", 32),
            size: integer("size", 1, LIMITS.vertexBytes + LIMITS.recordBytes),
            t0: integer("t0", 0, Number.MAX_SAFE_INTEGER),
            t1: integer("t1", 0, Number.MAX_SAFE_INTEGER),
            seen: parseSeen(map.seen),
            id: vertexIdOf(payload),
            message: message.value,
        };
    });
}

function parseParents(value: unknown): CID[] {
    const parents = toArray(value, "vertex.parents", LIMITS.vertexParents);
    if (parents.length < 2) malformed("vertex.parents", "at least two");
    const ids = parents.map((parent) =>
        isVertexId(parent) ? parent : malformed("vertex.parents", "vertex ids"),
    );
    for (let i = 1; i < ids.length; i++) {
        const before = ids[i - 1] as CID;
        if (compareBytes(before.bytes, (ids[i] as CID).bytes) >= 0) {
            malformed("vertex.parents", "sorted, distinct ids");
        }
    }
    return ids;
}

function parseSeen(value: unknown): { size: number; root: Uint8Array } {
    if (typeof value !== "object" || value === null || Object.keys(value).length !== 2) {
        return malformed("vertex.seen", "size and root");
    }
    const seen = value as Record<string, unknown>;
    return {
        size: toInteger(seen.size, "vertex.seen.size", 0, Number.MAX_SAFE_INTEGER),
        root: toBytes(seen.root, "vertex.seen.root", 32),
    };
}
