import { error, fail, ok, type Result, toHex, unixOfSlot } from "@meterseal/core";
import { channelsOfGroup, GROUP } from "@meterseal/record";
import { weighSealed } from "@meterseal/seal";
import { coverageOf, type Gap } from "./coverage.ts";
import type { BillBasis } from "./lines.ts";
import { pricesOf } from "./prices.ts";
import type { RecordedBoundary } from "./recorded.ts";
import { type WeightedBoundary, type WeightedBounds, weigh, weightedBounds } from "./weights.ts";

/** Σ v · P of the registers of one group, the boundaries that enter, and between what it opens. */
export type WeightedSum = WeightedBounds & {
    /** One a channel of the group, mod 2^64. */
    readonly sums: readonly bigint[];
    /** The weights of each seal epoch one after the other. */
    readonly terms: readonly WeightedBoundary[];
};

/**
 * Weighs the sealed registers of a group over all seal epochs: a store does it without a key, and whoever
 * holds a W grant adds one number to what it costs (privacy 3.5).
 * @param group - import at its price, or export at its own.
 * @returns MS_TARIFF for another group or a tariff without a price for it; MS_ZONE; MS_RESEALED
 * of {@link weigh}.
 */
export function weightedSum(
    { period, recorded, tariff }: BillBasis,
    group: number,
): Result<WeightedSum> {
    const { body, series } = tariff;
    const plan =
        group === GROUP.import ? body.imports : group === GROUP.export ? body.exports : null;
    if (plan === null) {
        return fail(error("MS_TARIFF", { expected: "a price for the register", got: "none" }));
    }
    const prices = pricesOf(body, plan, period, series);
    if (!prices.ok) return prices;
    const first = recorded.groups
        .filter((each) => each < group)
        .reduce((sum, each) => sum + channelsOfGroup(each), 0);
    const sums: bigint[] = new Array(channelsOfGroup(group)).fill(0n);
    const weighted: WeightedBoundary[] = [];
    const weighed = weigh(recorded.epochs, period, prices.value);
    if (!weighed.ok) return weighed;
    for (const { terms } of weighed.value) {
        const rows = terms.map(({ boundary, weight }) => ({ sealed: boundary.sealed, weight }));
        const part = weighSealed(rows);
        if (!part.ok) return part;
        for (const [channel, sum] of sums.entries()) {
            sums[channel] = BigInt.asUintN(64, sum + (part.value[first + channel] ?? 0n));
        }
        for (const term of terms) weighted.push(term);
    }
    return ok({ sums, terms: weighted, ...weightedBounds(recorded.epochs, period, prices.value) });
}

/** A weighted sum as the API says it; instants in seconds since 1970. */
export type WeightedDescription = {
    /** Hash of the tariff's message, in hex. */
    readonly tariff: string;
    readonly fromUnix: number;
    readonly toUnix: number;
    readonly slots: number;
    readonly measured: number;
    readonly gaps: readonly {
        readonly fromUnix: number;
        readonly toUnix: number;
        readonly gap: Gap;
    }[];
    /** Sums as decimal text, one a channel. */
    readonly groups: readonly { readonly group: number; readonly sums: readonly string[] }[];
    /** Records with the boundaries that enter, each once, in chain order. */
    readonly records: readonly {
        readonly chainEpoch: number;
        readonly seq: number;
        readonly hash: string;
    }[];
};

/**
 * Weighted sums of some groups as the API says them, so that a reader can hold what a store says against
 * what records say. Errors as {@link weightedSum}.
 */
export function describeWeighted(
    basis: BillBasis,
    groups: readonly number[],
): Result<WeightedDescription> {
    const { period, recorded, tariff } = basis;
    const unix = (slot: number): number => unixOfSlot(slot, period.slotSeconds);
    const described: { readonly group: number; readonly sums: readonly string[] }[] = [];
    const records = new Map<string, RecordedBoundary["record"]>();
    for (const group of groups) {
        const weighted = weightedSum(basis, group);
        if (!weighted.ok) return weighted;
        described.push({ group, sums: weighted.value.sums.map(String) });
        for (const { boundary } of weighted.value.terms) {
            const { record } = boundary;
            records.set(`${record.chainEpoch}/${record.seq}`, record);
        }
    }
    const { measured, runs, slots } = coverageOf(recorded.epochs, period);
    const placed = [...records.values()].sort(
        (a, b) => a.chainEpoch - b.chainEpoch || a.seq - b.seq,
    );
    return ok({
        tariff: toHex(tariff.hash),
        fromUnix: unix(period.fromSlot),
        toUnix: unix(period.toSlot),
        slots,
        measured,
        gaps: runs.map(({ fromSlot, gap, toSlot }) => ({
            ...{ fromUnix: unix(fromSlot), toUnix: unix(toSlot) },
            gap,
        })),
        groups: described,
        records: placed.map(({ chainEpoch, hash, seq }) => ({
            ...{ chainEpoch, seq },
            hash: toHex(hash),
        })),
    });
}
