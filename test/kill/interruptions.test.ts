import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawned, start } from "../../packages/node/test/command.ts";
import { allGone, childrenOf, demo, finish } from "../../packages/node/test/demo-runs.ts";
import { randomOf } from "../../packages/node/test/kill/random.ts";

const seed = Number(process.env.KILL_SEED ?? randomInt(2 ** 31));
const random = randomOf(seed);
const ROUNDS = 4;
const scratch = mkdtempSync(join(tmpdir(), "meterseal-interrupt-"));

after(() => rmSync(scratch, { recursive: true, force: true }));

test(`kill -9 of the meters: the server ends by itself, KILL_SEED=${seed}`, async () => {
    const dataDir = join(scratch, "orphaned");
    const first = start(demo(dataDir, "--days", "300"));
    await first.shows("readings/s");
    await sleep(random() * 300);
    const children = childrenOf(first.child.pid);
    assert.equal(children.length, 1);
    first.child.kill("SIGKILL");
    await first.outcome;
    assert(await allGone(children, 5_000), "the orphaned server ends");
    assert.equal((await finish(dataDir)).result.verified, true);
});

test("kill -9 of both, as a power cut; then fewer days than before", async () => {
    for (let round = 0; round < ROUNDS; round++) {
        const dataDir = join(scratch, `power-${round}`);
        const first = start(demo(dataDir, "--days", "300"));
        await first.shows("readings/s");
        await sleep(random() * 2_500);
        for (const pid of [first.child.pid, ...childrenOf(first.child.pid)]) {
            if (pid !== undefined) process.kill(pid, "SIGKILL");
        }
        await first.outcome;
        assert.equal((await finish(dataDir)).result.verified, true);
    }
});

// From no room to make the stores to room for some records.
for (const size of ["300k", "400k", "500k", "550k", "700k"]) {
    test(`a full disk of ${size} is named, and with room the next start goes on`, (context) =>
        fillDisk(context, size));
}

async function fillDisk(context: TestContext, size: string): Promise<void> {
    const disk = join(scratch, "disk");
    mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", disk]);
    if (mounted.status !== 0) {
        context.diagnostic("not tested: no right to mount a small disk");
        return;
    }
    try {
        const dataDir = join(disk, "data");
        const full = await spawned(...demo(dataDir, "--once", "--days", "60"));
        assert.equal(full.code, 3, full.stderr);
        assert.match(full.stderr, /MS_STORE_UNWRITABLE: .*(?:full|no space)/i);
        spawnSync("mount", ["-o", "remount,size=50m", disk]);
        assert.equal((await finish(dataDir)).result.verified, true);
    } finally {
        spawnSync("umount", [disk]);
        rmdirSync(disk);
    }
}
