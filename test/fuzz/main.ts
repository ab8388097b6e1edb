/**
 * `npm run fuzz -- [--seed N] [--count N] [--target NAME] [--from N]`: throws changed inputs at
 * everything that reads from outside. The first finding ends it, is written to a file and printed.
 */
import { randomInt } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FuzzFinding, fuzz } from "./run.ts";
import { TARGETS } from "./targets.ts";

const FINDINGS = join(import.meta.dirname, "findings");
const HEX_SHOWN = 4_096;
const WHOLE = TARGETS.reduce((sum, { share }) => sum + share, 0);

const USAGE = `npm run fuzz -- [options]

Throws changed inputs at everything that reads from outside; ends with 1 at the first finding.

  --count N      inputs of all targets together (100000)
  --seed N       the same inputs again (by chance)
  --target NAME  one target only: ${TARGETS.map(({ name }) => name).join(", ")}
  --from N       leaves out the inputs of a target before this one (0)
`;

const values = readOptions();
if (values.help) {
    process.stdout.write(USAGE);
    process.exit(0);
}
const [seed, count, from] = [values.seed, values.count, values.from].map(Number);
if (![seed, count, from].every((n) => Number.isSafeInteger(n) && (n ?? -1) >= 0)) {
    console.error("Seed, count and from are whole numbers.");
    process.exit(2);
}
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) {
    console.error(
        `There is no such target; there are: ${TARGETS.map(({ name }) => name).join(", ")}.`,
    );
    process.exit(2);
}

console.log(`seed ${seed}, ${count} inputs`);
let [inputs, seconds] = [0, 0];
try {
    for (const target of chosen) {
        const share = chosen.length === 1 ? 1 : target.share / WHOLE;
        const report = await fuzz(
            target,
            Number(seed),
            Math.ceil(Number(count) * share),
            Number(from),
        );
        inputs += report.inputs;
        seconds += report.seconds;
        console.log(
            [
                report.target.padEnd(22),
                `${report.inputs}`.padStart(8),
                `accepted ${report.accepted}`.padStart(17),
                `refused ${report.refused}`.padStart(16),
                `${((report.seconds * 1e6) / report.inputs).toFixed(0)} µs each`.padStart(14),
            ].join("  "),
        );
    }
} catch (finding) {
    if (!(finding instanceof FuzzFinding)) throw finding;
    report(finding);
    process.exit(1);
}
const peakMib = Math.ceil(process.resourceUsage().maxRSS / 1024);
console.log(
    `${inputs} inputs in ${seconds.toFixed(1)} s, ${peakMib} MiB at most: no crash, no error without a code`,
);

function readOptions() {
    try {
        return parseArgs({
            options: {
                seed: { type: "string", default: `${randomInt(2 ** 31)}` },
                count: { type: "string", default: "100000" },
                target: { type: "string" },
                from: { type: "string", default: "0" },
                help: { type: "boolean", default: false },
            },
        }).values;
    } catch (cause) {
        console.error(cause instanceof Error ? cause.message : String(cause));
        return process.exit(2);
    }
}

function report(finding: FuzzFinding): void {
    mkdirSync(FINDINGS, { recursive: true });
    const name = finding.target.replaceAll(/\W+/g, "-");
    const path = join(FINDINGS, `${name}-${finding.seed}-${finding.index}.bin`);
    writeFileSync(path, finding.bytes);
    const hex = Buffer.from(finding.bytes).toString("hex");
    console.error(`FOUND in ${finding.target}:`, finding.cause);
    console.error(`input (${finding.bytes.length} bytes) ${hex.slice(0, HEX_SHOWN)}`);
    console.error(`written to ${path}`);
    console.error(
        `again: npm run fuzz -- --target "${finding.target}" --seed ${finding.seed} --from ${finding.index} --count 1`,
    );
}
