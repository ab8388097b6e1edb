import type { Result, Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** How far a record has come: refused, on the collector's disk, or final in the ledger (formats 5). */
export const RECEIPT_LEVEL = { refused: 0, stored: 1, final: 2 } as const;

/**
 * Answer of a collector about one chain. Levels stored and final are cumulative: they cover every
 * record of the chain up to `seq`. A refusal speaks of the one record named.
 */
export type Receipt = {
    /** 16 bytes. */
    readonly subject: Uint8Array;
    readonly chainEpoch: number;
    readonly seq: number;
    /** 32 bytes. */
    readonly recordHash: Uint8Array;
    /** One of {@link RECEIPT_LEVEL}. */
    readonly level: number;
    /** 0 … 15 (formats 5). */
    readonly code: number;
    /** Seconds since 1970 at the collector. */
    readonly timeUnix: number;
    /** Index of the vertex's leaf in the log; with level final. */
    readonly leafIndex?: number;
    /** Tree size and root (32 bytes) of the checkpoint that made it final. */
    readonly checkpoint?: { readonly size: number; readonly root: Uint8Array };
    /** Seconds to wait before trying again. */
    readonly retryAfterSeconds?: number;
    /** Sequence number that the collector needs next. */
    readonly nextSeq?: number;
};

/** Signs a receipt with the collector's key. */
export function createReceipt(signer: Signer, receipt: Receipt): Promise<Uint8Array> {
    return createSign1(signer, MESSAGE_TYPE.receipt, encodeReceipt(receipt));
}

/**
 * Bare payload of a receipt: the unsigned form for codes 1 … 4, where the collector has no reason to
 * spend a signature and the meter must not act on the answer beyond waiting.
 */
export function encodeReceipt(receipt: Receipt): Uint8Array {
    const map = new Map<number, unknown>([
        [0, receipt.level],
        [1, receipt.seq],
        [2, receipt.timeUnix],
        [3, receipt.code],
        [4, receipt.chainEpoch],
        [5, receipt.recordHash],
        [8, receipt.subject],
    ]);
    if (receipt.leafIndex !== undefined) map.set(9, receipt.leafIndex);
    if (receipt.checkpoint !== undefined)
        map.set(10, [receipt.checkpoint.size, receipt.checkpoint.root]);
    if (receipt.retryAfterSeconds !== undefined) map.set(11, receipt.retryAfterSeconds);
    if (receipt.nextSeq !== undefined) map.set(12, receipt.nextSeq);
    return encodeCbor(map);
}

/** Parses a signed receipt; the caller checks the signature against the collector's key. */
export function parseReceipt(bytes: Uint8Array): Result<Receipt & { readonly message: Sign1 }> {
    const message = parseSign1(bytes, MESSAGE_TYPE.receipt);
    if (!message.ok) return message;
    return attempt(() => ({ ...decodeReceipt(message.value.payload), message: message.value }));
}

/** Parses the unsigned form of {@link encodeReceipt}. */
export function parseUnsignedReceipt(bytes: Uint8Array): Result<Receipt> {
    return attempt(() => decodeReceipt(bytes));
}

function decodeReceipt(payload: Uint8Array): Receipt {
    const map = new MapReader(decodeCbor(payload), "receipt");
    const receipt: Receipt = {
        level: map.integer(0, RECEIPT_LEVEL.refused, RECEIPT_LEVEL.final),
        seq: map.integer(1, 0, Number.MAX_SAFE_INTEGER),
        timeUnix: map.integer(2, 0, Number.MAX_SAFE_INTEGER),
        code: map.integer(3, 0, 15),
        chainEpoch: map.integer(4, 0, 0xffff_ffff),
        recordHash: map.bytes(5, 32),
        subject: map.bytes(8, 16),
        ...(map.has(9) ? { leafIndex: map.integer(9, 0, Number.MAX_SAFE_INTEGER) } : {}),
        ...(map.has(10) ? { checkpoint: decodeCheckpoint(map.array(10, 2)) } : {}),
        ...(map.has(11) ? { retryAfterSeconds: map.integer(11, 0, 86_400) } : {}),
        ...(map.has(12) ? { nextSeq: map.integer(12, 1, Number.MAX_SAFE_INTEGER) } : {}),
    };
    map.end();
    return receipt;
}

function decodeCheckpoint(pair: readonly unknown[]): { size: number; root: Uint8Array } {
    const map = new MapReader(new Map(pair.map((value, i) => [i, value])), "receipt[10]");
    return { size: map.integer(0, 1, Number.MAX_SAFE_INTEGER), root: map.bytes(1, 32) };
}
