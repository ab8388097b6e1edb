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
    /** Whether older records of the stream are missing, because they were pruned; absent where none are. */
    readonly isPruned?: boolean;
    readonly tariff: PublishedTariff;
    readonly period: Period;
};

/** Prices of one group of a stream: those of the import, or the export's below zero. */
export type GroupPrices = {
    readonly group: number;
    /** Place of the group among those of the stream. */
    readonly place: number;
    /** By slot, millionths of the currency unit per kWh. */
    readonly pricesMicro: readonly number[];
    /** Whether they are those of a series that the tariff names. */
    readonly isIndex: boolean;
};

/** What one group of a stream adds to a bill. */
export type GroupLine = GroupPrices & { readonly epochs: readonly EpochWeights[] };

/**
 * Prices of the groups that a bill counts: import at its price, export as a credit where the tariff
 * pays for it, and adjustments at the import's price of the slot in which they were made.
 * @param groups - of the stream, ascending.
 * @returns MS_TARIFF, MS_ZONE as {@link pricesOf}; MS_TOO_LARGE beyond {@link LIMITS.billSlots}.
 */
export function groupPrices(
    { body, series }: PublishedTariff,
    groups: readonly number[],
    period: Period,
): Result<GroupPrices[]> {
    if (period.toSlot - period.fromSlot > LIMITS.billSlots) {
        const expected = `at most ${LIMITS.billSlots} slots in one bill`;
        return fail(error("MS_TOO_LARGE", { expected }));
    }
    const imported = pricesOf(body, body.imports, period, series);
    if (!imported.ok) return imported;
    const exported =
        body.exports === null ? ok(null) : pricesOf(body, body.exports, period, series);
    if (!exported.ok) return exported;
    const credit = exported.value?.map((price) => -price);
    const priced: GroupPrices[] = [];
    for (const [place, group] of groups.entries()) {
        const isImport = group === GROUP.import || group === GROUP.adjustments;
        const pricesMicro = isImport ? imported.value : group === GROUP.export ? credit : undefined;
        const isIndex = (isImport ? body.imports : body.exports)?.kind === "index";
        if (pricesMicro !== undefined) priced.push({ group, place, pricesMicro, isIndex });
    }
    return ok(priced);
}

/**
 * The groups of a bill and the weights of their recorded boundaries.
 * @returns errors as {@link groupPrices} and {@link weigh}; MS_COMMITMENT where the stream does not commit to a group
 * that the bill needs.
 */
export function linesOf({ period, recorded, tariff }: BillBasis): Result<GroupLine[]> {
    const priced = groupPrices(tariff, recorded.groups, period);
    if (!priced.ok) return priced;
    const lines: GroupLine[] = [];
    for (const line of priced.value) {
        const epochs = weigh(recorded.epochs, period, line.pricesMicro);
        if (!epochs.ok) return epochs;
        for (const { sealEpoch, terms } of epochs.value) {
            if (terms.every(({ boundary }) => boundary.commitments.length > line.place)) continue;
            const where = `group ${line.group} in seal epoch ${sealEpoch}`;
            const expected = "a stream that was enrolled with commitments to it";
            return fail(error("MS_COMMITMENT", { where, expected, got: "none" }));
        }
        lines.push({ ...line, epochs: epochs.value });
    }
    return ok(lines);
}
