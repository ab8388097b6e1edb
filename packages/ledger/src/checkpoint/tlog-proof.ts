import { error, fail, ok, type Result, toBase64, unwrap } from "@meterseal/core";
import { HASH_BYTES } from "../merkle/hash.ts";
import { isTreeSize, MERKLE_LIMITS } from "../merkle/tree-size.ts";
import { verifyInclusion } from "../merkle/verify.ts";
import { type CheckpointHead, type CheckpointTrust, verifyCheckpoint } from "./checkpoint.ts";
import { canonicalBase64, canonicalDecimal, decodeText, NOTE_LIMITS } from "./note.ts";

/** Bounds of a proof text, beside those of the note in it. */
export const TLOG_PROOF_LIMITS = {
    /** Extra data before base64. */
    extraBytes: 65_536,
    /** The whole text: note, extra data in base64, path and the fixed lines. */
    proofBytes: NOTE_LIMITS.noteBytes + 90_000,
} as const;

/** Proof that an entry is in a log, to be checked offline (C2SP tlog-proof); not verified yet. */
export type TlogProof = {
    /** Place of the entry in the log, counted from 0, below 2^48 − 1. */
    readonly index: number;
    /** Inclusion path from the leaf upwards, at most 48 hashes of 32 bytes. */
    readonly path: readonly Uint8Array[];
    /** Opaque data of at most 64 KiB that nothing here authenticates: our record path. */
    readonly extra?: Uint8Array;
    /** Signed note of the checkpoint with its cosignatures, verbatim. */
    readonly checkpoint: string;
};

/** What {@link verifyTlogProof} must know from elsewhere. */
export type TlogProofTrust = CheckpointTrust & {
    /** Hash of the entry in question, 32 bytes: `leafHash` of its bytes. */
    readonly leafHash: Uint8Array;
};

/** A verified proof: this leaf stands at this index of the log with this tree head. */
export type VerifiedTlogProof = CheckpointHead & {
    readonly index: number;
    /** As in {@link TlogProof}: still not authenticated. */
    readonly extra?: Uint8Array;
};

const HEADER = "c2sp.org/tlog-proof@v1";
const EXTRA = "extra ";
const INDEX = "index ";

/**
 * Writes a proof as text (C2SP tlog-proof, section "Format"), to be kept as `.tlog-proof`.
 * @throws MetersealError MS_PROOF when {@link parseTlogProof} would refuse it.
 */
export function formatTlogProof(proof: TlogProof): string {
    const { index, path, extra, checkpoint } = proof;
    const lines = [HEADER];
    if (extra !== undefined) lines.push(EXTRA + toBase64(extra));
    lines.push(`${INDEX}${index}`, ...path.map(toBase64), "", checkpoint);
    const text = lines.join("\n");
    const read = unwrap(parseTlogProof(text));
    if (read.path.length !== path.length || read.checkpoint !== checkpoint) {
        throw error("MS_PROOF", { expected: "hashes of 32 bytes and a checkpoint" });
    }
    return text;
}

/**
 * Parses a proof text (C2SP tlog-proof, section "Format"); every accepted text is what
 * {@link formatTlogProof} writes, byte for byte. The checkpoint stays unparsed. Fails with
 * MS_PROOF.
 */
export function parseTlogProof(proof: string | Uint8Array): Result<TlogProof> {
    const decoded = decodeText(proof, TLOG_PROOF_LIMITS.proofBytes);
    if (!decoded.ok) return refuse(decoded.error.details.expected ?? "a text");
    const text = decoded.value;
    const blank = text.indexOf("\n\n");
    if (blank < 0) return refuse("an empty line before the checkpoint");
    const checkpoint = text.slice(blank + 2);
    if (!checkpoint.endsWith("\n")) return refuse("a checkpoint that ends in a newline");
    const [header, ...lines] = text.slice(0, blank).split("\n");
    if (header !== HEADER) return refuse(`the first line ${HEADER}`);
    const extra = takeExtra(lines);
    if (!extra.ok) return extra;
    const index = takeIndex(lines);
    if (!index.ok) return index;
    const path = parsePath(lines);
    if (!path.ok) return path;
    return ok({ index: index.value, path: path.value, ...extra.value, checkpoint });
}

/**
 * Checks a proof: the checkpoint by {@link verifyCheckpoint}, then the inclusion of the leaf in
 * its tree. Cosignatures are not counted here. Fails with MS_PROOF, or MS_CHECKPOINT where the
 * fault is in the checkpoint.
 */
export function verifyTlogProof(
    proof: string | Uint8Array,
    trust: TlogProofTrust,
): Result<VerifiedTlogProof> {
    const parsed = parseTlogProof(proof);
    if (!parsed.ok) return parsed;
    const { index, path, extra, checkpoint } = parsed.value;
    const head = verifyCheckpoint(checkpoint, trust);
    if (!head.ok) return head;
    const { size, root } = head.value;
    if (!verifyInclusion({ leafHash: trust.leafHash, index, size, path, root })) {
        return fail(
            error("MS_PROOF", {
                where: `leaf ${index} of ${size} in ${trust.origin}`,
                expected: "a path from this leaf to the root of the checkpoint",
            }),
        );
    }
    return ok({ ...head.value, index, ...(extra === undefined ? {} : { extra }) });
}

/** Takes the `extra` line off the front, if there is one. */
function takeExtra(lines: string[]): Result<{ readonly extra?: Uint8Array }> {
    if (!lines[0]?.startsWith(EXTRA)) return ok({});
    const extra = canonicalBase64((lines.shift() ?? "").slice(EXTRA.length));
    if (extra === undefined) return refuse("extra data in canonical base64");
    if (extra.length > TLOG_PROOF_LIMITS.extraBytes) {
        return refuse(`extra data of at most ${TLOG_PROOF_LIMITS.extraBytes} bytes`);
    }
    return ok({ extra });
}

/** Takes the `index` line off the front. */
function takeIndex(lines: string[]): Result<number> {
    const line = lines.shift();
    if (!line?.startsWith(INDEX)) return refuse("an index line");
    const index = canonicalDecimal(line.slice(INDEX.length));
    if (index === undefined || !isTreeSize(index + 1)) {
        return refuse("an index below 2^48 - 1 without leading zeros");
    }
    return ok(index);
}

function parsePath(lines: readonly string[]): Result<Uint8Array[]> {
    if (lines.length > MERKLE_LIMITS.inclusionHashes) {
        return refuse(`a path of at most ${MERKLE_LIMITS.inclusionHashes} hashes`);
    }
    const path: Uint8Array[] = [];
    for (const line of lines) {
        const hash = canonicalBase64(line);
        if (hash?.length !== HASH_BYTES) return refuse("hashes of 32 bytes in canonical base64");
        path.push(hash);
    }
    return ok(path);
}

function refuse(expected: string): Result<never> {
    return fail(error("MS_PROOF", { expected }));
}
