import { join } from "node:path";
import { toHex } from "@meterseal/core";
import { PARTY_ROLE } from "@meterseal/record";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { claimDirectory } from "../src/files.ts";
import { ServerProcess } from "../src/fleet/server-process.ts";
import { askApi } from "../src/http-client.ts";
import { postProven, postToBox, takeFromBox } from "../src/party/client.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { useScratch } from "./fixture.ts";
import { admit, admitHome, type BedParty, boxMessage, grantNotice } from "./party-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const SEED = seedOf(17);
const ROUNDS = 3;
const scratch = useScratch();
const WRITERS = 3;

/** Writes grants until the server is gone; what was acknowledged goes into the sets. */
async function write(
    home: BedParty,
    provider: BedParty,
    done: { notices: Set<string>; grants: Set<string> },
    onAcknowledged: () => void,
): Promise<void> {
    for (;;) {
        const { bytes, hash } = await boxMessage(home, provider);
        try {
            const placed = await postProven(home, (await grantNotice(home, hash)).bytes);
            done.notices.add(placed.hash);
            await postToBox(home.url, "grants", bytes);
            done.grants.add(toHex(hash));
        } catch (cause) {
            expect(cause).toMatchObject({ code: "MS_LINK" });
            return;
        }
        onAcknowledged();
    }
}

describe("a server that is killed while parties write", () => {
    it(`has every notice and grant that it acknowledged (seed ${SEED})`, async () => {
        const dataDir = join(scratch, "data");
        claimDirectory(dataDir);
        const founding = await startQuietServer(dataDir);
        const home = await admitHome(founding, "home", scratch);
        const provider = await admit(founding, "provider", { role: PARTY_ROLE.provider });
        await founding.close();
        const random = seededRandom(SEED);
        const done = { notices: new Set<string>(), grants: new Set<string>() };
        for (let round = 0; round <= ROUNDS; round++) {
            const ports = { httpPort: 0, mqttPort: 0 };
            const place = { dataDir, ...ports, nowMs: Date.now(), clockLabel: "kill", mode: null };
            const server = await ServerProcess.start(place);
            const url = server.info.httpUrl;
            try {
                for (const hash of done.notices) await askApi(url, `/api/v1/notices/${hash}/proof`);
                for (const hash of done.grants) await takeFromBox({ ...home, url }, "grants", hash);
                if (round === ROUNDS) break;
                let left = 3 + random.below(8);
                const onAcknowledged = (): void => {
                    if (--left === 0) server.kill();
                };
                const writers = Array.from({ length: WRITERS }, () =>
                    write({ ...home, url }, provider, done, onAcknowledged),
                );
                await Promise.all(writers);
            } finally {
                server.kill();
                await server.ended;
            }
        }
        expect(done.grants.size).toBeGreaterThanOrEqual(3 * ROUNDS);
        const { faults } = await verifyDirectory(dataDir, [], () => {});
        expect(faults).toEqual([]);
    }, 60_000);
});
