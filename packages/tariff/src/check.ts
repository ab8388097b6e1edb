import { bytesEqual, error, fail, ok, type Result, unixOfSlot } from "@meterseal/core";
import { opensTo, type WeightedCommitment } from "@meterseal/seal";
import type { Bill } from "./bill.ts";
import { type ChargeLine, chargesOf } from "./charges.ts";
import { type Coverage, coverageOf } from "./coverage.ts";
import { type BillBasis, linesOf } from "./lines.ts";
import { findShortfall } from "./reach.ts";

/** A bill that follows from the records and the tariff. */
export type CheckedBill = {
    /** Price of the energy, in 10^(scale − 9) of the currency unit. */
    readonly energy: bigint;
    readonly scale: number;
    readonly charges: readonly ChargeLine[];
    readonly coverage: Coverage;
};

/**
 * Checks a bill without a key: Σ v · Com = amount · G + blind · H over the commitments that the meter
 * signed, with weights that follow from the published tariff (privacy 4). That the records are signed,
 * whole and in the ledger is checked before, by whoever hands them over.
 * @returns MS_BILL with the reason, also where a seal epoch of the period lacks; MS_PRUNED where records of
 * the period were pruned; MS_COMMITMENT for a commitment that is none or is not there; MS_RESEALED where
 * two seal epochs measured a time of the period; MS_TARIFF, MS_ZONE, MS_TOO_LARGE.
 */
export function checkBill(bill: Bill, basis: BillBasis): Result<CheckedBill> {
    const { period, recorded, tariff } = basis;
    const { fromSlot, slotSeconds, toSlot } = period;
    const reason = !bytesEqual(bill.tariff, tariff.hash)
        ? "a bill under this tariff"
        : !bytesEqual(bill.stream, recorded.stream)
          ? "a bill of this stream"
          : bill.fromUnix !== unixOfSlot(fromSlot, slotSeconds) ||
              bill.toUnix !== unixOfSlot(toSlot, slotSeconds)
            ? "a bill of this period"
            : null;
    if (reason !== null) return fail(error("MS_BILL", { expected: reason }));
    // Whoever leaves the newest records out would leave what they say out of the bill.
    const shortfall = findShortfall(recorded.epochs, period);
    if (shortfall !== null) return fail(error("MS_BILL", shortfall));
    const firstUnix = recorded.epochs[0]?.boundaries[0]?.atUnix ?? bill.toUnix;
    if (basis.isPruned === true && firstUnix > bill.fromUnix) {
        // Nobody could tell what they said from what was never used.
        const expected = "records that reach back to the beginning of the period";
        const todo = "Take evidence from before the pruning, or a bill that begins later.";
        return fail(error("MS_PRUNED", { where: "bill", expected, todo }));
    }
    const lines = linesOf(basis);
    if (!lines.ok) return lines;
    const terms: WeightedCommitment[] = lines.value.flatMap(({ epochs, place }) =>
        epochs.flatMap((epoch) =>
            epoch.terms.map(({ boundary, weight }) => ({
                commitment: boundary.commitments[place] as Uint8Array,
                weight,
            })),
        ),
    );
    const opens = opensTo(terms, bill.amount, bill.blind);
    if (!opens.ok) return opens;
    if (!opens.value) {
        const expected = "amount and blind of the weighted sum of the signed commitments";
        const todo =
            "The amount, its blind, a record, or the prices are not those that were proven.";
        return fail(error("MS_BILL", { expected, todo }));
    }
    const charges = chargesOf(tariff.body, period);
    if (!charges.ok) return charges;
    return ok({
        energy: bill.amount,
        scale: recorded.scale,
        charges: charges.value,
        coverage: coverageOf(recorded.epochs, period),
    });
}
