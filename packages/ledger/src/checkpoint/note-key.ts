import {
    ALGORITHM,
    concatBytes,
    error,
    fail,
    type MetersealError,
    ok,
    type PublicKey,
    type Result,
    type SignatureJob,
    type Signer,
    sha256,
    toBase64,
    unwrap,
    utf8,
    verifySignature,
} from "@meterseal/core";
import { canonicalBase64, formatNote, isKeyName, parseNote, readKeyId } from "./note.ts";

/** Signature type of plain Ed25519 (C2SP signed-note, section "Signature types"). */
export const NOTE_ED25519 = 0x01;

/** Public half of an Ed25519 key under the name that its signature lines carry. */
export type NoteKey = {
    /** Not empty, without Unicode spaces and plus signs; for a log its origin. */
    readonly name: string;
    /** Ed25519, 32 bytes. */
    readonly publicKey: PublicKey;
};

const PUBLIC_KEY_BYTES = 32;
const VERIFIER_KEY_CHARACTERS = 1_024;

/**
 * Key id: the first 4 bytes, big-endian, of SHA-256(name ‖ 0x0A ‖ type ‖ public key) (C2SP
 * signed-note, section "Signatures").
 */
export function noteKeyId(name: string, type: number, publicKey: Uint8Array): number {
    return readKeyId(sha256(concatBytes(utf8(name), Uint8Array.of(0x0a, type), publicKey)));
}

/**
 * Writes a verifier key `name+hex key id+base64(0x01 ‖ public key)`, by which people exchange
 * note keys.
 * @throws MetersealError MS_CHECKPOINT when the name is no key name or the key no Ed25519 key.
 */
export function formatVerifierKey(key: NoteKey): string {
    const raw = unwrap(rawPublicKey(key));
    const id = noteKeyId(key.name, NOTE_ED25519, raw).toString(16).padStart(8, "0");
    return `${key.name}+${id}+${toBase64(concatBytes(Uint8Array.of(NOTE_ED25519), raw))}`;
}

/**
 * Parses a verifier key as {@link formatVerifierKey} writes it, at most 1,024 characters.
 * Fails with MS_CHECKPOINT, also for key types other than Ed25519 and a wrong key id.
 */
export function parseVerifierKey(text: string): Result<NoteKey> {
    const wrong = (expected: string): Result<never> => fail(error("MS_CHECKPOINT", { expected }));
    if (text.length > VERIFIER_KEY_CHARACTERS) return wrong("a shorter verifier key");
    const [name, id, ...rest] = text.split("+");
    if (name === undefined || id === undefined || !isKeyName(name)) {
        return wrong("a verifier key of the form name+id+key");
    }
    const bytes = canonicalBase64(rest.join("+"));
    if (bytes?.[0] !== NOTE_ED25519 || bytes.length !== 1 + PUBLIC_KEY_BYTES) {
        return wrong("an Ed25519 key of type 0x01");
    }
    const key: NoteKey = { name, publicKey: { algorithm: ALGORITHM.edDsa, x: bytes.slice(1) } };
    return formatVerifierKey(key) === text ? ok(key) : wrong("the key id of this name and key");
}

/**
 * Signs a text that ends in a newline as a note with one Ed25519 signature line (C2SP
 * signed-note, section "Ed25519 signatures").
 * @throws MetersealError MS_CHECKPOINT when name, text or key do not make a valid note, or the
 * signature does not verify under the signer's own public key.
 */
export async function signNote(signer: Signer, name: string, text: string): Promise<string> {
    const key: NoteKey = { name, publicKey: signer.publicKey };
    const keyId = noteKeyId(name, NOTE_ED25519, unwrap(rawPublicKey(key)));
    const signature = await signer.sign(utf8(text));
    const note = formatNote({ text, signatures: [{ name, keyId, signature }] });
    const verified = verifyNote(note, key);
    if (!verified.ok) throw verified.error;
    return note;
}

/**
 * Text of a note that the given key signed. Lines of other names, ids and types are ignored, as
 * C2SP signed-note demands; a line of this key that does not verify spoils the note.
 * Fails with MS_CHECKPOINT.
 */
export function verifyNote(note: string | Uint8Array, key: NoteKey): Result<string> {
    const signed = readNote(note, key);
    if (!signed.ok) return signed;
    const { checks, text } = signed.value;
    const isValid = checks.every((check) =>
        verifySignature(check.key, check.algorithm, check.message, check.signature),
    );
    return isValid ? ok(text) : fail(wrongSignature(key));
}

/** Text of a note, and the checks of signatures that must all hold for the key to have signed it. */
export type UncheckedNote = { readonly text: string; readonly checks: readonly SignatureJob[] };

/** Reads a note like {@link verifyNote}, and leaves the checks to be made elsewhere. */
export function readNote(note: string | Uint8Array, key: NoteKey): Result<UncheckedNote> {
    const parsed = parseNote(note);
    if (!parsed.ok) return parsed;
    const { text, signatures } = parsed.value;
    const raw = rawPublicKey(key);
    if (!raw.ok) return raw;
    const keyId = noteKeyId(key.name, NOTE_ED25519, raw.value);
    const own = signatures.filter((line) => line.name === key.name && line.keyId === keyId);
    if (own.length === 0) return fail(wrongSignature(key, "no line of this key"));
    const message = utf8(text);
    const algorithm = ALGORITHM.edDsa;
    const checks = own.map(({ signature }) => ({
        ...{ key: key.publicKey, algorithm, message, signature },
    }));
    return ok({ text, checks });
}

function wrongSignature({ name }: NoteKey, got = "a signature that does not fit"): MetersealError {
    return error("MS_CHECKPOINT", { expected: `a signature by ${name}`, got });
}

function rawPublicKey({ name, publicKey }: NoteKey): Result<Uint8Array> {
    const isEd25519 = publicKey.algorithm === ALGORITHM.edDsa;
    if (isEd25519 && publicKey.x.length === PUBLIC_KEY_BYTES && isKeyName(name)) {
        return ok(publicKey.x);
    }
    const expected = "an Ed25519 key of 32 bytes under a name without spaces and plus signs";
    return fail(error("MS_CHECKPOINT", { expected, got: name.slice(0, 80) }));
}
