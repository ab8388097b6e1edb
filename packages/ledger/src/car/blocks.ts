import * as dagCbor from "@ipld/dag-cbor";
import { bytesEqual, concatBytes, error, fail, ok, type Result, sha256 } from "@meterseal/core";
import { attempt } from "@meterseal/record";
import { varint } from "multiformats";
import { CID } from "multiformats/cid";
import * as Digest from "multiformats/hashes/digest";

/** Name of a block, and a link to it. */
export type CarLink = CID;

/** A block of an archive: bytes under the hash that names them. */
export type CarBlock = { readonly cid: CarLink; readonly bytes: Uint8Array };

/** Bounds of an archive. */
export const CAR_LIMITS = {
    /** Content of one block; a body and a page of links stay far below. */
    blockBytes: 2_097_152,
    /** Content of the header: one root. */
    headerBytes: 128,
    /** Length of a block's name: CIDv1 with SHA-256. */
    cidBytes: 36,
    /** Length of the number before a block. */
    lengthBytes: 4,
} as const;

const RAW = 0x55;
const SHA2_256 = 0x12;

function cidOf(codec: number, bytes: Uint8Array): CID {
    return CID.createV1(codec, Digest.create(SHA2_256, sha256(bytes)));
}

/** Block of bytes that stand for themselves: codec 0x55. */
export function rawBlock(bytes: Uint8Array): CarBlock {
    return { cid: cidOf(RAW, bytes), bytes };
}

/** Block of a value in canonical dag-cbor: codec 0x71. */
export function nodeBlock(value: unknown): CarBlock {
    const bytes = dagCbor.encode(value);
    return { cid: cidOf(dagCbor.code, bytes), bytes };
}

/** Block of bytes that are canonical dag-cbor already. */
export function encodedNodeBlock(bytes: Uint8Array): CarBlock {
    return { cid: cidOf(dagCbor.code, bytes), bytes };
}

/** True for a link to raw bytes, or to dag-cbor, under SHA-256. */
export function isLink(value: unknown, kind: "raw" | "node"): value is CID {
    const cid = CID.asCID(value);
    return (
        cid !== null &&
        cid.version === 1 &&
        cid.code === (kind === "raw" ? RAW : dagCbor.code) &&
        cid.multihash.code === SHA2_256 &&
        cid.multihash.size === 32
    );
}

/** True for the bytes that a link names. */
export function isContentOf(link: CID, bytes: Uint8Array): boolean {
    return bytesEqual(sha256(bytes), link.multihash.digest);
}

/** Value of a dag-cbor block; MS_ARCHIVE where another encoding of it was stored. */
export function decodeNode(bytes: Uint8Array, where: string): Result<unknown> {
    try {
        const value: unknown = dagCbor.decode(bytes);
        if (bytesEqual(dagCbor.encode(value), bytes)) return ok(value);
        return fail(error("MS_ARCHIVE", { where, expected: "canonical dag-cbor" }));
    } catch (cause) {
        return fail(error("MS_ARCHIVE", { where, expected: "dag-cbor", cause }));
    }
}

/** Header of an IPLD CAR, version 1, with one root. */
export function encodeCarHeader(root: CID): Uint8Array {
    const content = dagCbor.encode({ version: 1, roots: [root] });
    return concatBytes(encodeLength(content.length), content);
}

/** What stands before the content of a block: length of name and content, and the name. */
export function encodeBlockHead({ bytes, cid }: CarBlock): Uint8Array {
    return concatBytes(encodeLength(cid.bytes.length + bytes.length), cid.bytes);
}

function encodeLength(length: number): Uint8Array {
    return varint.encodeTo(length, new Uint8Array(varint.encodingLength(length)));
}

/**
 * Length that stands at the front, and how many bytes it takes.
 * @returns MS_ARCHIVE where there is none below 2^28, or not in its shortest form.
 */
export function decodeLength(bytes: Uint8Array): Result<readonly [number, number]> {
    const decoded = attempt(() => varint.decode(bytes.subarray(0, CAR_LIMITS.lengthBytes)));
    if (decoded.ok) {
        const [length, size] = decoded.value;
        if (varint.encodingLength(length) === size) return ok([length, size]);
    }
    return fail(error("MS_ARCHIVE", { expected: "the length of a block" }));
}

/** Root of a header's content; MS_ARCHIVE for any other header than we write. */
export function decodeCarHeader(content: Uint8Array): Result<CID> {
    const where = "header";
    const value = decodeNode(content, where);
    if (!value.ok) return value;
    const header = value.value as { readonly version?: unknown; readonly roots?: unknown } | null;
    const roots = Array.isArray(header?.roots) ? header.roots : [];
    const [root] = roots;
    if (header?.version === 1 && roots.length === 1 && isLink(root, "node")) return ok(root);
    return fail(error("MS_ARCHIVE", { where, expected: "version 1 and one root" }));
}
