import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Log, toHex, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { checkEvidence, decodeEvidence } from "@meterseal/ledger";
import { type KeyFile, parseKeyFile } from "@meterseal/wallet";
import { beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { FIXTURE_MS, quiet, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
let dir = "";
let key: KeyFile;
/** Time stands still: answers say it. */
const clock = new ReplayClock(Date.UTC(2014, 0, 10));
const imageOf = (of: string): string => join(PLACES.server(of), "state.image");

beforeAll(async () => {
    const { finished, names } = await useFixture();
    dir = join(scratch, "served");
    cpSync(finished, dir, { recursive: true });
    rmSync(imageOf(dir), { force: true });
    key = unwrap(parseKeyFile(readFileSync(PLACES.keyFile(dir, names[0] ?? ""), "utf8")));
}, FIXTURE_MS);

/** What a server answers on everything that its views hold. */
async function answersOf(server: Server): Promise<Record<string, unknown>> {
    const stream = toHex(key.stream.streamId);
    const routes = [
        ...["network", "meters", "notices", "tariffs", "parties", "dag/heads", "ledger/status"],
        ...[`streams/${stream}/sums?window=day&from=2013-01-01`],
    ];
    const all: Record<string, unknown> = {};
    for (const route of routes) {
        const answer = await fetch(`${server.httpUrl}/api/v1/${route}`);
        all[route] = [answer.status, await answer.json()];
    }
    const bytes = await (
        await fetch(`${server.httpUrl}/api/v1/meters/${toHex(key.meter)}/evidence`)
    ).arrayBuffer();
    const trust = { networkId: key.network, subject: key.meter };
    const report = checkEvidence(unwrap(decodeEvidence(new Uint8Array(bytes))), trust);
    expect([...report.signatures.faults, ...report.continuity.faults]).toEqual([]);
    all.evidence = report.records.map(({ record }) => toHex(record.message.hash));
    return all;
}

/** Starts a server, asks it all, and stops it; with what it warned of. */
async function lifeOf(of: string): Promise<{ answers: unknown; warnings: string[] }> {
    const warnings: string[] = [];
    const log: Log = { ...quiet, warn: (message) => warnings.push(message) };
    const server = await startQuietServer(of, { log, clock });
    const answers = await answersOf(server);
    await server.close();
    return { answers, warnings };
}

async function enrol(server: Server, fill: number): Promise<void> {
    const { publicKey } = signerFromPem(generatePrivateKeyPem("es256"));
    const subject = new Uint8Array(16).fill(fill);
    await server.enrol({ subject, key: publicKey, streams: [] });
}

describe("a server that starts from an image", () => {
    it("answers everything as one that replayed the whole log", async () => {
        const first = await lifeOf(dir);
        expect([existsSync(imageOf(dir)), statSync(imageOf(dir)).mode & 0o777]).toEqual([
            true,
            0o600,
        ]);
        const written = statSync(imageOf(dir)).mtimeMs;
        const again = await lifeOf(dir);
        expect(again).toEqual(first);
        expect(again.warnings).toEqual([]);
        expect(statSync(imageOf(dir)).mtimeMs).toBe(written); // nothing came since
    });

    it("takes in what came after the image, also after a crash", async () => {
        const copy = join(scratch, "crashed");
        const server = await startQuietServer(dir, { clock });
        await enrol(server, 1);
        const image = readFileSync(imageOf(dir));
        const answers = await answersOf(server);
        await server.close();
        cpSync(dir, copy, { recursive: true });
        writeFileSync(imageOf(copy), image); // as if the process had been killed
        expect((await lifeOf(copy)).answers).toEqual(answers);
        rmSync(imageOf(copy));
        expect((await lifeOf(copy)).answers).toEqual(answers);
    });

    it("replays the whole log where the image is damaged, cut, or of views that are none, and says so", async () => {
        const { answers } = await lifeOf(dir);
        const image = readFileSync(imageOf(dir));
        for (const at of [30, image.length >> 1, image.length - 1]) {
            const changed = Uint8Array.from(image);
            changed[at] = (changed[at] ?? 0) ^ 1;
            writeFileSync(imageOf(dir), changed);
            expect((await lifeOf(dir)).answers).toEqual(answers);
        }
        writeFileSync(imageOf(dir), image.subarray(0, image.length - 40));
        expect((await lifeOf(dir)).answers).toEqual(answers);
        const elsewhere = join(scratch, "elsewhere");
        const other = await startQuietServer(elsewhere);
        await other.close();
        cpSync(imageOf(elsewhere), imageOf(dir));
        const { answers: same, warnings } = await lifeOf(dir);
        expect(same).toEqual(answers);
        expect(warnings).toEqual(["no image of the state: a start replays more of the log"]);
    });
});
