/**
 * Key files remembered on this device: encrypted under a passphrase, in IndexedDB and nowhere else.
 * Nothing readable is kept beside them, not even the name of the home.
 */

import { inStore, isThere, settled } from "./database.ts";

/** Texts of the files that are kept together. */
export type KeptKeys = {
    readonly key: string;
    /** The key that signs grants; null where it was not there when the home was remembered. */
    readonly signer: string | null;
};

/** What lies in the database. */
export type Remembered = {
    /** What is sealed: in version 1 the text of the key file, in version 2 JSON of {@link KeptKeys}. */
    readonly version: 1 | 2;
    readonly iterations: number;
    readonly salt: Uint8Array<ArrayBuffer>;
    readonly iv: Uint8Array<ArrayBuffer>;
    readonly sealed: Uint8Array<ArrayBuffer>;
    readonly savedAtMs: number;
};

/** Shortest passphrase; what lies on a device can be guessed at without limit. */
export const PASSPHRASE_CHARACTERS_MIN = 12;

const KEPT = { database: "meterseal", store: "keys" } as const;
const ONLY = "home";
/** PBKDF2-SHA-256; OWASP asks for 600,000 or more. */
const ITERATIONS = 1_000_000;
const PURPOSE = new TextEncoder().encode("meterseal-remembered/v1");

/** Encrypts key files: AES-256-GCM under PBKDF2-SHA-256 with 16 bytes of salt. */
export async function sealKeys(keys: KeptKeys, passphrase: string): Promise<Remembered> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const key = await keyOf(passphrase, salt, ITERATIONS);
    const plain = new TextEncoder().encode(JSON.stringify(keys));
    const algorithm = { name: "AES-GCM", iv, additionalData: PURPOSE };
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plain));
    return { version: 2, iterations: ITERATIONS, salt, iv, sealed, savedAtMs: Date.now() };
}

/** Remembered key files; null for another passphrase, or bytes that were altered. */
export async function openKeys(kept: Remembered, passphrase: string): Promise<KeptKeys | null> {
    const key = await keyOf(passphrase, kept.salt, kept.iterations);
    const algorithm = { name: "AES-GCM", iv: kept.iv, additionalData: PURPOSE };
    try {
        const opened = await crypto.subtle.decrypt(algorithm, key, kept.sealed);
        const text = new TextDecoder().decode(opened);
        return kept.version === 1 ? { key: text, signer: null } : (JSON.parse(text) as KeptKeys);
    } catch {
        return null;
    }
}

async function keyOf(
    passphrase: string,
    salt: Uint8Array<ArrayBuffer>,
    iterations: number,
): Promise<CryptoKey> {
    const secret = new TextEncoder().encode(passphrase.normalize("NFKC"));
    const base = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveKey"]);
    return await crypto.subtle.deriveKey(
        { name: "PBKDF2", hash: "SHA-256", salt, iterations },
        base,
        { name: "AES-GCM", length: 256 },
        false,
        ["encrypt", "decrypt"],
    );
}

/** What is remembered on this device, or null. Makes no database where there is none. */
export async function loadRemembered(): Promise<Remembered | null> {
    if (!(await isThere(KEPT))) return null;
    return (await inStore(KEPT, "readonly", (store) => store.get(ONLY))) ?? null;
}

/** Keeps a sealed key file, in place of one that was kept before. */
export async function saveRemembered(kept: Remembered): Promise<void> {
    await inStore(KEPT, "readwrite", (store) => store.put(kept, ONLY));
}

/** Removes what is remembered, and the database with it. */
export async function dropRemembered(): Promise<void> {
    await settled(indexedDB.deleteDatabase(KEPT.database));
}
