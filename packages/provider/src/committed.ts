import { error, fail, ok, type Result } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import { type Grant, type GrantKeys, opensTo } from "@meterseal/seal";

/**
 * By whose word opened amounts are what they are: by that of the meter, whose signed commitments they
 * open, or of the household, which made the keys and numbers that open them.
 */
export type AmountsBy = "commitments" | "household";

/**
 * By whose word all amounts of a grant are what they are. Of a group of two registers only their
 * difference is committed to: each of them is the household's word.
 */
export function amountsByOf({ groups }: Grant, keys: GrantKeys): AmountsBy {
    const blinds = keys.form === "tokens" ? keys.table.blinds : undefined;
    const areBound = groups.every((group) => channelsOfGroup(group) === 1);
    return areBound && blinds?.length === groups.length ? "commitments" : "household";
}

/** A commitment, where its record has one, and its weight. */
export type CommittedTerm = {
    readonly commitment: Uint8Array | undefined;
    readonly weight: bigint;
};

/**
 * Holds the opened registers of one group against the commitments that the meter signed.
 * @param amounts - one a channel; of two the difference is committed to.
 * @returns MS_COMMITMENT where these open to another amount, or lack.
 */
export function checkCommitted(
    terms: readonly CommittedTerm[],
    [first = 0n, second = 0n]: readonly bigint[],
    blind: bigint,
): Result<null> {
    const weighted = terms.flatMap(({ commitment, weight }) =>
        commitment === undefined ? [] : [{ commitment, weight }],
    );
    const opens =
        weighted.length === terms.length ? opensTo(weighted, first - second, blind) : ok(false);
    if (!opens.ok) return opens;
    if (opens.value) return ok(null);
    const expected = "an amount that opens the meter's commitments";
    const todo = "The household's grant opens another amount than its meter signed. Do not use it.";
    return fail(error("MS_COMMITMENT", { where: "the opened sum", expected, todo }));
}
