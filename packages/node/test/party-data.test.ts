import { cpSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { toHex } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeBackup } from "../src/backup/make.ts";
import { restoreBackup } from "../src/backup/restore.ts";
import { postProven, postToBox, takeFromBox } from "../src/party/client.ts";
import { PARTY_FILES } from "../src/party/party.ts";
import type { Server } from "../src/server/server.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { admit, admitHome, type BedParty, boxMessage, grantNotice } from "./party-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
const dataDir = join(scratch, "data");
let running: Server | null = null;
let provider: BedParty;
let issued: { bytes: Uint8Array; hash: Uint8Array };
let copies = 0;

beforeAll(async () => {
    const server = await startQuietServer(dataDir);
    const home = await admitHome(server, "home", scratch);
    provider = await admit(server, "provider", { role: PARTY_ROLE.provider });
    issued = await boxMessage(home, provider);
    await postProven(home, (await grantNotice(home, issued.hash)).bytes);
    await postToBox(server.httpUrl, "grants", issued.bytes);
    await server.close();
});
afterEach(async () => {
    await running?.close();
    running = null;
});

async function verify(directory: string): Promise<{ counts: object; codes: string[] }> {
    const { counts, faults } = await verifyDirectory(directory, [], () => {});
    return { counts, codes: faults.map(({ code }) => code) };
}

/** A copy of the data directory, changed behind its back. */
function tampered(file: "store.db" | "grants.db", sql: string): string {
    const copy = join(scratch, `copy ${copies++}`);
    cpSync(dataDir, copy, { recursive: true });
    const database = new DatabaseSync(join(copy, "server", file));
    database.exec(sql);
    database.close();
    return copy;
}

describe("a data directory with parties", () => {
    it("verifies, and says how much of them was checked", async () => {
        const { codes, counts } = await verify(dataDir);
        expect(codes).toEqual([]);
        expect(counts).toMatchObject({ parties: 2, notices: 1, tariffs: 0, boxed: 1 });
    });

    it("goes on after a restart with what it had acknowledged", async () => {
        running = await startQuietServer(dataDir);
        const access = { ...provider, url: running.httpUrl };
        const bytes = await takeFromBox(access, "grants", toHex(issued.hash));
        expect(toHex(bytes)).toBe(toHex(issued.bytes));
    });

    it("comes back from a backup, the grant box with it", async () => {
        const signal = new AbortController().signal;
        const [to, restored] = [join(scratch, "backup"), join(scratch, "restored")];
        const quiet = { signal, onProgress: () => {} };
        const { manifest } = await makeBackup({ dataDir, to, ...quiet });
        expect(manifest.files.map(({ path }) => path)).toContain("server/grants.db");
        const { report } = await restoreBackup({ from: to, dataDir: restored, ...quiet });
        expect(report.counts).toMatchObject({ parties: 2, notices: 1, boxed: 1 });
        running = await startQuietServer(restored);
        const access = { ...provider, url: running.httpUrl };
        expect(await takeFromBox(access, "grants", toHex(issued.hash))).toHaveLength(
            issued.bytes.length,
        );
    });

    it.each([
        [
            "a byte of a boxed grant",
            "UPDATE messages SET bytes = CAST(bytes || x'00' AS BLOB)",
            "MS_MALFORMED",
        ],
        [
            "the recipient of a boxed grant",
            "UPDATE messages SET recipient = zeroblob(16)",
            "MS_STORE_COLUMN",
        ],
        ["the hash of a boxed grant", "UPDATE messages SET hash = zeroblob(32)", "MS_STORE_COLUMN"],
    ] as const)("shows a change of %s", async (_, sql, code) => {
        expect((await verify(tampered("grants.db", sql))).codes).toContain(code);
    });

    it("shows that a party is gone that holds the operator's answer", async () => {
        const copy = tampered("grants.db", "SELECT 1");
        const directory = join(copy, "providers", "late");
        await run("provider", "init", "--name", "Late", "--out", directory);
        const before = tampered("grants.db", "SELECT 1");
        await run("enrol", "--data", copy, join(directory, PARTY_FILES.request));
        expect(await verify(copy)).toMatchObject({ codes: [], counts: { answers: 1 } });
        cpSync(join(copy, "providers"), join(before, "providers"), { recursive: true });
        expect((await verify(before)).codes).toEqual(["MS_PARTY"]);
    });

    it("shows a notice that is gone, and one that was altered", async () => {
        const last = "(SELECT max(idx) FROM log)";
        const gone = tampered(
            "store.db",
            `DELETE FROM checkpoints WHERE size > ${last}; DELETE FROM log WHERE idx = ${last}`,
        );
        expect((await verify(gone)).codes).toContain("MS_GRANT_NOTICE");
        const altered = tampered(
            "store.db",
            `UPDATE log SET item = CAST(substr(item, 1, length(item) - 1) || x'00' AS BLOB) WHERE idx = ${last}`,
        );
        const { codes } = await verify(altered);
        expect(codes).toEqual(expect.arrayContaining(["MS_SIGNATURE_BAD", "MS_CHECKPOINT"]));
    });
});
