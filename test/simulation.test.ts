import { runWorld } from "@meterseal/testkit/world";
import { describe, expect, it } from "vitest";

/** SIM_SEED runs one seed again, SIM_SEEDS another number of them. */
const ONE = process.env.SIM_SEED;
const COUNT = Number(process.env.SIM_SEEDS ?? 64);
const FIRST = Number(process.env.SIM_FIRST ?? 1);
const SEEDS =
    ONE === undefined ? Array.from({ length: COUNT }, (_, i) => FIRST + i) : [Number(ONE)];

describe("a simulated network", () => {
    it(
        `keeps every promise through all trouble (seeds ${SEEDS[0]} … ${SEEDS.at(-1)})`,
        async () => {
            const totals = {
                crashes: 0,
                fullDisks: 0,
                messages: 0,
                mischief: 0,
                receipts: 0,
                records: 0,
            };
            const broken: string[] = [];
            for (const seed of SEEDS) {
                const report = await runWorld(seed);
                for (const name of Object.keys(totals) as (keyof typeof totals)[]) {
                    totals[name] += report[name];
                }
                for (const violation of report.violations.slice(0, 5)) {
                    broken.push(`SIM_SEED=${seed}: ${violation}`);
                }
                if (broken.length > 20) break;
            }
            if (ONE !== undefined || COUNT > 100) console.log(totals);
            expect(broken).toEqual([]);
            // A simulation in which nothing goes wrong proves nothing.
            if (SEEDS.length > 20) {
                expect(totals.crashes).toBeGreaterThan(SEEDS.length);
                expect(totals.fullDisks).toBeGreaterThan(SEEDS.length / 8);
                expect(totals.mischief).toBeGreaterThan(SEEDS.length);
                expect(totals.records).toBeGreaterThan(5 * SEEDS.length);
            }
        },
        20_000 + 2_000 * SEEDS.length,
    );

    it("runs the same way twice", async () => {
        expect(await runWorld(7)).toEqual(await runWorld(7));
    });
});
