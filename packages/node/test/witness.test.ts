import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ALGORITHM, unwrap } from "@meterseal/core";
import { checkSplitView, judgeQuorum, parsePolicy, parseVerifierKey } from "@meterseal/ledger";
import { lockHolder } from "@meterseal/stores";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import type { Server } from "../src/server/server.ts";
import { readPolicy } from "../src/server/witnesses.ts";
import { type Running, run, start } from "./command.ts";
import { FIXTURE_MS, type Fixture, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

/** A witness in a process of its own. */
type Peer = { readonly dir: string; readonly key: string; port: string; process: Running | null };

const scratch = useScratch();
const peers: Peer[] = [];
const servers: Server[] = [];
let fixture: Fixture;
let logKey = "";
let policyPath = "";

async function serve(dataDir: string, witnessed = true, clock?: ReplayClock): Promise<Server> {
    const server = await startQuietServer(dataDir, {
        ...(clock === undefined ? {} : { clock }),
        witnessPolicy: witnessed ? readPolicy(policyPath) : null,
    });
    servers.push(server);
    return server;
}

/** Starts or restarts a witness; its port stays the same. */
async function up(peer: Peer): Promise<void> {
    const words = ["witness", "--data", peer.dir, "--log", logKey, "--port", peer.port];
    peer.process = start(words);
    await peer.process.shows("Ctrl-C stops.");
    peer.port = /:(\d+)\n/.exec(peer.process.said())?.[1] ?? "";
}

async function down(peer: Peer, signal: NodeJS.Signals): Promise<void> {
    peer.process?.child.kill(signal);
    await peer.process?.outcome;
    peer.process = null;
}

type Network = { checkpoint: string; ledger: { size: number }; logKey: string };
const network = async (server: Server): Promise<Network> =>
    (await (await fetch(`${server.httpUrl}/api/v1/network`)).json()) as Network;
const sizeOf = async (server: Server): Promise<number> => (await network(server)).ledger.size;

/** Admits a meter that nothing else uses. */
const enrol = (server: Server, name: string): ReturnType<Server["enrol"]> =>
    server.enrol({ subject: testBytes(name, 16), key: testSigner(name).publicKey, streams: [] });

beforeAll(async () => {
    fixture = await useFixture();
    const first = join(scratch, "first");
    cpSync(fixture.finished, first, { recursive: true });
    const server = await serve(first, false);
    logKey = (await network(server)).logKey;
    await server.close();
    for (const name of ["a", "b", "c"]) {
        const dir = join(scratch, `witness-${name}`);
        const asked = await run(
            ...["witness", "--data", dir, "--name", `${name}.example`, "--keys", "--json"],
        );
        const keys = (JSON.parse(asked.stdout) as { keys: string[] }).keys;
        // One witness of the three by its ML-DSA-44 key.
        peers.push({ dir, key: keys[name === "c" ? 1 : 0] ?? "", port: "0", process: null });
    }
    for (const peer of peers) await up(peer);
    policyPath = join(scratch, "policy");
    const lines = peers.map(({ key, port }, i) => `witness w${i} ${key} http://127.0.0.1:${port}`);
    writeFileSync(
        policyPath,
        [`log ${logKey}`, ...lines, "group two 2 w0 w1 w2", "quorum two", ""].join("\n"),
    );
}, FIXTURE_MS);

afterAll(async () => {
    for (const server of servers) await server.close();
    for (const peer of peers) await down(peer, "SIGTERM");
});

describe("a server with witnesses", () => {
    it(
        "makes entries final with a quorum, goes on without one, and catches up",
        async () => {
            const dataDir = join(scratch, "witnessed");
            cpSync(fixture.finished, dataDir, { recursive: true });
            const server = await serve(dataDir);
            await enrol(server, "one");
            const policy = unwrap(parsePolicy(readFileSync(policyPath, "utf8")));
            const before = await network(server);
            expect(judgeQuorum(policy, before.checkpoint).met).toBe(true);
            expect(before.logKey).toBe(logKey);

            await down(peers[0] as Peer, "SIGKILL");
            await enrol(server, "two");
            expect(await sizeOf(server)).toBe(before.ledger.size + 1);

            await down(peers[1] as Peer, "SIGKILL");
            const waiting = enrol(server, "three");
            const other = enrol(server, "four");
            expect(await sizeOf(server)).toBe(before.ledger.size + 1);
            await up(peers[0] as Peer);
            await Promise.all([waiting, other]);
            expect(await sizeOf(server)).toBe(before.ledger.size + 3);
            await up(peers[1] as Peer);
            await server.close();

            const again = await serve(dataDir);
            expect(await sizeOf(again)).toBe(before.ledger.size + 3);
            await again.close();
        },
        FIXTURE_MS,
    );
    it(
        "cannot show two histories: the witnesses refuse the second one and keep the proof",
        async () => {
            const [one, other] = [join(scratch, "one"), join(scratch, "other")];
            // The witnesses have seen the first of these logs grow already: take its directory on.
            cpSync(join(scratch, "witnessed"), one, { recursive: true });
            cpSync(join(scratch, "witnessed"), other, { recursive: true });
            const server = await serve(one);
            await enrol(server, "honest");
            const forked = await serve(other);
            const size = await sizeOf(forked);
            const refused = enrol(forked, "forged").then(
                () => "final",
                () => "refused",
            );
            const kept = (): string[] =>
                peers.flatMap(({ dir }) =>
                    readdirSync(join(dir, "logs"))
                        .filter((name) => name.startsWith("split-view-"))
                        .map((name) => join(dir, "logs", name)),
                );
            await expect.poll(() => kept().length, { timeout: FIXTURE_MS }).toBeGreaterThan(1);
            expect(await sizeOf(forked)).toBe(size);
            await forked.close();
            expect(await refused).toBe("refused");
            const { notes } = JSON.parse(readFileSync(kept()[0] ?? "", "utf8")) as {
                notes: [string, string];
            };
            const { name, publicKey } = unwrap(parseVerifierKey(logKey));
            const view = unwrap(checkSplitView(...notes, { origin: name, publicKey }));
            expect(view.heads[0].size).toBe(size + 1);
            expect(publicKey.algorithm).toBe(ALGORITHM.edDsa);
            await server.close();
        },
        FIXTURE_MS,
    );
    it("writes receipts that are checked offline, with the policy", async () => {
        const server = await serve(join(scratch, "one"));
        const household = join(fixture.finished, "households", fixture.names[0] ?? "");
        const key = join(household, "key.json");
        const file = join(scratch, "record.tlog-proof");
        const got = await run(
            ...["receipt", "get", "--key", key, "--url", server.httpUrl, "--seq", "2"],
            ...["--out", file],
        );
        expect(got).toMatchObject({ code: 0 });
        expect(got.stdout).toContain("in the ledger since 2013");
        const verified = await run(
            ...["receipt", "verify", file, "--key", key, "--witness-policy", policyPath, "--json"],
        );
        expect(verified).toMatchObject({ code: 0 });
        expect(JSON.parse(verified.stdout)).toMatchObject({ verified: true, seq: 2 });
        expect(JSON.parse(verified.stdout).cosigned.length).toBeGreaterThan(1);

        const text = readFileSync(file, "utf8");
        const other = join(scratch, "other.tlog-proof");
        const codeOf = async (changed: string, ...words: string[]): Promise<string> => {
            writeFileSync(other, changed);
            const { code, stderr } = await run("receipt", "verify", other, ...words);
            return `${code} ${/MS_[A-Z_]+/.exec(stderr)?.[0] ?? stderr}`;
        };
        const asKey = ["--key", key];
        expect(await codeOf(text, ...asKey)).toMatch(/^0/);
        expect(await codeOf(text.replace(/^index \d+/m, "index 0"), ...asKey)).toMatch(/MS_PROOF/);
        const unsigned = text
            .split("\n")
            .filter((line) => !line.includes(".example "))
            .join("\n");
        expect(await codeOf(unsigned, ...asKey, "--witness-policy", policyPath)).toMatch(
            /MS_WITNESS/,
        );
        const foreign = ["--network", "00".repeat(32), "--meter", "00".repeat(16)];
        expect(await codeOf(text, ...foreign)).toMatch(/MS_GENESIS/);
        await server.close();
    });
    it(
        "lose no bytes before the entry that says so is cosigned, however often it is asked",
        async () => {
            const dataDir = join(scratch, "one");
            const server = await serve(dataDir, true, new ReplayClock(Date.UTC(2014, 0, 10)));
            await enrol(server, "a year later");
            await server.close();
            for (const peer of peers) await down(peer, "SIGKILL");
            const words = ["prune", "--data", dataDir, "--before", "2013-01-05", "--yes", "--json"];
            const prune = (): Running => start([...words, "--witness-policy", policyPath]);
            for (let i = 0; i < 2; i++) {
                const asked = prune();
                await asked.shows("looked through");
                await sleep(1_500); // more than it would take
                asked.child.kill("SIGINT");
                expect((await asked.outcome).stderr).toContain("MS_WITNESS");
            }
            for (const peer of peers) await up(peer);
            const { code, stdout } = await prune().outcome;
            expect([code, JSON.parse(stdout)]).toMatchObject([0, { already: 0, pruned: 6 }]);
        },
        FIXTURE_MS,
    );
});

describe("the witness command", () => {
    it("asks for a name once, keeps it, and refuses names that no policy can carry", async () => {
        const dir = join(scratch, "named");
        expect((await run("witness", "--data", dir, "--keys")).stderr).toContain("--name NAME");
        const bad = await run("witness", "--data", dir, "--name", "a b", "--keys");
        expect(bad.stderr).toContain("without spaces");
        const first = await run("witness", "--data", dir, "--name", "w.example", "--keys");
        expect(first.stdout.split("\n")[0]).toMatch(/^w\.example\+[0-9a-f]{8}\+B/);
        expect((await run("witness", "--data", dir, "--keys")).stdout).toBe(first.stdout);
        const renamed = await run("witness", "--data", dir, "--name", "v.example", "--keys");
        expect(renamed.stderr).toContain("w.example");
        expect((await run("witness", "--data", dir)).stderr).toContain("--log KEY");
    });
    it("holds its directory while it runs", () => {
        for (const { dir, process } of peers) {
            expect(lockHolder(dir)).toBe(`process ${process?.child.pid}`);
        }
    });
    it("speaks the protocol's statuses over HTTP", async () => {
        const url = `http://127.0.0.1:${peers[2]?.port}`;
        const post = (body: string): Promise<Response> =>
            fetch(`${url}/add-checkpoint`, { method: "POST", body });
        expect((await post("nonsense")).status).toBe(400);
        const { notes } = splitNotes();
        const behind = await post(`old 0\n\n${notes[0]}`);
        expect([behind.status, behind.headers.get("content-type")]).toEqual([
            409,
            "text/x.tlog.size",
        ]);
        expect(await behind.text()).toMatch(/^[1-9][0-9]*\n$/);
        expect((await fetch(url)).status).toBe(200);
        expect((await post("a".repeat(200_000))).status).toBe(413);
    });
});

function splitNotes(): { notes: [string, string] } {
    const dir = join(peers[0]?.dir ?? "", "logs");
    const [name = ""] = readdirSync(dir).filter((each) => each.startsWith("split-view-"));
    return JSON.parse(readFileSync(join(dir, name), "utf8"));
}
