import { bytesEqual, concatBytes, type PublicKey, type Result } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { attempt, malformed, toArray, toInteger } from "../parse.ts";
import { parseReceipt, type Receipt } from "../receipt.ts";
import { assembleSign1, MESSAGE_TYPE, type Sign1 } from "../sign1.ts";
import { SIGNATURE_BYTES } from "./profile.ts";

/** Keys of a receipt that the meter knows: hash of its record, and its subject. */
const HASH = 5;
const SUBJECT = 8;
const RUNS_MAX = 8;

/** What a meter knows of a receipt before it comes. */
export type ReceiptContext = {
    /** Key of the collector, as the meter's enrolment came with it. */
    readonly collectorKey: PublicKey;
    readonly subject: Uint8Array;
};

/** A signed receipt without what the meter knows; MS_MALFORMED for what is none. */
export function compactReceipt(message: Uint8Array): Result<Uint8Array> {
    return attempt(() => {
        const receipt = parseReceipt(message);
        if (!receipt.ok) throw receipt.error;
        const { payload, signature } = receipt.value.message;
        if (signature.length !== SIGNATURE_BYTES) malformed("signature", "64 bytes");
        const fields = decodeCbor(payload) as Map<unknown, unknown>;
        fields.delete(HASH);
        fields.delete(SUBJECT);
        return concatBytes(encodeCbor(fields), signature);
    });
}

/**
 * The receipt as the collector signed it; its signature is for the caller to check.
 * @param hashOf - hash of the meter's record at a place of its chain; null where it has none there.
 * @returns MS_MALFORMED, also for a record that the meter does not have.
 */
export function rebuildReceipt(
    compact: Uint8Array,
    { collectorKey, subject }: ReceiptContext,
    hashOf: (chainEpoch: number, seq: number) => Uint8Array | null,
): Result<Receipt & { readonly message: Sign1 }> {
    return attempt(() => {
        const end = compact.length - SIGNATURE_BYTES;
        if (end < 1) malformed("receipt", "a receipt and its signature");
        const fields = decodeCbor(compact.subarray(0, end));
        if (!(fields instanceof Map) || fields.has(HASH) || fields.has(SUBJECT))
            return malformed("receipt", "no hash, no subject");
        const chainEpoch = toInteger(fields.get(4), "receipt[4]", 0, 0xffff_ffff);
        const seq = toInteger(fields.get(1), "receipt[1]", 0, Number.MAX_SAFE_INTEGER);
        const hash = hashOf(chainEpoch, seq) ?? malformed("receipt[1]", "a record of this meter");
        const payload = encodeCbor(fields.set(HASH, hash).set(SUBJECT, subject));
        const message = assembleSign1(
            collectorKey,
            MESSAGE_TYPE.receipt,
            payload,
            compact.subarray(end),
        );
        const receipt = parseReceipt(message);
        if (!receipt.ok) throw receipt.error;
        return receipt.value;
    });
}

/** What a bridge lacks of a chain: a whole record, or light readings of one whose checkpoint it has. */
export type LoraAsk = {
    readonly chainEpoch: number;
    readonly seq: number;
    /** Runs of boundaries by offset and length, at most 8; none for the record itself. */
    readonly missing: readonly (readonly [offset: number, length: number])[];
};

/** Frame on the ask port. What it leads to is signed or authentic by itself, so it is neither. */
export function encodeAsk({ chainEpoch, missing, seq }: LoraAsk): Uint8Array {
    return encodeCbor([chainEpoch, seq, ...missing.slice(0, RUNS_MAX).map((run) => [...run])]);
}

/** Inverse of {@link encodeAsk}; MS_MALFORMED. */
export function decodeAsk(bytes: Uint8Array): Result<LoraAsk> {
    return attempt(() => {
        const [chainEpoch, seq, ...runs] = toArray(decodeCbor(bytes), "ask", 2 + RUNS_MAX);
        const ask = {
            chainEpoch: toInteger(chainEpoch, "ask[0]", 0, 0xffff_ffff),
            seq: toInteger(seq, "ask[1]", 1, Number.MAX_SAFE_INTEGER),
            missing: runs.map((run): [number, number] => {
                const pair = toArray(run, "ask run", 2);
                return [
                    toInteger(pair[0], "ask offset", 0, 383),
                    toInteger(pair[1], "ask length", 1, 384),
                ];
            }),
        };
        if (!bytesEqual(encodeAsk(ask), bytes)) malformed("ask", "pairs of numbers");
        return ask;
    });
}
