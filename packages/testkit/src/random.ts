import { assert, type Random } from "@meterseal/core";

/** Random numbers that a seed repeats: for tests and simulations, never for keys. */
export type SeededRandom = Random & {
    /** Uniform integer from 0 to below a bound of at most 2^32. */
    below(bound: number): number;
    /** True with a probability from 0 to 1. */
    chance(probability: number): boolean;
    /** One entry of a list that is not empty. */
    pick<T>(list: readonly T[]): T;
    /** The list in another order; the argument stays as it is. */
    shuffle<T>(list: readonly T[]): T[];
};

/** Makes a generator (mulberry32) from an integer seed. */
export function seededRandom(seed: number): SeededRandom {
    let state = seed >>> 0;
    const next = (): number => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return (mixed ^ (mixed >>> 14)) >>> 0;
    };
    const below = (bound: number): number => Math.floor((next() / 2 ** 32) * bound);
    return {
        bytes: (length) => Uint8Array.from({ length }, () => below(256)),
        below,
        chance: (probability) => next() / 2 ** 32 < probability,
        pick: <T>(list: readonly T[]): T => {
            assert(list.length > 0, "a list to pick from");
            return list[below(list.length)] as T;
        },
        shuffle: <T>(list: readonly T[]): T[] => {
            const out = [...list];
            for (let i = out.length - 1; i > 0; i--) {
                const other = below(i + 1);
                [out[i], out[other]] = [out[other] as T, out[i] as T];
            }
            return out;
        },
    };
}

/** Seed of a randomized test: METERSEAL_SEED where it is set, else the given one. */
export function seedOf(fallback: number): number {
    const given = Number(process.env.METERSEAL_SEED ?? fallback);
    return Number.isSafeInteger(given) ? given : fallback;
}
