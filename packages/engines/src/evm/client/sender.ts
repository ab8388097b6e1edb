import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, error, LIMITS, MetersealError } from "@meterseal/core";
import { type Address, type Hex, isHex } from "../hex.ts";
import { type EvmRpc, quantityOf } from "../rpc.ts";
import { type EvmFees, feesNow, gwei, raisedFees } from "./fees.ts";
import type { PendingStore, PendingTransaction, PendingVersion } from "./pending.ts";
import { type EvmSigner, signTransaction } from "./signer.ts";

/** How a sender works. */
export type SenderOptions = {
    readonly rpc: EvmRpc;
    readonly chainId: number;
    readonly signer: EvmSigner;
    readonly pending: PendingStore;
    readonly clock: Clock;
    /** Blocks, its own included, after which a transaction counts as there to stay. */
    readonly confirmations: number;
    /** Wei that a unit of gas may cost, tip included. */
    readonly feeCapWei: bigint;
    /** Time between two looks at the chain. */
    readonly pollMs: number;
    /** A transaction that is in no block by then is sent again, paying more. */
    readonly raiseAfterMs: number;
    /** Longest time that one transaction is waited for; it stays under way beyond that. */
    readonly waitMs: number;
    readonly signal: AbortSignal;
    /** What happens, for the person who waits; the same thing is said once. */
    readonly say?: (text: string) => void;
};

/** A call to send. */
export type EvmCallToSend = {
    readonly purpose: string;
    readonly to: Address | null;
    readonly data: Hex;
};

/** Where a transaction came to stand. */
export type MinedTransaction = {
    readonly hash: Hex;
    readonly isTaken: boolean;
    readonly blockNumber: number;
    readonly blockHash: Hex;
    readonly gasUsed: number;
    readonly contract: Address | null;
};

/** Gas beyond the estimate: what the contract holds may change on the way. */
const GAS_PERCENT = 125n;
/** What nodes say of a transaction that they have. */
const KNOWN = /already known|already imported|known transaction|already in/i;
/** What they say of one whose number was used: it, or another version of it, is in a block. */
const USED = /nonce too low|nonce is too low|old nonce/i;
const POOR = /insufficient funds|insufficient balance|upfront cost/i;
const CHEAP = /underpriced|fee too low|less than block base fee|below base fee|gas price too low/i;

/**
 * Sends transactions of one account, one at a time: each is on disk before it leaves, the same bytes
 * are sent again until a block has them, and it counts when enough blocks stand on that one. A node
 * that does not answer is asked again; nothing is signed anew while an older one may still be mined.
 */
export class TransactionSender {
    readonly #options: SenderOptions;
    #said = "";

    constructor(options: SenderOptions) {
        this.#options = options;
    }

    /**
     * Signs, keeps, sends, and waits until it stays; first for one that is still under way.
     * @throws MetersealError MS_EVM_FEE, MS_SIGNATURE_BAD; what the contract says at an estimate is
     * for `onRevert`.
     */
    async send(
        call: EvmCallToSend,
        onRevert: (data: Hex | null, message: string) => MetersealError,
    ): Promise<MinedTransaction | null> {
        const { feeCapWei, pending, rpc, signer } = this.#options;
        const { data, purpose, to } = call;
        const from = signer.address;
        const asked = { from, data, ...(to === null ? {} : { to }) };
        const estimate = await rpc.ask("eth_estimateGas", [asked]);
        if (!estimate.ok) throw onRevert(estimate.data, estimate.message);
        const gasLimit = (quantityOf(estimate.result, rpc.place) * GAS_PERCENT) / 100n;
        const fees = await this.#affordable(await feesNow(rpc, feeCapWei), gasLimit);
        const nonce = Number(await rpc.quantity("eth_getTransactionCount", [from, "pending"]));
        const base = { purpose, from, to, data, gasLimit, nonce };
        const first = await this.#sign({ ...base, versions: [] }, fees);
        pending.save({ ...base, versions: [first] });
        return await this.settle();
    }

    /**
     * Brings the transaction that is under way to its end: null where there is none, or where its
     * number was used by another transaction of the account, so that it will never be mined.
     * @throws MetersealError MS_BUSY after the longest wait; it stays under way.
     */
    async settle(): Promise<MinedTransaction | null> {
        const { clock, waitMs } = this.#options;
        const endMs = clock.nowMs() + waitMs;
        for (;;) {
            const pending = this.#options.pending.load();
            if (pending === null) return null;
            try {
                const end = await this.#look(pending);
                if (end !== "open") {
                    this.#options.pending.save(null);
                    return end;
                }
            } catch (cause) {
                if (!(cause instanceof MetersealError) || cause.code !== "MS_LINK") throw cause;
                this.#say(`${cause.message} Trying again.`);
            }
            if (clock.nowMs() >= endMs) {
                const got = `${pending.purpose} is not confirmed yet`;
                const todo = "It is kept; the next run goes on with it.";
                throw error("MS_BUSY", { where: this.#options.rpc.place, got, todo });
            }
            await this.#wait();
        }
    }

    /** One look at the chain, and what is to be done after it. */
    async #look(pending: PendingTransaction): Promise<MinedTransaction | null | "open"> {
        const { clock, confirmations, raiseAfterMs, rpc } = this.#options;
        const used = await this.#isNumberUsed(pending);
        const mined = await this.#find(pending);
        if (mined !== null) {
            const latest = Number(await rpc.quantity("eth_blockNumber", []));
            const depth = latest - mined.blockNumber + 1;
            if (depth >= confirmations) return mined;
            this.#say(`in block ${mined.blockNumber}, ${depth} of ${confirmations} confirmations`);
            return "open";
        }
        // The number was used before the receipts were asked for, and none of ours is in the chain.
        if (used) return null;
        const last = pending.versions.at(-1);
        if (last === undefined) return null;
        if (clock.nowMs() - last.atMs > raiseAfterMs) await this.#raise(pending, last);
        await this.#broadcast(this.#options.pending.load() ?? pending);
        return "open";
    }

    async #isNumberUsed({ from, nonce }: PendingTransaction): Promise<boolean> {
        const next = await this.#options.rpc.quantity("eth_getTransactionCount", [from, "latest"]);
        return next > BigInt(nonce);
    }

    /** The version that stands in a block of the chain as it is now. */
    async #find({ versions }: PendingTransaction): Promise<MinedTransaction | null> {
        for (const { hash } of versions.toReversed()) {
            const receipt = await this.#options.rpc.query("eth_getTransactionReceipt", [hash]);
            if (receipt !== null) return minedOf(receipt, hash, this.#options.rpc.place);
        }
        return null;
    }

    async #broadcast({ purpose, versions }: PendingTransaction): Promise<void> {
        const last = versions.at(-1);
        if (last === undefined) return;
        const { feeCapWei, rpc } = this.#options;
        const answer = await rpc.ask("eth_sendRawTransaction", [last.raw]);
        if (answer.ok || KNOWN.test(answer.message) || USED.test(answer.message)) {
            this.#say(`${purpose} sent as ${last.hash}, not in a block yet`);
            return;
        }
        const got = answer.message;
        if (POOR.test(got)) throw error("MS_EVM_FEE", { where: rpc.place, got });
        if (CHEAP.test(got)) {
            this.#say(`The chain asks for more than ${gwei(feeCapWei)} gwei now; waiting: ${got}`);
            return;
        }
        throw error("MS_LINK", { where: `${rpc.place} eth_sendRawTransaction`, got });
    }

    /** Signs it again with higher fees, where the cap leaves room for that. */
    async #raise(pending: PendingTransaction, last: PendingVersion): Promise<void> {
        const { feeCapWei, pending: store, rpc } = this.#options;
        if (pending.versions.length >= LIMITS.evmVersions) return;
        const now = await feesNow(rpc, feeCapWei).catch((cause: unknown) => {
            if (cause instanceof MetersealError && cause.code === "MS_EVM_FEE") return null;
            throw cause;
        });
        const fees = now === null ? null : raisedFees(last, now, feeCapWei);
        if (fees === null) {
            this.#say(`It waits: ${gwei(feeCapWei)} gwei for a unit of gas are allowed, no more.`);
            return;
        }
        const version = await this.#sign(pending, fees);
        store.save({ ...pending, versions: [...pending.versions, version] });
        this.#say(`paying up to ${gwei(fees.maxFeePerGas)} gwei for a unit of gas now`);
    }

    async #sign(pending: PendingTransaction, fees: EvmFees): Promise<PendingVersion> {
        const { chainId, clock, signer } = this.#options;
        const { data, gasLimit, nonce, to } = pending;
        const transaction = { chainId, nonce, to, data, gasLimit, ...fees };
        return { ...(await signTransaction(signer, transaction)), ...fees, atMs: clock.nowMs() };
    }

    /**
     * @throws MetersealError MS_EVM_FEE where the account has not enough. On a chain without fees an
     * account with nothing pays nothing.
     */
    async #affordable(fees: EvmFees, gasLimit: bigint): Promise<EvmFees> {
        const { rpc, signer } = this.#options;
        const balance = await rpc.quantity("eth_getBalance", [signer.address, "latest"]);
        if (balance >= fees.maxFeePerGas * gasLimit) return fees;
        const isFree = fees.maxFeePerGas === fees.maxPriorityFeePerGas;
        if (isFree && balance === 0n) return { maxFeePerGas: 0n, maxPriorityFeePerGas: 0n };
        throw error("MS_EVM_FEE", {
            where: `account ${signer.address}`,
            expected: `${fees.maxFeePerGas * gasLimit} wei`,
            got: `${balance} wei`,
        });
    }

    async #wait(): Promise<void> {
        const { pollMs, signal } = this.#options;
        await sleep(pollMs, undefined, { signal }).catch(() => undefined);
        signal.throwIfAborted();
    }

    #say(text: string): void {
        if (text === this.#said) return;
        this.#said = text;
        this.#options.say?.(text);
    }
}

function minedOf(receipt: unknown, hash: Hex, place: string): MinedTransaction {
    const fields = receipt as Record<string, unknown>;
    const { blockHash, blockNumber, contractAddress, gasUsed, status } = fields;
    const numbers = [blockNumber, gasUsed].map((value) => Number(value));
    if (!isHex(blockHash, 32) || !numbers.every(Number.isSafeInteger)) {
        throw error("MS_LINK", { where: `${place} eth_getTransactionReceipt`, got: "no receipt" });
    }
    return {
        ...{ hash, blockHash, isTaken: status === "0x1" },
        ...{ blockNumber: numbers[0] ?? 0, gasUsed: numbers[1] ?? 0 },
        contract: isHex(contractAddress, 20) ? contractAddress : null,
    };
}
