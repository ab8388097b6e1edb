import {
    concatBytes,
    error,
    fail,
    fromBase64,
    ok,
    type Result,
    toBase64,
    u32be,
    unwrap,
    utf8,
} from "@meterseal/core";

/** Bounds of the C2SP texts that we read and write. */
export const NOTE_LIMITS = {
    /** One signed note, its signature lines included, as UTF-8. */
    noteBytes: 65_536,
    /** Signature lines of one note; the least that C2SP signed-note lets a reader accept. */
    signatures: 16,
} as const;

/** One signature line of a note, of whatever type. */
export type NoteSignature = {
    /** Name of the signing key: not empty, without Unicode spaces and plus signs. */
    readonly name: string;
    /** Key id, an unsigned 32-bit number; a hint, not a hash to rely on. */
    readonly keyId: number;
    /** What follows the key id: 64 bytes for Ed25519, at least 1 byte for other types. */
    readonly signature: Uint8Array;
};

/** A text and its signatures (C2SP signed-note, section "Format"); nothing is verified yet. */
export type Note = {
    /** Signed text, its final newline included. */
    readonly text: string;
    /** Signature lines in their order, those of unknown keys and types included. */
    readonly signatures: readonly NoteSignature[];
};

const SIGNATURE_PREFIX = "\u2014 "; // em dash and space
const KEY_ID_BYTES = 4;
const FORBIDDEN_IN_NAME = /[\p{White_Space}+]/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: signed-note forbids exactly these
const FORBIDDEN_IN_NOTE = /[\u0000-\u0009\u000b-\u001f]/;

/**
 * Parses a signed note (C2SP signed-note, section "Format"), at most 64 KiB with 1 to 16
 * signature lines; every accepted note is what {@link formatNote} writes, byte for byte.
 * Fails with MS_CHECKPOINT.
 */
export function parseNote(note: string | Uint8Array): Result<Note> {
    const whole = decodeText(note, NOTE_LIMITS.noteBytes);
    if (!whole.ok) return whole;
    const blank = whole.value.lastIndexOf("\n\n");
    if (blank < 0) return refuse("a blank line before the signatures");
    const block = whole.value.slice(blank + 2);
    if (!block.endsWith("\n")) return refuse("signature lines that end in a newline");
    const lines = block.slice(0, -1).split("\n");
    if (lines.length > NOTE_LIMITS.signatures) {
        return refuse(`at most ${NOTE_LIMITS.signatures} signatures`, `${lines.length}`);
    }
    const signatures: NoteSignature[] = [];
    for (const line of lines) {
        const signature = parseSignatureLine(line);
        if (!signature.ok) return signature;
        signatures.push(signature.value);
    }
    return ok({ text: whole.value.slice(0, blank + 1), signatures });
}

/**
 * Writes a signed note (C2SP signed-note, section "Format").
 * @throws MetersealError MS_CHECKPOINT when {@link parseNote} would not read the same note back.
 */
export function formatNote(note: Note): string {
    const written = `${note.text}\n${note.signatures.map(formatSignatureLine).join("")}`;
    const read = unwrap(parseNote(written));
    if (read.text !== note.text || read.signatures.length !== note.signatures.length) {
        throw error("MS_CHECKPOINT", { expected: "a text that ends in one newline" });
    }
    return written;
}

/** Writes one signature line, its newline included. */
export function formatSignatureLine({ keyId, name, signature }: NoteSignature): string {
    return `${SIGNATURE_PREFIX}${name} ${toBase64(concatBytes(u32be(keyId), signature))}\n`;
}

/** True for a name that a note key may have: not empty, no Unicode space, no plus sign. */
export function isKeyName(name: string): boolean {
    return name.length > 0 && name.isWellFormed() && !FORBIDDEN_IN_NAME.test(name);
}

/** Bytes of canonical padded base64 (RFC 4648 section 4), or undefined for any other text. */
export function canonicalBase64(text: string): Uint8Array | undefined {
    try {
        const bytes = fromBase64(text);
        return toBase64(bytes) === text ? bytes : undefined; // the decoder skips white space
    } catch {
        return undefined;
    }
}

/** Value of a decimal without sign and leading zeros, at most 2^53 − 1, or undefined. */
export function canonicalDecimal(text: string): number | undefined {
    if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : undefined;
}

/** Well-formed text of at most some bytes of UTF-8, without control characters but newline. */
export function decodeText(input: string | Uint8Array, limitBytes: number): Result<string> {
    const tooLong = input.length > limitBytes;
    if (tooLong || (typeof input === "string" && utf8(input).length > limitBytes)) {
        return refuse(`at most ${limitBytes} bytes`);
    }
    const text = typeof input === "string" ? input : decodeUtf8(input);
    if (text === undefined || !text.isWellFormed()) return refuse("UTF-8 text");
    if (FORBIDDEN_IN_NOTE.test(text)) return refuse("no control characters but newline");
    return ok(text);
}

const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
    try {
        return utf8Decoder.decode(bytes);
    } catch {
        return undefined;
    }
}

function parseSignatureLine(line: string): Result<NoteSignature> {
    if (!line.startsWith(SIGNATURE_PREFIX)) return refuse("signature lines only", line);
    const [name, encoded, ...more] = line.slice(SIGNATURE_PREFIX.length).split(" ");
    if (name === undefined || encoded === undefined || more.length > 0) {
        return refuse("a key name and one signature", line);
    }
    if (!isKeyName(name)) return refuse("a key name without spaces and plus signs", line);
    const bytes = canonicalBase64(encoded);
    if (bytes === undefined) return refuse("canonical base64", line);
    if (bytes.length <= KEY_ID_BYTES) return refuse("a key id and a signature", line);
    return ok({ name, keyId: readKeyId(bytes), signature: bytes.slice(KEY_ID_BYTES) });
}

/** Big-endian number of the first 4 bytes: how notes and verifier keys show a key id. */
export function readKeyId(bytes: Uint8Array): number {
    return new DataView(bytes.buffer, bytes.byteOffset, KEY_ID_BYTES).getUint32(0);
}

const SHOWN_CHARACTERS = 80;

function refuse(expected: string, got?: string): Result<never> {
    const shown = got === undefined ? {} : { got: got.slice(0, SHOWN_CHARACTERS) };
    return fail(error("MS_CHECKPOINT", { expected, ...shown }));
}
