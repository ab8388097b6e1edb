import { setTimeout as sleep } from "node:timers/promises";
import { ATTACKS, type Attack, type FloodCalls } from "../children/flood.ts";
import { Child } from "../lib/child.ts";
import { FLOODED } from "../lib/doors.ts";
import { LinkMeter } from "../lib/link-fleet.ts";
import { LinksRun, type OpenLink } from "../lib/links-run.ts";
import { median, percentile } from "../lib/measure.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

/** Valid meters of a link, and the time from a record of each to its next. */
const NEIGHBOURS = 8;
const EACH_MS = 40;
const SIZE = { rounds: 3, phaseMs: 1_000 };
const QUICK = { rounds: 1, phaseMs: 200 };
/** Delay that a valid meter may have beside a flood, against the one without. */
const MOST_TIMES = 5;

const WORDS: Readonly<Record<Attack, string>> = {
    slow: "200 strangers, a byte each 0.1 s",
    half: "200 strangers, half a greeting each",
    huge: "200 strangers, each announces gigabytes",
    "unknown keys": "20 keys that nobody knows try to log in",
    nested: "an enrolled meter sends 60,000 arrays in one another",
};

/** Valid meters beside floods, at every listener of our own. */
export const floodsSuite: Suite = {
    name: "floods",
    title: "valid meters beside floods of slow, half, huge, unknown and nested input: p99 to the acknowledgement",
    run: ({ quick }) =>
        inTempDirectory(async (dataDir) => {
            const size = quick ? QUICK : SIZE;
            const run = await LinksRun.start(dataDir, NEIGHBOURS + 1, ({ name }) =>
                FLOODED.includes(name),
            );
            const attacker = new Child<FloodCalls>("flood.ts", null);
            try {
                const rows: Row[] = [];
                const facts: string[] = [];
                for (const link of run.links) {
                    const found = await flooded(run, attacker, link, size);
                    rows.push(...found.rows);
                    facts.push(found.fact);
                }
                const { mostMb } = await run.server.ask("memory", null);
                rows.push({
                    what: "resident memory of the server, most",
                    ours: { value: mostMb, unit: "MB" },
                    ...{ against: null, ratio: null, target: { on: "ours", atMost: 400 } },
                });
                return { rows, facts: [conditionOf(size), ...facts] };
            } finally {
                await attacker.stop();
                await run.stop();
            }
        }),
};

async function flooded(
    { server }: LinksRun,
    attacker: Child<FloodCalls>,
    { each, meters, place }: OpenLink,
    { phaseMs, rounds }: typeof SIZE,
): Promise<{ rows: Row[]; fact: string }> {
    const [traitor, ...valid] = meters;
    if (traitor === undefined) throw new Error("no meter is left");
    const neighbours = valid.map((meter, i) => new LinkMeter(each, i, meter));
    for (const neighbour of neighbours) await neighbour.connect(place);
    const before = (await server.ask("memory", null)).nowMb;
    const calm: number[] = [];
    const delays = new Map<Attack, number[]>(ATTACKS.map((attack) => [attack, []]));
    const begun = new Map<Attack, number>();
    await phase(neighbours, phaseMs / 2); // warms both sides up
    for (let round = 0; round < rounds; round++) {
        calm.push(percentile(await phase(neighbours, phaseMs), 0.99));
        for (const attack of ATTACKS) {
            await attacker.ask("start", { attack, link: each.name, place, traitor });
            delays.get(attack)?.push(percentile(await phase(neighbours, phaseMs), 0.99));
            const count = await attacker.ask("stop", null);
            begun.set(attack, (begun.get(attack) ?? 0) + count);
            await sleep(phaseMs / 10);
        }
    }
    const grown = (await server.ask("memory", null)).nowMb - before;
    for (const neighbour of neighbours) await neighbour.close();
    const usual = median(calm);
    const counts = ATTACKS.map((attack) => `${attack} ${formatNumber(begun.get(attack) ?? 0)}`);
    return {
        rows: ATTACKS.map((attack): Row => {
            const delay = median(delays.get(attack) ?? []);
            return {
                what: `${each.name}: ${WORDS[attack]}`,
                ours: { value: delay, unit: "ms" },
                against: { value: usual, unit: "ms", of: "no flood" },
                ratio: usual / delay,
                target: { on: "ratio", atLeast: 1 / MOST_TIMES },
            };
        }),
        fact: `${each.name}: begun in ${rounds} rounds: ${counts.join(", ")}; memory grew by ${formatNumber(Math.max(0, grown))} MB`,
    };
}

/** Sends a record of each meter from time to time; ms until each acknowledgement. */
async function phase(meters: readonly LinkMeter[], phaseMs: number): Promise<number[]> {
    const delays: number[] = [];
    const endMs = performance.now() + phaseMs;
    await Promise.all(
        meters.map(async (meter) => {
            while (performance.now() < endMs) {
                const record = await meter.writer.next(1);
                const startMs = performance.now();
                await meter.send(record);
                const delayMs = performance.now() - startMs;
                delays.push(delayMs);
                await sleep(Math.max(0, EACH_MS - delayMs));
            }
        }),
    );
    return delays;
}

function conditionOf({ phaseMs, rounds }: typeof SIZE): string {
    return `${NEIGHBOURS} valid meters a link, a record of one reading each ${EACH_MS} ms; ${rounds} rounds of ${phaseMs} ms without and with each flood, medians of their p99; server, meters and flood are processes on the same cores`;
}
