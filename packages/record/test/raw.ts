import { concatBytes, fromHex, type Result, type Signer, toHex, utf8 } from "@meterseal/core";
import { testSigner } from "@meterseal/testkit/keys";
import { encodeCbor } from "../src/cbor.ts";
import { kidOf } from "../src/cose-key.ts";
import { sigStructure } from "../src/sign1.ts";

/** CBOR map from pairs, in the deterministic order. */
export function cborMap(...pairs: [unknown, unknown][]): Map<unknown, unknown> {
    return new Map(pairs);
}

/** Parts of a message that a test wants to be different. */
export type RawParts = {
    readonly signer?: Signer;
    readonly type?: unknown;
    readonly algorithm?: unknown;
    readonly kid?: unknown;
    /** Protected header as bytes, instead of the three labels. */
    readonly header?: Uint8Array;
    /** CBOR of the unprotected header. */
    readonly unprotected?: string;
    readonly payload: Uint8Array;
    readonly aad?: string;
    /** CBOR before the array; tag 18. */
    readonly tag?: string;
};

/** A signed message put together by hand: valid where nothing is changed. */
export async function rawSign1(parts: RawParts): Promise<Uint8Array> {
    const signer = parts.signer ?? testSigner("raw");
    const type = parts.type ?? "meterseal/record/v2";
    const header =
        parts.header ??
        encodeCbor(
            cborMap(
                [1, parts.algorithm ?? signer.publicKey.algorithm],
                [4, parts.kid ?? kidOf(signer.publicKey)],
                [16, type],
            ),
        );
    const toBeSigned = sigStructure(header, utf8(parts.aad ?? String(type)), parts.payload);
    const signature = await signer.sign(toBeSigned);
    return concatBytes(
        fromHex(parts.tag ?? "d2"),
        fromHex("84"),
        encodeCbor(header),
        fromHex(parts.unprotected ?? "a0"),
        encodeCbor(parts.payload),
        encodeCbor(signature),
    );
}

/** Code of a refusal, or "ok". */
export function codeOf(result: Result<unknown>): string {
    return result.ok ? "ok" : result.error.code;
}

/** Where a refusal points to, or "ok". */
export function whereOf(result: Result<unknown>): string {
    return result.ok ? "ok" : (result.error.details.where ?? "");
}

/** The bytes with one bit turned. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
    const out = bytes.slice();
    out[bit >> 3] = (out[bit >> 3] as number) ^ (1 << (bit & 7));
    return out;
}

/** Replaces the one occurrence of some bytes (hex). */
export function replaceHex(bytes: Uint8Array, from: string, to: string): Uint8Array {
    const hex = toHex(bytes);
    if (hex.split(from).length !== 2) throw new Error(`${from} does not occur once in ${hex}`);
    return fromHex(hex.replace(from, to));
}
