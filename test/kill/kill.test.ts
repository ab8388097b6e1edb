import { randomInt } from "node:crypto";
import { type TestContext, test } from "node:test";
import { runMeterKillTest } from "../../packages/node/test/kill/meters.ts";
import { runKillTest } from "../../packages/node/test/kill/run.ts";

const seed = Number(process.env.KILL_SEED ?? randomInt(2 ** 31));
const serverKills = Number(process.env.KILL_ROUNDS ?? 200);
const meterKills = Number(process.env.KILL_METER_ROUNDS ?? 50);
const METERS = 2;
const quiet = { info: () => {}, warn: () => {} };

function show(context: TestContext, report: object): void {
    context.diagnostic(`seed ${seed}`);
    for (const [name, value] of Object.entries(report)) {
        context.diagnostic(`${name} ${typeof value === "object" ? JSON.stringify(value) : value}`);
    }
}

test(`meters are killed ${meterKills} times, KILL_SEED=${seed}`, async (context) => {
    const kills = Math.ceil(meterKills / METERS);
    const size = { seed, kills, meters: METERS, days: 4 * kills, lifeMs: 600 };
    show(context, await runMeterKillTest(size));
});

test(`the server is killed ${serverKills} times under load, KILL_SEED=${seed}`, async (context) => {
    const size = { seed, kills: serverKills, meters: 8, days: 365, lifeMs: 800 };
    show(context, await runKillTest({ ...size, log: quiet }));
});
