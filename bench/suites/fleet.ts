import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { FleetCalls, FleetCost } from "../children/fleet-run.ts";
import { Child } from "../lib/child.ts";
import { median } from "../lib/measure.ts";
import { type Bucket, readProfile } from "../lib/profile.ts";
import { formatNumber, type Row, type Suite } from "../lib/report.ts";
import { inTempDirectory } from "../lib/temp.ts";

const METERS = 20;
const DAYS = 31;
const ROUNDS = 3;

/** The demo's replay: real homes through real agents, links, collector and ledger. */
export const fleetSuite: Suite = {
    name: "fleet",
    title: `the demo's replay: ${METERS} meters, ${DAYS} days of half-hours, records of 96 readings`,
    async run({ quick }) {
        const costs: FleetCost[] = [];
        for (let round = 0; round < (quick ? 0 : ROUNDS); round++) {
            costs.push((await replay(null)).cost);
        }
        const shares = await inTempDirectory(async (directory) => {
            const { cost, pid } = await replay(directory);
            if (quick) costs.push(cost);
            const names = readdirSync(directory).filter((name) => name.endsWith(".cpuprofile"));
            return names.map((name) => ({
                who: name.includes(`.${pid}.`) ? "meters" : "server",
                text: sharesOf(join(directory, name)),
            }));
        });
        const of = (value: (cost: FleetCost) => number): number => median(costs.map(value));
        const row = (what: string, value: number, unit: string): Row => ({
            what,
            ours: { value, unit },
            against: null,
            ratio: null,
            target: null,
        });
        return {
            rows: [
                row(
                    "sealed, signed and on the meters' disks",
                    of((c) => c.readings / c.fedS),
                    "readings/s",
                ),
                row(
                    "final in the ledger",
                    of((c) => c.readings / c.finalS),
                    "readings/s",
                ),
                row(
                    "CPU of the meters' process",
                    of((c) => (c.metersCpuS / c.records) * 1e6),
                    "µs a record",
                ),
                row(
                    "CPU of the server, main thread",
                    of((c) => ((c.serverMainCpuS ?? Number.NaN) / c.records) * 1e6),
                    "µs a record",
                ),
                row(
                    "CPU of the server, other threads",
                    of((c) => ((c.serverPoolCpuS ?? Number.NaN) / c.records) * 1e6),
                    "µs a record",
                ),
            ],
            facts: [
                `${costs[0]?.readings} readings in ${costs[0]?.records} records; start ${formatNumber(of((c) => c.startS))} s, fed ${formatNumber(of((c) => c.fedS))} s, final ${formatNumber(of((c) => c.finalS))} s: the last vertex waits 2 s for more records`,
                ...shares.map(({ text, who }) => `busy time of the ${who}: ${text}`),
            ],
        };
    },
};

function replay(profileDir: string | null): Promise<{ cost: FleetCost; pid: number }> {
    return inTempDirectory(async (dataDir) => {
        const child = new Child<FleetCalls>("fleet-run.ts", profileDir);
        const cost = await child.ask("run", { dataDir, meters: METERS, days: DAYS });
        const { pid } = child;
        await child.stop();
        return { cost, pid };
    });
}

const LARGEST = 16;

function sharesOf(path: string): string {
    const busy = readProfile(path, roleBucket).filter(({ name }) => name !== "idle");
    const total = busy.reduce((sum, { seconds }) => sum + seconds, 0);
    const parts = busy
        .slice(0, LARGEST)
        .map(({ name, seconds }) => `${name} ${Math.round((100 * seconds) / total)} %`);
    return `${total.toFixed(2)} s; ${parts.join(", ")}`;
}

const ROLES: readonly (readonly [RegExp, string])[] = [
    [/packages\/seal\//, "seal"],
    [/packages\/core\/src\/crypto\/signer/, "sign"],
    [/packages\/core\/src\/crypto\/node.ts verifySignature/, "verify"],
    [/packages\/core\/src\/crypto\//, ""],
    [/packages\/core\/src\/time\//, "calendar"],
    [/packages\/core\//, ""],
    [/packages\/stores\/src\/sqlite\/database/, "commit to disk"],
    [/packages\/stores\//, "store statements"],
    [/packages\/record\//, "encode and parse"],
    [/node_modules\/cborg/, "encode and parse"],
    [/node_modules\/(mqtt|aedes|mqemitter|fast|retimer|hyperid)/, "MQTT"],
    [/packages\/links\//, "MQTT"],
    [/packages\/ledger\/src\/accept/, "rules"],
    [/packages\/ledger\//, "ledger"],
    [/packages\/engines\//, "ledger"],
    [/packages\/collector\//, "collector"],
    [/packages\/meter\/src\/simulator/, "read example data"],
    [/packages\/meter\//, "agent"],
    [/packages\/node\//, "replay and wiring"],
];

const roleBucket: Bucket = ({ functionName, url }) => {
    if (functionName === "(idle)") return "idle";
    if (functionName === "(garbage collector)") return "garbage collector";
    if (functionName === "(program)") return "native";
    const place = `${url} ${functionName}`;
    const role = ROLES.find(([pattern]) => pattern.test(place))?.[1];
    if (role !== undefined) return role === "" ? null : role;
    return functionName === "(root)" ? "runtime and module loading" : null;
};
