import { error, fromHex } from "@meterseal/core";
import {
    type Address,
    EvmRpc,
    type EvmSigner,
    keySigner,
    remoteSigner,
} from "@meterseal/engines/evm";
import { integerOption, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { isOpenToOthers, readBounded } from "../files.ts";
import { MAX_FEE_GWEI } from "./option-specs.ts";

const KEY_FILE_BYTES = 256;
const URL_FILE_BYTES = 4_096;
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
/** Longest time between two anchors: a week. */
const EVERY_SECONDS = 7 * 86_400;

/** Node, chain, signer and bounds of fees and waiting, as the options say. */
export function senderOf(options: Options): {
    readonly rpc: EvmRpc;
    readonly chainId: number;
    readonly signer: EvmSigner;
    readonly feeCapWei: bigint;
    readonly confirmations: number;
} {
    const rpc = new EvmRpc(rpcUrl(options));
    requiredOption(options, "chain", "ID");
    const bounds = { min: 1, max: Number.MAX_SAFE_INTEGER, byDefault: 1 };
    return {
        rpc,
        chainId: integerOption(options, "chain", bounds),
        signer: signerOf(options),
        feeCapWei: feeCap(options),
        confirmations: confirmationsOf(options),
    };
}

/** URL of the node; in a file it stands in no list of processes. */
function rpcUrl(options: Options): string {
    const [url, file] = [textOption(options, "rpc"), textOption(options, "rpc-file")];
    if (url !== undefined && file === undefined) return url;
    if (url === undefined && file !== undefined) {
        return readBounded(file, URL_FILE_BYTES).toString("utf8").trim();
    }
    throw error("MS_USAGE", { expected: "either --rpc URL or --rpc-file FILE" });
}

/** Confirmations that are asked for. */
export function confirmationsOf(options: Options): number {
    return integerOption(options, "confirmations", { min: 1, max: 10_000, byDefault: 6 });
}

function feeCap(options: Options): bigint {
    const text = textOption(options, "max-fee") ?? `${MAX_FEE_GWEI}`;
    const [, whole, part = ""] = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
    if (whole === undefined) throw error("MS_USAGE", { expected: "--max-fee GWEI", got: text });
    return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, "0"));
}

function signerOf(options: Options): EvmSigner {
    const [file, url] = [textOption(options, "signer-key"), textOption(options, "signer")];
    if ((file === undefined) === (url === undefined)) {
        throw error("MS_USAGE", { expected: "either --signer-key FILE or --signer URL" });
    }
    if (file !== undefined) return keySigner(readAccountKey(file));
    return remoteSigner(new EvmRpc(url ?? ""), addressOption(options, "account"));
}

/**
 * Reads the key of an account: 64 hexadecimal digits in a file that only its owner may read.
 * @throws MetersealError MS_NOT_FOUND, MS_KEY_FILE
 */
function readAccountKey(path: string): Uint8Array {
    const text = readBounded(path, KEY_FILE_BYTES).toString("utf8").trim();
    if (isOpenToOthers(path)) {
        const todo = `Close it: chmod 600 ${path}`;
        throw error("MS_KEY_FILE", { where: path, got: "a key that others may read", todo });
    }
    const [, digits] = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(text) ?? [];
    if (digits !== undefined) return fromHex(digits.toLowerCase());
    throw error("MS_KEY_FILE", { where: path, expected: "64 hexadecimal digits" });
}

/** An address that the command cannot do without, in lower case. */
export function addressOption(options: Options, name: string): Address {
    const text = requiredOption(options, name, "ADDRESS");
    if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text.toLowerCase() as Address;
    const expected = `--${name} with 0x and 40 hexadecimal digits`;
    throw error("MS_USAGE", { expected, got: text });
}

/** Seconds of a text such as 90s, 15m, 1h or 1d. */
export function secondsOf(text: string): number {
    const [, count = "0", unit = ""] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
    const seconds = Number(count) * (UNITS[unit] ?? 0);
    if (seconds >= 1 && seconds <= EVERY_SECONDS) return seconds;
    throw error("MS_USAGE", { expected: "a time from 1s to 7d, such as 15m or 1h", got: text });
}
