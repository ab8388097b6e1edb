import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LONDON_SLOT_SECONDS } from "@meterseal/meter";
import { STREAM_MODE } from "@meterseal/record";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { readMembership, writeMembership } from "../src/exchange/membership.ts";
import type { LedgerStatus } from "../src/exchange/status.ts";
import { londonReplayHome } from "../src/fleet/home.ts";
import { type Household, openHousehold } from "../src/fleet/household.ts";
import { loadLondonHomes } from "../src/fleet/london.ts";
import { REPLAY_START_MS, type ReplayMember, replayDays } from "../src/fleet/replay.ts";
import { ServerProcess } from "../src/fleet/server-process.ts";
import { askApi } from "../src/http-client.ts";
import { run } from "./command.ts";
import { quiet, useScratch } from "./fixture.ts";

/** Three processes on loopback sockets: who writes the log, and two branches behind a path that breaks. */
const scratch = useScratch();
const [operatorDir, oneDir, otherDir] = ["operator", "one", "other"].map((name) =>
    join(scratch, name),
) as [string, string, string];
const path = new BreakablePath();
const clock = new ReplayClock(REPLAY_START_MS);
const homes = loadLondonHomes(3);
const servers: Record<string, ServerProcess> = {};
const members: ReplayMember[] = [];

type Ports = { httpPort: number; mqttPort: number; exchangePort: number };

const portOf = (url = ""): number => Number(new URL(url).port);

async function start(
    dataDir: string,
    peers: readonly string[] = [],
    ports: Ports = { httpPort: 0, mqttPort: 0, exchangePort: 0 },
): Promise<ServerProcess> {
    const { exchangePort, ...rest } = ports;
    const server = await ServerProcess.start({
        ...{ dataDir, ...rest, peers, clockLabel: "test", nowMs: clock.nowMs() },
        mode: dataDir === operatorDir ? STREAM_MODE.sealed : null,
        exchange: { port: exchangePort, host: "127.0.0.1", tls: null },
    });
    servers[dataDir] = server;
    return server;
}

async function statusOf(dataDir: string): Promise<LedgerStatus> {
    const url = servers[dataDir]?.info.httpUrl ?? "";
    return (await (await askApi(url, "/api/v1/ledger/status")).json()) as LedgerStatus;
}

async function branchOf(dataDir: string): Promise<Extract<LedgerStatus, { role: "branch" }>> {
    const status = await statusOf(dataDir);
    if (status.role !== "branch") throw new Error(`a ${status.role}`);
    return status;
}

/** Waits until a condition holds; says what it was about where it does not. */
async function until(what: string, holds: () => Promise<boolean>, limitMs = 40_000): Promise<void> {
    for (const endMs = Date.now() + limitMs; !(await holds()); await sleep(100)) {
        if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    }
}

async function household(
    i: number,
    dataDir: string,
    meterDir: string = dataDir,
): Promise<Household> {
    const [server, operator] = [servers[dataDir], servers[operatorDir]];
    if (server === undefined || operator === undefined) throw new Error("no server");
    const plan = {
        ...{ name: homes[i]?.id ?? "", zone: "Europe/London" },
        ...{ slotSeconds: LONDON_SLOT_SECONDS, mode: STREAM_MODE.sealed },
    };
    const at = { info: server.info, enrol: operator.enrol.bind(operator) };
    const made = await openHousehold(plan, { dataDir: meterDir, server: at, clock, log: quiet });
    await made.agent.connect();
    return made;
}

/** Lets all meters read up to the end of a day. */
async function replay(days: number, who: readonly ReplayMember[] = members): Promise<void> {
    await replayDays({
        ...{ members: who, days, clock, onProgress: () => undefined },
        setServerClock: async (nowMs) => {
            await Promise.all(Object.values(servers).map((server) => server.setClock(nowMs)));
        },
        signal: new AbortController().signal,
    });
}

const cut = (): void => {
    path.target = 0;
    path.cut();
};
const heal = (): void => {
    path.target = portOf(servers[operatorDir]?.info.exchangeUrl);
};

async function sameEverywhere(): Promise<boolean> {
    const all = await Promise.all([operatorDir, oneDir, otherDir].map(statusOf));
    const waits = all.some((each) => each.role === "branch" && each.waiting.own > 0);
    return !waits && new Set(all.map(({ log }) => log.root)).size === 1;
}

beforeAll(async () => {
    await path.listen();
    const operator = await start(operatorDir);
    heal();
    const token = join(operatorDir, "server/keys/operator.token");
    for (const dataDir of [oneDir, otherDir]) {
        const to = `http://127.0.0.1:${path.port}`;
        const args = ["--data", dataDir, "--to", to, "--operator-token", token];
        const joined = await run("ledger", "join", ...args);
        expect([joined.code, joined.stderr]).toEqual([0, expect.stringMatching(/Branch/)]);
    }
    const one = await start(oneDir);
    await start(otherDir, [one.info.exchangeUrl ?? ""]);
    for (const [i, dataDir] of [operatorDir, oneDir, otherDir].entries()) {
        const home = homes[i];
        if (home === undefined) throw new Error("no home");
        members.push({ home: londonReplayHome(home), household: await household(i, dataDir) });
    }
    expect(operator.info.networkId).toEqual(one.info.networkId);
}, 60_000);

afterAll(async () => {
    await Promise.all(members.map((member) => member.household.agent.close()));
    await Promise.all(Object.values(servers).map((server) => server.stop()));
    await path.close();
}, 30_000);

describe("two branches and a sequencer, as processes", () => {
    it("make one ledger while the path stands", async () => {
        await replay(2);
        await Promise.all(members.map((member) => member.household.agent.settled()));
        await until("one root", sameEverywhere);
        expect((await branchOf(oneDir)).sequencer.state).toBe("connected");
    }, 60_000);

    it("take records while the path is cut, also through a kill, and merge with one another", async () => {
        cut();
        await until(
            "cut off",
            async () => (await branchOf(otherDir)).sequencer.state === "cut off",
        );
        await replay(4);
        const { log } = await statusOf(operatorDir);
        await until("vertices of both", async () => {
            const { waiting } = await branchOf(oneDir);
            return waiting.own > 0 && waiting.foreign > 0;
        });
        const [one] = [servers[oneDir]];
        if (one === undefined) throw new Error("no branch");
        const ports = {
            httpPort: portOf(one.info.httpUrl),
            mqttPort: portOf(one.info.mqttUrl),
            exchangePort: portOf(one.info.exchangeUrl),
        };
        const before = await branchOf(oneDir);
        one.kill();
        await one.ended;
        await start(oneDir, [], ports);
        const after = await branchOf(oneDir);
        expect(after.waiting.own).toBeGreaterThanOrEqual(before.waiting.own);
        expect(after.heads.length).toBeGreaterThanOrEqual(2);
        await replay(6);
        await sleep(3_000); // longer than a vertex stays open
        expect((await statusOf(oneDir)).log.size).toBeLessThanOrEqual(log.size);
        // Its meter has been told that all is stored, and keeps the bytes until it is final.
        expect(members[1]?.household.agent.openRecords).toBeGreaterThan(0);
        const metrics = await (
            await askApi(servers[oneDir]?.info.httpUrl ?? "", "/metrics")
        ).text();
        expect(metrics).toMatch(/^meterseal_branch_waiting_vertices [1-9]/m);
        expect(metrics).toMatch(/^meterseal_branch_cut_off_seconds [1-9]/m);
    }, 90_000);

    it("are one ledger again when the path is back, and every record is final", async () => {
        heal();
        // In this order: while a record is not final, a vertex may still come after one root.
        await Promise.all(members.map((member) => member.household.agent.settled()));
        await until("one root", sameEverywhere);
        const heads = await Promise.all([operatorDir, oneDir, otherDir].map(statusOf));
        expect(heads[1]?.heads).toEqual(heads[0]?.heads);
        expect(heads[2]?.heads).toEqual(heads[0]?.heads);
        expect(heads[0]?.heads.length).toBe(3);
        expect(members.map((member) => member.household.agent.openRecords)).toEqual([0, 0, 0]);
        expect((await branchOf(oneDir)).evidence).toBe(0);
    }, 90_000);

    it("serve a meter that comes from the other one, though neither reaches the sequencer", async () => {
        cut();
        await until("cut off", async () => (await branchOf(oneDir)).sequencer.state === "cut off");
        const roaming = members[1];
        if (roaming === undefined) throw new Error("no meter");
        await replay(7, [roaming]);
        await roaming.household.agent.close();
        const moved = { ...roaming, household: await household(1, otherDir, oneDir) };
        members[1] = moved;
        await replay(8, [moved]);
        heal();
        await moved.household.agent.settled();
        await until("one root", sameEverywhere);
    }, 90_000);

    it("leave directories in which verify finds nothing", async () => {
        await Promise.all(members.map((member) => member.household.agent.close()));
        await Promise.all(Object.values(servers).map((server) => server.stop()));
        for (const dataDir of [operatorDir, oneDir, otherDir]) {
            const { code, stdout, stderr } = await run("verify", "--data", dataDir);
            expect([code, stderr + stdout]).toEqual([0, expect.stringMatching(/./)]);
        }
        expect(readdirSync(join(oneDir, "server"))).not.toContain("evidence");
    }, 60_000);
});

describe("a data directory", () => {
    it("of a branch is backed up, restored and examined as one", async () => {
        const [copy, restored] = [join(scratch, "backup"), join(scratch, "restored")];
        expect((await run("backup", "--data", oneDir, "--to", copy)).code).toBe(0);
        expect((await run("restore", "--from", copy, "--data", restored)).code).toBe(0);
        expect(readMembership(restored)).toEqual(readMembership(oneDir));
        const doctor = await run("doctor", "--data", restored, "--json");
        expect(doctor.stdout).not.toMatch(/operator\.pem/);
    }, 30_000);

    it("of a network's own log does not become a branch", async () => {
        const copy = join(scratch, "copy");
        cpSync(operatorDir, copy, { recursive: true });
        const sequencer = readMembership(oneDir)?.sequencer ?? "";
        await start(operatorDir);
        heal();
        const answer = await run("ledger", "join", "--data", copy, "--to", sequencer);
        expect([answer.code, answer.stderr]).toEqual([2, expect.stringMatching(/^MS_USAGE/)]);
    }, 30_000);

    it("of a branch is of one network, and says so", async () => {
        const membership = readMembership(oneDir);
        if (membership === null) throw new Error("no branch");
        const copy = join(scratch, "foreign");
        cpSync(oneDir, copy, { recursive: true });
        writeMembership(copy, { ...membership, network: new Uint8Array(32) });
        const { code, stderr } = await run("serve", "--data", copy, "--port", "0");
        expect([code, stderr]).toEqual([1, expect.stringMatching(/^MS_GENESIS/)]);
        const other = ["--network", "00".repeat(32)];
        const to = ["--to", membership.sequencer];
        const joined = await run("ledger", "join", "--data", copy, ...to, ...other);
        expect([joined.code, joined.stderr]).toEqual([1, expect.stringMatching(/^MS_GENESIS/)]);
    }, 30_000);
});
