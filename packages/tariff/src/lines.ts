import { error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import { GROUP } from "@meterseal/record";
import type { TariffBody } from "./body.ts";
import { type Period, pricesOf, type SeriesTariff } from "./prices.ts";
import type { RecordedStream } from "./recorded.ts";
import { type EpochWeights, weigh } from "./weights.ts";

/** A tariff as the ledger has it. */
export type PublishedTariff = {
    /** Hash of the message that carries it, 32 bytes. */
    readonly hash: Uint8Array;
    readonly body: TariffBody;
    /** The tariff that its index names; null where it has no index. */
    readonly series: SeriesTariff | null;
};

/** What a bill is made over: records, a tariff and a period. */
export type BillBasis = {
    readonly recorded: RecordedStream;
    readonly tariff: PublishedTariff;
    readonly period: Period;
};

/** What one group of a stream adds to a bill. */
export type GroupLine = {
    readonly group: number;
    /** Place of the group among those of the stream. */
    readonly place: number;
    /** Prices by slot: those of the import, or the export's below zero. */
    readonly pricesMicro: readonly number[];
    readonly epochs: readonly EpochWeights[];
};

/**
 * The groups of a bill and the weights of their boundaries: import at its price, export as a credit,
 * and adjustments, plus minus minus, at the import's price of the slot in which they were made.
 * @returns MS_TARIFF, MS_ZONE as {@link pricesOf}; MS_TOO_LARGE beyond {@link LIMITS.billSlots};
 * MS_COMMITMENT where the stream does not commit to a group that the bill needs.
 */
export function linesOf({ period, recorded, tariff }: BillBasis): Result<GroupLine[]> {
    if (period.toSlot - period.fromSlot > LIMITS.billSlots) {
        const expected = `at most ${LIMITS.billSlots} slots in one bill`;
        return fail(error("MS_TOO_LARGE", { expected }));
    }
    const { body, series } = tariff;
    const imported = pricesOf(body, body.imports, period, series);
    if (!imported.ok) return imported;
    const exported =
        body.exports === null ? ok(null) : pricesOf(body, body.exports, period, series);
    if (!exported.ok) return exported;
    const lines: GroupLine[] = [];
    for (const [place, group] of recorded.groups.entries()) {
        const pricesMicro =
            group === GROUP.import || group === GROUP.adjustments
                ? imported.value
                : group === GROUP.export && exported.value !== null
                  ? exported.value.map((price) => -price)
                  : null;
        if (pricesMicro === null) continue;
        const epochs = weigh(recorded.epochs, period, pricesMicro);
        for (const { sealEpoch, terms } of epochs) {
            if (terms.every(({ boundary }) => boundary.commitments.length > place)) continue;
            const where = `group ${group} in seal epoch ${sealEpoch}`;
            const expected = "a stream that was enrolled with commitments to it";
            return fail(error("MS_COMMITMENT", { where, expected, got: "none" }));
        }
        lines.push({ group, place, pricesMicro, epochs });
    }
    return ok(lines);
}
