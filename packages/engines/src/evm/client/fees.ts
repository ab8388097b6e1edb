import { error } from "@meterseal/core";
import { type EvmRpc, quantityOf } from "../rpc.ts";

/** What a unit of gas may cost, wei. */
export type EvmFees = {
    readonly maxFeePerGas: bigint;
    readonly maxPriorityFeePerGas: bigint;
};

/** Part by which a transaction that replaces another one must pay more: nodes ask for a tenth. */
const RAISE_PERCENT = 125n;

/**
 * Fees for the next blocks: twice the base fee of the last one, which six full blocks in a row do not
 * exceed, and the tip that the node recommends; never above the cap.
 * @throws MetersealError MS_EVM_FEE where the base fee alone is above the cap; MS_EVM_CHAIN for a
 * chain without base fees; MS_LINK.
 */
export async function feesNow(rpc: EvmRpc, capWei: bigint): Promise<EvmFees> {
    const block = await rpc.query("eth_getBlockByNumber", ["latest", false]);
    const base = (block as { readonly baseFeePerGas?: unknown } | null)?.baseFeePerGas;
    if (typeof base !== "string" || !/^0x[0-9a-f]+$/i.test(base)) {
        throw error("MS_EVM_CHAIN", { where: rpc.place, expected: "a chain with base fees" });
    }
    const baseWei = BigInt(base);
    if (baseWei > capWei) {
        const expected = `at most ${gwei(capWei)} gwei for a unit of gas`;
        throw error("MS_EVM_FEE", { where: rpc.place, expected, got: `${gwei(baseWei)} gwei` });
    }
    const recommended = await rpc.ask("eth_maxPriorityFeePerGas", []);
    const tip = recommended.ok ? quantityOf(recommended.result, rpc.place) : 0n;
    const maxFeePerGas = least(2n * baseWei + tip, capWei);
    return { maxFeePerGas, maxPriorityFeePerGas: least(tip, maxFeePerGas) };
}

/** Fees that replace a transaction which waits for long; null where the cap leaves no room. */
export function raisedFees(last: EvmFees, now: EvmFees, capWei: bigint): EvmFees | null {
    const more = (wei: bigint): bigint => (wei * RAISE_PERCENT) / 100n + 1n;
    const maxFeePerGas = most(more(last.maxFeePerGas), now.maxFeePerGas);
    const maxPriorityFeePerGas = most(more(last.maxPriorityFeePerGas), now.maxPriorityFeePerGas);
    if (maxFeePerGas > capWei) return null;
    return { maxFeePerGas, maxPriorityFeePerGas: least(maxPriorityFeePerGas, maxFeePerGas) };
}

/** Of what was signed the form that pays most within the cap; null where none does. */
export function dearestWithin<T extends EvmFees>(forms: readonly T[], capWei: bigint): T | null {
    const allowed = forms.filter(({ maxFeePerGas }) => maxFeePerGas <= capWei);
    return allowed.toSorted((a, b) => Number(a.maxFeePerGas - b.maxFeePerGas)).at(-1) ?? null;
}

/** Wei as gwei, for people. */
export function gwei(wei: bigint): string {
    const whole = wei / 1_000_000_000n;
    const part = `${wei % 1_000_000_000n}`.padStart(9, "0").replace(/0+$/, "");
    return part === "" ? `${whole}` : `${whole}.${part}`;
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
