/** `npm run bench -- [suite ...] [--json] [--quick] [--save] [--profile DIR]`: both sides of every ratio in one run. */
import { mkdirSync } from "node:fs";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { formatCurve } from "./lib/curve.ts";
import { describeMachine, formatMachine } from "./lib/machine.ts";
import { formatTable, type Measured, measured, type Suite } from "./lib/report.ts";
import { RESULTS_FILE, saveFigures, saveResults } from "./lib/saved.ts";
import { billSuite } from "./suites/bill.ts";
import { cohortSuite } from "./suites/cohort.ts";
import { cometSuite } from "./suites/comet.ts";
import { deriveSuite } from "./suites/derive.ts";
import { fleetSuite } from "./suites/fleet.ts";
import { floodsSuite } from "./suites/floods.ts";
import { grantsSuite } from "./suites/grants.ts";
import { ingestSuite } from "./suites/ingest.ts";
import { linksSuite } from "./suites/links.ts";
import { liveSuite } from "./suites/live.ts";
import { p0Suite } from "./suites/p0.ts";
import { p3Suite } from "./suites/p3.ts";
import { proofsSuite } from "./suites/proofs.ts";
import { querySuite } from "./suites/query.ts";
import { scalingSuite } from "./suites/scaling.ts";
import { sealSuite } from "./suites/seal.ts";
import { sealedSuite } from "./suites/sealed.ts";
import { stagesSuite } from "./suites/stages.ts";
import { stateSuite } from "./suites/state.ts";
import { verifySuite } from "./suites/verify.ts";

const SUITES: readonly Suite[] = [
    ingestSuite,
    liveSuite,
    linksSuite,
    floodsSuite,
    sealedSuite,
    sealSuite,
    querySuite,
    billSuite,
    verifySuite,
    stateSuite,
    proofsSuite,
    grantsSuite,
    fleetSuite,
    scalingSuite,
    cohortSuite,
    deriveSuite,
    p0Suite,
    p3Suite,
    stagesSuite,
    cometSuite,
];

/** Names that stand for several suites. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
    privacy: ["seal", "query", "grants", "bill", "cohort", "derive", "p3"],
};

const USAGE = `npm run bench -- [suite ...] [options]

Measures both sides of every ratio in one run. Without a suite, all of them:
${SUITES.map(({ name, title }) => `  ${name.padEnd(10)} ${title}`).join("\n")}
${Object.entries(GROUPS)
    .map(([name, of]) => `  ${name.padEnd(10)} ${of.join(", ")}`)
    .join("\n")}

  --quick        small sizes: shows that a suite runs, not how fast
  --save         puts the results into bench/results and draws the figures
  --profile DIR  keeps CPU profiles of the processes measured
  --json         prints the results only
`;

const { positionals: words, values } = readOptions();
if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
}
const positionals = words.flatMap((word) => GROUPS[word] ?? word);
const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
    console.error(
        `No suite ${unknown.join(", ")}; there are: ${[...SUITES.map(({ name }) => name), ...Object.keys(GROUPS)].join(", ")}.`,
    );
    process.exit(2);
}
if (values.save && values.quick) {
    console.error("--quick measures nothing worth saving.");
    process.exit(2);
}
if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });

const machine = describeMachine();
const show = (text: string): void => {
    if (!values.json) console.log(text);
};
show(formatMachine(machine));
const results: Measured[] = [];
for (const suite of SUITES) {
    if (positionals.length > 0 && !positionals.includes(suite.name)) continue;
    show(`\n== ${suite.name}: ${suite.title}`);
    const start = performance.now();
    const result = await suite.run({
        quick: values.quick,
        profileDir: values.profile ?? null,
    });
    results.push(measured(suite, result, machine));
    show(formatTable(result.rows));
    for (const fact of result.facts) show(`- ${fact}`);
    for (const curve of result.curves ?? []) show(`\n${formatCurve(curve)}`);
    show(`(${((performance.now() - start) / 1000).toFixed(1)} s)`);
}
if (values.save) {
    const names = SUITES.map(({ name }) => name);
    saveResults(RESULTS_FILE, results, names);
    for (const path of [RESULTS_FILE, ...saveFigures(results)]) {
        show(`Saved in ${relative(process.cwd(), path)}.`);
    }
}
const json = JSON.stringify(results, null, 4);
console.log(values.json ? json : `\n${json}`);

function readOptions() {
    try {
        return parseArgs({
            allowPositionals: true,
            options: {
                json: { type: "boolean", default: false },
                quick: { type: "boolean", default: false },
                save: { type: "boolean", default: false },
                profile: { type: "string" },
                help: { type: "boolean", default: false },
            },
        });
    } catch (cause) {
        console.error(cause instanceof Error ? cause.message : String(cause));
        return process.exit(2);
    }
}
