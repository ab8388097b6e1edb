import type { Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    MapReader,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";

/** A log entry with its way to the root of a checkpoint. */
export type LogLeaf = {
    readonly index: number;
    /** Leaf data: CBOR [time, item]. */
    readonly entry: Uint8Array;
    /** Sibling hashes, 32 bytes each, from the leaf up. */
    readonly path: readonly Uint8Array[];
};

/** A record with its way to the root of the vertex that carries it. */
export type RecordLeaf = {
    readonly bytes: Uint8Array;
    /** Position of the vertex in {@link Evidence.vertices}. */
    readonly vertex: number;
    /** Position of the record in the vertex. */
    readonly position: number;
    readonly path: readonly Uint8Array[];
};

/**
 * Everything that somebody needs to verify the records of one subject without trusting whoever
 * hands it over: the records, the entries that admit their keys, and the proofs up to a checkpoint.
 */
export type Evidence = {
    readonly genesis: Uint8Array;
    /** C2SP signed note. */
    readonly checkpoint: string;
    /** Enrolments of the subject and of the collectors that wrote its vertices. */
    readonly enrolments: readonly LogLeaf[];
    readonly vertices: readonly LogLeaf[];
    /** Final records in chain order. */
    readonly records: readonly RecordLeaf[];
};

const ITEMS_MAX = 1_000_000;
const ENTRY_MAX = 131_072;
const PATH_MAX = 48;

/** CBOR form of the evidence, as the HTTP API serves it. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
    const leaf = (l: LogLeaf): unknown[] => [l.index, l.entry, l.path];
    return encodeCbor(
        new Map<number, unknown>([
            [0, evidence.genesis],
            [1, evidence.checkpoint],
            [2, evidence.enrolments.map(leaf)],
            [3, evidence.vertices.map(leaf)],
            [4, evidence.records.map((r) => [r.bytes, r.vertex, r.position, r.path])],
        ]),
    );
}

/** Inverse of {@link encodeEvidence}; says nothing yet on whether the evidence holds. */
export function decodeEvidence(bytes: Uint8Array): Result<Evidence> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "evidence");
        const vertices = map.array(3, ITEMS_MAX).map(decodeLeaf);
        const evidence = {
            genesis: map.bytes(0, 1, 4096),
            checkpoint: map.text(1, 65_536),
            enrolments: map.array(2, ITEMS_MAX).map(decodeLeaf),
            vertices,
            records: map
                .array(4, ITEMS_MAX)
                .map((value) => decodeRecordLeaf(value, vertices.length)),
        };
        map.end();
        return evidence;
    });
}

function decodeLeaf(value: unknown): LogLeaf {
    const [index, entry, path, ...rest] = toArray(value, "log leaf", 3);
    if (rest.length > 0) malformed("log leaf", "three parts");
    return {
        index: toInteger(index, "leaf index", 0, Number.MAX_SAFE_INTEGER),
        entry: toBytes(entry, "leaf entry", 1, ENTRY_MAX),
        path: decodePath(path),
    };
}

function decodeRecordLeaf(value: unknown, vertexCount: number): RecordLeaf {
    const [bytes, vertex, position, path] = toArray(value, "record leaf", 4);
    return {
        bytes: toBytes(bytes, "record bytes", 1, ENTRY_MAX),
        vertex: toInteger(vertex, "record vertex", 0, Math.max(0, vertexCount - 1)),
        position: toInteger(position, "record position", 0, Number.MAX_SAFE_INTEGER),
        path: decodePath(path),
    };
}

function decodePath(value: unknown): Uint8Array[] {
    return toArray(value, "path", PATH_MAX).map((hash) => toBytes(hash, "path hash", 32));
}
