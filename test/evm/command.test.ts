import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
    chmodSync,
    cpSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { sha256 } from "@meterseal/core";
import {
    type Address,
    AnchorWriter,
    deployAnchors,
    keySigner,
    type PendingTransaction,
    type SenderOptions,
} from "@meterseal/engines/evm";
import {
    entryLeafHash,
    MerkleLog,
    originOf,
    stateOfGenesis,
    type TreeHead,
} from "@meterseal/ledger";
import { openServerStore } from "@meterseal/stores/sqlite";
import { Anvil } from "./anvil.ts";

const BIN = join(import.meta.dirname, "..", "..", "packages", "node", "bin", "meterseal.mjs");
const directory = mkdtempSync(join(tmpdir(), "meterseal-anchor-"));
const data = join(directory, "data");
const key = join(directory, "account.key");
/** The same log when it was shorter. */
const earlier = join(directory, "earlier");

let anvil: Anvil;
let contract = "";
const started: ChildProcess[] = [];

type Ended = { readonly code: number | null; readonly out: string; readonly said: string };

function begin(words: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
    const child = spawn(process.execPath, [BIN, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    started.push(child);
    let [out, said] = ["", ""];
    child.stdout.on("data", (text) => (out += String(text)));
    child.stderr.on("data", (text) => (said += String(text)));
    const ended = once(child, "close").then(([code]) => ({ code, out, said }) as Ended);
    return { child, ended };
}

const run = (...words: string[]): Promise<Ended> => begin(words).ended;

/** Runs a command that must succeed; what it printed. */
async function done(...words: string[]): Promise<string> {
    const { code, out, said } = await run(...words);
    assert.equal(code, 0, said);
    return out.trim();
}

const place = (): string[] => ["--rpc", anvil.url, "--chain", "31337", "--contract", contract];
const sender = (): string[] => [...place(), "--signer-key", key, "--confirmations", "1"];
const anchorOnce = (): string[] => ["anchor", "--data", data, ...sender(), "--once"];

async function demo(days: number, where = data): Promise<void> {
    const homes = ["--meters", "1", "--california", "0", "--days", `${days}`];
    await done("demo", "--once", ...homes, "--data", where, "--port", "0");
}

before(async () => {
    anvil = await Anvil.start();
    const account = await done("anchor", "key", "--out", key);
    await anvil.rpc.query("anvil_setBalance", [account, "0x56bc75e2d63100000"]);
    await demo(1);
    const words = ["--rpc", anvil.url, "--chain", "31337", "--signer-key", key];
    const made = await done(
        ...["anchor", "deploy", "--data", data, ...words, "--confirmations", "1", "--json"],
    );
    contract = (JSON.parse(made) as { contract: Address }).contract;
});

after(async () => {
    for (const child of started) child.kill("SIGKILL");
    await anvil.stop();
    rmSync(directory, { recursive: true, force: true });
});

/** How many anchors of a data directory have a proof. */
function proofsIn(dataDir: string): number {
    const names = readdirSync(join(dataDir, "anchors"), { recursive: true }).map(String);
    return names.filter((name) => /anchor-\d+\.json$/.test(name)).length;
}

/** Origin of the log in the directory, and its head when it had some entries less. */
async function earlierHead(): Promise<{ readonly origin: string; readonly head: TreeHead }> {
    const store = await openServerStore(join(data, "server"), { readOnly: true });
    try {
        const { reader } = store;
        const genesis = (await reader.meta()).find(({ key }) => key === "genesis")?.value;
        const state = stateOfGenesis(genesis ?? new Uint8Array());
        assert.ok(state.ok);
        const tree = new MerkleLog();
        for await (const { item, timeMs, vertex } of reader.log()) {
            const bytes = item ?? (await reader.vertex(Number(vertex))).bytes;
            tree.append(entryLeafHash({ timeMs, item: bytes }));
        }
        const head = { size: tree.size - 3, root: tree.root(tree.size - 3) };
        return { origin: originOf(state.value.networkId), head };
    } finally {
        await store.close();
    }
}

/** A contract of the account's own, with a head that another program anchored there. */
async function anchoredElsewhere(origin: string, head: TreeHead): Promise<Address> {
    let kept: PendingTransaction | null = null;
    const options: SenderOptions = {
        ...{ rpc: anvil.rpc, chainId: 31_337, confirmations: 1, feeCapWei: 10n ** 11n },
        ...{ pollMs: 10, raiseAfterMs: 60_000, waitMs: 30_000, clock: { nowMs: () => Date.now() } },
        signer: keySigner(Buffer.from(readFileSync(key, "utf8").trim(), "hex")),
        signal: new AbortController().signal,
        pending: {
            load: () => kept,
            save: (pending) => {
                kept = pending;
            },
        },
    };
    const owner = options.signer.address;
    const address = await deployAnchors(options, { origin, owner });
    const at = { chainId: 31_337, contract: address, origin };
    const rootAt = (): Promise<null> => Promise.resolve(null);
    await new AnchorWriter({ ...options, place: at, rootAt }).anchor(head);
    return address;
}

describe("meterseal anchor", () => {
    let size = 0;

    it("anchors the log of a directory once, with a proof that verify holds against the log", async () => {
        const first = JSON.parse(await done(...anchorOnce(), "--json")) as Record<string, unknown>;
        assert.equal(first.isNew, true);
        size = Number(first.size);
        assert.ok(size > 0);
        const again = JSON.parse(await done(...anchorOnce(), "--json")) as Record<string, unknown>;
        assert.deepEqual([again.isNew, again.size], [false, size]);
        const report = JSON.parse(await done("verify", "--data", data, "--json"));
        assert.equal(report.counts.anchors, 1);
        assert.match(report.notes.join(), /give --rpc/);
        await anvil.mine(6);
        assert.match(
            await done("verify", "--data", data, "--rpc", anvil.url),
            /1 anchor on an EVM chain checked/,
        );
    });

    it("keeps the proof of what it did not write when the block is confirmed, not before", async () => {
        const anchors = join(data, "anchors", readdirSync(join(data, "anchors"))[0] ?? "");
        const proof = join(anchors, `anchor-${size}.json`);
        rmSync(proof);
        const words = anchorOnce().map((word, i, all) =>
            all[i - 1] === "--confirmations" ? "50" : word,
        );
        const early = await run(...words, "--json");
        assert.equal(early.code, 0, early.said);
        assert.match(early.said, /kept by a later round.* of 50/);
        assert.ok(!readdirSync(anchors).includes(`anchor-${size}.json`));
        await anvil.mine(50);
        assert.equal(JSON.parse(await done(...words, "--json")).proof, proof);
    });

    it("compares a root on the chain with the log's where that has no checkpoint", async () => {
        const { head, origin } = await earlierHead();
        const shared = join(directory, "shared");
        cpSync(data, shared, { recursive: true });
        const database = new DatabaseSync(join(shared, "server", "store.db"));
        database.prepare("DELETE FROM checkpoints WHERE size = ?").run(head.size);
        database.close();
        const at = async (root: Uint8Array): Promise<string[]> => {
            const other = await anchoredElsewhere(origin, { ...head, root });
            const words = anchorOnce().map((word) => (word === contract ? other : word));
            return words.map((word) => (word === data ? shared : word));
        };
        const foreign = await run(...(await at(sha256(head.root))));
        assert.match(foreign.said, /MS_ANCHOR/);
        const ours = JSON.parse(await done(...(await at(head.root)), "--json"));
        assert.equal(ours.isNew, true);
    });

    it("goes on after a kill between sending and the block, without a second anchor", async () => {
        cpSync(data, earlier, { recursive: true });
        await demo(2);
        await anvil.rpc.query("evm_setAutomine", [false]);
        const { child, ended } = begin(anchorOnce());
        await new Promise<void>((resolve) => {
            child.stderr?.on("data", (text) => /sent as/.test(String(text)) && resolve());
        });
        child.kill("SIGKILL");
        await ended;
        const anchors = join(data, "anchors", readdirSync(join(data, "anchors"))[0] ?? "");
        assert.ok(readdirSync(anchors).includes("pending.json"));
        await anvil.mine();
        await anvil.rpc.query("evm_setAutomine", [true]);
        const nonce = await anvil.rpc.query("eth_getBlockByNumber", ["latest", true]);
        assert.equal((nonce as { transactions: unknown[] }).transactions.length, 1);
        const blocks = await anvil.rpc.quantity("eth_blockNumber", []);
        const resumed = JSON.parse(await done(...anchorOnce(), "--json")) as { size: number };
        assert.ok(resumed.size > size);
        assert.equal(await anvil.rpc.quantity("eth_blockNumber", []), blocks);
        assert.ok(!readdirSync(anchors).includes("pending.json"));
        assert.ok(readdirSync(anchors).includes(`anchor-${resumed.size}.json`));
        size = resumed.size;
    });

    it("runs on a schedule beside a server, and ends with Ctrl-C", async () => {
        const served = begin([
            "serve",
            "--data",
            data,
            "--port",
            "0",
            "--mqtt-port",
            "0",
            "--json",
        ]);
        const url = await new Promise<string>((resolve) => {
            served.child.stdout?.on("data", (text) => {
                const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(String(text)) ?? [];
                if (found !== undefined) resolve(found);
            });
        });
        const own = join(directory, "own");
        const words = ["--data", own, "--url", url, ...sender(), "--every", "1s"];
        const { child, ended } = begin(["anchor", ...words]);
        await new Promise<void>((resolve) => child.stdout?.once("data", () => resolve()));
        child.kill("SIGINT");
        const { code, out, said } = await ended;
        assert.equal(code, 0, said);
        assert.match(out, new RegExp(`^${size} entries`));
        const { head, origin } = await earlierHead();
        const there = await anchoredElsewhere(origin, head);
        const unknown = words.slice(0, -2).map((word) => (word === contract ? there : word));
        const blind = await run("anchor", ...unknown, "--once");
        assert.equal(blind.code, 0, blind.said);
        assert.match(blind.said, new RegExp(`root of ${head.size} entries .* not compared`));
        const foreign = ["--network", "00".repeat(32), "--once"];
        const other = await run("anchor", ...words.slice(0, -2), ...foreign);
        assert.match(other.said, /MS_NETWORK/);
        served.child.kill("SIGTERM");
        await served.ended;
    });

    it("exports a proof that is checked with a trusted block, and no other", async () => {
        const file = join(directory, "anchor.json");
        await done("anchor", "export", "--data", data, "--out", file);
        const shown = await run("anchor", "check", file, "--json");
        assert.equal(shown.code, 1);
        const { blockHash, verified } = JSON.parse(shown.out) as {
            blockHash: string;
            verified: boolean;
        };
        assert.equal(verified, false);
        await done("anchor", "check", file, "--block-hash", blockHash.slice(2));
        await anvil.mine(6);
        await done("anchor", "check", file, "--rpc", anvil.url);
        const wrong = await run("anchor", "check", file, "--block-hash", "ab".repeat(32));
        assert.match(wrong.said, /MS_ANCHOR/);
        const other = await run("anchor", "check", file, "--network", "ab".repeat(32));
        assert.match(other.said, /MS_NETWORK/);
    });

    it("goes with an archive of the ledger, and shows one that was cut before it", async () => {
        const proof = join(directory, "proof.json");
        await done("anchor", "export", "--data", data, "--out", proof);
        const archive = join(directory, "ledger.car");
        await done("export", "--format", "car", "--data", data, "--out", archive);
        const words = ["verify", archive, "--rpc", anvil.url, "--json"];
        const whole = JSON.parse(await done(...words)) as { counts: { anchors: number } };
        assert.equal(whole.counts.anchors, proofsIn(data));
        const more = JSON.parse(await done(...words, "--anchor", proof)) as typeof whole;
        assert.equal(more.counts.anchors, proofsIn(data) + 1);
        const early = join(directory, "early");
        const cut = join(directory, "cut.car");
        cpSync(earlier, early, { recursive: true });
        await done("export", "--format", "car", "--data", early, "--out", cut);
        assert.equal((await run("verify", cut, "--json")).code, 0);
        const shown = await run("verify", cut, "--anchor", proof, "--json");
        assert.equal(shown.code, 1);
        assert.match(shown.out, /MS_ANCHOR/);
    });

    it("shows a log that was written anew behind its anchor", async () => {
        const rewritten = join(directory, "rewritten");
        await demo(1, rewritten);
        cpSync(join(data, "anchors"), join(rewritten, "anchors"), { recursive: true });
        const { code, out } = await run("verify", "--data", rewritten, "--json");
        assert.equal(code, 1);
        assert.match(out, /MS_NETWORK/);

        const fork = join(directory, "fork");
        cpSync(data, fork, { recursive: true });
        await demo(3);
        await done(...anchorOnce());
        await demo(3, fork);
        rmSync(join(fork, "anchors"), { recursive: true });
        cpSync(join(data, "anchors"), join(fork, "anchors"), { recursive: true });
        const forked = await run("verify", "--data", fork, "--json");
        assert.equal(forked.code, 1);
        assert.match(forked.out, /MS_ANCHOR/);
        const behind = await run(...anchorOnce().map((word) => (word === data ? fork : word)));
        assert.match(behind.said, /MS_ANCHOR/);
    });

    it("reads the node's URL from a file, and shows its host only", async () => {
        const file = join(directory, "rpc.url");
        const { host } = new URL(anvil.url);
        writeFileSync(file, `http://user:secret@${host}/\n`);
        const words = anchorOnce().map((word) => (word === "--rpc" ? "--rpc-file" : word));
        await done(...words.map((word) => (word === anvil.url ? file : word)));
        writeFileSync(file, "http://user:secret@127.0.0.1:9/path-with-key\n");
        const { code, said } = await run(
            ...words.map((word) => (word === anvil.url ? file : word)),
        );
        assert.equal(code, 3);
        assert.match(said, /MS_LINK.*127\.0\.0\.1:9/);
        assert.doesNotMatch(said, /secret|path-with-key/);
    });

    it("says what is wrong with its options and its key", async () => {
        chmodSync(key, 0o644);
        const open = await run(...anchorOnce());
        assert.match(open.said, /MS_KEY_FILE.*chmod 600/);
        chmodSync(key, 0o600);
        const cases: [RegExp, string[]][] = [
            [/--data DIR/, ["anchor", "--once"]],
            [
                /either --signer-key FILE or --signer URL/,
                ["anchor", "--data", data, ...place(), "--once"],
            ],
            [
                /either --rpc URL or --rpc-file FILE/,
                [...anchorOnce(), "--rpc-file", join(directory, "rpc.url")],
            ],
            [/not both/, [...anchorOnce(), "--every", "1h"]],
            [/such as 15m/, ["anchor", "--data", data, ...sender(), "--every", "1w"]],
            [/MS_EVM_CHAIN.*chain 5/, anchorOnce().map((word) => (word === "31337" ? "5" : word))],
            [/--contract with 0x/, anchorOnce().map((word) => (word === contract ? "0x1" : word))],
        ];
        for (const [pattern, words] of cases) {
            const { code, said } = await run(...words);
            assert.match(said, pattern);
            assert.notEqual(code, 0);
        }
        assert.doesNotMatch(readFileSync(key, "utf8"), /0x/);
    });
});
