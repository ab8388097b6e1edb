import { createLadder, type Ladder, unwrap } from "@meterseal/core";
import { sealedStreamOf } from "@meterseal/meter";
import {
    newSealState,
    type OwnerKeys,
    ownerKeys,
    planBoundaries,
    type SealedStream,
    sealBoundaries,
    type TreeAddress,
} from "@meterseal/seal";
import { energyWh, FIRST_SLOT, makeMeters, SLOT_SECONDS, ZONE } from "./meters.ts";

/** Slots of a year. */
export const YEAR_SLOTS: number = 365 * 96;

/** What a meter seals in a year. */
export type SealingMaterial = {
    readonly stream: SealedStream;
    readonly channels: number;
    readonly master: Uint8Array;
    readonly addresses: readonly TreeAddress[];
    readonly registers: readonly bigint[];
    readonly sealed: Uint8Array;
};

/** Keys that nothing was derived with before. */
export function freshKeys({ master, stream }: SealingMaterial): OwnerKeys {
    return unwrap(ownerKeys(master, stream));
}

/** A year of quarter-hours of one meter with so many registers, sealed. */
export function makeYear(channels: number): SealingMaterial {
    const [meter] = makeMeters(1, channels);
    if (meter === undefined) throw new Error("no meter");
    const stream = sealedStreamOf(meter.stream);
    const ladder: Ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
    const { addresses } = unwrap(planBoundaries(newSealState(0), ladder, FIRST_SLOT, YEAR_SLOTS));
    const registers: bigint[] = [];
    const last = Array<bigint>(channels).fill(0n);
    for (let slot = 0; slot < YEAR_SLOTS; slot++) {
        for (let channel = 0; channel < channels; channel++) {
            last[channel] = (last[channel] ?? 0n) + BigInt(energyWh(0, slot, channel));
            registers.push(last[channel] ?? 0n);
        }
    }
    const keys = unwrap(ownerKeys(meter.master, stream));
    const sealed = unwrap(sealBoundaries(keys, { addresses, registers }));
    return { stream, channels, master: meter.master, addresses, registers, sealed };
}

/** One call seals the next few slots; at the end of the year it begins again. */
export function sealInSteps(material: SealingMaterial, slots: number): () => void {
    const keys = freshKeys(material);
    const { addresses, channels, registers } = material;
    const steps: { addresses: TreeAddress[]; registers: bigint[] }[] = [];
    for (let at = 0; at + slots <= YEAR_SLOTS; at += slots) {
        steps.push({
            addresses: addresses.slice(at, at + slots),
            registers: registers.slice(channels * at, channels * (at + slots)),
        });
    }
    let next = 0;
    return () => {
        const step = steps[next++ % steps.length];
        if (step !== undefined) unwrap(sealBoundaries(keys, step));
    };
}
