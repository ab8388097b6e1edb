import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { error } from "@meterseal/core";
import { DEVICE_FILES } from "../device/device.ts";
import { replaceSecret } from "../files.ts";
import type { WalletFile } from "./archive.ts";

/** What only a wallet has: a directory without any of them is none. */
const KEYS = ["key.json", "wallet.key"];
/**
 * Files of a wallet: keys, admission, what it agreed to and what it granted. Where the directory is
 * a meter's, too, nothing of the meter: an old memory or counter must never come back.
 */
const WALLET =
    /^(?:key[a-z0-9-]*|party|party-request|polic[a-z-]+)\.json$|^policy-[0-9a-f]{32}\.(?:cose|revoked)$|^wallet\.key(?:\.next)?$|^[a-z-]+\.jsonl$/;

/** Names of the files of a wallet, those of a meter beside it left out. */
function namesIn(directory: string): string[] {
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name)
        .filter((name) => WALLET.test(name))
        .sort();
}

/**
 * Files of the wallet in a directory.
 * @throws MetersealError MS_NOT_FOUND where there is none.
 */
export function readWallet(directory: string): WalletFile[] {
    const names = namesIn(directory);
    if (!KEYS.some((name) => names.includes(name))) {
        const expected = `a wallet, with ${KEYS.join(" or ")}`;
        throw error("MS_NOT_FOUND", { where: directory, expected });
    }
    return names.map((name) => ({
        name,
        bytes: new Uint8Array(readFileSync(join(directory, name))),
    }));
}

/**
 * Writes the files of a wallet into a directory, each with mode 600.
 * @throws MetersealError MS_STORE_UNWRITABLE where one of them is there already, MS_KEY_FILE where one
 * is no wallet's: nothing is written.
 */
export function writeWallet(directory: string, files: readonly WalletFile[]): void {
    const foreign = files.find(({ name }) => !WALLET.test(name));
    if (foreign !== undefined) {
        throw error("MS_KEY_FILE", {
            where: "wallet archive",
            expected: "files of a wallet alone",
        });
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const there = files.find(({ name }) => existsSync(join(directory, name)));
    if (there !== undefined) {
        const todo = "Choose another directory: a wallet is never written over.";
        throw error("MS_STORE_UNWRITABLE", {
            where: join(directory, there.name),
            got: "a file",
            todo,
        });
    }
    for (const { bytes, name } of files) replaceSecret(join(directory, name), bytes);
}

/** Deletes the files of the wallet in a directory; returns their names. */
export function eraseWallet(directory: string): string[] {
    const files = readWallet(directory);
    for (const { name } of files) rmSync(join(directory, name));
    return files.map(({ name }) => name);
}

/** Whether the directory holds a meter's copy of the master secret, too. */
export function hasMeter(directory: string): boolean {
    return existsSync(join(directory, DEVICE_FILES.master));
}
