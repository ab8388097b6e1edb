import {
    ALGORITHM,
    type Algorithm,
    bytesEqual,
    concatBytes,
    error,
    LIMITS,
    type PublicKey,
    plainBytes,
    type Result,
    RSA_BYTES,
    type Signer,
    sha256,
    toHex,
    utf8,
    verifySignature,
} from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { KID_BYTES, kidOf } from "./cose-key.ts";
import { attempt, malformed, toBytes } from "./parse.ts";

/** Message types: label 16 of the protected header and the external_aad (formats 2). */
export const MESSAGE_TYPE = {
    record: "meterseal/record/v2",
    vertex: "meterseal/vertex/v1",
    receipt: "meterseal/receipt/v1",
    command: "meterseal/command/v1",
    grant: "meterseal/grant/v1",
    /** What a household lets its wallet grant by itself, in leases. */
    policy: "meterseal/policy/v1",
    tariff: "meterseal/tariff/v1",
    enrol: "meterseal/enrol/v1",
    /** An enrolment with a stream whose registers are committed to (docs/adr). */
    enrolCommitted: "meterseal/enrol/v2",
    party: "meterseal/party/v1",
    revoke: "meterseal/revoke/v1",
    /** What is left of records whose bytes may go (docs/adr). */
    prune: "meterseal/prune/v1",
    notice: "meterseal/notice/v1",
    /** Password of a link: shows that the sender holds its key (docs/adr). */
    link: "meterseal/link/v1",
} as const;

/** One of {@link MESSAGE_TYPE}. */
export type MessageType = (typeof MESSAGE_TYPE)[keyof typeof MESSAGE_TYPE];

/** A parsed COSE_Sign1 message (RFC 9052 section 4.2) whose signature is not checked yet. */
export type Sign1 = {
    readonly type: MessageType;
    readonly algorithm: Algorithm;
    /** Key id of the signer, 8 bytes. */
    readonly kid: Uint8Array;
    readonly payload: Uint8Array;
    /** 64 bytes (ES256 as r ‖ s, EdDSA) or 256 bytes (PS256). */
    readonly signature: Uint8Array;
    /** What was signed: the Sig_structure (RFC 9052 section 4.4). */
    readonly toBeSigned: Uint8Array;
    /** SHA-256 of the Sig_structure: the message's name, which re-signing does not change. */
    readonly hash: Uint8Array;
    /** The whole message as received. */
    readonly bytes: Uint8Array;
};

const TAG_SIGN1 = 0xd2;
const ARRAY_OF_FOUR = 0x84;
const TYPES = new Map<string, { type: MessageType; aad: Uint8Array }>(
    Object.values(MESSAGE_TYPE).map((type) => [type, { type, aad: utf8(type) }]),
);
const ALGORITHMS: ReadonlySet<unknown> = new Set(Object.values(ALGORITHM));
const EMPTY_MAP = new Map();

/** Signs a payload as a message of a type: deterministic CBOR, empty unprotected header. */
export async function createSign1(
    signer: Signer,
    type: MessageType,
    payload: Uint8Array,
): Promise<Uint8Array> {
    const protectedBytes = protectedHeader(signer.publicKey, type);
    const signature = await signer.sign(sigStructure(protectedBytes, utf8(type), payload));
    return wrap(protectedBytes, payload, signature);
}

/**
 * Parses a COSE_Sign1 message of one of our types, strictly: tag 18, empty unprotected header,
 * deterministic encoding throughout. The signature is not checked.
 * @returns MS_MALFORMED, MS_TOO_LARGE, or MS_VERSION for another type than expected.
 */
export function parseSign1(input: Uint8Array, expected: MessageType): Result<Sign1> {
    return attempt(() => {
        const bytes = plainBytes(input);
        if (bytes.length > LIMITS.recordBytes) {
            throw error("MS_TOO_LARGE", {
                expected: `at most ${LIMITS.recordBytes} bytes`,
                got: `${bytes.length} bytes`,
            });
        }
        if (bytes[0] !== TAG_SIGN1) malformed("message", "COSE_Sign1 (tag 18)");
        const parts = decodeCbor(bytes.subarray(1));
        if (!Array.isArray(parts) || parts.length !== 4) malformed("message", "four parts");
        const protectedBytes = toBytes(parts[0], "protected header", 1, 128);
        if (!(parts[1] instanceof Map) || parts[1].size !== 0) {
            malformed("unprotected header", "an empty map");
        }
        const payload = toBytes(parts[2], "payload", 1, LIMITS.recordBytes);
        const header = parseHeader(protectedBytes, expected);
        const signature = checkSignatureLength(parts[3], header.algorithm);
        const toBeSigned = concatBytes(header.sigStart, payloadItem(bytes));
        return {
            type: header.type,
            algorithm: header.algorithm,
            kid: header.kid,
            payload,
            signature,
            toBeSigned,
            hash: sha256(toBeSigned),
            bytes,
        };
    });
}

/**
 * Type that a message claims, read from its protected header alone; null where that is none of ours.
 * Whether the rest is well formed is for {@link parseSign1} to say.
 */
export function messageTypeOf(bytes: Uint8Array): MessageType | null {
    if (bytes[0] !== TAG_SIGN1 || bytes[1] !== ARRAY_OF_FOUR) return null;
    const header = attempt(() => {
        const item = plainBytes(bytes).subarray(2, byteStringEnd(bytes, 2));
        const name = decodeCbor(item);
        if (!(name instanceof Uint8Array)) return null;
        const known = headers.get(toHex(name));
        if (known !== undefined) return known.type;
        const map = decodeCbor(name);
        return map instanceof Map ? (TYPES.get(map.get(16))?.type ?? null) : null;
    });
    return header.ok ? header.value : null;
}

/** Checks the signature of a parsed message; the key must be the one its kid names. */
export function verifySign1(message: Sign1, key: PublicKey): boolean {
    return (
        bytesEqual(message.kid, kidOf(key)) &&
        verifySignature(key, message.algorithm, message.toBeSigned, message.signature)
    );
}

/**
 * Splits a CBOR sequence (RFC 8742) of COSE_Sign1 messages into its items, each a view.
 * @returns MS_MALFORMED where the bytes do not split, MS_TOO_LARGE beyond the number of items.
 */
export function splitSequence(input: Uint8Array, maxItems: number): Result<Uint8Array[]> {
    return attempt(() => {
        const bytes = plainBytes(input);
        const items: Uint8Array[] = [];
        let offset = 0;
        while (offset < bytes.length) {
            if (items.length === maxItems) {
                throw error("MS_TOO_LARGE", { expected: `at most ${maxItems} messages` });
            }
            const end = offset + sign1Length(bytes.subarray(offset));
            items.push(bytes.subarray(offset, end));
            offset = end;
        }
        return items;
    });
}

/** Length of the COSE_Sign1 at the front: tag, array(4), bstr, empty map, bstr, bstr. */
function sign1Length(bytes: Uint8Array): number {
    if (bytes[0] !== TAG_SIGN1 || bytes[1] !== ARRAY_OF_FOUR)
        malformed("sequence", "COSE_Sign1 (tag 18)");
    let offset = byteStringEnd(bytes, 2);
    if (bytes[offset] !== 0xa0) malformed("sequence", "an empty unprotected header");
    offset = byteStringEnd(bytes, offset + 1);
    return byteStringEnd(bytes, offset);
}

/** Length of the beginning of a COSE_Sign1 that was parsed: all before its payload. */
export function sign1HeadBytes(bytes: Uint8Array): number {
    return byteStringEnd(bytes, 2) + 1;
}

/** The payload of a COSE_Sign1 that was decoded, still encoded as a byte string. */
function payloadItem(bytes: Uint8Array): Uint8Array {
    const start = sign1HeadBytes(bytes);
    return bytes.subarray(start, byteStringEnd(bytes, start));
}

/**
 * Where the encoded byte string ends that begins at an offset.
 * @throws MetersealError MS_MALFORMED where there is none below 64 KiB, or not all of it.
 */
export function byteStringEnd(bytes: Uint8Array, offset: number): number {
    const head = bytes[offset] ?? 0;
    const byte = (i: number): number => bytes[offset + i] ?? 0;
    let end: number;
    if (head >= 0x40 && head < 0x58) end = offset + 1 + head - 0x40;
    else if (head === 0x58) end = offset + 2 + byte(1);
    else if (head === 0x59) end = offset + 3 + byte(1) * 256 + byte(2);
    else return malformed("sequence", "a byte string below 64 KiB");
    if (end > bytes.length) malformed("sequence", "whole messages");
    return end;
}

type Header = {
    readonly type: MessageType;
    readonly algorithm: Algorithm;
    readonly kid: Uint8Array;
    /** Beginning of the Sig_structure: everything before the payload. */
    readonly sigStart: Uint8Array;
};

/** Headers that were parsed before: a meter sends the same 42 bytes with each of its records. */
const HEADERS_MAX = 10_000;
const headers = new Map<string, Header>();

function parseHeader(bytes: Uint8Array, expected: MessageType): Header {
    const name = toHex(bytes);
    const known = headers.get(name);
    if (known?.type === expected) return known;
    const header = decodeHeader(bytes, expected);
    if (headers.size >= HEADERS_MAX) headers.clear();
    headers.set(name, header);
    return header;
}

function decodeHeader(bytes: Uint8Array, expected: MessageType): Header {
    const header = decodeCbor(bytes);
    if (!(header instanceof Map) || header.size !== 3)
        return malformed("protected header", "labels 1, 4, 16");
    const algorithm = header.get(1);
    const known = TYPES.get(header.get(16));
    if (known?.type !== expected || !ALGORITHMS.has(algorithm)) {
        throw error("MS_VERSION", {
            expected,
            got: `${String(header.get(16))} with algorithm ${String(algorithm)}`,
        });
    }
    const kid = toBytes(header.get(4), "kid", KID_BYTES).slice();
    const sigStart = sigStructureStart(bytes, known.aad);
    return { type: known.type, algorithm, kid, sigStart };
}

function checkSignatureLength(value: unknown, algorithm: Algorithm): Uint8Array {
    return algorithm === ALGORITHM.ps256
        ? toBytes(value, "signature", RSA_BYTES)
        : toBytes(value, "signature", 64);
}

/** Sig_structure of a COSE_Sign1 (RFC 9052 section 4.4): the bytes that are signed and hashed. */
export function sigStructure(
    protectedBytes: Uint8Array,
    aad: Uint8Array,
    payload: Uint8Array,
): Uint8Array {
    return concatBytes(sigStructureStart(protectedBytes, aad), encodeCbor(payload));
}

/** Array of four and its first three items: an item's encoding depends on no other. */
function sigStructureStart(protectedBytes: Uint8Array, aad: Uint8Array): Uint8Array {
    const items = ["Signature1", protectedBytes, aad].map(encodeCbor);
    return concatBytes(Uint8Array.of(ARRAY_OF_FOUR), ...items);
}

/**
 * A message from its parts, where a thin link carries payload and signature alone: the same bytes as
 * its signer made. Neither is checked.
 */
export function assembleSign1(
    key: PublicKey,
    type: MessageType,
    payload: Uint8Array,
    signature: Uint8Array,
): Uint8Array {
    return wrap(protectedHeader(key, type), payload, signature);
}

function protectedHeader(key: PublicKey, type: MessageType): Uint8Array {
    return encodeCbor(
        new Map<number, unknown>([
            [1, key.algorithm],
            [4, kidOf(key)],
            [16, type],
        ]),
    );
}

function wrap(protectedBytes: Uint8Array, payload: Uint8Array, signature: Uint8Array): Uint8Array {
    const body = encodeCbor([protectedBytes, EMPTY_MAP, payload, signature]);
    return concatBytes(Uint8Array.of(TAG_SIGN1), body);
}
