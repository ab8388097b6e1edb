import { concatBytes } from "@meterseal/core";
import { decodeCbor, encodeCbor, malformed, toArray, toInteger } from "@meterseal/record";
import {
    bytesItem,
    bytesOf,
    compactCredentialId,
    fullCredentialId,
    identifierItem,
    identifierOf,
    splitItems,
} from "./sequence.ts";

/** Methods: who signs and who has a static Diffie-Hellman key (RFC 9528 section 3.2, table 3). */
export const METHOD = { signatures: 0, staticKeys: 3 } as const;

/** One of {@link METHOD}. */
export type Method = (typeof METHOD)[keyof typeof METHOD];

const METHODS: readonly number[] = [METHOD.signatures, METHOD.staticKeys];
const METHOD_MAX = 3;
const SUITES_MAX = 8;
const KEY_BYTES = 32;

/** The first message (RFC 9528 section 5.2.1). */
export type Message1 = {
    readonly method: number;
    /** In the order of preference; the selected one is the last. */
    readonly suites: readonly number[];
    readonly publicKey: Uint8Array;
    readonly connection: Uint8Array;
};

/** Encodes the first message. */
export function encodeMessage1({ connection, method, publicKey, suites }: Message1): Uint8Array {
    const list = suites.length === 1 ? suites[0] : suites;
    return concatBytes(
        encodeCbor(method),
        encodeCbor(list),
        bytesItem(publicKey),
        identifierItem(connection),
    );
}

/** Decodes the first message; for use inside `attempt`. */
export function decodeMessage1(bytes: Uint8Array): Message1 {
    const [method, suites, publicKey, connection, ...more] = splitItems(bytes);
    if (connection === undefined) malformed("message 1", "four items");
    requireUncritical(more);
    return {
        method: toInteger(itemOf(method), "method", 0, METHOD_MAX),
        suites: decodeSuites(suites),
        publicKey: bytesOf(publicKey, "G_X"),
        connection: identifierOf(connection) ?? malformed("C_I", "an identifier"),
    };
}

/** Suites of a first message or an error: one by itself, several as a list. */
function decodeSuites(item: Uint8Array | undefined): number[] {
    const value = itemOf(item);
    const of = (suite: unknown): number => toInteger(suite, "suite", -0x8000, 0xffff);
    if (!Array.isArray(value)) return [of(value)];
    if (value.length < 2) malformed("suites", "one suite by itself");
    return toArray(value, "suites", SUITES_MAX).map(of);
}

/** True for a method that is here. */
export function isMethod(method: number): method is Method {
    return METHODS.includes(method);
}

/** The second message: the responder's key, and what is sealed under a key stream. */
export function decodeMessage2(bytes: Uint8Array): {
    readonly publicKey: Uint8Array;
    readonly ciphertext: Uint8Array;
} {
    const both = onlyBytes(bytes, "message 2");
    if (both.length <= KEY_BYTES) malformed("message 2", "a key and a ciphertext");
    return { publicKey: both.slice(0, KEY_BYTES), ciphertext: both.slice(KEY_BYTES) };
}

/** A message that is one byte string; for use inside `attempt`. */
export function onlyBytes(bytes: Uint8Array, what: string): Uint8Array {
    const [item, ...more] = splitItems(bytes);
    if (more.length > 0) malformed(what, "one byte string");
    return bytesOf(item, what);
}

/** What a peer says of itself in messages 2 and 3. */
export type Authentication = {
    /** Connection identifier; of the second message alone. */
    readonly connection: Uint8Array | null;
    /** ID_CRED_x, a CBOR map. */
    readonly credentialId: Uint8Array;
    readonly signatureOrMac: Uint8Array;
};

/** Plaintext of messages 2 and 3 (RFC 9528 sections 5.3.2 and 5.4.2). */
export function encodePlaintext(authentication: Authentication): Uint8Array {
    const { connection, credentialId, signatureOrMac } = authentication;
    return concatBytes(
        connection === null ? new Uint8Array() : identifierItem(connection),
        compactCredentialId(credentialId),
        bytesItem(signatureOrMac),
    );
}

/**
 * Decodes a plaintext; for use inside `attempt`.
 * @param lengthBytes - of the signature or MAC in it.
 */
export function decodePlaintext(
    bytes: Uint8Array,
    hasConnection: boolean,
    lengthBytes: number,
): Authentication {
    const items = splitItems(bytes);
    const connection = hasConnection
        ? (identifierOf(items.shift()) ?? malformed("C_R", "an identifier"))
        : null;
    const [id, signature, ...more] = items;
    requireUncritical(more);
    const signatureOrMac = bytesOf(signature, "signature or MAC");
    if (signatureOrMac.length !== lengthBytes)
        malformed("signature or MAC", `${lengthBytes} bytes`);
    return { connection, credentialId: fullCredentialId(id), signatureOrMac };
}

/** Additional data are labels with values; what is critical we do not know (RFC 9528 section 3.8). */
function requireUncritical(items: readonly Uint8Array[]): void {
    for (const item of items) {
        const value = itemOf(item);
        const isLabel = typeof value === "number" || typeof value === "bigint";
        if (!isLabel && !(value instanceof Uint8Array))
            malformed("additional data", "labels and bytes");
        if (isLabel && value < 0) malformed("additional data", "none that is critical");
    }
}

function itemOf(item: Uint8Array | undefined): unknown {
    return item === undefined ? malformed("message", "more items") : decodeCbor(item);
}

/** Codes of an error message (RFC 9528 section 6). */
export const ERROR = { unspecified: 1, wrongSuite: 2, unknownCredential: 3 } as const;

/** An error message: text, or the suites that the responder has. */
export function encodeError(code: number, info: string | readonly number[] | true): Uint8Array {
    const value = Array.isArray(info) && info.length === 1 ? info[0] : info;
    return concatBytes(encodeCbor(code), encodeCbor(value));
}

/** True for an error message: it begins with an integer, where others begin with a byte string. */
export function isError([first]: Uint8Array): boolean {
    return first !== undefined && first < 0x18;
}

/** Suites of an error message that says which ones the peer has; null for any other message. */
export function wrongSuiteError(bytes: Uint8Array): number[] | null {
    const [code, suites] = splitItems(bytes);
    return code?.length === 1 && code[0] === ERROR.wrongSuite ? decodeSuites(suites) : null;
}
