import { ok, type Result, unixOfSlot } from "@meterseal/core";
import {
    addBlinds,
    type OwnerKeys,
    openShifted,
    ownerKeys,
    type SealedStream,
    weighBlinds,
} from "@meterseal/seal";
import type { Bill } from "./bill.ts";
import { checkBill } from "./check.ts";
import { type BillBasis, type GroupLine, linesOf } from "./lines.ts";
import { allowPrices } from "./rules.ts";

/** Who makes a bill: the household, by its keys. */
export type Prover = {
    readonly network: Uint8Array;
    readonly meter: Uint8Array;
    /** 32 bytes. */
    readonly master: Uint8Array;
    readonly stream: SealedStream;
    /** True where the household believes that the series' publisher is an independent market. */
    readonly isMarketSeries: boolean;
};

/**
 * Makes the bill of a period: the amount and the blind that proves it, from the household's keys. The
 * finished bill was checked as its reader will check it.
 * @returns MS_TARIFF where the prices would reveal more than the amount, or do not fit the period;
 * MS_COMMITMENT for a stream without commitments; MS_REGISTER_CAP for a foreign key; MS_BILL where a
 * commitment of the meter hides something else than its sealed register; MS_RESEALED where two seal epochs
 * measured a time of the period.
 */
export function proveBill(prover: Prover, basis: BillBasis): Result<Bill> {
    const lines = linesOf(basis);
    if (!lines.ok) return lines;
    let amount = 0n;
    const blinds: bigint[] = [];
    for (const line of lines.value) {
        const allowed = allowPrices(line, basis.period, prover.isMarketSeries);
        if (!allowed.ok) return allowed;
        const proven = proveLine(line, prover);
        if (!proven.ok) return proven;
        amount += proven.value.amount;
        blinds.push(proven.value.blind);
    }
    const { period, recorded, tariff } = basis;
    const bill = {
        network: prover.network,
        meter: prover.meter,
        stream: recorded.stream,
        tariff: tariff.hash,
        fromUnix: unixOfSlot(period.fromSlot, period.slotSeconds),
        toUnix: unixOfSlot(period.toSlot, period.slotSeconds),
        amount,
        blind: addBlinds(blinds),
    };
    const checked = checkBill(bill, basis);
    return checked.ok ? ok(bill) : checked;
}

function proveLine(
    { epochs, group }: GroupLine,
    { master, stream }: Prover,
): Result<{ readonly amount: bigint; readonly blind: bigint }> {
    let amount = 0n;
    const blinds: bigint[] = [];
    for (const { sealEpoch, terms } of epochs) {
        if (terms.length === 0) continue;
        const keys = ownerKeys(master, { ...stream, sealEpoch });
        if (!keys.ok) return keys;
        const weighted = terms.map(({ boundary, weight }) => ({
            address: boundary.address,
            weight,
        }));
        const blind = weighBlinds(keys.value, group, weighted);
        if (!blind.ok) return blind;
        blinds.push(blind.value);
        const opened = openLine(keys.value, group, terms);
        if (!opened.ok) return opened;
        amount += opened.value;
    }
    return ok({ amount, blind: addBlinds(blinds) });
}

/** Σ v · R of a group, of two channels the first minus the second. Shifts cancel as the weights do. */
function openLine(
    keys: OwnerKeys,
    group: number,
    terms: GroupLine["epochs"][number]["terms"],
): Result<bigint> {
    const width = terms[0]?.boundary.sealed.length ?? 0;
    const sealed = new Uint8Array(terms.length * width);
    for (const [i, { boundary }] of terms.entries()) sealed.set(boundary.sealed, i * width);
    const addresses = terms.map(({ boundary }) => boundary.address);
    const opened = openShifted(keys, group, { addresses, sealed });
    if (!opened.ok) return opened;
    const channels = opened.value.length / terms.length;
    let sum = 0n;
    for (const [i, { weight }] of terms.entries()) {
        const first = opened.value[i * channels] as bigint;
        const second = channels === 1 ? 0n : (opened.value[i * channels + 1] as bigint);
        sum += weight * (first - second);
    }
    return ok(sum);
}
