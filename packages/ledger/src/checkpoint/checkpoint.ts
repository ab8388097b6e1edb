import {
    error,
    fail,
    ok,
    type PublicKey,
    type Result,
    type SignatureJob,
    type Signer,
    toBase64,
    unwrap,
} from "@meterseal/core";
import { HASH_BYTES } from "../merkle/hash.ts";
import { isTreeSize } from "../merkle/tree-size.ts";
import { canonicalBase64, canonicalDecimal, decodeText, NOTE_LIMITS } from "./note.ts";
import { type NoteKey, readNote, signNote, verifyNote } from "./note-key.ts";

/** State of a log at one size: what a checkpoint states. */
export type CheckpointHead = {
    /** Name of the log; not empty, one line. */
    readonly origin: string;
    /** Number of leaves, below 2^48. */
    readonly size: number;
    /** Root of the tree of that size, 32 bytes (RFC 9162 section 2.1.1). */
    readonly root: Uint8Array;
};

/** Text of a checkpoint: the tree head and lines that we never write and never trust. */
export type CheckpointText = CheckpointHead & {
    /** Lines after the root, each not empty; no cosigner vouches for them. */
    readonly extensions: readonly string[];
};

/** Whose checkpoint a reader accepts. */
export type CheckpointTrust = {
    readonly origin: string;
    /** Ed25519, 32 bytes. */
    readonly publicKey: PublicKey;
    /** Name of the key where it differs from the origin, as with the Go checksum database. */
    readonly keyName?: string;
};

/**
 * Writes the signed text of a checkpoint (C2SP tlog-checkpoint, section "Note text").
 * @throws MetersealError MS_CHECKPOINT when {@link parseCheckpointText} would refuse it.
 */
export function formatCheckpointText(checkpoint: CheckpointText): string {
    const { origin, size, root, extensions } = checkpoint;
    const lines = [origin, `${size}`, toBase64(root), ...extensions];
    const text = `${lines.join("\n")}\n`;
    const read = unwrap(parseCheckpointText(text));
    if (read.origin !== origin || read.extensions.length !== extensions.length) {
        throw error("MS_CHECKPOINT", { expected: "an origin and extensions of one line each" });
    }
    return text;
}

/**
 * Parses the text of a checkpoint (C2SP tlog-checkpoint, section "Note text"): origin, decimal
 * size below 2^48, base64 root of 32 bytes, extension lines. Fails with MS_CHECKPOINT.
 */
export function parseCheckpointText(text: string): Result<CheckpointText> {
    const decoded = decodeText(text, NOTE_LIMITS.noteBytes);
    if (!decoded.ok) return decoded;
    if (!text.endsWith("\n")) return refuse("a final newline");
    const [origin, sizeText, rootText, ...extensions] = text.slice(0, -1).split("\n");
    if (origin === undefined || sizeText === undefined || rootText === undefined) {
        return refuse("at least three lines");
    }
    if (origin === "" || extensions.includes("")) return refuse("no empty line");
    const size = canonicalDecimal(sizeText);
    if (size === undefined || !isTreeSize(size)) {
        return refuse("a size below 2^48 without leading zeros");
    }
    const root = canonicalBase64(rootText);
    if (root?.length !== HASH_BYTES) return refuse("a root of 32 bytes in canonical base64");
    return ok({ origin, size, root, extensions });
}

/**
 * Signs a checkpoint without extension lines; the key's name is the origin, which therefore has
 * no spaces and plus signs. The caller never signs two tree heads that are not consistent.
 * @throws MetersealError MS_CHECKPOINT when origin, size, root or key are not valid.
 */
export async function signCheckpoint(
    signer: Signer,
    origin: string,
    size: number,
    root: Uint8Array,
): Promise<string> {
    const text = formatCheckpointText({ origin, size, root, extensions: [] });
    return await signNote(signer, origin, text);
}

/**
 * Tree head of a checkpoint that the trusted key signed for the trusted origin. Signatures of
 * other keys and types, cosignatures among them, and extension lines have no influence.
 * Fails with MS_CHECKPOINT.
 */
export function verifyCheckpoint(
    note: string | Uint8Array,
    trust: CheckpointTrust,
): Result<CheckpointHead> {
    const text = verifyNote(note, noteKeyOf(trust));
    return text.ok ? headOf(text.value, trust) : text;
}

/** A tree head, and the checks of signatures that must all hold for it to be believed. */
export type UncheckedHead = {
    readonly head: CheckpointHead;
    readonly checks: readonly SignatureJob[];
};

/** Reads a checkpoint like {@link verifyCheckpoint}, and leaves the checks to be made elsewhere. */
export function readCheckpoint(
    note: string | Uint8Array,
    trust: CheckpointTrust,
): Result<UncheckedHead> {
    const signed = readNote(note, noteKeyOf(trust));
    if (!signed.ok) return signed;
    const head = headOf(signed.value.text, trust);
    return head.ok ? ok({ head: head.value, checks: signed.value.checks }) : head;
}

function noteKeyOf({ keyName, origin, publicKey }: CheckpointTrust): NoteKey {
    return { name: keyName ?? origin, publicKey };
}

function headOf(text: string, trust: CheckpointTrust): Result<CheckpointHead> {
    const parsed = parseCheckpointText(text);
    if (!parsed.ok) return parsed;
    const { origin, size, root } = parsed.value;
    if (origin !== trust.origin) return refuse(`the origin ${trust.origin}`, origin.slice(0, 80));
    return ok({ origin, size, root });
}

function refuse(expected: string, got?: string): Result<never> {
    return fail(error("MS_CHECKPOINT", got === undefined ? { expected } : { expected, got }));
}
