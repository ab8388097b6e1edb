import { error } from "@meterseal/core";
import { type Address, type Hex, isHex } from "../hex.ts";

/**
 * A transaction that was signed and may have been sent. It is on disk before it first leaves, so that
 * a process that starts again sends the same bytes, or finds what became of them.
 */
export type PendingTransaction = {
    /** What it is for, in a word for people. */
    readonly purpose: string;
    readonly from: Address;
    /** null where it deploys a contract. */
    readonly to: Address | null;
    readonly data: Hex;
    readonly gasLimit: bigint;
    readonly nonce: number;
    /** Signed forms of it, with rising fees under one cap; all have the nonce, so one is mined. */
    readonly versions: readonly PendingVersion[];
};

/** One signed form of a transaction. */
export type PendingVersion = {
    readonly raw: Hex;
    readonly hash: Hex;
    readonly maxFeePerGas: bigint;
    readonly maxPriorityFeePerGas: bigint;
    /** When it was signed, Unix milliseconds. */
    readonly atMs: number;
};

/** Where the one transaction that is under way is kept. */
export type PendingStore = {
    readonly load: () => PendingTransaction | null;
    /** On disk before it returns. */
    readonly save: (pending: PendingTransaction | null) => void;
};

/** Text of a file with the transaction that is under way. */
export function formatPending(pending: PendingTransaction): string {
    const json = (_: string, value: unknown): unknown =>
        typeof value === "bigint" ? `${value}` : value;
    return `${JSON.stringify(pending, json, 4)}\n`;
}

/**
 * Reads such a file.
 * @throws MetersealError MS_STORE_FORMAT where it is another one: whether something is under way must
 * never be guessed.
 */
export function parsePending(text: string, where: string): PendingTransaction {
    try {
        const file = JSON.parse(text) as Record<string, unknown>;
        const { data, from, gasLimit, nonce, purpose, to, versions } = file;
        const isWhole =
            isHex(data) && isHex(from, 20) && (to === null || isHex(to, 20)) && isCount(nonce);
        if (isWhole && typeof purpose === "string" && Array.isArray(versions)) {
            const parsed = versions.map(parseVersion);
            return { purpose, from, to, data, gasLimit: wei(gasLimit), nonce, versions: parsed };
        }
    } catch (cause) {
        throw error("MS_STORE_FORMAT", { where, cause });
    }
    throw error("MS_STORE_FORMAT", { where, expected: "a transaction that is under way" });
}

function parseVersion(version: Record<string, unknown>): PendingVersion {
    const { atMs, hash, maxFeePerGas, maxPriorityFeePerGas, raw } = version;
    if (!isHex(raw) || !isHex(hash, 32) || !isCount(atMs)) throw new Error("no signed form");
    const fees = {
        maxFeePerGas: wei(maxFeePerGas),
        maxPriorityFeePerGas: wei(maxPriorityFeePerGas),
    };
    return { raw, hash, atMs, ...fees };
}

const isCount = (value: unknown): value is number =>
    Number.isSafeInteger(value) && Number(value) >= 0;

function wei(value: unknown): bigint {
    if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
    throw new Error("no amount");
}
