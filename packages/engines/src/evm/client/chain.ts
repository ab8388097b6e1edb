import { error } from "@meterseal/core";
import { type Address, type Hex, isHex } from "../hex.ts";
import type { EvmRpc } from "../rpc.ts";

/** Where a transaction came to stand. */
export type MinedTransaction = {
    readonly hash: Hex;
    readonly isTaken: boolean;
    readonly blockNumber: number;
    readonly blockHash: Hex;
    readonly gasUsed: number;
    readonly contract: Address | null;
};

/**
 * Where a transaction stands in the chain as it is now; null while no block has it.
 * @throws MetersealError MS_LINK
 */
export async function receiptOf(rpc: EvmRpc, hash: Hex): Promise<MinedTransaction | null> {
    const receipt = await rpc.query("eth_getTransactionReceipt", [hash]);
    if (receipt === null) return null;
    const fields = receipt as Record<string, unknown>;
    const { blockHash, blockNumber, contractAddress, gasUsed, status } = fields;
    const numbers = [blockNumber, gasUsed].map((value) => Number(value));
    if (!isHex(blockHash, 32) || !numbers.every(Number.isSafeInteger)) {
        const where = `${rpc.place} eth_getTransactionReceipt`;
        throw error("MS_LINK", { where, got: "no receipt" });
    }
    return {
        ...{ hash, blockHash, isTaken: status === "0x1" },
        ...{ blockNumber: numbers[0] ?? 0, gasUsed: numbers[1] ?? 0 },
        contract: isHex(contractAddress, 20) ? contractAddress : null,
    };
}

/**
 * Number of an account's next transaction as of a block: how many of them the chain has up to there.
 * @throws MetersealError MS_LINK, also where no account has sent so many.
 */
export async function nextNumber(
    rpc: EvmRpc,
    account: Address,
    block: Hex | "latest",
): Promise<number> {
    const found = await rpc.quantity("eth_getTransactionCount", [account, block]);
    const number = Number(found);
    if (Number.isSafeInteger(number)) return number;
    throw error("MS_LINK", {
        where: `${rpc.place} eth_getTransactionCount`,
        expected: "a number that an account can reach",
        got: `${found}`,
    });
}

/**
 * Confirmations of a block: how many stand in the chain from it on, its own included.
 * @throws MetersealError MS_LINK
 */
export async function blockDepth(rpc: EvmRpc, blockNumber: number): Promise<number> {
    return Number(await rpc.quantity("eth_blockNumber", [])) - blockNumber + 1;
}
