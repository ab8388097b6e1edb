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

/** Repeated keys need no rule of their own: keys that ascend do not repeat. */
const DECODE: DecodeOptions = {
    strict: true,
    allowIndefinite: false,
    allowUndefined: false,
    allowInfinity: false,
    allowNaN: false,
    allowBigInt: true,
    useMaps: true,
};

/** An array or map whose items are not all read. */
type Container = {
    readonly isMap: boolean;
    /** Items to come; of a map keys and values together, so a key is next at an even number. */
    left: number;
    /** Where the encoding of the last key begins; −1 before the first. */
    lastKey: number;
};

/**
 * The codec's tokenizer in its strict mode (shortest lengths, nothing indefinite), with the rest of
 * what makes an encoding deterministic: ascending keys, no float, no tag, text that is UTF-8. So an
 * item that was read needs not be encoded again to be compared. Refuses nesting beyond
 * {@link LIMITS.cborDepth} before the decoder recurses.
 */
class DeterministicTokenizer extends Tokenizer {
    readonly #bytes: Uint8Array;
    readonly #outer: Container[] = [];
    #inner: Container | null = null;

    constructor(bytes: Uint8Array) {
        super(bytes, DECODE);
        this.#bytes = bytes;
    }

    override next(): Token {
        const start = this.pos();
        const token = super.next();
        const { type } = token;
        const isMap = type === Type.map;
        const isContainer = isMap || type === Type.array;
        if (type === Type.string) this.#requireUtf8(token, start);
        else if (type === Type.float || type === Type.break || type === Type.tag) {
            malformed("cbor", "no floats, tags or breaks");
        }
        const container = this.#inner;
        if (container !== null) {
            if (container.isMap && container.left % 2 === 0) {
                if (isContainer) malformed("cbor", "keys that are single items");
                this.#requireNextKey(container, start);
            }
            container.left--;
        }
        if (isContainer) this.#open(isMap, Number(token.value));
        while (this.#inner?.left === 0) this.#inner = this.#outer.pop() ?? null;
        return token;
    }

    #open(isMap: boolean, count: number): void {
        if (count === 0) return;
        if (this.#inner !== null) this.#outer.push(this.#inner);
        this.#inner = { isMap, left: isMap ? 2 * count : count, lastKey: -1 };
        if (this.#outer.length >= LIMITS.cborDepth) {
            malformed("cbor", `depth ≤ ${LIMITS.cborDepth}`);
        }
    }

    /** No encoding is the beginning of another one: two that differ do so before either ends. */
    #requireNextKey(map: Container, start: number): void {
        const end = this.pos();
        if (map.lastKey >= 0) {
            let last = map.lastKey;
            let at = start;
            while (at < end && this.#bytes[at] === this.#bytes[last]) {
                at++;
                last++;
            }
            const ascends = at < end && (this.#bytes[at] as number) > (this.#bytes[last] as number);
            if (!ascends) malformed("cbor", "ascending keys");
        }
        map.lastKey = start;
    }

    /** The codec replaces what is no UTF-8, and drops a mark of byte order. */
    #requireUtf8(token: Token, start: number): void {
        const item = this.#bytes.subarray(start, this.pos());
        if (!bytesEqual(encodeCbor(token.value), item)) malformed("cbor", "text in UTF-8");
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
    const tokenizer = new DeterministicTokenizer(bytes);
    const [value, rest] = decodeFirst(bytes, { ...DECODE, tokenizer });
    if (rest.length > 0) malformed("cbor", "no trailing bytes");
    return value;
}
