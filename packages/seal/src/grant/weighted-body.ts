import { error, fail, ok, type Result } from "@meterseal/core";
import { type WeightedAddress, weighKeys } from "../commit/weigh.ts";
import type { GrantEpoch } from "./body.ts";
import { type GrantTerms, toChannelGroup } from "./terms.ts";
import { encodeTokenBody } from "./token-body.ts";

/** Weights of the boundaries of one group; within each seal epoch they add up to zero. */
export type GroupWeights = {
    readonly group: number;
    readonly epochs: readonly {
        readonly sealEpoch: number;
        readonly terms: readonly WeightedAddress[];
    }[];
};

/**
 * Body of a W grant: Σ v · k of each register over the whole range, one number each. The weights cancel
 * within every seal epoch, so no bridge is needed.
 * @param weights - of each granted group, made from a tariff whose rules were checked.
 * @returns MS_STREAM_RULE where a group has no weights, or they do not cancel; errors of keysOf.
 */
export function weightedBody(
    terms: GrantTerms,
    epochs: readonly GrantEpoch[],
    weights: readonly GroupWeights[],
): Result<Uint8Array> {
    const tokens: BigUint64Array[] = [];
    for (const group of terms.groups) {
        const own = weights.find((one) => one.group === group);
        const sums = new BigUint64Array(toChannelGroup(group).channels);
        if (own === undefined) return fail(missing(`group ${group}`));
        for (const { sealEpoch, terms: weighted } of own.epochs) {
            if (weighted.length === 0) continue;
            const epoch = epochs.find(({ span }) => span.sealEpoch === sealEpoch);
            if (epoch === undefined) return fail(missing(`seal epoch ${sealEpoch}`));
            const part = weighKeys(epoch.owner, group, weighted);
            if (!part.ok) return part;
            for (const [channel, sum] of part.value.entries()) {
                sums[channel] = BigInt.asUintN(64, (sums[channel] as bigint) + sum);
            }
        }
        tokens.push(sums);
    }
    const windows = [{ fromUnix: terms.fromUnix, toUnix: terms.toUnix }];
    return ok(encodeTokenBody({ windows, tokens, bridges: [] }, terms.slotSeconds));
}

function missing(where: string) {
    return error("MS_STREAM_RULE", { where, expected: "weights of what is granted" });
}
