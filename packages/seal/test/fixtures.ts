import { createLadder, type Ladder, unwrap } from "@meterseal/core";
import fc from "fast-check";
import {
    type ChannelGroup,
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
    type SealedBoundaries,
    type SealedStream,
    type TreeAddress,
} from "../src/index.ts";
import { sealBoundaries } from "../src/seal.ts";

export const MASTER = Uint8Array.from({ length: 32 }, (_, i) => i);

export const IMPORT_EXPORT: readonly ChannelGroup[] = [
    { group: 0, channels: 1 },
    { group: 1, channels: 1 },
];
export const MIXED: readonly ChannelGroup[] = [...IMPORT_EXPORT, { group: 15, channels: 2 }];

export function streamOf(changes: Partial<SealedStream> = {}): SealedStream {
    const streamId = Uint8Array.from({ length: 16 }, (_, i) => 0xf0 + i);
    return {
        streamId,
        sealEpoch: 0,
        suite: 1,
        slotSeconds: 900,
        groups: IMPORT_EXPORT,
        ...changes,
    };
}

export function ownerOf(changes: Partial<SealedStream> = {}, master = MASTER): OwnerKeys {
    return unwrap(ownerKeys(master, streamOf(changes)));
}

const ladders = new Map<string, Ladder>();

export function ladderOf(zone: string, slotSeconds = 900): Ladder {
    const name = `${zone} ${slotSeconds}`;
    const ladder = ladders.get(name) ?? unwrap(createLadder(zone, slotSeconds));
    ladders.set(name, ladder);
    return ladder;
}

/** Addresses of consecutive slots of a fresh seal epoch. */
export function addressesOf(zone: string, fromSlot: number, count: number): readonly TreeAddress[] {
    return unwrap(planBoundaries(newSealState(0), ladderOf(zone), fromSlot, count)).addresses;
}

/** Register rows that start high and grow by given deltas, boundary-major. */
export function registersOf(start: readonly bigint[], deltas: readonly bigint[][]): bigint[] {
    const rows = [...start];
    let last = start;
    for (const delta of deltas) {
        last = last.map((register, channel) => register + (delta[channel] ?? 0n));
        rows.push(...last);
    }
    return rows;
}

/** Seals registers of consecutive Berlin slots. */
export function sealAt(
    owner: OwnerKeys,
    fromSlot: number,
    registers: readonly bigint[],
    zone = "Europe/Berlin",
): SealedBoundaries {
    const width = owner.stream.groups.reduce((sum, { channels }) => sum + channels, 0);
    const addresses = addressesOf(zone, fromSlot, registers.length / width);
    return { addresses, sealed: unwrap(sealBoundaries(owner, { addresses, registers })) };
}

/** Fails with a code instead of a value: what the negative tests compare. */
export function codeOf(result: { ok: true } | { ok: false; error: { code: string } }): string {
    return result.ok ? "ok" : result.error.code;
}

/** Register rows of a stream of `width` channels, up to 2^61 − 1, with growth within the cap. */
export function arbRegisters(width: number, maxCount: number): fc.Arbitrary<bigint[]> {
    const cap = 2n ** 20n - 1n;
    const start = fc.oneof(
        fc.bigInt(0n, 2n ** 40n),
        fc.constant(2n ** 61n - 1n - cap * BigInt(maxCount)),
    );
    const row = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
        fc.array(of, { minLength: width, maxLength: width });
    const deltas = fc.array(row(fc.bigInt(0n, cap)), { minLength: 1, maxLength: maxCount - 1 });
    return fc.tuple(row(start), deltas).map(([first, growth]) => registersOf(first, growth));
}
