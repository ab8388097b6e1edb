import { bytesEqual, error, fail, ok, type Result, toBase64 } from "@meterseal/core";
import { emptyRoot, HASH_BYTES } from "../merkle/hash.ts";
import { verifyConsistency } from "../merkle/verify.ts";
import { type CheckpointHead, parseCheckpointText, verifyCheckpoint } from "./checkpoint.ts";
import { canonicalBase64, canonicalDecimal, decodeText, NOTE_LIMITS, parseNote } from "./note.ts";
import type { NoteKey } from "./note-key.ts";

/** Bounds of a request to a witness (C2SP tlog-witness, section "add-checkpoint"). */
export const WITNESS_LIMITS = {
    /** Lines of the consistency proof. */
    proofLines: 63,
    /** The whole body: proof lines of 45 characters and the note. */
    requestBytes: NOTE_LIMITS.noteBytes + 64 * 64,
} as const;

/** A log asks a witness to cosign its new checkpoint. */
export type AddCheckpoint = {
    /** Size of the checkpoint that the witness is believed to have cosigned last; 0 for none. */
    readonly oldSize: number;
    /** Consistency proof from that size (RFC 6962 section 2.1.2), hashes of 32 bytes. */
    readonly path: readonly Uint8Array[];
    /** Signed note of the new checkpoint. */
    readonly note: string;
};

/** What a witness does with a request: cosign this tree head, or answer with a status. */
export type WitnessVerdict =
    | { readonly status: 200; readonly head: CheckpointHead }
    | { readonly status: 400 | 403 | 404 | 422; readonly reason: string }
    /** The witness has cosigned another size, or another root of this size. */
    | {
          readonly status: 409;
          readonly reason: string;
          readonly size: number;
          /** Origin of the log where its two notes contradict each other, else null. */
          readonly contradicts: string | null;
      };

/** Logs that a witness follows: their keys by origin. */
export type WitnessedLogs = ReadonlyMap<string, readonly NoteKey[]>;

/** Writes the body of a request. */
export function formatAddCheckpoint({ note, oldSize, path }: AddCheckpoint): string {
    return `old ${oldSize}\n${path.map((hash) => `${toBase64(hash)}\n`).join("")}\n${note}`;
}

/** Parses the body of a request strictly. Fails with MS_CHECKPOINT. */
export function parseAddCheckpoint(body: string | Uint8Array): Result<AddCheckpoint> {
    const decoded = decodeText(body, WITNESS_LIMITS.requestBytes);
    if (!decoded.ok) return decoded;
    const blank = decoded.value.indexOf("\n\n");
    if (blank < 0) return refuse("an empty line before the checkpoint");
    const [first = "", ...lines] = decoded.value.slice(0, blank).split("\n");
    const oldSize = first.startsWith("old ") ? canonicalDecimal(first.slice(4)) : undefined;
    if (oldSize === undefined) return refuse("an old size line");
    if (lines.length > WITNESS_LIMITS.proofLines) {
        return refuse(`at most ${WITNESS_LIMITS.proofLines} lines of proof`);
    }
    const path: Uint8Array[] = [];
    for (const line of lines) {
        const hash = canonicalBase64(line);
        if (hash?.length !== HASH_BYTES) return refuse("hashes of 32 bytes in canonical base64");
        path.push(hash);
    }
    const note = decoded.value.slice(blank + 2);
    const parsed = parseNote(note);
    return parsed.ok ? ok({ oldSize, path, note }) : parsed;
}

/**
 * Decides on a request (C2SP tlog-witness, section "add-checkpoint"). Pure: the caller keeps the
 * verdict, the new head on disk and the cosignature in one step for each origin.
 * @param latest - what the witness cosigned last for an origin; null for none.
 */
export function judgeAddCheckpoint(
    request: AddCheckpoint,
    logs: WitnessedLogs,
    latest: (origin: string) => CheckpointHead | null,
): WitnessVerdict {
    const { note, oldSize, path } = request;
    const claimed = parseNote(note);
    const text = claimed.ok ? parseCheckpointText(claimed.value.text) : claimed;
    if (!text.ok) return { status: 400, reason: text.error.message };
    const { origin } = text.value;
    const keys = logs.get(origin);
    if (keys === undefined) return { status: 404, reason: "The log is not known here." };
    const head = headOf(note, origin, keys);
    if (head === null) return { status: 403, reason: "No key of this log signed the checkpoint." };
    if (oldSize > head.size) return { status: 400, reason: "The old size is above the new one." };
    const before = latest(origin) ?? { origin, size: 0, root: emptyRoot() };
    if (isOtherRoot(before, head)) {
        const reason = "Another root of this size was cosigned: the log shows two histories.";
        return { status: 409, reason, size: before.size, contradicts: origin };
    }
    if (before.size !== oldSize) {
        const reason = `The checkpoint cosigned last has size ${before.size}.`;
        return { status: 409, reason, size: before.size, contradicts: null };
    }
    if (!isGrowth(before, head, path))
        return { status: 422, reason: "The tree does not grow out of the last one." };
    return { status: 200, head };
}

/** True where the new tree begins with the old one; a tree without leaves has one root and no proof. */
function isGrowth(
    { root: oldRoot, size: oldSize }: CheckpointHead,
    { root: newRoot, size: newSize }: CheckpointHead,
    path: readonly Uint8Array[],
): boolean {
    if (newSize === 0 && !bytesEqual(newRoot, emptyRoot())) return false;
    if (oldSize === 0) return path.length === 0;
    return verifyConsistency({ oldSize, oldRoot, newSize, newRoot, path });
}

function isOtherRoot(before: CheckpointHead, head: CheckpointHead): boolean {
    return before.size === head.size && before.size > 0 && !bytesEqual(before.root, head.root);
}

/** Tree head of a note that one of the keys signed; null where none did. */
function headOf(note: string, origin: string, keys: readonly NoteKey[]): CheckpointHead | null {
    for (const { name, publicKey } of keys) {
        const head = verifyCheckpoint(note, { origin, publicKey, keyName: name });
        if (head.ok) return head.value;
    }
    return null;
}

function refuse(expected: string): Result<never> {
    return fail(error("MS_CHECKPOINT", { expected }));
}
