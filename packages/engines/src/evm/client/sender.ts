import { setTimeout as sleep } from "node:timers/promises";
import { type Clock, error, LIMITS, MetersealError } from "@meterseal/core";
import type { Address, Hex } from "../hex.ts";
import { type EvmRpc, quantityOf } from "../rpc.ts";
import { blockDepth, type MinedTransaction, nextNumber, receiptOf } from "./chain.ts";
import { dearestWithin, type EvmFees, feesNow, gwei, raisedFees } from "./fees.ts";
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

/** Gas beyond the estimate: what the contract holds may change on the way. */
const GAS_PERCENT = 125n;
/** Blocks back that every node still has the state of; those that keep least have some hundred. */
const STATE_BLOCKS = 64;
/** What nodes say of a transaction that they have. */
const KNOWN = /already known|already imported|known transaction|already in/i;
/** What they say of one whose number was used: it, or another version of it, is in a block. */
const USED = /nonce too low|nonce is too low|old nonce/i;
const POOR = /insufficient funds|insufficient balance|upfront cost/i;
const CHEAP = /underpriced|fee too low|less than block base fee|below base fee|gas price too low/i;

/**
 * Sends transactions of one account, one at a time: each is on disk before it leaves, the same bytes
 * are sent again until a block has them, and it counts when enough blocks stand on that one. A node
 * that does not answer is asked again. While an older one may still be mined, nothing is signed under
 * another number, but for the same call where that number is beyond the account's next one.
 */
export class TransactionSender {
    readonly #options: SenderOptions;
    #said = "";

    constructor(options: SenderOptions) {
        this.#options = options;
    }

    /**
     * Signs, keeps, sends, and waits until it stays; nothing else may be under way.
     *
     * Its number is the next one of the chain, not of the node's pool: behind a transaction that waits
     * there and is dropped, or that a node makes up, no block would ever take it.
     * @throws MetersealError MS_EVM_FEE, MS_SIGNATURE_BAD, MS_LINK; MS_BUSY after the longest wait, or
     * where another transaction of the account used its number; what the contract says at an estimate
     * is for `onRevert`.
     */
    async send(
        call: EvmCallToSend,
        onRevert: (data: Hex | null, message: string) => MetersealError,
    ): Promise<MinedTransaction> {
        const { feeCapWei, pending, rpc, signer } = this.#options;
        const { data, purpose, to } = call;
        const from = signer.address;
        const asked = { from, data, ...(to === null ? {} : { to }) };
        const estimate = await rpc.ask("eth_estimateGas", [asked]);
        if (!estimate.ok) throw onRevert(estimate.data, estimate.message);
        const gasLimit = (quantityOf(estimate.result, rpc.place) * GAS_PERCENT) / 100n;
        const fees = await this.#affordable(await feesNow(rpc, feeCapWei), gasLimit);
        const nonce = await nextNumber(rpc, from, "latest");
        const base = { purpose, from, to, data, gasLimit, nonce };
        const first = await this.#sign({ ...base, versions: [] }, fees);
        pending.save({ ...base, versions: [first] });
        const mined = await this.settle();
        if (mined !== null) return mined;
        const got = `the number of ${purpose} was used by another transaction`;
        throw error("MS_BUSY", { where: rpc.place, got, todo: "The next run looks again." });
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
        const { confirmations, rpc, signer } = this.#options;
        const next = await nextNumber(rpc, pending.from, "latest");
        const mined = await this.#find(pending);
        if (mined !== null) {
            const depth = await blockDepth(rpc, mined.blockNumber);
            if (depth >= confirmations) return mined;
            this.#say(`in block ${mined.blockNumber}, ${depth} of ${confirmations} confirmations`);
            return "open";
        }
        if (next > pending.nonce) return (await this.#isLost(pending)) ? null : "open";
        const last = pending.versions.at(-1);
        if (last === undefined) return null;
        const isOurs = pending.from === signer.address;
        const note = isOurs
            ? await this.#renew(pending, last, next)
            : `; only ${pending.from}, which signed it, could pay more`;
        await this.#broadcast(this.#options.pending.load() ?? pending, note);
        return "open";
    }

    /**
     * Whether another transaction has its number for good. One answer does not show that: a node may
     * be a block behind with its receipts, and a block may leave the chain. So the number must be used
     * in a block that is confirmed, and no receipt be there after that was asked.
     */
    async #isLost(pending: PendingTransaction): Promise<boolean> {
        const { confirmations, rpc } = this.#options;
        const { from, nonce } = pending;
        const back = BigInt(Math.min(confirmations, STATE_BLOCKS));
        const block = (await rpc.quantity("eth_blockNumber", [])) - back;
        const used = block < 0n ? 0 : await nextNumber(rpc, from, `0x${block.toString(16)}`);
        if (used > nonce && (await this.#find(pending)) === null) return true;
        this.#say(`number ${nonce} of ${from} is used; the next blocks show by which transaction`);
        return false;
    }

    /** The version that stands in a block of the chain as it is now. */
    async #find({ versions }: PendingTransaction): Promise<MinedTransaction | null> {
        for (const { hash } of versions.toReversed()) {
            const mined = await receiptOf(this.#options.rpc, hash);
            if (mined !== null) return mined;
        }
        return null;
    }

    /** @param note - what else is to be said of it while it waits. */
    async #broadcast({ purpose, versions }: PendingTransaction, note: string): Promise<void> {
        const { feeCapWei, rpc } = this.#options;
        const version = dearestWithin(versions, feeCapWei);
        if (version === null) {
            const allowed = `${gwei(feeCapWei)} gwei for a unit of gas that are allowed now`;
            this.#say(`${purpose} was signed for more than the ${allowed}; it is not sent again`);
            return;
        }
        const answer = await rpc.ask("eth_sendRawTransaction", [version.raw]);
        if (answer.ok || KNOWN.test(answer.message) || USED.test(answer.message)) {
            this.#say(`${purpose} sent as ${version.hash}, not in a block yet${note}`);
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

    /**
     * Signs it again, where that helps and the cap leaves room: paying more when it waited for long, or
     * less where no form of it is within the cap; under the account's next number where its own is
     * beyond that. Then two of them may be mined, and the contract takes one: it asks for the last root.
     * @returns what is to be said of it, empty for nothing.
     */
    async #renew(pending: PendingTransaction, last: PendingVersion, next: number): Promise<string> {
        const { clock, feeCapWei, pending: store, raiseAfterMs } = this.#options;
        const best = dearestWithin(pending.versions, feeCapWei);
        const isOld = clock.nowMs() - last.atMs > raiseAfterMs;
        if (best !== null && !isOld) return "";
        const isAhead = isOld && next < pending.nonce;
        const base = isAhead ? { ...pending, nonce: next, versions: [] } : pending;
        if (base.versions.length >= LIMITS.evmVersions) return "";
        const fees = await this.#newFees(isAhead ? null : best, pending.gasLimit);
        if (fees === null) {
            return `; ${gwei(feeCapWei)} gwei for a unit of gas are allowed, no more`;
        }
        const version = await this.#sign(base, fees);
        store.save({ ...base, versions: [...base.versions, version] });
        if (isAhead) this.#say(`${next} is the account's next number, not ${pending.nonce}`);
        this.#say(`paying up to ${gwei(fees.maxFeePerGas)} gwei for a unit of gas now`);
        return "";
    }

    /** Fees for another form of what was signed; null where the cap leaves no room. */
    async #newFees(best: EvmFees | null, gasLimit: bigint): Promise<EvmFees | null> {
        const { feeCapWei, rpc } = this.#options;
        const now = await feesNow(rpc, feeCapWei).catch((cause: unknown) => {
            if (cause instanceof MetersealError && cause.code === "MS_EVM_FEE") return null;
            throw cause;
        });
        if (now === null) return null;
        if (best === null) return await this.#affordable(now, gasLimit);
        return raisedFees(best, now, feeCapWei);
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
