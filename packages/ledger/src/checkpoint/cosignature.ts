import {
    ALGORITHM,
    concatBytes,
    error,
    fail,
    ok,
    type Result,
    toBase64,
    u64be,
    unwrap,
    utf8,
    verifyMlDsa44,
    verifySignature,
} from "@meterseal/core";
import { type CheckpointText, parseCheckpointText } from "./checkpoint.ts";
import {
    canonicalBase64,
    formatNote,
    isKeyName,
    type Note,
    type NoteSignature,
    parseNote,
} from "./note.ts";
import { noteKeyId } from "./note-key.ts";

/** Signature types of cosignatures (C2SP tlog-cosignature, section "Format"). */
export const COSIGNATURE = { ed25519: 0x04, mlDsa44: 0x06 } as const;

/** One of {@link COSIGNATURE}. */
export type CosignatureType = (typeof COSIGNATURE)[keyof typeof COSIGNATURE];

/** Public half of a witness's key under its name. */
export type CosignerKey = {
    /** Not empty, without Unicode spaces and plus signs; at most 255 bytes with ML-DSA-44. */
    readonly name: string;
    readonly type: CosignatureType;
    /** Ed25519: 32 bytes; ML-DSA-44: 1,312 bytes. */
    readonly publicKey: Uint8Array;
};

/** A witness's key with the means to sign with it. */
export type Cosigner = CosignerKey & { sign(message: Uint8Array): Promise<Uint8Array> };

/** A cosignature that verified: who gave it, and when by its own clock. */
export type Cosignature = { readonly name: string; readonly timeUnix: number };

const PUBLIC_KEY_BYTES = { [COSIGNATURE.ed25519]: 32, [COSIGNATURE.mlDsa44]: 1312 } as const;
const SIGNATURE_BYTES = { [COSIGNATURE.ed25519]: 64, [COSIGNATURE.mlDsa44]: 2420 } as const;
const TIME_BYTES = 8;
const VERIFIER_KEY_CHARACTERS = 4096;
const NAME_BYTES = 255;
const EXPECTED_ORIGIN = "an origin of at most 255 bytes";

/** Writes a verifier key `name+hex key id+base64(type ‖ public key)` of a witness. */
export function formatCosignerKey({ name, type, publicKey }: CosignerKey): string {
    const id = noteKeyId(name, type, publicKey).toString(16).padStart(8, "0");
    return `${name}+${id}+${toBase64(concatBytes(Uint8Array.of(type), publicKey))}`;
}

/**
 * Parses the verifier key of a witness, Ed25519 (type 0x04) or ML-DSA-44 (0x06), at most 4,096
 * characters. Fails with MS_CHECKPOINT, also for a key of a log (0x01) and a wrong key id.
 */
export function parseCosignerKey(text: string): Result<CosignerKey> {
    if (text.length > VERIFIER_KEY_CHARACTERS) return refuse("a shorter verifier key");
    const [name, id, ...rest] = text.split("+");
    if (name === undefined || id === undefined || !isKeyName(name)) {
        return refuse("a verifier key of the form name+id+key");
    }
    const bytes = canonicalBase64(rest.join("+"));
    const type = bytes?.[0];
    if (bytes === undefined || (type !== COSIGNATURE.ed25519 && type !== COSIGNATURE.mlDsa44)) {
        return refuse("a cosigner's key of type 0x04 or 0x06");
    }
    const key: CosignerKey = { name, type, publicKey: bytes.slice(1) };
    const valid = isCosignerKey(key) && formatCosignerKey(key) === text;
    return valid ? ok(key) : refuse("the key id of this name and key");
}

/**
 * Cosigns a checkpoint: the signature line of a note (C2SP tlog-cosignature).
 * @param note - signed note of the checkpoint; whether the log signed it is the caller's check.
 * @param timeUnix - when the cosigner saw it as the largest tree, seconds since 1970.
 * @throws MetersealError MS_CHECKPOINT where note, name, key or time are not valid.
 */
export async function cosign(
    cosigner: Cosigner,
    note: string,
    timeUnix: number,
): Promise<NoteSignature> {
    if (!isCosignerKey(cosigner) || !Number.isSafeInteger(timeUnix) || timeUnix < 0) {
        throw error("MS_CHECKPOINT", { expected: "a cosigner's key and seconds since 1970" });
    }
    const { text } = unwrap(parseNote(note));
    const message = messageOf(cosigner, text, unwrap(parseCheckpointText(text)), timeUnix);
    if (message === null) throw error("MS_CHECKPOINT", { expected: EXPECTED_ORIGIN });
    const signature = concatBytes(u64be(BigInt(timeUnix)), await cosigner.sign(message));
    const { name, type, publicKey } = cosigner;
    return { name, keyId: noteKeyId(name, type, publicKey), signature };
}

/**
 * The cosignature of one witness on a checkpoint. Lines of other names, ids and types are ignored;
 * a line of this key that does not verify spoils the note. Whether the log itself signed is not
 * looked at. Fails with MS_CHECKPOINT.
 */
export function verifyCosignature(
    note: string | Uint8Array,
    key: CosignerKey,
): Result<Cosignature> {
    const parsed = parseNote(note);
    if (!parsed.ok) return parsed;
    const { text, signatures } = parsed.value;
    const checkpoint = parseCheckpointText(text);
    if (!checkpoint.ok) return checkpoint;
    if (!isCosignerKey(key)) return refuse("a cosigner's key");
    const keyId = noteKeyId(key.name, key.type, key.publicKey);
    const own = signatures.filter((line) => line.name === key.name && line.keyId === keyId);
    if (own.length === 0) return refuse(`a cosignature by ${key.name}`, "no line of this key");
    let timeUnix = 0;
    for (const { signature } of own) {
        const time = readTime(signature, key.type);
        const message = time === null ? null : messageOf(key, text, checkpoint.value, time);
        if (message === null || !verify(key, message, signature.slice(TIME_BYTES))) {
            return refuse(`a cosignature by ${key.name}`, "a signature that does not fit");
        }
        timeUnix = Math.max(timeUnix, time ?? 0);
    }
    return ok({ name: key.name, timeUnix });
}

/**
 * The first line of a note that is a cosignature of this key; null where none is. What the other lines
 * say has no influence: nothing has to be known of who wrote them.
 */
export function findCosignature(
    { signatures, text }: Note,
    key: CosignerKey,
): NoteSignature | null {
    const isOwn = (line: NoteSignature): boolean =>
        line.name === key.name &&
        verifyCosignature(formatNote({ text, signatures: [line] }), key).ok;
    return signatures.find(isOwn) ?? null;
}

function isCosignerKey({ name, type, publicKey }: CosignerKey): boolean {
    return (
        isKeyName(name) &&
        utf8(name).length <= NAME_BYTES &&
        publicKey.length === PUBLIC_KEY_BYTES[type]
    );
}

/** Time of a `timestamped_signature`; null where its length or time is not of the type. */
function readTime(signature: Uint8Array, type: CosignatureType): number | null {
    if (signature.length !== TIME_BYTES + SIGNATURE_BYTES[type]) return null;
    const time = new DataView(signature.buffer, signature.byteOffset).getBigUint64(0);
    return time > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(time);
}

/**
 * What the cosigner signs: with Ed25519 the whole text, with ML-DSA-44 the tree head alone. Null
 * where the origin is too long for the latter.
 */
function messageOf(
    { name, type }: CosignerKey,
    text: string,
    { origin, root, size }: CheckpointText,
    timeUnix: number,
): Uint8Array | null {
    if (type === COSIGNATURE.ed25519) return utf8(`cosignature/v1\ntime ${timeUnix}\n${text}`);
    if (utf8(origin).length > NAME_BYTES) return null;
    const opaque = (value: string): Uint8Array => {
        const bytes = utf8(value);
        return concatBytes(Uint8Array.of(bytes.length), bytes);
    };
    return concatBytes(
        utf8("subtree/v1\n\0"),
        opaque(name),
        u64be(BigInt(timeUnix)),
        opaque(origin),
        u64be(0n),
        u64be(BigInt(size)),
        root,
    );
}

function verify(key: CosignerKey, message: Uint8Array, signature: Uint8Array): boolean {
    if (key.type === COSIGNATURE.mlDsa44) return verifyMlDsa44(key.publicKey, message, signature);
    const publicKey = { algorithm: ALGORITHM.edDsa, x: key.publicKey } as const;
    return verifySignature(publicKey, ALGORITHM.edDsa, message, signature);
}

function refuse(expected: string, got?: string): Result<never> {
    return fail(error("MS_CHECKPOINT", got === undefined ? { expected } : { expected, got }));
}
