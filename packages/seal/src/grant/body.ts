import { error, fail, type Ladder, type Level, ok, type Result, slotOfUnix } from "@meterseal/core";
import type { OwnerKeys } from "../key-source.ts";
import type { TreeAddress } from "../stream.ts";
import { type Bridge, type BridgeEnds, bridgeTokens } from "./bridge.ts";
import { type CoverSpan, coverSpan, encodeCoverBody } from "./cover-body.ts";
import { encodeKeyBody, type KeySpan, keySpan } from "./key-body.ts";
import type { GrantSpan, GrantTerms } from "./terms.ts";
import type { Window } from "./windows.ts";

/** The household's keys of one seal epoch that a grant covers. */
export type GrantEpoch = {
    readonly span: GrantSpan;
    readonly owner: OwnerKeys;
    /** Registers over which sums come in from the epoch before; in every epoch but the first. */
    readonly ends?: BridgeEnds;
    /** Groups that its records commit to, the first of the stream; none unless given. */
    readonly committed?: number;
};

/**
 * Body of a K grant: covers from the terms' level on.
 * @returns MS_STREAM_RULE where the whole range holds no boundary of the level, or a change of the
 * seal epoch has no registers.
 */
export function coverBody(
    terms: GrantTerms,
    ladder: Ladder,
    epochs: readonly GrantEpoch[],
): Result<Uint8Array> {
    const level = (terms.level ?? 0) as Level;
    const bridges = bridgesOf(epochs, terms.groups);
    if (!bridges.ok) return bridges;
    const spans: CoverSpan[] = [];
    for (const [i, { owner, span }] of epochs.entries()) {
        const covers = coverSpan(owner, ladder, span, level, terms.groups);
        if (!covers.ok) return covers;
        spans.push({ covers: covers.value, ...bridgeInto(bridges.value, i) });
    }
    if (spans.every(({ covers }) => covers.length === 0)) {
        return fail(error("MS_STREAM_RULE", { expected: "a boundary of the level in the range" }));
    }
    return ok(encodeCoverBody(spans, level, terms.groups));
}

/**
 * Body of an E grant: the keys of the boundaries of windows; at an exchange on a boundary those of
 * both devices, because either may have sealed it. Errors of {@link keySpan}.
 */
export function keyBody(
    terms: GrantTerms,
    ladder: Ladder,
    epochs: readonly GrantEpoch[],
    windows: readonly Window[],
): Result<Uint8Array> {
    const bridges = bridgesOf(epochs, terms.groups);
    if (!bridges.ok) return bridges;
    const instants = new Set(windows.flatMap(({ fromUnix, toUnix }) => [fromUnix, toUnix]));
    const addresses = epochs.map((): TreeAddress[] => []);
    for (const unix of instants) {
        for (const [i, { span }] of epochs.entries()) {
            if (unix >= span.fromUnix && unix <= span.toUnix) {
                addresses[i]?.push(addressAt(ladder, unix));
            }
        }
    }
    const spans: KeySpan[] = [];
    for (const [i, { owner }] of epochs.entries()) {
        const leaves = keySpan(owner, addresses[i] as TreeAddress[], terms.groups);
        if (!leaves.ok) return leaves;
        spans.push({ leaves: leaves.value, ...bridgeInto(bridges.value, i) });
    }
    return ok(encodeKeyBody(spans));
}

/** Bridges into the second and each later epoch. */
export function bridgesOf(
    epochs: readonly GrantEpoch[],
    groups: readonly number[],
): Result<Bridge[]> {
    const bridges: Bridge[] = [];
    for (const [i, { ends, owner, span }] of epochs.entries()) {
        const before = epochs[i - 1]?.owner;
        if (before === undefined) continue;
        if (ends === undefined) {
            const where = `the begin of seal epoch ${span.sealEpoch}`;
            return fail(error("MS_STREAM_RULE", { where, expected: "registers at the change" }));
        }
        const tokens = bridgeTokens(before, owner, ends, groups);
        if (!tokens.ok) return tokens;
        bridges.push({ ...ends, tokens: tokens.value });
    }
    return ok(bridges);
}

function bridgeInto(bridges: readonly Bridge[], epoch: number): { readonly bridge?: Bridge } {
    const bridge = bridges[epoch - 1];
    return bridge === undefined ? {} : { bridge };
}

/** Where a boundary is keyed. */
export function addressAt(ladder: Ladder, unix: number): TreeAddress {
    return ladder.addressOf(slotOfUnix(unix, ladder.slotSeconds));
}
