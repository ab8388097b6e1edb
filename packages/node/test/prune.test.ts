import { cpSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { toHex, unwrap } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { checkEvidence, decodeEvidence, type Evidence } from "@meterseal/ledger";
import { isSummary } from "@meterseal/record";
import { lockDirectory } from "@meterseal/stores";
import { openServerStore, type RecordRow, SERVER_FILE } from "@meterseal/stores/sqlite";
import { type KeyFile, openHousehold, parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { loadKeyFiles, verifyDirectory } from "../src/verify/verify.ts";
import { verifyCar } from "../src/verify/verify-car.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
/** A year behind the readings of the fixture. */
const LATER_MS = Date.UTC(2014, 0, 10);
const BEFORE = "2013-01-05";
/** The same directory before and after it was pruned. */
const [whole, pruned] = ["whole", "pruned"].map((name) => join(scratch, name)) as [string, string];
let key: KeyFile;
let keyPath = "";
let said: Record<string, unknown>;

/** A log that goes on a year after its records. */
beforeAll(async () => {
    const { finished, names } = await useFixture();
    cpSync(finished, whole, { recursive: true });
    keyPath = PLACES.keyFile(whole, names[0] ?? "");
    key = unwrap(parseKeyFile(readFileSync(keyPath, "utf8")));
    const server = await startQuietServer(whole, { clock: new ReplayClock(LATER_MS) });
    const { publicKey } = signerFromPem(generatePrivateKeyPem("es256"));
    await server.enrol({ subject: new Uint8Array(16).fill(7), key: publicKey, streams: [] });
    await server.close();
    cpSync(whole, pruned, { recursive: true });
    const done = await run("prune", "--data", pruned, "--before", BEFORE, "--yes", "--json");
    expect([done.code, done.stderr]).toEqual([0, expect.stringContaining("6 records to prune")]);
    said = JSON.parse(done.stdout) as Record<string, unknown>;
}, FIXTURE_MS);

const verified = (dir: string, keys: readonly string[] = []) =>
    verifyDirectory(dir, unwrap(loadKeyFiles(keys)), () => undefined);

async function rowsOf(dir: string): Promise<RecordRow[]> {
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    const rows = await Array.fromAsync(store.reader.records());
    await store.close();
    return rows;
}

const summaries = async (dir: string): Promise<number> =>
    (await rowsOf(dir)).filter(({ bytes }) => isSummary(bytes)).length;

describe("meterseal prune", () => {
    it("says what went, and what it would do a second time is nothing", async () => {
        expect(said).toMatchObject({ before: "2013-01-05T00:00:00Z", records: 6, pruned: 6 });
        expect(await summaries(pruned)).toBe(6);
        const again = await run("prune", "--data", pruned, "--before", BEFORE, "--yes", "--json");
        expect(JSON.parse(again.stdout)).toMatchObject({ records: 0, already: 6, pruned: 0 });
        expect((await verified(pruned)).counts.prunings).toBe(1);
    });

    it("changes nothing when it is only asked, and beside a server that runs", async () => {
        const lock = lockDirectory(PLACES.server(whole));
        const before = readFileSync(join(PLACES.server(whole), SERVER_FILE));
        const words = ["prune", "--data", whole, "--before", BEFORE];
        const dry = await run(...words, "--dry-run", "--json");
        expect(JSON.parse(dry.stdout)).toMatchObject({ records: 6, pruned: 0 });
        const refused = await run(...words, "--yes");
        lock.release();
        expect([refused.code, refused.stderr]).toEqual([
            3,
            expect.stringMatching(/MS_STORE_LOCKED/),
        ]);
        const after = readFileSync(join(PLACES.server(whole), SERVER_FILE));
        expect(Buffer.compare(before, after)).toBe(0);
        expect(existsSync(join(PLACES.server(whole), `${SERVER_FILE}.compact`))).toBe(false);
    });

    it.each([
        ["neither date nor duration", [], 2, /MS_USAGE.*--before DATE or --keep/],
        ["both", ["--before", BEFORE, "--keep", "400d"], 2, /MS_USAGE/],
        ["no date", ["--before", "yesterday"], 2, /MS_USAGE/],
        ["no duration", ["--keep", "5 years"], 2, /MS_USAGE.*400d/],
        ["what may still be disputed", ["--before", "2013-11-10"], 1, /MS_PRUNING.*2013-11-09/],
        ["the same as a duration", ["--keep", "61d"], 1, /MS_PRUNING/],
        ["no terminal and no --yes", ["--before", BEFORE], 2, /MS_USAGE.*--yes/],
    ])("refuses %s", async (_name, words, code, text) => {
        const refused = await run("prune", "--data", whole, ...words);
        expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(text)]);
        expect(await summaries(whole)).toBe(0);
    });

    it("takes the whole time until what may be disputed, and keeps the last boundary of each stream", async () => {
        const all = ["prune", "--data", whole, "--keep", "62d", "--dry-run", "--json"];
        const kept = { disputed: 0, head: 3, "last boundary": 0, "several streams": 0 };
        expect(JSON.parse((await run(...all)).stdout)).toMatchObject({ records: 9, kept });
    });

    it("leaves a ledger that verifies, and says what was checked by its hash only", async () => {
        const [before, after] = [
            await verified(whole, [keyPath]),
            await verified(pruned, [keyPath]),
        ];
        expect([before.faults, after.faults]).toEqual([[], []]);
        expect(after.counts.records).toBe(before.counts.records);
        expect([before.counts.pruned, after.counts.pruned]).toEqual([0, 6]);
        // The pruning itself, and the checkpoint over it.
        expect(after.counts.signatures).toBe(before.counts.signatures - 6 + 2);
        expect(after.notes).toContainEqual(
            expect.stringMatching(/pruned records were not checked/),
        );
    });

    it("holds nothing of the pruned bytes in its file any more", async () => {
        const [before, after] = [await rowsOf(whole), await rowsOf(pruned)];
        const file = readFileSync(join(PLACES.server(pruned), SERVER_FILE));
        const isThere = before.map(({ bytes }) =>
            file.includes(Buffer.from(bytes).subarray(200, 264)),
        );
        expect(isThere).toEqual(after.map(({ bytes }) => !isSummary(bytes)));
        expect(statSync(join(PLACES.server(pruned), SERVER_FILE)).mode & 0o777).toBe(0o600);
    });

    it("goes into an archive that is verified from itself alone", async () => {
        const path = join(scratch, "pruned.car");
        const made = await run("export", "--format", "car", "--data", pruned, "--out", path);
        expect(made.code).toBe(0);
        const report = await verifyCar(path, [], () => undefined);
        expect([report.faults, report.counts.pruned]).toEqual([[], 6]);
        expect(report.checkpoint).toEqual((await verified(pruned)).checkpoint);
    });
});

describe("a server on a pruned directory", () => {
    let server: Server;
    let old: Server;
    beforeAll(async () => {
        const exchange = { port: 0, host: "127.0.0.1", tls: null };
        server = await startQuietServer(pruned, { clock: new ReplayClock(LATER_MS), exchange });
        old = await startQuietServer(whole, { clock: new ReplayClock(LATER_MS) });
    });
    afterAll(async () => {
        await server.close();
        await old.close();
    });

    const ask = (of: Server, route: string) => fetch(`${of.httpUrl}/api/v1/${route}`);
    const sums = (of: Server, query: string) =>
        ask(of, `streams/${toHex(key.stream.streamId)}/sums?${query}`);
    const evidenceOf = async (of: Server): Promise<Evidence> => {
        const answer = await ask(of, `meters/${toHex(key.meter)}/evidence`);
        return unwrap(decodeEvidence(new Uint8Array(await answer.arrayBuffer())));
    };
    const trust = () => ({ networkId: key.network, subject: key.meter });
    const check = (evidence: Evidence) => checkEvidence(evidence, trust());

    it("knows what it knew: meters, readings and streams are as before", async () => {
        for (const route of [
            "meters",
            `streams/${toHex(key.stream.streamId)}/sums?window=day&from=2013-01-05`,
        ]) {
            expect(await (await ask(server, route)).json()).toEqual(
                await (await ask(old, route)).json(),
            );
        }
    });

    it.each([
        "window=day&from=2013-01-02",
        "window=total&from=2013-01-02",
        "window=slot&from=2013-01-03&to=2013-01-04",
    ])("gives no sum of %s, rather than a wrong one", async (query) => {
        expect((await sums(old, query)).status).toBe(200);
        const answer = await sums(server, query);
        expect([answer.status, await answer.json()]).toEqual([
            410,
            expect.objectContaining({ code: "MS_PRUNED" }),
        ]);
    });

    it("proves to a household what is left, and that the rest was pruned", async () => {
        const [all, rest] = [check(await evidenceOf(old)), check(await evidenceOf(server))];
        expect([all.prunedBeforeUnix, rest.prunedBeforeUnix]).toEqual([
            null,
            Date.UTC(2013, 0, 5) / 1000,
        ]);
        expect([...rest.signatures.faults, ...rest.continuity.faults]).toEqual([]);
        const hashes = (report: typeof all) =>
            report.records.map(({ record }) => toHex(record.message.hash));
        expect(hashes(rest)).toEqual(hashes(all).slice(2));
        expect(unwrap(openHousehold(await evidenceOf(server), key)).records.length).toBe(2);
    });

    it("cannot leave out a record that was not pruned, nor the entry that says so", async () => {
        const evidence = await evidenceOf(server);
        const codes = (changed: Evidence) =>
            check(changed).continuity.faults.map(({ error }) => error.code);
        expect(codes({ ...evidence, records: evidence.records.slice(1) })).toContain(
            "MS_CHAIN_MISMATCH",
        );
        expect(codes({ ...evidence, statements: [] })).toContain("MS_CHAIN_MISMATCH");
    });

    it.each([["of the server"], ["of the directory"]])(
        "opens to its household what is left %s, and no part of a range for the whole",
        async (source) => {
            const at = source === "of the server" ? server.httpUrl : pruned;
            const from = (of: string) => (of === pruned || of === whole ? "--data" : "--url");
            const usage = (of: string, ...words: string[]) =>
                run("usage", "--key", keyPath, from(of), of, "--json", ...words);
            const refused = await usage(at, "--from", "2013-01-02");
            expect([refused.code, refused.stderr]).toEqual([
                2,
                expect.stringMatching(/MS_PRUNED.*2013-01-05/),
            ]);
            const later = ["--from", "2013-01-05", "--to", "2013-01-06"];
            const [before, after] = [await usage(whole, ...later), await usage(at, ...later)];
            expect([after.code, after.stdout]).toEqual([0, before.stdout]);
            expect((await usage(at)).stderr).toMatch(/Older records were pruned.*2013-01-05/);
            expect((await usage(whole)).stderr).toBe("");
        },
    );

    it("leaves proofs valid that were handed out before", async () => {
        const before = await evidenceOf(old);
        expect(check(before).continuity.faults).toEqual([]);
        const file = join(scratch, "old.tlog-proof");
        const get = (of: Server, out: string) =>
            run(
                "receipt",
                "get",
                "--key",
                keyPath,
                "--seq",
                "1",
                "--out",
                out,
                "--url",
                of.httpUrl,
            );
        expect((await get(old, file)).code).toBe(0);
        expect((await run("receipt", "verify", file, "--key", keyPath)).code).toBe(0);
        const late = await get(server, join(scratch, "new.tlog-proof"));
        expect([late.code, late.stderr]).toEqual([2, expect.stringMatching(/MS_PRUNED/)]);
    });

    it("takes no part of a stretch for the whole of it", async () => {
        const query = "window=total&from=2013-01-02&to=2013-01-06";
        const route = `streams/${toHex(key.stream.streamId)}/evidence?${query}`;
        expect((await ask(old, route)).status).toBe(200);
        expect((await ask(server, route)).status).toBe(410);
    });

    it("tells a branch that begins now that the log's beginning is gone", async () => {
        const dir = join(scratch, "branch");
        const token = join(PLACES.serverKeys(pruned), "operator.token");
        const to = ["--to", server.exchangeUrl ?? "", "--operator-token", token];
        expect((await run("ledger", "join", "--data", dir, ...to)).code).toBe(0);
        const branch = await startQuietServer(dir);
        const reason = (): string => {
            const status = branch.ledgerStatus();
            return (status.role === "branch" ? status.sequencer.reason : null) ?? "";
        };
        for (const endMs = Date.now() + 20_000; !/MS_/.test(reason()) && Date.now() < endMs; ) {
            await sleep(50);
        }
        expect(reason()).toMatch(/MS_PRUNED.*leaf 4.*copy of the server/);
        expect(branch.ledgerStatus().log.size).toBe(4);
        await branch.close();
    }, 30_000);
});
