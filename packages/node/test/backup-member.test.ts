import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { entryLeafHash, MerkleLog, originOf, signCheckpoint } from "@meterseal/ledger";
import { encodeCbor } from "@meterseal/record";
import { openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { TEST_START_UNIX, TestNetwork } from "@meterseal/testkit/records";
import { expect, it } from "vitest";
import { type Backup, makeBackup } from "../src/backup/make.ts";
import { claimDirectory, PLACES } from "../src/files.ts";
import { useScratch } from "./fixture.ts";

const scratch = useScratch();
const network = new TestNetwork("backup");

/** Data of a server with a log of two entries, and checkpoints of these sizes. */
async function dataOf(name: string, isShared: boolean, sizes: readonly number[]): Promise<string> {
    const dataDir = join(scratch, name);
    claimDirectory(dataDir);
    mkdirSync(PLACES.serverKeys(dataDir), { recursive: true });
    const store = await openServerStore(PLACES.server(dataDir));
    await store.initialize(network.genesis);
    const log = new MerkleLog();
    for (const { enrolment } of [await network.collector(), await network.meter()]) {
        const entry = { timeMs: TEST_START_UNIX * 1000, item: enrolment.message.bytes };
        log.append(entryLeafHash(entry));
        const origin = originOf(network.networkId);
        const note = await signCheckpoint(network.logSigner, origin, log.size, log.root());
        await store.appendBlock({
            ...{ height: log.size, appHash: new Uint8Array(32), engineState: encodeCbor([[], 0]) },
            entries: [{ entry, vertexId: null, records: [] }],
            checkpoint: sizes.includes(log.size) ? note : null,
        });
    }
    await store.close();
    if (isShared) return dataDir;
    const file = new DatabaseSync(join(PLACES.server(dataDir), SERVER_FILE));
    file.exec("DELETE FROM meta WHERE key = 'block'");
    file.close();
    return dataDir;
}

const backup = (dataDir: string): Promise<Backup> =>
    makeBackup({
        ...{ dataDir, to: `${dataDir} backup` },
        ...{ signal: new AbortController().signal, onProgress: () => undefined },
    });

it("a member that does not sign the log is backed up under the last checkpoint that it has", async () => {
    const whole = await backup(await dataOf("whole", true, [1, 2]));
    expect(whole.manifest.log.size).toBe(2);
    const behind = await backup(await dataOf("behind", true, [1]));
    expect(behind.manifest.log.size).toBe(1);
    expect(behind.manifest.log.root).not.toBe(whole.manifest.log.root);
});

it.each([
    ["a member that has no checkpoint yet", true, []],
    ["a server that signs each entry, and has one less", false, [1]],
])("no backup is made of %s", async (name, isShared, sizes) => {
    await expect(backup(await dataOf(name, isShared, sizes))).rejects.toThrow("MS_BACKUP");
});
