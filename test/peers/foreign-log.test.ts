import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { toBase64, unwrap } from "@meterseal/core";
import {
    entryLeafHash,
    formatVerifierKey,
    MerkleLog,
    originOf,
    stateOfGenesis,
} from "@meterseal/ledger";
import { openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";

/** A log that our software wrote, checked by Go implementations that know nothing of us. */
const MAIN = join(import.meta.dirname, "../../packages/node/src/main.ts");
const HOMES = 6;
const DAYS = 5;
const dir = mkdtempSync(join(tmpdir(), "meterseal-foreign-"));
const dataDir = join(dir, "data");
const checker = join(dir, "peers");
/** Go stands in the path, or where its installer puts it. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/local/go/bin` };
const hasGo = spawnSync("go", ["version"], { env }).status === 0;
const skip = hasGo ? false : "NOT RUN: there is no go";

type Proof = { from: number; size: number; path: string[] };
type Claims = { key: string; inclusion: Proof[]; consistency: Proof[] };
type Said = { code: number | null; stdout: string; stderr: string };

function run(program: string, words: readonly string[], cwd = dir): Promise<Said> {
    const child = spawn(program, words, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (part) => {
        stdout += String(part);
    });
    child.stderr.on("data", (part) => {
        stderr += String(part);
    });
    return new Promise((resolve) => {
        child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
}

/** Writes the archive of a data directory under a name; returns its path. */
async function archive(from: string, name: string): Promise<string> {
    const path = join(dir, name);
    const words = ["export", "--format", "car", "--data", from, "--out", path];
    const { code, stderr } = await run(process.execPath, [MAIN, ...words]);
    assert.equal(code, 0, stderr);
    return path;
}

/** What our software says of the log: every inclusion and consistency proof of every size. */
async function claimsOf(): Promise<{ claims: Claims; size: number }> {
    const store = await openServerStore(join(dataDir, "server"), { readOnly: true });
    const log = new MerkleLog();
    for await (const entry of store.entries(0)) log.append(entryLeafHash(entry));
    const state = unwrap(stateOfGenesis((await store.genesis()) ?? new Uint8Array()));
    await store.close();
    const name = originOf(state.networkId);
    const key = formatVerifierKey({ name, publicKey: state.genesis.logKey });
    const claims: Claims = { key, inclusion: [], consistency: [] };
    for (let size = 1; size <= log.size; size++) {
        for (let from = 0; from < size; from++) {
            const path = log.inclusionPath(from, size).map(toBase64);
            claims.inclusion.push({ from, size, path });
            if (from === 0) continue;
            const steps = log.consistencyPath(from, size).map(toBase64);
            claims.consistency.push({ from, size, path: steps });
        }
    }
    return { claims, size: log.size };
}

/** What the foreign implementations say of an archive and claims. */
async function foreign(car: string, claims: Claims): Promise<Said> {
    const path = join(dir, "claims.json");
    writeFileSync(path, JSON.stringify(claims));
    return await run(checker, [car, path]);
}

/** A copy of the data directory that somebody changed, as an archive whose hashes are right. */
async function forged(name: string, change: (database: DatabaseSync) => void): Promise<string> {
    const copy = join(dir, name);
    cpSync(dataDir, copy, { recursive: true });
    const database = new DatabaseSync(join(copy, "server", SERVER_FILE));
    change(database);
    database.close();
    return await archive(copy, `${name}.car`);
}

let car = "";
let claims: Claims;
let size = 0;

before(async () => {
    if (!hasGo) return;
    const built = await run("go", ["build", "-o", checker, "."], join(import.meta.dirname, "go"));
    assert.equal(built.code, 0, built.stderr);
    const plan = ["--meters", `${HOMES}`, "--california", "0", "--days", `${DAYS}`, "--once"];
    const demo = ["demo", ...plan, "--data", dataDir, "--port", "0"];
    const made = await run(process.execPath, [MAIN, ...demo]);
    assert.equal(made.code, 0, made.stderr);
    car = await archive(dataDir, "ledger.car");
    ({ claims, size } = await claimsOf());
});
after(() => rmSync(dir, { recursive: true, force: true }));

describe("a log of ours in foreign hands", { skip }, () => {
    it("holds: go-car opens the archive, sumdb checks every root, proof and signed note", async () => {
        const { code, stderr, stdout } = await foreign(car, claims);
        assert.equal(code, 0, stderr);
        const said = JSON.parse(stdout) as Record<string, number>;
        assert.ok(size > 2 * HOMES);
        assert.equal(said.leaves, size);
        assert.equal(said.checkpoints, size);
        assert.equal(said.inclusion, (size * (size + 1)) / 2);
        assert.equal(said.consistency, (size * (size - 1)) / 2);
        assert.ok((said.vertices ?? 0) >= 1);
    });

    it("does not with one leaf changed, though every block has its right name", async () => {
        const other = await forged("leaf", (database) => {
            database.exec("UPDATE log SET time_ms = time_ms + 1 WHERE idx = 3");
        });
        const { code, stderr } = await foreign(other, claims);
        assert.equal(code, 1);
        assert.match(stderr, /checkpoint 4: its root is not that of the leaves/);
    });

    it("does not with a checkpoint in the place of another, or under another key", async () => {
        const other = await forged("note", (database) => {
            database.exec(
                "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE size = 2) WHERE size = 3",
            );
        });
        assert.match((await foreign(other, claims)).stderr, /checkpoint 3 states size 2/);
        const otherKey = claims.key.replace(/.{8}$/, "AAAAAAAA");
        const { code, stderr } = await foreign(car, { ...claims, key: otherKey });
        assert.deepEqual([code, stderr.length > 0], [1, true]);
    });

    it("does not with a byte of the archive changed", async () => {
        const bytes = readFileSync(car);
        const path = join(dir, "flipped.car");
        for (const at of [70, bytes.length >> 1, bytes.length - 1]) {
            const copy = Buffer.from(bytes);
            copy[at] = (copy[at] ?? 0) ^ 1;
            writeFileSync(path, copy);
            assert.equal((await foreign(path, claims)).code, 1, `byte ${at}`);
        }
    });

    it("takes no proof with one hash changed, or of another place", async () => {
        const inclusion = claims.inclusion.filter(({ path }) => path.length > 2).slice(-1);
        const consistency = claims.consistency.filter(({ path }) => path.length > 2).slice(-1);
        const zero = toBase64(new Uint8Array(32));
        const broken = ({ path, ...place }: Proof): Proof => ({
            ...place,
            path: [zero, ...path.slice(1)],
        });
        const none = { ...claims, inclusion: [], consistency: [] };
        for (const changed of [
            { ...none, inclusion: inclusion.map(broken) },
            { ...none, consistency: consistency.map(broken) },
            { ...none, inclusion: inclusion.map((proof) => ({ ...proof, from: proof.from - 1 })) },
            { ...none, consistency: consistency.map((p) => ({ ...p, from: p.from - 1 })) },
        ]) {
            const { code, stderr } = await foreign(car, changed);
            assert.equal(code, 1);
            assert.match(stderr, /^(?:inclusion|consistency) /);
        }
        assert.equal((await foreign(car, { ...none, inclusion, consistency })).code, 0);
    });
});
