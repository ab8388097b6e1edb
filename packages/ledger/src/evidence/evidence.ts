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
import { MERKLE_LIMITS } from "../merkle/tree-size.ts";

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
    /** That the log of the checkpoint grew from an earlier one; where somebody asked for it. */
    readonly growth?: LogGrowth;
    /**
     * Parties and their notices, where somebody asked what the ledger says of a grant; the pruning of
     * what stood before the first record; the removal of the subject.
     */
    readonly statements?: readonly LogLeaf[];
};

/** Consistency proof from an earlier tree to the one of the evidence. */
export type LogGrowth = {
    readonly fromSize: number;
    /** Hashes of RFC 9162 section 2.1.4, 32 bytes each. */
    readonly path: readonly Uint8Array[];
};

const ITEMS_MAX = 1_000_000;
const ENTRY_MAX = 131_072;
const PATH_MAX = MERKLE_LIMITS.inclusionHashes;

/** CBOR form of the evidence, as the HTTP API serves it. */
export function encodeEvidence(evidence: Evidence): Uint8Array {
    const leaf = (l: LogLeaf): unknown[] => [l.index, l.entry, l.path];
    const map = new Map<number, unknown>([
        [0, evidence.genesis],
        [1, evidence.checkpoint],
        [2, evidence.enrolments.map(leaf)],
        [3, evidence.vertices.map(leaf)],
        [4, evidence.records.map((r) => [r.bytes, r.vertex, r.position, r.path])],
    ]);
    const { growth, statements } = evidence;
    if (growth !== undefined) map.set(5, [growth.fromSize, growth.path]);
    if (statements !== undefined) map.set(6, statements.map(leaf));
    return encodeCbor(map);
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
            ...(map.has(5) ? { growth: decodeGrowth(map.value(5)) } : {}),
            ...(map.has(6) ? { statements: map.array(6, ITEMS_MAX).map(decodeLeaf) } : {}),
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

function decodeGrowth(value: unknown): LogGrowth {
    const [size, path, ...rest] = toArray(value, "growth", 2);
    if (rest.length > 0) malformed("growth", "a size and a path");
    const fromSize = toInteger(size, "growth size", 1, Number.MAX_SAFE_INTEGER);
    return { fromSize, path: decodePath(path, MERKLE_LIMITS.consistencyHashes) };
}

function decodePath(value: unknown, max: number = PATH_MAX): Uint8Array[] {
    return toArray(value, "path", max).map((hash) => toBytes(hash, "path hash", 32));
}
