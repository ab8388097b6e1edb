import { error, toHex } from "@meterseal/core";
import { findingWords } from "@meterseal/seal";
import {
    type GrantPlan,
    type IssueContext,
    type Judgement,
    prepareGrants,
    type ReadyGrant,
    type WeightedPlan,
} from "@meterseal/wallet";
import type { IssuedBefore } from "./issued-before.ts";

/**
 * Makes the grants that are planned. All of them or none: nothing is written down or sent here.
 * @param before - by what they are judged; with a fault in it the judgement is undecided.
 * @param override - makes them in spite of what they would make derivable, and says so on the ledger.
 * @throws MetersealError MS_DERIVABLE with what would become known; errors of prepareGrants.
 */
export async function prepareOrRefuse(
    context: Omit<IssueContext, "issued" | "unseen">,
    { faults, issued }: Pick<IssuedBefore, "faults" | "issued">,
    plans: readonly (GrantPlan | WeightedPlan)[],
    override: boolean,
): Promise<ReadyGrant[]> {
    const ready = await prepareGrants({ ...context, issued, unseen: faults.length }, plans);
    const refused = ready.find(({ judgements }) => judgements.length > 0);
    if (refused !== undefined && !override) throw derivable(context, refused.judgements, faults);
    return ready;
}

function derivable(
    { key, recipient }: Pick<IssueContext, "key" | "recipient">,
    judgements: readonly Judgement[],
    faults: readonly string[],
) {
    const name = recipient.name || toHex(recipient.id);
    const sentences = judgements.flatMap(({ findings, who }) => {
        const reader = who.length === 1 ? name : `${name} with those it may talk to`;
        return findings.map((finding) => findingWords(finding, reader, key.zone));
    });
    const advice =
        "Grant something else, or repeat with --override: the ledger then says that you knew.";
    return error("MS_DERIVABLE", { todo: [...faults, ...sentences, advice].join(" ") });
}
