import type { SeededRandom } from "@meterseal/testkit/random";
import { pool } from "./corpus.ts";
import { mutateBytes, mutateText } from "./mutate.ts";
import { mutateItem, mutateSign1 } from "./mutate-message.ts";
import { bytesOf, type FuzzTarget, type FuzzVerdict, textOf } from "./target.ts";

/** Mutations of one kind of message: of its bytes, or inside a frame that is whole. */
function messages(seeds: readonly Uint8Array[]): (random: SeededRandom) => Uint8Array {
    return (random) => {
        const seed = random.pick(seeds);
        if (random.chance(0.5)) return mutateBytes(random, seed, pool);
        const changed = mutateSign1(random, seed) ?? mutateItem(random, seed);
        return changed ?? mutateBytes(random, seed, pool);
    };
}

/** A target that takes changed messages. */
export function bytesTarget(
    name: string,
    share: number,
    seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
    take: (bytes: Uint8Array) => FuzzVerdict,
): FuzzTarget {
    return {
        name,
        share,
        open: async () => ({
            make: messages(await seeds()),
            take: (input) => take(bytesOf(input)),
        }),
    };
}

/** A target that takes changed texts. */
export function textTarget(
    name: string,
    share: number,
    seeds: () => readonly string[],
    take: (text: string) => FuzzVerdict,
): FuzzTarget {
    return {
        name,
        share,
        open: () => {
            const texts = seeds();
            return {
                make: (random) => mutateText(random, random.pick(texts), texts),
                take: (input) => take(textOf(input)),
            };
        },
    };
}
