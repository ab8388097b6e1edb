import { MemoryMeterStore, MemoryServerStore } from "@meterseal/stores/memory";
import { runWorld } from "@meterseal/testkit/world";
import { afterEach, describe, expect, it, vi } from "vitest";

/** SIM_SEED runs one seed again, SIM_SEEDS another number of them. */
const ONE = process.env.SIM_SEED;
const COUNT = Number(process.env.SIM_SEEDS ?? 64);
const FIRST = Number(process.env.SIM_FIRST ?? 1);
const SEEDS =
    ONE === undefined ? Array.from({ length: COUNT }, (_, i) => FIRST + i) : [Number(ONE)];

describe("a simulated network", () => {
    afterEach(() => void vi.restoreAllMocks());

    it(
        `keeps every promise through all trouble (seeds ${SEEDS[0]} … ${SEEDS.at(-1)})`,
        async () => {
            const totals = {
                crashes: 0,
                fullDisks: 0,
                thinned: 0,
                messages: 0,
                mischief: 0,
                notices: 0,
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
                expect(totals.thinned).toBeGreaterThan(SEEDS.length / 16);
                expect(totals.mischief).toBeGreaterThan(SEEDS.length);
                expect(totals.notices).toBeGreaterThan(SEEDS.length);
                expect(totals.records).toBeGreaterThan(5 * SEEDS.length);
            }
        },
        20_000 + 2_000 * SEEDS.length,
    );

    it("runs the same way twice", async () => {
        expect(await runWorld(7)).toEqual(await runWorld(7));
    }, 60_000);

    it("notices a server's disk that loses what it called durable", async () => {
        const { insertRecords } = MemoryServerStore.prototype;
        let writes = 0;
        vi.spyOn(MemoryServerStore.prototype, "insertRecords").mockImplementation(function (
            this: MemoryServerStore,
            records,
        ) {
            return ++writes % 3 === 0
                ? Promise.resolve(records)
                : insertRecords.call(this, records);
        });
        const { violations } = await runWorld(7);
        expect(violations.join("\n")).toMatch(/acknowledged \S+ is there 0 times/);
    }, 60_000);

    it("notices a meter's disk that loses what it called durable", async () => {
        const { append } = MemoryMeterStore.prototype;
        let writes = 0;
        vi.spyOn(MemoryMeterStore.prototype, "append").mockImplementation(function (
            this: MemoryMeterStore,
            state,
            record,
        ) {
            return ++writes % 3 === 0 ? Promise.resolve() : append.call(this, state, record);
        });
        const sealedTwice = /was (?:sealed|written) twice/;
        let found = "";
        for (let seed = 1; seed <= 8 && !sealedTwice.test(found); seed++) {
            found += (await runWorld(seed)).violations.join("\n");
        }
        expect(found).toMatch(sealedTwice);
    }, 60_000);
});
