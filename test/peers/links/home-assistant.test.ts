import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DEVICE_FILES } from "../../../packages/node/src/device/device.ts";
import type { Server } from "../../../packages/node/src/server/server.ts";
import { run, start } from "../../../packages/node/test/command.ts";
import { p1Telegram } from "../../../packages/node/test/p1-telegram.ts";
import { Gateway, startUtility } from "./gateway-bed.ts";
import { findProgram, missing, runProgram, Served } from "./program.ts";

/** A household's meter at a Mosquitto that asks for a name and a password, as homes have it. */
const programs = {
    mosquitto: findProgram("mosquitto"),
    mosquitto_passwd: findProgram("mosquitto_passwd"),
    mosquitto_sub: findProgram("mosquitto_sub"),
};
const skip = missing(programs);

const TEST_MS = 60_000;
const dir = mkdtempSync(join(tmpdir(), "meterseal-home-"));
const dataDir = join(dir, "utility");
const START_UNIX = Date.UTC(2026, 0, 5, 12) / 1000;
let server: Server;
let broker: Served;
let gateway: Gateway;
let port: number;

before(async () => {
    if (skip !== false) return;
    server = await startUtility(dataDir);
    const words = ["--zone", "UTC", "--slot-seconds", "60", "--groups", "import"];
    gateway = await Gateway.make(join(dir, "gateway"), server, dataDir, ...words);
    const file = join(dir, "p1.txt");
    writeFileSync(file, [0, 60].map((at) => p1Telegram(START_UNIX + at, BigInt(at))).join(""));
    assert.equal((await gateway.bridge("--p1", file).outcome).code, 0);
    port = await freePort();
    broker = await startMosquitto();
});
after(async () => {
    await broker?.stop();
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
    const holder = createServer();
    await new Promise<void>((done) => holder.listen(0, "127.0.0.1", done));
    const { port: free } = holder.address() as { port: number };
    await new Promise((done) => holder.close(done));
    return free;
}

async function startMosquitto(): Promise<Served> {
    const [users, rules, config] = ["users", "rules", "conf"].map((name) => join(dir, name)) as [
        string,
        string,
        string,
    ];
    writeFileSync(users, "");
    for (const name of ["household", "dashboard"])
        await runProgram(programs.mosquitto_passwd ?? "", ["-b", users, name, "secret"]);
    writeFileSync(
        rules,
        [
            ...["user household", "topic write meterseal/#", "topic write homeassistant/device/#"],
            ...["user dashboard", "topic read #", ""],
        ].join("\n"),
    );
    writeFileSync(
        config,
        [
            ...[`listener ${port} 127.0.0.1`, "allow_anonymous false", "user root"],
            ...[`password_file ${users}`, `acl_file ${rules}`, "persistence false", ""],
        ].join("\n"),
    );
    for (const path of [users, rules]) chmodSync(path, 0o600);
    const served = new Served(programs.mosquitto ?? "", ["-c", config]);
    for (let i = 0; i < 100 && !served.output.includes("running"); i++) await sleep(50);
    return served;
}

/** What the broker keeps, by topic, as a dashboard that starts now gets it. */
async function kept(): Promise<Record<string, string>> {
    const login = ["-h", "127.0.0.1", "-p", `${port}`, "-u", "dashboard", "-P", "secret"];
    const words = [...login, "--retained-only", "-t", "#", "-v", "-W", "1"];
    const { output } = await runProgram(programs.mosquitto_sub ?? "", words);
    const lines = output
        .toString()
        .split("\n")
        .filter((line) => line !== "");
    return Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
    );
}

function command(login: string, ...words: string[]): string[] {
    const file = join(dir, "login");
    writeFileSync(file, `127.0.0.1:${port} ${login}\n`, { mode: 0o600 });
    return [
        ...["wallet", "publish", "--key", join(gateway.directory, DEVICE_FILES.keyFile)],
        ...["--url", server.httpUrl, "--home-assistant", `mqtt://127.0.0.1:${port}`],
        ...["--login", file, ...words],
    ];
}

describe("a household's meter at Mosquitto", { skip }, () => {
    it("is found there by a dashboard that starts later; the broker says where it died", {
        timeout: TEST_MS,
    }, async () => {
        const running = start(command("household secret"));
        await running.shows("Published");
        const topics = await kept();
        const [discovery = "", ...others] = Object.keys(topics).sort();
        assert.match(discovery, /^homeassistant\/device\/meterseal_[0-9a-f]{32}\/config$/);
        const { availability_topic, state_topic } = JSON.parse(topics[discovery] ?? "");
        assert.deepEqual(others, [availability_topic, state_topic].sort());
        assert.equal(topics[availability_topic], "online");
        const { import: register, sealValid } = JSON.parse(topics[state_topic] ?? "");
        assert.deepEqual([register, sealValid], ["0.060", "ON"]);
        running.child.kill("SIGKILL");
        await running.outcome;
        for (let i = 0; i < 20 && (await kept())[availability_topic] !== "offline"; i++);
        assert.equal((await kept())[availability_topic], "offline");
    });

    it("is told that name or password is wrong", { timeout: TEST_MS }, async () => {
        const { code, stderr } = await run(...command("household wrong", "--once"));
        assert.notEqual(code, 0);
        assert.match(stderr, /^MS_LINK.*Not authorized.*name and password/s);
    });
});
