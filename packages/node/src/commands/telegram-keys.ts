import { createDecipheriv } from "node:crypto";
import { readFileSync } from "node:fs";
import { error, fromHex } from "@meterseal/core";
import type { OpenCcm, OpenGcm, WirelessCrypto } from "@meterseal/telegram";
import { cmac } from "@noble/ciphers/aes.js";
import { isOpenToOthers, reasonOf } from "../files.ts";

/**
 * Reads AES-128 keys that the owner of a meter got from its operator: lines of 32 hexadecimal digits.
 * Only the owner may be able to read the file.
 * @param names - what the lines hold, in order; as many as there must be.
 * @throws MetersealError MS_KEY_FILE
 */
export function readTelegramKeys(path: string, names: readonly string[]): Uint8Array[] {
    let text: string;
    try {
        if (isOpenToOthers(path))
            throw error("MS_KEY_FILE", { where: path, todo: `Run: chmod 600 ${path}` });
        text = readFileSync(path, "utf8");
    } catch (cause) {
        if (!(cause instanceof Error) || !("errno" in cause)) throw cause;
        throw error("MS_KEY_FILE", { where: path, got: reasonOf(cause) });
    }
    const lines = text.trim().split(/\s+/);
    if (lines.length !== names.length || lines.some((line) => !/^[0-9a-fA-F]{32}$/.test(line))) {
        const expected = `a line of 32 hexadecimal digits for each: ${names.join(", ")}`;
        throw error("MS_KEY_FILE", { where: path, expected });
    }
    return lines.map(fromHex);
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

/** AES-128-CCM by Node; null where the tag does not fit. */
export const openCcm: OpenCcm = ({ additionalData, ciphertext, key, nonce, tag }) => {
    const decipher = createDecipheriv("aes-128-ccm", key, nonce, { authTagLength: tag.length });
    decipher.setAAD(additionalData, { plaintextLength: ciphertext.length });
    decipher.setAuthTag(tag);
    const opened = decipher.update(ciphertext);
    try {
        decipher.final();
        return new Uint8Array(opened);
    } catch {
        return null; // what final() throws is that the tag does not fit
    }
};

/** AES-128-CBC by Node; AES-CMAC by a library, since Node has none. */
export const wirelessCrypto: WirelessCrypto = {
    cmac: (key, message) => cmac(message, key),
    decryptCbc({ ciphertext, iv, key }) {
        const decipher = createDecipheriv("aes-128-cbc", key, iv).setAutoPadding(false);
        return new Uint8Array(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    },
};
