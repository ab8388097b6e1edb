import { seededRandom } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { mutateBytes } from "./fuzz/mutate.ts";
import { FuzzFinding, fuzz } from "./fuzz/run.ts";
import { type FuzzTarget, verdictOf } from "./fuzz/target.ts";
import { TARGETS } from "./fuzz/targets.ts";

const SEED = 20_130_101;
/** A taste of what `npm run fuzz` does. */
const inputsOf = ({ share }: FuzzTarget): number => Math.max(60, Math.round(share / 250));

describe("changed inputs", () => {
    it("come to every target by its weight, each under a name of its own", () => {
        expect(TARGETS.every(({ share }) => Number.isInteger(share) && share > 0)).toBe(true);
        expect(new Set(TARGETS.map(({ name }) => name)).size).toBe(TARGETS.length);
    });

    it.each(TARGETS.map((target) => [target.name, target] as const))(
        "%s: taken, or refused with a code",
        async (_, target) => {
            const report = await fuzz(target, SEED, inputsOf(target));
            expect(report.accepted + report.refused).toBe(inputsOf(target));
            expect(report.refused).toBeGreaterThan(0);
            // What takes nothing is stopped at its door, and shows nothing of what is behind it. A busy
            // machine may have been too slow for a conversation: then there is another try.
            const taken = report.accepted || (await fuzz(target, SEED, 400, 1_000)).accepted;
            expect(taken).toBeGreaterThan(0);
        },
        60_000,
    );
});

describe("the fuzzer", () => {
    it("leaves what it changes as it was, in a Buffer too", () => {
        const random = seededRandom(SEED);
        const seeds = [Buffer.from("0123456789abcdef"), new Uint8Array(16).fill(7)];
        const before = seeds.map((seed) => Buffer.from(seed).toString("hex"));
        for (let i = 0; i < 500; i++) mutateBytes(random, random.pick(seeds), seeds);
        expect(seeds.map((seed) => Buffer.from(seed).toString("hex"))).toEqual(before);
    });

    /** Breaks at one input in eight, in a way that nobody foresaw. */
    const faulty: FuzzTarget = {
        name: "faulty",
        share: 1,
        open: () => ({
            make: (random) => random.bytes(4),
            take: (input) => {
                if (Number(input[0]) % 8 === 0) throw new TypeError("no function");
                return "refused";
            },
        }),
    };

    it("ends at what throws, and makes that input again", async () => {
        const found = await fuzz(faulty, 5, 1_000).catch((cause: unknown) => cause);
        if (!(found instanceof FuzzFinding)) throw new Error("nothing was found");
        expect(found.index).toBeLessThan(999);
        const again = await fuzz(faulty, 5, 1, found.index).catch((cause: unknown) => cause);
        expect(again).toMatchObject({ index: found.index, input: found.input });
        await expect(fuzz(faulty, 5, found.index)).resolves.toMatchObject({ accepted: 0 });
    });

    it("takes an error without a code, and a rejection that nobody awaits, for findings", async () => {
        expect(() => verdictOf({ ok: false, error: new Error("plain") as never })).toThrow();
        const stray: FuzzTarget = {
            ...faulty,
            open: () => ({
                make: () => "",
                take: () => {
                    void Promise.reject(new Error("stray"));
                    return "refused";
                },
            }),
        };
        await expect(fuzz(stray, 1, 2)).rejects.toBeInstanceOf(FuzzFinding);
    });
});
