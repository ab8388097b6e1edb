import { type Broken, runOrganisations } from "@meterseal/testkit/orgs";
import { describe, expect, it } from "vitest";

/** Seeds of every test run; `npm run simulate` runs as many as one likes. */
const SEEDS = [1, 4];
/** A broken rule must be found within these: four validators each, and somebody who forges. */
const SEEDS_TO_FIND = [10, 2, 4];
const MINUTES_MS = 240_000;

/** Rules that are broken on purpose, and the invariants of which one must be found to fail. */
const BROKEN: readonly (readonly [Broken, readonly string[]])[] = [
    ["signatures", ["I10"]],
    ["block time", ["I19"]],
    ["left out", ["I19"]],
    ["durability", ["I9"]],
    ["meter memory", ["I1"]],
];

let firstHash = "";

describe("four organisations on a simulated network", () => {
    it(
        `keep every promise through all trouble (seeds ${SEEDS.join(", ")})`,
        async () => {
            const seen = new Set<string>();
            const profiles = new Set<string>();
            firstHash = "";
            for (const seed of SEEDS) {
                const report = await runOrganisations(seed);
                expect({ seed, findings: report.findings }).toEqual({ seed, findings: [] });
                firstHash ||= report.traceHash;
                profiles.add(report.profile);
                expect(report.records).toBeGreaterThan(150);
                for (const name of Object.keys(report.checked)) seen.add(name);
            }
            expect([...profiles].sort()).toEqual(["branches", "cometbft"]);
            // A run that looks at nothing proves nothing.
            const named = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10"];
            for (const name of [...named, "I11", "I12", "I14", "I17", "I19"]) {
                expect(seen).toContain(name);
            }
        },
        MINUTES_MS,
    );

    it.each([7, 5])(
        "run the same way twice, step by step, and every seed in its own way (seed %i)",
        async (seed) => {
            const lines: string[][] = [[], []];
            const [one, two] = [
                await runOrganisations(seed, { watch: (line) => lines[0]?.push(line) }),
                await runOrganisations(seed, { watch: (line) => lines[1]?.push(line) }),
            ];
            expect(lines[1]).toEqual(lines[0]);
            expect(two).toEqual(one);
            expect(one.steps).toBe(lines[0]?.length);
            expect(one.traceHash).not.toBe(firstHash);
        },
        MINUTES_MS,
    );

    it.each(BROKEN)(
        "show that a rule is broken: %s",
        async (broken, invariants) => {
            const found = new Set<string>();
            for (const seed of SEEDS_TO_FIND) {
                const { findings } = await runOrganisations(seed, { broken });
                for (const { invariant } of findings) found.add(invariant);
                if (invariants.some((name) => found.has(name))) return;
            }
            expect([...found]).toEqual(expect.arrayContaining([...invariants]));
        },
        MINUTES_MS,
    );
});
