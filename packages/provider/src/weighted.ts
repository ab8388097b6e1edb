import { bytesEqual, error, fail, ok, type Result, slotOfUnix } from "@meterseal/core";
import type { Evidence, TreeHead, Verdict } from "@meterseal/ledger";
import { channelsOfGroup, GROUP } from "@meterseal/record";
import { GRANT_KIND, type Grant, type GrantKeys, openWeighted, weighSealed } from "@meterseal/seal";
import {
    type Period,
    type PublishedTariff,
    periodOf,
    pricesOf,
    type RecordedStream,
    readStream,
    weigh,
} from "@meterseal/tariff";
import { firstChannel, type GroupAmounts } from "./amounts.ts";
import { type ReaderTrust, verifyRecords } from "./verify-records.ts";

/** What the reading of a weighted sum is made of. */
export type WeightedInput = {
    /** Of kind W. */
    readonly grant: Grant;
    readonly keys: GrantKeys;
    /** Of the grant's whole range, with the ledger's statements about it. */
    readonly evidence: Evidence;
    /** The tariff that the grant names; whether the ledger has it was checked. */
    readonly tariff: PublishedTariff;
    readonly trust: ReaderTrust;
};

/** What a grant of a weighted sum gave. */
export type WeightedReading = {
    /** By granted group: Σ price · amount in micro-units a kWh and units of 10^scale Wh. */
    readonly amounts: readonly GroupAmounts[];
    readonly verdicts: { readonly signature: Verdict; readonly continuity: Verdict };
    readonly checkpoint: TreeHead | null;
};

/**
 * Opens the one sum that a W grant is for: what the registers of its range cost under a tariff, and
 * nothing of any slot. Verified as {@link readGrant} does.
 * @returns MS_VERSION for a grant of another kind, MS_TARIFF for another tariff than granted or one
 * without a price, MS_GRANT_RANGE for numbers that do not fit the terms, and the refusals of
 * verifyRecords.
 */
export function readWeighted(input: WeightedInput): Result<WeightedReading> {
    const { evidence, grant, keys, tariff, trust } = input;
    if (grant.kind !== GRANT_KIND.W || keys.form !== "tokens") {
        return fail(error("MS_VERSION", { where: "grant", expected: "a weighted sum" }));
    }
    if (grant.tariffHash === undefined || !bytesEqual(grant.tariffHash, tariff.hash)) {
        return fail(error("MS_TARIFF", { expected: "the tariff that the grant names" }));
    }
    const fromSlot = slotOfUnix(grant.fromUnix, grant.slotSeconds);
    const verified = verifyRecords(grant, evidence, trust, fromSlot);
    if (!verified.ok) return verified;
    const period = periodOf(grant.fromUnix, grant.toUnix, grant.slotSeconds);
    if (!period.ok) return period;
    const recorded = readStream(verified.value.records, grant.streamId);
    if (!recorded.ok) return recorded;
    const amounts: GroupAmounts[] = [];
    for (const [place, group] of grant.groups.entries()) {
        const tokens = keys.table.tokens[place];
        if (tokens?.length !== channelsOfGroup(group)) {
            return fail(error("MS_GRANT_RANGE", { where: `group ${group}` }));
        }
        const sums = weighGroup(grant, recorded.value, tariff, period.value, group);
        if (!sums.ok) return sums;
        const opened = [...tokens].map((token, i) => openWeighted(sums.value[i] ?? 0n, token));
        amounts.push({ group, amounts: opened });
    }
    const { checkpoint, continuity, signature } = verified.value;
    return ok({ amounts, verdicts: { continuity, signature }, checkpoint });
}

/** Σ v · P of the registers of a group over all seal epochs, mod 2^64. */
function weighGroup(
    grant: Grant,
    recorded: RecordedStream,
    tariff: PublishedTariff,
    period: Period,
    group: number,
): Result<bigint[]> {
    const { body, series } = tariff;
    const plan =
        group === GROUP.import ? body.imports : group === GROUP.export ? body.exports : null;
    if (plan === null) {
        return fail(error("MS_TARIFF", { expected: "a price for the register", got: "none" }));
    }
    const prices = pricesOf(body, plan, period, series);
    if (!prices.ok) return prices;
    const first = firstChannel(grant.streamGroups, group);
    const sums: bigint[] = new Array(channelsOfGroup(group)).fill(0n);
    for (const { terms } of weigh(recorded.epochs, period, prices.value)) {
        const rows = terms.map(({ boundary, weight }) => ({ sealed: boundary.sealed, weight }));
        const part = weighSealed(rows);
        if (!part.ok) return part;
        for (const [channel, sum] of sums.entries()) {
            sums[channel] = BigInt.asUintN(64, sum + (part.value[first + channel] ?? 0n));
        }
    }
    return ok(sums);
}
