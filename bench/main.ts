/** `node bench/main.ts [name ...] [--json] [--quick] [--profile DIR]`: both sides of every ratio in one run. */
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeMachine, formatMachine } from "./lib/machine.ts";
import { formatTable, type Suite, type SuiteResult, toJson } from "./lib/report.ts";
import { fleetSuite } from "./suites/fleet.ts";
import { ingestSuite } from "./suites/ingest.ts";
import { liveSuite } from "./suites/live.ts";
import { querySuite } from "./suites/query.ts";
import { sealSuite } from "./suites/seal.ts";
import { sealedSuite } from "./suites/sealed.ts";
import { verifySuite } from "./suites/verify.ts";

const SUITES: readonly Suite[] = [
    ingestSuite,
    liveSuite,
    sealedSuite,
    sealSuite,
    querySuite,
    verifySuite,
    fleetSuite,
];

const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
        json: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
        profile: { type: "string" },
    },
});
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
    console.error(
        `No suite ${unknown.join(", ")}; there are: ${SUITES.map(({ name }) => name).join(", ")}.`,
    );
    process.exit(2);
}
if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });

const machine = describeMachine();
const show = (text: string): void => {
    if (!values.json) console.log(text);
};
show(formatMachine(machine));
const results: { suite: Suite; result: SuiteResult }[] = [];
for (const suite of SUITES) {
    if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
    show(`\n== ${suite.name}: ${suite.title}`);
    const start = performance.now();
    const result = await suite.run({ quick: values.quick, profileDir: values.profile ?? null });
    results.push({ suite, result });
    show(formatTable(result.rows));
    for (const fact of result.facts) show(`- ${fact}`);
    show(`(${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
const json = toJson(machine, results);
console.log(values.json ? json : `\n${json}`);
