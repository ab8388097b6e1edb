import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { error, fail, LIMITS, ok, type Random, type Result, toBase64, utf8 } from "@meterseal/core";
import { formatJson } from "../files.ts";
import {
    arrayField,
    base64Field,
    type Fields,
    integerField,
    isFields,
    readJson,
    stringField,
    WrongField,
} from "../json-fields.ts";
import { recoveryBytes } from "./recovery-code.ts";

/** A file of a wallet. */
export type WalletFile = {
    /** Its name in the wallet's directory. */
    readonly name: string;
    readonly bytes: Uint8Array;
};

/** What opens an archive. */
export type ArchiveSecret =
    | { readonly kind: "passphrase"; readonly text: string }
    | { readonly kind: "recovery code"; readonly text: string };

type Slot = {
    readonly kind: string;
    readonly salt: Uint8Array;
    readonly nonce: Uint8Array;
    /** The archive's key under the secret's own: 32 bytes and a tag of 16. */
    readonly key: Uint8Array;
};

const FORMAT = "meterseal-wallet/v1";
/** Memory-hard: 128 MiB and some tenths of a second for each guess (OWASP, RFC 7914). */
const SCRYPT = { n: 131_072, r: 8, p: 1 } as const;
const SCRYPT_MEMORY_BYTES = 256 * 1024 * 1024;
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SALT_BYTES = 16;
/** Names of files in a wallet: nothing that leads out of its directory. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/i;
const FILES_MAX = 64;

/**
 * Encrypts the files of a wallet under a key of their own (AES-256-GCM), and that key once under each
 * secret (scrypt): a passphrase, and a recovery code for who forgets it.
 * @throws MetersealError MS_TOO_LARGE beyond {@link LIMITS.walletBytes}.
 */
export function sealArchive(
    files: readonly WalletFile[],
    secrets: readonly ArchiveSecret[],
    random: Random,
): string {
    const plain = utf8(
        JSON.stringify(files.map(({ bytes, name }) => ({ name, bytes: toBase64(bytes) }))),
    );
    if (plain.length > LIMITS.walletBytes || files.length > FILES_MAX) {
        const expected = `at most ${FILES_MAX} files and ${LIMITS.walletBytes} bytes`;
        throw error("MS_TOO_LARGE", { where: "wallet", expected });
    }
    const fileKey = random.bytes(KEY_BYTES);
    const slots = secrets.map((secret) => sealSlot(fileKey, secret, random));
    const nonce = random.bytes(NONCE_BYTES);
    return formatJson({
        format: FORMAT,
        scrypt: SCRYPT,
        slots: slots.map(({ key, kind, nonce: used, salt }) => ({
            ...{ kind, salt: toBase64(salt), nonce: toBase64(used), key: toBase64(key) },
        })),
        nonce: toBase64(nonce),
        content: toBase64(encrypt(fileKey, nonce, plain, FORMAT)),
    });
}

/**
 * Decrypts an archive.
 * @returns MS_KEY_FILE where the secret is another one, or the text was altered: the two cannot be
 * told apart, and neither is quoted.
 */
export function openArchive(text: string, secret: ArchiveSecret): Result<WalletFile[]> {
    const max = LIMITS.walletBytes * 2;
    const parsed = readJson(text, { format: FORMAT, max, where: "wallet archive" }, readArchive);
    if (!parsed.ok) return parsed;
    const { content, nonce, slots } = parsed.value;
    for (const slot of slots.filter(({ kind }) => kind === secret.kind)) {
        const fileKey = decrypt(slotKey(secret, slot.salt), slot.nonce, slot.key, slot.kind);
        const plain = fileKey === null ? null : decrypt(fileKey, nonce, content, FORMAT);
        if (plain !== null) return readFiles(plain);
    }
    const expected = `the ${secret.kind} of this archive, and the archive unchanged`;
    return fail(error("MS_KEY_FILE", { where: "wallet archive", expected }));
}

function sealSlot(fileKey: Uint8Array, secret: ArchiveSecret, random: Random): Slot {
    const [salt, nonce] = [random.bytes(SALT_BYTES), random.bytes(NONCE_BYTES)];
    const key = encrypt(slotKey(secret, salt), nonce, fileKey, secret.kind);
    return { kind: secret.kind, salt, nonce, key };
}

/** Key of a slot: 32 bytes of scrypt over the secret, in one form however it was typed. */
function slotKey({ kind, text }: ArchiveSecret, salt: Uint8Array): Uint8Array {
    const secret = kind === "passphrase" ? utf8(text.normalize("NFKC")) : recoveryBytes(text);
    const { n, p, r } = SCRYPT;
    return scryptSync(secret, salt, KEY_BYTES, { N: n, r, p, maxmem: SCRYPT_MEMORY_BYTES });
}

function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, use: string): Uint8Array {
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(utf8(`${FORMAT} ${use}`));
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    use: string,
): Uint8Array | null {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return null;
    const cipher = createDecipheriv(CIPHER, key, nonce).setAAD(utf8(`${FORMAT} ${use}`));
    cipher.setAuthTag(sealed.subarray(end));
    try {
        return Buffer.concat([cipher.update(sealed.subarray(0, end)), cipher.final()]);
    } catch {
        return null;
    }
}

function readArchive(fields: Fields): {
    readonly slots: Slot[];
    readonly nonce: Uint8Array;
    readonly content: Uint8Array;
} {
    const { scrypt } = fields;
    // Costs are those of the format: a file could ask for more memory than the machine has.
    const known =
        isFields(scrypt) &&
        (["n", "r", "p"] as const).every((name) => integerField(scrypt, name) === SCRYPT[name]);
    if (!known) throw new WrongField(`n ${SCRYPT.n}, r ${SCRYPT.r}, p ${SCRYPT.p} in "scrypt"`);
    return {
        slots: arrayField(fields, "slots", 4).map(readSlot),
        nonce: sized(fields, "nonce", NONCE_BYTES),
        content: base64Field(fields, "content"),
    };
}

function readSlot(value: unknown): Slot {
    if (!isFields(value)) throw new WrongField('keys in "slots"');
    return {
        kind: stringField(value, "kind"),
        salt: sized(value, "salt", SALT_BYTES),
        nonce: sized(value, "nonce", NONCE_BYTES),
        key: sized(value, "key", KEY_BYTES + TAG_BYTES),
    };
}

function sized(fields: Fields, name: string, length: number): Uint8Array {
    const bytes = base64Field(fields, name);
    if (bytes.length === length) return bytes;
    throw new WrongField(`${length} bytes in "${name}"`);
}

function readFiles(plain: Uint8Array): Result<WalletFile[]> {
    const list: unknown = JSON.parse(new TextDecoder().decode(plain));
    const files = Array.isArray(list) ? list.filter(isFields) : [];
    const names = files.map((file) => stringField(file, "name"));
    if (names.every((name) => NAME.test(name)) && new Set(names).size === names.length) {
        return ok(
            files.map((file, i) => ({ name: names[i] ?? "", bytes: base64Field(file, "bytes") })),
        );
    }
    return fail(error("MS_KEY_FILE", { where: "wallet archive", expected: "names of files" }));
}
