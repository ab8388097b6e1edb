import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MetersealError, toHex, unwrap } from "@meterseal/core";
import { parseRecord } from "@meterseal/record";
import { openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { claimDirectory, PLACES } from "../../packages/node/src/files.ts";
import { verifyDirectory } from "../../packages/node/src/verify/verify.ts";
import { randomOf } from "../../packages/node/test/kill/random.ts";
import { knownRecords, startSmallFleet } from "../../packages/node/test/kill/small-fleet.ts";

const seed = Number(process.env.KILL_SEED ?? randomInt(2 ** 31));
const DAMAGES = Number(process.env.DISK_DAMAGES ?? 150);
const METERS = 2;
const DAYS = 60;
const scratch = mkdtempSync(join(tmpdir(), "meterseal-disk-"));

after(() => rmSync(scratch, { recursive: true, force: true }));

/** How often each record is in a server's store. */
async function storedIn(serverDir: string): Promise<Map<string, number>> {
    const store = await openServerStore(serverDir, { readOnly: true });
    const stored = new Map<string, number>();
    for await (const { bytes } of store.reader.records()) {
        const hash = toHex(unwrap(parseRecord(bytes)).message.hash);
        stored.set(hash, (stored.get(hash) ?? 0) + 1);
    }
    await store.close();
    return stored;
}

test("a server on a full disk acknowledges nothing more; with room it goes on", async (context) => {
    const dataDir = join(scratch, "full");
    claimDirectory(dataDir);
    const disk = PLACES.server(dataDir);
    mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=600k", "none", disk]);
    if (mounted.status !== 0) {
        context.diagnostic("not tested: no right to mount a small disk");
        return;
    }
    try {
        const first = await startSmallFleet(dataDir, METERS);
        await first.replay(2 * DAYS);
        await first.server.ended; // the disk is full before all is stored
        const { acknowledged, kept } = await knownRecords(first.stores);
        assert(kept.size > 0, "what was not final waits with the meters");
        await first.close();
        const stored = await storedIn(disk);
        for (const hash of acknowledged) assert.equal(stored.get(hash), 1, hash);
        context.diagnostic(`acknowledged ${acknowledged.size}, waiting ${kept.size}`);
        spawnSync("mount", ["-o", "remount,size=50m", disk]);
        const second = await startSmallFleet(dataDir, METERS);
        await second.replay(2 * DAYS);
        await Promise.all(second.members.map(({ household }) => household.agent.settled()));
        await second.close();
        const { counts, faults, notes } = await verifyDirectory(dataDir, [], () => {});
        assert.deepEqual([faults, notes], [[], []]);
        assert.equal(counts.looseRecords, 0);
    } finally {
        spawnSync("umount", [disk]);
    }
});

test(`torn and rotten files are found, or nothing is lost, KILL_SEED=${seed}`, async (context) => {
    const random = randomOf(seed);
    const dataDir = join(scratch, "torn");
    const fleet = await startSmallFleet(dataDir, METERS);
    await fleet.replay(DAYS);
    fleet.server.kill();
    await fleet.server.ended;
    const written = fleet.stores.flatMap((store) =>
        [...store.records.values()].map(({ hash }) => toHex(hash)),
    );
    const { kept } = await knownRecords(fleet.stores);
    await fleet.close();
    const outcomes = { refused: 0, found: 0, whole: 0 };
    for (let i = 0; i < DAMAGES; i++) {
        const copy = join(scratch, "copy");
        cpSync(dataDir, copy, { recursive: true });
        const what = damage(join(PLACES.server(copy), SERVER_FILE), random);
        try {
            const { faults } = await verifyDirectory(copy, [], () => {});
            if (faults.length > 0) outcomes.found++;
            else {
                const stored = await storedIn(PLACES.server(copy));
                const lost = written.filter((hash) => !stored.has(hash) && !kept.has(hash));
                assert.deepEqual(lost, [], `${what}: nothing is lost in silence`);
                assert(
                    [...stored.values()].every((times) => times === 1),
                    what,
                );
                outcomes.whole++;
            }
        } catch (cause) {
            if (!(cause instanceof MetersealError)) throw new Error(what, { cause });
            outcomes.refused++;
        }
        rmSync(copy, { recursive: true });
    }
    context.diagnostic(`seed ${seed}, ${written.length} records, ${JSON.stringify(outcomes)}`);
    assert(outcomes.refused + outcomes.found > 0, "some damage mattered");
});

/** Damages the store or its log of recent writes as a bad disk does; says how. */
function damage(path: string, random: () => number): string {
    const file = random() < 0.5 ? path : `${path}-wal`;
    const bytes = readFileSync(file);
    const below = (bound: number): number => Math.floor(random() * bound);
    const at = below(bytes.length);
    const kinds = ["cut", "bit", "sector", "page"] as const;
    const kind = kinds[below(kinds.length)] ?? "cut";
    const name = `${kind} at ${at} of ${bytes.length} in ${file === path ? "store" : "log"}`;
    if (kind === "cut") {
        writeFileSync(file, bytes.subarray(0, at));
        return name;
    }
    if (kind === "bit") bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    if (kind === "sector") bytes.fill(0, at - (at % 512), at - (at % 512) + 512);
    if (kind === "page") {
        const from = below(bytes.length);
        bytes.copyWithin(at - (at % 4096), from - (from % 4096), from - (from % 4096) + 4096);
    }
    writeFileSync(file, bytes);
    return name;
}
