import { randomInt } from "node:crypto";
import { test } from "node:test";
import { runKillTest } from "../../packages/node/test/kill/run.ts";

const seed = Number(process.env.KILL_SEED ?? randomInt(2 ** 31));
const kills = Number(process.env.KILL_ROUNDS ?? 20);

test(`the server is killed ${kills} times under load, KILL_SEED=${seed}`, async (context) => {
    const quiet = { info: () => {}, warn: () => {} };
    const report = await runKillTest({
        seed,
        kills,
        meters: 8,
        days: 365,
        lifeMs: 3_200,
        log: quiet,
    });
    context.diagnostic(`seed ${seed}`);
    for (const [name, value] of Object.entries(report)) context.diagnostic(`${name} ${value}`);
});
