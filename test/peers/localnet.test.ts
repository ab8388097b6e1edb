import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { CometRpc } from "@meterseal/engines/cometbft";
import { SERVER_FILE } from "@meterseal/stores/sqlite";
import { voteTwice } from "./cometbft/double-vote.ts";

/** Four organisations as a user starts them: `meterseal localnet`, its portals and its commands. */
const MAIN = join(import.meta.dirname, "../../packages/node/src/main.ts");
const HOMES = 5;
const DAYS = 3;
const SLOTS_PER_DAY = 48;
const SIGNED = /[34] of 4 validators of \S+ signed the state after the first \d+ entries/;

type Organisation = {
    organisation: string;
    dataDir: string;
    size: number;
    root: string;
    records: number;
    readings: number;
    signedSize: number;
    appHash: string;
    portal: string;
};
type Result = {
    organisations: Organisation[];
    isAgreed: boolean;
    households: { meter: string; organisation: string; keyFile: string }[];
};
type UsageAnswer = { intervals: unknown[]; totalImportWh: number; coverage: number };

const dir = mkdtempSync(join(tmpdir(), "meterseal-localnet-"));
const plan = ["--homes", `${HOMES}`, "--data", dir, "--port", "0", "--json"];
let localnet: ChildProcess;
let result: Result;

/** Starts a local network; resolves when it has told what its nodes came to. */
async function start(days: number): Promise<Result> {
    localnet = spawn(process.execPath, [MAIN, "localnet", ...plan, "--days", `${days}`], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(localnet.stdout);
    for await (const line of createInterface(localnet.stdout)) return JSON.parse(line) as Result;
    throw new Error("the network ended before it told anything");
}

/** Presses Ctrl-C; resolves with the exit code. */
async function stop(): Promise<number | null> {
    localnet.kill("SIGINT");
    const [code] = (await once(localnet, "exit")) as [number | null];
    return code;
}

async function run(...words: string[]): Promise<{ code: number | null; text: string }> {
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    const parts: Buffer[] = [];
    child.stdout.on("data", (part: Buffer) => parts.push(part));
    child.stderr.on("data", (part: Buffer) => parts.push(part));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, text: Buffer.concat(parts).toString("utf8") };
}

async function usage(url: string, keyFile: string): Promise<UsageAnswer> {
    const { code, text } = await run("usage", "--url", url, "--key", keyFile, "--json");
    assert.equal(code, 0, text);
    return JSON.parse(text) as UsageAnswer;
}

/** Processes whose command line names the data directory. */
function leftBehind(): string[] {
    return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/cmdline`))
        .map((name) => {
            try {
                return readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
            } catch {
                return ""; // it ended meanwhile
            }
        })
        .filter((line) => line.includes(dir));
}

const homeOf = ({ dataDir }: Organisation): string => join(dataDir, "cometbft");

/** Proofs that a server lists, once there are any: a block comes at the latest after 30 s. */
async function proofsAt(portal: string): Promise<{ culprit: string; epoch: number }[]> {
    for (let tries = 0; tries < 150; tries++) {
        const answer = await fetch(new URL("/api/v1/contradictions", portal));
        const { contradictions } = (await answer.json()) as {
            contradictions: { culprit: string; epoch: number }[];
        };
        if (contradictions.length > 0) return contradictions;
        await sleep(500);
    }
    return [];
}

before(async () => {
    result = await start(DAYS);
});
after(async () => {
    if (localnet.exitCode === null) await stop();
    rmSync(dir, { recursive: true, force: true });
});

describe("meterseal localnet", () => {
    it("makes every record final on all four, with one state", () => {
        const { households, isAgreed, organisations } = result;
        assert.equal(organisations.length, 4);
        assert.equal(households.length, HOMES);
        assert.ok(isAgreed);
        for (const each of organisations) {
            assert.equal(each.root, organisations[0]?.root);
            assert.equal(each.appHash, organisations[0]?.appHash);
            assert.equal(each.signedSize, each.size);
            // A boundary begins the first day and ends the last one.
            assert.equal(each.readings, HOMES * (DAYS * SLOTS_PER_DAY + 1));
        }
    });

    it("opens a household's usage at every organisation, not only at its collector's", async () => {
        const [first, second] = result.households;
        assert.ok(first && second);
        const answers: UsageAnswer[] = [];
        for (const { portal } of result.organisations) {
            answers.push(await usage(portal, first.keyFile));
        }
        assert.equal(answers[0]?.intervals.length, DAYS);
        assert.ok((answers[0]?.totalImportWh ?? 0) > 0);
        for (const answer of answers) assert.deepEqual(answer, answers[0]);
        assert.notEqual(second.organisation, result.organisations[3]?.organisation);
        const other = await usage(result.organisations[3]?.portal ?? "", second.keyFile);
        assert.equal(other.intervals.length, DAYS);
    });

    it("refuses to admit a meter where the operator's key is not", async () => {
        const other = result.organisations[1] as Organisation;
        const meter = join(dir, "new-meter");
        const made = await run("meter", "init", "--dir", meter, "--zone", "Europe/London");
        assert.equal(made.code, 0, made.text);
        const request = join(meter, "request.json");
        const asked = await run("enrol", "--data", other.dataDir, request);
        assert.notEqual(asked.code, 0);
        assert.match(asked.text, /MS_NOT_ALLOWED.*operator's key/s);
    });

    it("ends with Ctrl-C and leaves no process behind", async () => {
        assert.equal(await stop(), 0);
        assert.deepEqual(leftBehind(), []);
    });

    it("leaves four data directories that verify offline", async () => {
        for (const { dataDir, organisation } of result.organisations) {
            const keys = result.households
                .filter((each) => each.organisation === organisation)
                .flatMap(({ keyFile }) => ["--key", keyFile]);
            const { code, text } = await run("verify", "--data", dataDir, ...keys);
            assert.equal(code, 0, text);
            assert.match(text, /Everything holds/);
            assert.match(text, SIGNED);
            const [, first = ""] = /beginning with the set ([0-9a-f]{64}): /.exec(text) ?? [];
            const named = await run("verify", "--data", dataDir, "--validators", first);
            assert.equal(named.code, 0, named.text);
        }
    });

    it("carries in an archive what the validators signed, and no other state under it", async () => {
        const { dataDir } = result.organisations[3] as Organisation;
        const exported = async (from: string, name: string): Promise<string> => {
            const path = join(dir, name);
            const words = ["--format", "car", "--data", from, "--out", path];
            const { code, text } = await run("export", ...words);
            assert.equal(code, 0, text);
            return path;
        };
        const good = await run("verify", await exported(dataDir, "ledger.car"));
        assert.equal(good.code, 0, good.text);
        assert.match(good.text, SIGNED);
        const copy = join(dir, "cut");
        cpSync(dataDir, copy, { recursive: true });
        const database = new DatabaseSync(join(copy, "server", SERVER_FILE));
        database.exec(`
            DELETE FROM checkpoints WHERE size = (SELECT max(idx) + 1 FROM log);
            DELETE FROM log WHERE idx = (SELECT max(idx) FROM log)`);
        database.close();
        for (const words of [["--data", copy], [await exported(copy, "cut.car")]]) {
            const { code, text } = await run("verify", ...words);
            assert.equal(code, 1);
            assert.match(text, /The validators signed a log of \d+ entries; here are \d+/);
        }
    });

    it("goes on in the same directory where it stopped", async () => {
        const first = result.organisations[0]?.readings ?? 0;
        const before = result.households.map(({ meter }) => meter);
        result = await start(DAYS + 1);
        assert.ok(result.isAgreed);
        assert.deepEqual(
            result.households.map(({ meter }) => meter),
            before,
        );
        for (const { readings } of result.organisations) {
            assert.equal(readings, first + HOMES * SLOTS_PER_DAY);
        }
    });

    it("keeps a proof against a validator that votes twice, on every member", async () => {
        const [first, , , last] = result.organisations;
        assert.ok(first && last);
        const config = readFileSync(join(homeOf(first), "config/config.toml"), "utf8");
        const [, address] = /^\[rpc\][^[]*?^laddr = "tcp:\/\/(.*?)"/m.exec(config) ?? [];
        const rpc = new CometRpc(`http://${address}`, 5_000);
        const { height } = await rpc.status();
        await voteTwice(rpc, homeOf(last), height - 1);
        for (const { portal } of result.organisations) {
            const listed = await proofsAt(portal);
            assert.deepEqual(
                listed.map(({ culprit, epoch }) => [culprit, epoch]),
                [["validator", height - 1]],
            );
        }
        assert.equal(await stop(), 0);
        const { code, text } = await run("verify", "--data", first.dataDir);
        assert.equal(code, 0, text);
        assert.match(text, /A validator contradicted itself/);
        assert.deepEqual(leftBehind(), []);
    });
});
