import { createDecipheriv } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { error, fromHex } from "@meterseal/core";
import type { OpenGcm, P1Keys } from "@meterseal/telegram";
import { reasonOf } from "../files.ts";

/** Bits of a file's mode that let others in. */
const OTHERS = 0o077;

/**
 * Reads the keys of an encrypted P1 port: two lines of 32 hexadecimal digits, the encryption key and
 * the authentication key. Only its owner may be able to read the file.
 * @throws MetersealError MS_KEY_FILE
 */
export function readP1Keys(path: string): P1Keys {
    let text: string;
    try {
        const isOpen = process.platform !== "win32" && (statSync(path).mode & OTHERS) !== 0;
        if (isOpen) throw error("MS_KEY_FILE", { where: path, todo: `Run: chmod 600 ${path}` });
        text = readFileSync(path, "utf8");
    } catch (cause) {
        if (!(cause instanceof Error) || !("errno" in cause)) throw cause;
        throw error("MS_KEY_FILE", { where: path, got: reasonOf(cause) });
    }
    const [encryption, authentication, ...more] = text.trim().split(/\s+/);
    const isKey = (digits = ""): boolean => /^[0-9a-fA-F]{32}$/.test(digits);
    if (!isKey(encryption) || !isKey(authentication) || more.length > 0)
        throw error("MS_KEY_FILE", { where: path, expected: "two lines of 32 hexadecimal digits" });
    return {
        encryptionKey: fromHex(encryption as string),
        authenticationKey: fromHex(authentication as string),
    };
}

/** AES-128-GCM by Node; null where the tag does not fit. */
export const openGcm: OpenGcm = ({ additionalData, ciphertext, key, nonce, tag }) => {
    const decipher = createDecipheriv("aes-128-gcm", key, nonce, { authTagLength: tag.length });
    decipher.setAAD(additionalData);
    decipher.setAuthTag(tag);
    const opened = decipher.update(ciphertext);
    try {
        return new Uint8Array(Buffer.concat([opened, decipher.final()]));
    } catch {
        return null; // what final() throws is that the tag does not fit
    }
};
