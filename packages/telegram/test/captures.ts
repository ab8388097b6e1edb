import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { Decoded, Telegram } from "../src/index.ts";

const root = fileURLToPath(new URL("../../../vectors/telegram/", import.meta.url));

/** Names of the captures in a folder, without their ending. */
export function captureNames(folder: string, ending: string): string[] {
    const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(ending));
    return names.map((name) => name.slice(0, -ending.length)).sort();
}

/** Bytes of a capture; compressed ones are unpacked. */
export function capture(path: string): Uint8Array {
    const bytes = readFileSync(join(root, path));
    return new Uint8Array(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
}

/** Bytes of a capture that is written in hexadecimal digits. */
export function hexCapture(path: string): Uint8Array {
    const digits = readFileSync(join(root, path), "latin1").replace(/\s/g, "");
    return new Uint8Array(Buffer.from(digits, "hex"));
}

/** A decoded telegram; the fault fails the test. */
export function expectDecoded<T extends Telegram>(decoded: Decoded<T>): T {
    if (decoded.ok) return decoded.value;
    throw new Error(JSON.stringify(decoded.fault));
}
