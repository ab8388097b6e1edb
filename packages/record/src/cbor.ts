import { bytesEqual, LIMITS, plainBytes } from "@meterseal/core";
import {
    type DecodeOptions,
    decodeFirst,
    encode,
    rfc8949EncodeOptions,
    type Token,
    Tokenizer,
    Type,
} from "cborg";
import { malformed } from "./parse.ts";

const DECODE: DecodeOptions = {
    strict: true,
    allowIndefinite: false,
    allowUndefined: false,
    allowInfinity: false,
    allowNaN: false,
    allowBigInt: true,
    useMaps: true,
    rejectDuplicateMapKeys: true,
};

/** Tokenizer that refuses floats, and nesting beyond {@link LIMITS.cborDepth} before the decoder recurses. */
class BoundedTokenizer extends Tokenizer {
    readonly #open: number[] = [];

    override next(): Token {
        const token = super.next();
        if (Type.equals(token.type, Type.float)) malformed("cbor", "no floats");
        const last = this.#open.length - 1;
        if (last >= 0) this.#open[last] = (this.#open[last] as number) - 1;
        const children = Type.equals(token.type, Type.array)
            ? Number(token.value)
            : Type.equals(token.type, Type.map)
              ? 2 * Number(token.value)
              : 0;
        if (children > 0) this.#open.push(children);
        if (this.#open.length > LIMITS.cborDepth) malformed("cbor", `depth ≤ ${LIMITS.cborDepth}`);
        while (this.#open.length > 0 && this.#open[this.#open.length - 1] === 0) this.#open.pop();
        return token;
    }
}

/** Deterministic CBOR (RFC 8949 section 4.2.1) of integers, byte strings, text, arrays and maps. */
export function encodeCbor(value: unknown): Uint8Array {
    return plainBytes(encode(value, rfc8949EncodeOptions));
}

/**
 * Decodes one deterministic CBOR item that fills the input; any other encoding of the same value
 * is refused, because the bytes are hashed and signed (formats 2).
 * @throws MetersealError MS_MALFORMED, or an untyped error of the codec: use inside `attempt`.
 */
export function decodeCbor(input: Uint8Array): unknown {
    const bytes = plainBytes(input);
    const [value, rest] = decodeFirst(bytes, {
        ...DECODE,
        tokenizer: new BoundedTokenizer(bytes, DECODE),
    });
    if (rest.length > 0) malformed("cbor", "no trailing bytes");
    if (!bytesEqual(encodeCbor(value), bytes)) malformed("cbor", "the deterministic encoding");
    return value;
}
