import { error, fail, ok, type Result } from "@meterseal/core";
import { addBlinds, type WeightedAddress, weighBlinds, weighKeys } from "../commit/weigh.ts";
import type { GrantEpoch } from "./body.ts";
import { type GrantTerms, toChannelGroup } from "./terms.ts";
import { encodeBlinds, encodeTokenBody } from "./token-body.ts";

/** Weights of the boundaries of one group; within each seal epoch they add up to zero. */
export type GroupWeights = {
    readonly group: number;
    /** Whether every record that is weighed commits to the group. */
    readonly isCommitted: boolean;
    readonly epochs: readonly {
        readonly sealEpoch: number;
        readonly terms: readonly WeightedAddress[];
    }[];
};

/**
 * Body of a W grant: Σ v · k of each register over the whole range, one number each, and Σ v · s of what
 * is committed to, by which its reader checks the sum. The weights cancel within every seal epoch, so no
 * bridge is needed.
 * @param weights - of each granted group, made from a tariff whose rules were checked.
 * @returns MS_STREAM_RULE where a group has no weights, or they do not cancel; errors of keysOf.
 */
export function weightedBody(
    terms: GrantTerms,
    epochs: readonly GrantEpoch[],
    weights: readonly GroupWeights[],
): Result<Uint8Array> {
    const tokens: BigUint64Array[] = [];
    const blinds: Uint8Array[] = [];
    for (const [place, group] of terms.groups.entries()) {
        const own = weights.find((one) => one.group === group);
        if (own === undefined) return fail(missing(`group ${group}`));
        const weighed = weighGroup(own, epochs);
        if (!weighed.ok) return weighed;
        tokens.push(weighed.value.sums);
        // Commitments are of the first groups of a stream, and so are blinds.
        if (own.isCommitted && blinds.length === place) {
            blinds.push(encodeBlinds([weighed.value.blind]));
        }
    }
    const table = {
        windows: [{ fromUnix: terms.fromUnix, toUnix: terms.toUnix }],
        tokens,
        ...(blinds.length === 0 ? {} : { blinds }),
        bridges: [],
    };
    return ok(encodeTokenBody(table, terms.slotSeconds));
}

/** Σ v · k of each register of a group, and Σ v · s where it is committed to. */
function weighGroup(
    { epochs: weights, group, isCommitted }: GroupWeights,
    epochs: readonly GrantEpoch[],
): Result<{ readonly sums: BigUint64Array; readonly blind: bigint }> {
    const sums = new BigUint64Array(toChannelGroup(group).channels);
    const blinds: bigint[] = [];
    for (const { sealEpoch, terms } of weights) {
        if (terms.length === 0) continue;
        const epoch = epochs.find(({ span }) => span.sealEpoch === sealEpoch);
        if (epoch === undefined) return fail(missing(`seal epoch ${sealEpoch}`));
        const part = weighKeys(epoch.owner, group, terms);
        if (!part.ok) return part;
        for (const [channel, sum] of part.value.entries()) {
            sums[channel] = BigInt.asUintN(64, (sums[channel] as bigint) + sum);
        }
        const blind = isCommitted ? weighBlinds(epoch.owner, group, terms) : ok(0n);
        if (!blind.ok) return blind;
        blinds.push(blind.value);
    }
    return ok({ sums, blind: addBlinds(blinds) });
}

function missing(where: string) {
    return error("MS_STREAM_RULE", { where, expected: "weights of what is granted" });
}
