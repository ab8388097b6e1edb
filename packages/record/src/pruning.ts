import type { Result, Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { TIME_MAX_UNIX } from "./record.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/**
 * Entry that says what is left of records whose bytes a store may give up: the digest binds the
 * summary of each, so that nobody can change one later.
 */
export type PruningPayload = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    readonly timeUnix: number;
    /** Usage records are meant whose last boundary lies before this instant, seconds since 1970 … */
    readonly beforeUnix: number;
    /** … in vertices among the first so many entries of the log. */
    readonly size: number;
    /** Number of these records; one that several vertices carry counts in each. */
    readonly count: number;
    /** Digest over their summaries in the order of log and bodies, 32 bytes. */
    readonly digest: Uint8Array;
};

/** A parsed pruning and the message that carries it. */
export type Pruning = PruningPayload & { readonly message: Sign1 };

/** Signs a pruning with the operator's key. */
export function createPruning(operator: Signer, payload: PruningPayload): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.timeUnix],
        [2, payload.beforeUnix],
        [3, payload.size],
        [4, payload.count],
        [5, payload.digest],
    ]);
    return createSign1(operator, MESSAGE_TYPE.prune, encodeCbor(map));
}

/** Parses a pruning strictly; the signature is not checked. */
export function parsePruning(bytes: Uint8Array): Result<Pruning> {
    const message = parseSign1(bytes, MESSAGE_TYPE.prune);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "pruning");
        const pruning = {
            network: map.bytes(0, 32),
            timeUnix: map.integer(1, 0, TIME_MAX_UNIX),
            beforeUnix: map.integer(2, 0, TIME_MAX_UNIX),
            size: map.integer(3, 0, Number.MAX_SAFE_INTEGER),
            count: map.integer(4, 0, Number.MAX_SAFE_INTEGER),
            digest: map.bytes(5, 32),
            message: message.value,
        };
        map.end();
        return pruning;
    });
}
