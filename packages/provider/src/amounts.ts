import { error, fail, ok, type Result } from "@meterseal/core";
import { channelsOfGroup } from "@meterseal/record";
import {
    type Bridge,
    type BridgeEnds,
    blindAt,
    type GrantKeys,
    type GrantSource,
    type GrantTerms,
    REGISTER_END,
    type SumEnd,
    type SumPart,
    type TokenTable,
    type WindowSum,
} from "@meterseal/seal";
import { checkCommitted } from "./committed.ts";

/** Opened amounts of one granted group, one a register, in stream units. */
export type GroupAmounts = { readonly group: number; readonly amounts: readonly bigint[] };

/**
 * Opens the sum of a window with what a grant holds.
 * @param sum - with an answer.
 * @returns MS_NOT_ALLOWED, MS_GRANT_LEVEL or MS_GRANT_RANGE where the grant has no key or number for
 * it; MS_REGISTER_CAP where it opens to nonsense: another stream's key, or altered bytes;
 * MS_COMMITMENT where it opens to another amount than the meter committed to.
 */
export function openSum(
    terms: GrantTerms,
    keys: GrantKeys,
    sum: WindowSum,
): Result<GroupAmounts[]> {
    const numbers =
        keys.form === "keys"
            ? keyNumbers(terms, keys.spans, sum.parts)
            : tokenNumbers(terms, keys.table, sum);
    if (!numbers.ok) return numbers;
    const opened: GroupAmounts[] = [];
    let granted = 0;
    for (const group of terms.groups) {
        const first = firstChannel(terms.streamGroups, group);
        const amounts: bigint[] = [];
        for (let channel = 0; channel < channelsOfGroup(group); channel++) {
            let amount = numbers.value[granted++] as bigint;
            for (const { difference } of sum.parts) amount += difference[first + channel] as bigint;
            amounts.push(BigInt.asUintN(64, amount));
        }
        opened.push({ group, amounts });
    }
    if (opened.every(({ amounts }) => amounts.every((amount) => amount < REGISTER_END))) {
        const shown = keys.form === "tokens" ? checkSum(terms, keys.table, sum, opened) : ok(null);
        return shown.ok ? ok(opened) : shown;
    }
    const todo = "The grant is another stream's, or the bytes were altered.";
    return fail(error("MS_REGISTER_CAP", { where: "opened sum", todo }));
}

/** Holds a sum against the commitments of the registers at its ends, as far as the grant can. */
function checkSum(
    { streamGroups }: GrantTerms,
    { blinds = [], windows }: TokenTable,
    sum: WindowSum,
    opened: readonly GroupAmounts[],
): Result<null> {
    const window = placeOf(windows, sum);
    for (const [i, own] of blinds.entries()) {
        const { amounts, group } = opened[i] as GroupAmounts;
        const place = streamGroups.indexOf(group);
        const terms = sum.parts.flatMap(({ from, to }) => [
            { commitment: to.commitments[place], weight: 1n },
            { commitment: from.commitments[place], weight: -1n },
        ]);
        const shown = checkCommitted(terms, amounts, blindAt(own, window));
        if (!shown.ok) return shown;
    }
    return ok(null);
}

/** Place of a group's first register in a boundary. */
function firstChannel(groups: readonly number[], group: number): number {
    return groups
        .filter((each) => each < group)
        .reduce((sum, each) => sum + channelsOfGroup(each), 0);
}

/** What keys of boundaries add to the differences: k_to − k_from, and tokens where devices change. */
function keyNumbers(
    { groups }: GrantTerms,
    spans: readonly GrantSource[],
    parts: readonly SumPart[],
): Result<bigint[]> {
    const [first, last] = [parts[0], parts.at(-1)] as [SumPart, SumPart];
    const from = spanOf(spans, first.from);
    if (!from.ok) return from;
    const to = spanOf(spans, last.to);
    if (!to.ok) return to;
    const bridges = bridgesOver(spans, parts);
    if (!bridges.ok) return bridges;
    const numbers: bigint[] = [];
    for (const group of groups) {
        const early = keysAt(from.value, group, first.from);
        if (!early.ok) return early;
        const late = keysAt(to.value, group, last.to);
        if (!late.ok) return late;
        for (let channel = 0; channel < channelsOfGroup(group); channel++) {
            const place = numbers.length;
            const tokens = bridges.value.map((bridge) => bridge.tokens[place] as bigint);
            const keys = (late.value[channel] as bigint) - (early.value[channel] as bigint);
            numbers.push(tokens.reduce((sum, token) => sum + token, keys));
        }
    }
    return ok(numbers);
}

function spanOf(spans: readonly GrantSource[], end: SumEnd): Result<GrantSource> {
    const span = spans.find(({ sealEpoch }) => sealEpoch === end.sealEpoch);
    return span === undefined ? outside(`seal epoch ${end.sealEpoch}`) : ok(span);
}

function keysAt({ keys }: GrantSource, group: number, end: SumEnd): Result<bigint[]> {
    const { level, index } = end.address;
    const block = keys.keysOf(group, level, [index]);
    if (!block.ok) return block;
    const view = new DataView(block.value.buffer, block.value.byteOffset, block.value.length);
    return ok([view.getBigUint64(0), view.getBigUint64(8)]);
}

/** Bridges from part to part; each must be the one that the grant was made for. */
function bridgesOver(spans: readonly GrantSource[], parts: readonly SumPart[]): Result<Bridge[]> {
    const bridges: Bridge[] = [];
    for (let i = 1; i < parts.length; i++) {
        const [before, part] = [parts[i - 1], parts[i]] as [SumPart, SumPart];
        const bridge = spans.find(({ sealEpoch }) => sealEpoch === part.to.sealEpoch)?.bridge;
        if (bridge === undefined || !joins(bridge, before.to, part.from)) {
            return outside(`the change to seal epoch ${part.from.sealEpoch}`);
        }
        bridges.push(bridge);
    }
    return ok(bridges);
}

function joins({ close, open }: BridgeEnds, end: SumEnd, begin: SumEnd): boolean {
    return [[close, end] as const, [open, begin] as const].every(
        ([named, { address, sealEpoch }]) =>
            named.sealEpoch === sealEpoch &&
            named.level === address.level &&
            named.index === address.index,
    );
}

/** The number of a window of a token table, for each granted register. */
function tokenNumbers(
    { groups }: GrantTerms,
    { bridges, tokens, windows }: TokenTable,
    sum: WindowSum,
): Result<bigint[]> {
    const { parts } = sum;
    const place = placeOf(windows, sum);
    if (place < 0) return outside("a window that was not granted by itself");
    for (let i = 1; i < parts.length; i++) {
        const [before, part] = [parts[i - 1], parts[i]] as [SumPart, SumPart];
        if (!bridges.some((bridge) => joins(bridge, before.to, part.from))) {
            return outside(`the change to seal epoch ${part.from.sealEpoch}`);
        }
    }
    return ok(
        groups.flatMap((group, i) => {
            const channels = channelsOfGroup(group);
            return [
                ...(tokens[i] as BigUint64Array).slice(place * channels, (place + 1) * channels),
            ];
        }),
    );
}

/** Which window of a token table a sum is over; −1 for none. */
function placeOf(windows: TokenTable["windows"], { parts }: WindowSum): number {
    const [first, last] = [parts[0], parts.at(-1)] as [SumPart, SumPart];
    return windows.findIndex(
        ({ fromUnix, toUnix }) => fromUnix === first.from.unix && toUnix === last.to.unix,
    );
}

function outside(where: string): Result<never> {
    return fail(error("MS_GRANT_RANGE", { where }));
}
