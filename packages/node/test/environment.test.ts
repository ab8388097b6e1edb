import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import {
    chmodSync,
    cpSync,
    existsSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lockDirectory } from "@meterseal/stores";
import { beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import { MAIN, run, spawned, start } from "./command.ts";
import { allGone, childrenOf, demo, finish } from "./demo-runs.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";
import { randomOf } from "./kill/random.ts";

const scratch = useScratch();
const TEST_MS = 60_000;
let fixture: Fixture;

beforeAll(async () => {
    fixture = await useFixture();
}, FIXTURE_MS);

describe.concurrent("what stands in the way is named", () => {
    it(
        "a port in use, and nothing is left behind",
        async () => {
            const other = createServer();
            await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
            const address = other.address();
            const port = typeof address === "object" && address !== null ? address.port : 0;
            const dataDir = join(scratch, "port");
            const [http, mqtt] = await Promise.all([
                spawned("demo", "--meters", "1", "--port", String(port), "--data", dataDir),
                spawned(
                    ...["serve", "--port", "0", "--mqtt-port", String(port)],
                    ...["--data", join(scratch, "port-mqtt")],
                ),
            ]);
            other.close();
            expect([http.code, mqtt.code]).toEqual([3, 3]);
            expect(http.stderr).toMatch(new RegExp(`^MS_PORT_IN_USE: .*${port}.*--port`));
            expect(mqtt.stderr).toMatch(new RegExp(`^MS_PORT_IN_USE: .*${port}.*--mqtt-port`));
            for (const dir of [dataDir, PLACES.server(dataDir)]) lockDirectory(dir).release();
            expect(existsSync(PLACES.meters(dataDir))).toBe(false);
        },
        TEST_MS,
    );

    it(
        "a second start on the same directory, by the process that has it",
        async () => {
            const dataDir = join(scratch, "locked");
            cpSync(fixture.finished, dataDir, { recursive: true });
            const whole = lockDirectory(dataDir);
            const server = lockDirectory(PLACES.server(dataDir));
            const outcomes = await Promise.all([
                spawned(...demo(dataDir)),
                spawned("serve", "--data", dataDir, "--port", "0", "--mqtt-port", "0"),
            ]);
            for (const { code, stderr } of outcomes) {
                expect(code).toBe(3);
                expect(stderr).toContain("MS_STORE_LOCKED");
                expect(stderr).toContain(`process ${process.pid}`);
            }
            whole.release();
            server.release();
            expect((await run("verify", "--data", dataDir)).code).toBe(0);
        },
        TEST_MS,
    );

    it(
        "a foreign directory, a file, and a network of the other mode; nothing is written",
        async () => {
            const foreign = join(scratch, "foreign");
            mkdirSync(foreign);
            writeFileSync(join(foreign, "letter.txt"), "dear");
            const file = join(scratch, "file");
            writeFileSync(file, "dear");
            const sealed = join(scratch, "sealed");
            cpSync(fixture.finished, sealed, { recursive: true });
            const before = readFileSync(join(PLACES.server(sealed), "store.db"));
            const [onForeign, onFile, onSealed] = await Promise.all([
                spawned(...demo(foreign)),
                spawned(...demo(file)),
                spawned(...demo(sealed, "--open")),
            ]);
            expect([onForeign.code, onForeign.stderr]).toEqual([
                3,
                expect.stringMatching(/^MS_STORE_FORMAT: .*letter\.txt.*--data/),
            ]);
            expect(readdirSync(foreign)).toEqual(["letter.txt"]);
            expect([onFile.code, onFile.stderr]).toEqual([
                3,
                expect.stringMatching(/^MS_STORE_UNWRITABLE: .*--data/),
            ]);
            expect(readFileSync(file, "utf8")).toBe("dear");
            expect(onSealed.code).toBeGreaterThan(0);
            expect(onSealed.stderr).toMatch(/^MS_USAGE: .*open streams.*sealed streams/);
            expect(readFileSync(join(PLACES.server(sealed), "store.db")).equals(before)).toBe(true);
        },
        TEST_MS,
    );
});

describe("a directory that cannot be written", () => {
    const NOBODY = 65_534;
    const asNobody = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    const [setpriv = "", ...drop] = asNobody;
    const isRoot = process.getuid?.() === 0;
    const canDrop =
        isRoot && spawnSync(setpriv, [...drop, process.execPath, MAIN, "--help"]).status === 0;
    if (isRoot && !canDrop)
        console.log("environment.test.ts: nobody may not run this, read-only not tested");

    it.runIf(!isRoot || canDrop)(
        "is named, and verify and usage work on it",
        async () => {
            const dataDir = join(scratch, "read-only");
            cpSync(fixture.finished, dataDir, { recursive: true });
            spawnSync("chmod", ["-R", "a+rX,a-w", dataDir]);
            chmodSync(dirname(dataDir), 0o755);
            const command = isRoot ? asNobody : [];
            const keyFile = PLACES.keyFile(dataDir, fixture.names[0] ?? "");
            const [demoed, verified, used] = await Promise.all([
                start(demo(dataDir), { command }).outcome,
                start(["verify", "--data", dataDir, "--key", keyFile], { command }).outcome,
                start(["usage", "--data", dataDir, "--key", keyFile], { command }).outcome,
            ]);
            spawnSync("chmod", ["-R", "u+rwX", dataDir]);
            expect([demoed.code, demoed.stderr]).toEqual([
                3,
                expect.stringContaining("MS_STORE_UNWRITABLE"),
            ]);
            expect([verified.code, verified.stdout]).toEqual([
                0,
                expect.stringContaining("Everything holds"),
            ]);
            expect(used.code, used.stderr).toBe(0);
        },
        TEST_MS,
    );
});

describe.concurrent("interruptions", () => {
    const seed = randomInt(2 ** 31);
    const random = randomOf(seed);

    it(
        "Ctrl-C at any moment ends within 2 s and leaves no process; the next start goes on",
        async () => {
            console.log(`environment.test.ts: seed ${seed}`);
            const plain = finish(join(scratch, "plain"));
            const dataDir = join(scratch, "interrupted");
            for (const delayMs of [random() * 500, 500 + random() * 1_500]) {
                const { child, outcome } = start(demo(dataDir));
                await sleep(delayMs);
                const children = childrenOf(child.pid);
                const sinceMs = performance.now();
                child.kill("SIGINT");
                const { code, signal, stderr } = await outcome;
                expect(performance.now() - sinceMs, `after ${delayMs} ms`).toBeLessThan(2_000);
                // Before the program has begun there is nothing to end, and the signal ends it.
                if (signal !== "SIGINT") expect(code, stderr).toBe(0);
                expect(await allGone(children, 500)).toBe(true);
            }
            const idle = start(demo(dataDir));
            await idle.shows("Ctrl-C stops");
            const sinceMs = performance.now();
            idle.child.kill("SIGINT");
            expect((await idle.outcome).code).toBe(0);
            expect(performance.now() - sinceMs).toBeLessThan(2_000);
            const [undisturbed, resumed] = [await plain, await finish(dataDir)];
            expect(resumed.totals).toEqual(undisturbed.totals);
            expect(resumed.result.readings).toBe(undisturbed.result.readings);
            expect(resumed.result.verified).toBe(true);
        },
        TEST_MS,
    );

    it(
        "a server that dies under the meters is reported, and the program ends",
        async () => {
            const dataDir = join(scratch, "headless");
            const { child, outcome, shows } = start(demo(dataDir));
            await shows("Ctrl-C stops");
            for (const pid of childrenOf(child.pid)) process.kill(pid, "SIGKILL");
            const { code, stderr } = await outcome;
            expect([code, stderr]).toEqual([
                3,
                expect.stringContaining("The server ended by itself"),
            ]);
        },
        TEST_MS,
    );
});
