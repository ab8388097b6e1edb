import { bytesEqual, error, fail, ok, type Result, slotOfUnix } from "@meterseal/core";
import { type Evidence, type TreeHead, type Verdict, verdictOf } from "@meterseal/ledger";
import { channelsOfGroup } from "@meterseal/record";
import {
    blindAt,
    GRANT_KIND,
    type Grant,
    type GrantKeys,
    openWeighted,
    type TokenTable,
} from "@meterseal/seal";
import {
    type BillBasis,
    describeWeighted,
    findShortfall,
    type PublishedTariff,
    periodOf,
    readStream,
    weightedSum,
} from "@meterseal/tariff";
import type { GroupAmounts } from "./amounts.ts";
import { compareClaim } from "./claims.ts";
import { type AmountsBy, amountsByOf, checkCommitted } from "./committed.ts";
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
    /** `sum` of the store's own answer, as it came; absent where it was not asked. */
    readonly claimed?: unknown;
    readonly trust: ReaderTrust;
};

/** What a grant of a weighted sum gave. */
export type WeightedReading = {
    /** By granted group: Σ price · amount in micro-units a kWh and units of 10^scale Wh. */
    readonly amounts: readonly GroupAmounts[];
    readonly amountsBy: AmountsBy;
    readonly verdicts: {
        readonly signature: Verdict;
        readonly continuity: Verdict;
        /** The store's own sum is that of the records; null where it was not asked. */
        readonly sums: Verdict | null;
    };
    readonly checkpoint: TreeHead | null;
};

/**
 * Opens the one sum that a W grant is for: what the registers of its range cost under a tariff, and
 * nothing of any slot. Verified as {@link readGrant} does.
 * @returns MS_VERSION for a grant of another kind, MS_TARIFF for another tariff than granted or one
 * without a price, MS_GRANT_RANGE for numbers that do not fit the terms, MS_GAP for records that end
 * before the range does or lack a seal epoch of it, MS_REGISTER_CAP for a sum that no registers make:
 * the grant was made over other records, MS_COMMITMENT for one that the meter did not commit to; and the
 * refusals of verifyRecords.
 */
export function readWeighted(input: WeightedInput): Result<WeightedReading> {
    const { claimed, evidence, grant, keys, tariff, trust } = input;
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
    const { checkpoint, continuity, signature } = verified.value;
    const basis = { period: period.value, recorded: recorded.value, tariff };
    const amounts = openAmounts(grant, keys.table, basis);
    if (!amounts.ok) {
        // Where a proof does not hold, that is the fault: what follows from it says nothing.
        return fail([...signature.faults, ...continuity.faults][0]?.error ?? amounts.error);
    }
    const said = claimed === undefined ? null : describeWeighted(basis, grant.groups);
    if (said !== null && !said.ok) return said;
    const sums = said === null ? null : verdictOf(1, compareClaim(said.value, claimed));
    const amountsBy = amountsByOf(grant, keys);
    return ok({
        amounts: amounts.value,
        amountsBy,
        verdicts: { continuity, signature, sums },
        checkpoint,
    });
}

function openAmounts(
    { groups }: Grant,
    table: TokenTable,
    basis: BillBasis,
): Result<GroupAmounts[]> {
    const shortfall = findShortfall(basis.recorded.epochs, basis.period);
    if (shortfall !== null) return fail(error("MS_GAP", { where: "the evidence", ...shortfall }));
    const amounts: GroupAmounts[] = [];
    for (const [place, group] of groups.entries()) {
        const own = table.tokens[place];
        if (own?.length !== channelsOfGroup(group)) {
            return fail(error("MS_GRANT_RANGE", { where: `group ${group}` }));
        }
        const weighted = weightedSum(basis, group);
        if (!weighted.ok) return weighted;
        const { least, most, sums } = weighted.value;
        const opened = [...own].map((token, i) => openWeighted(sums[i] ?? 0n, token));
        if (opened.some((amount) => amount < least || amount > most)) {
            const todo = "The grant was made over other records, or its bytes were altered.";
            return fail(error("MS_REGISTER_CAP", { where: "the opened sum", todo }));
        }
        const blinds = table.blinds?.[place];
        if (blinds !== undefined) {
            const at = basis.recorded.groups.indexOf(group);
            const terms = weighted.value.terms.map(({ boundary, weight }) => ({
                commitment: boundary.commitments[at],
                weight,
            }));
            const shown = checkCommitted(terms, opened, blindAt(blinds, 0));
            if (!shown.ok) return shown;
        }
        amounts.push({ group, amounts: opened });
    }
    return ok(amounts);
}
