import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS, SLOT_ORIGIN_UNIX, toHex, unwrap } from "@meterseal/core";
import {
    accept,
    checkEvidence,
    decodeEvidence,
    parseStoredEntry,
    stateOfGenesis,
    stateRoot,
    summaryOf,
} from "@meterseal/ledger";
import { isSummary, parseRecord, STREAM_MODE } from "@meterseal/record";
import { noteCompactionDue, openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { testBytes } from "@meterseal/testkit/keys";
import { TEST_LATER_MS, TestChain } from "@meterseal/testkit/records";
import { beforeAll, describe, expect, it } from "vitest";
import { ReplayClock } from "../src/clocks.ts";
import { PLACES } from "../src/files.ts";
import { Pruner } from "../src/prune/pruner.ts";
import { verifyDirectory } from "../src/verify/verify.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { type GrownDirectory, growDirectory, growMeters } from "./grown-directory.ts";
import { randomOf } from "./kill/random.ts";
import { startQuietServer } from "./quiet-server.ts";
import { casesOf } from "./tamper/cases.ts";

const SEED = 35;
const scratch = useScratch();
let copies = 0;
function copyOf(dir: string): string {
    const copy = join(scratch, `copy-${++copies}`);
    cpSync(dir, copy, { recursive: true });
    return copy;
}
const BEFORE = "2013-04-01";
const BEFORE_UNIX = Date.UTC(2013, 3, 1) / 1000;
const fileOf = (dir: string) => join(PLACES.server(dir), SERVER_FILE);
const pruneWords = (dir: string) => ["prune", "--data", dir, "--before", BEFORE, "--yes", "--json"];
const verified = (dir: string) => verifyDirectory(dir, [], () => undefined);

async function grown(
    name: string,
    grow: (of: GrownDirectory) => Promise<unknown>,
): Promise<string> {
    const dir = join(scratch, name);
    const directory = await growDirectory(dir);
    await grow(directory);
    await directory.close();
    return dir;
}

/** State root of a directory's log, replayed. */
async function rootOf(dir: string): Promise<string> {
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    const state = unwrap(stateOfGenesis((await store.genesis()) ?? new Uint8Array()));
    for await (const { body, item, timeMs } of store.entries(0)) {
        unwrap(accept(state, unwrap(parseStoredEntry(item, body)), timeMs, () => true));
    }
    await store.close();
    return toHex(stateRoot(state));
}

async function prunedOf(dir: string): Promise<string[]> {
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    const rows = await Array.fromAsync(store.reader.records());
    await store.close();
    return rows
        .filter(({ bytes }) => isSummary(bytes))
        .map(({ chainEpoch, seq }) => `${chainEpoch}/${seq}`);
}

describe("a pruned store", () => {
    let whole = "";
    let pruned = "";
    beforeAll(async () => {
        whole = await grown("plain", (of) =>
            growMeters(of, { meters: 2, records: 8, perVertex: 3 }),
        );
        pruned = copyOf(whole);
        expect((await run(...pruneWords(pruned))).code).toBe(0);
        expect(await prunedOf(pruned)).toHaveLength(14);
    });

    it("replays to the state that it had", async () => {
        expect(await rootOf(pruned)).toBe(await rootOf(whole));
    });

    it("shows every change of a row that was pruned", async () => {
        const path = fileOf(pruned);
        const clean = readFileSync(path);
        const opened = new DatabaseSync(path);
        const kind = { name: "pruned record", table: "records", key: "n", pick: "SELECT 5" };
        const cases = casesOf(opened, kind, randomOf(SEED));
        const [row] = opened.prepare("SELECT rest FROM records WHERE n = 5").all();
        opened.close();
        const rest = row?.rest as Uint8Array;
        for (let at = 0; at < rest.length; at += 3) {
            cases.push({
                name: `byte ${at}`,
                run: (database) => {
                    const changed = rest.slice();
                    changed[at] = (changed[at] ?? 0) ^ 1;
                    database.prepare("UPDATE records SET rest = ? WHERE n = 5").run(changed);
                    return true;
                },
            });
        }
        const missed: string[] = [];
        for (const { name, run: change } of cases) {
            const database = new DatabaseSync(path);
            database.exec("PRAGMA journal_mode = DELETE");
            const isChanged = change(database);
            database.close();
            if (isChanged && (await verified(pruned)).faults.length === 0) missed.push(name);
            writeFileSync(path, clean);
        }
        expect(cases.length).toBeGreaterThan(80);
        expect(missed).toEqual([]);
        expect((await verified(pruned)).faults).toEqual([]);
    }, 180_000);

    it("is refused where a record was pruned that no entry of the log binds", async () => {
        const dir = copyOf(whole);
        const [from, to] = [new DatabaseSync(fileOf(pruned)), new DatabaseSync(fileOf(dir))];
        const rest = from.prepare("SELECT rest FROM records WHERE n = 5").get()?.rest as Uint8Array;
        to.prepare("UPDATE records SET rest = ? WHERE n = 5").run(rest);
        from.close();
        to.close();
        const { faults } = await verified(dir);
        expect(faults.map(({ code }) => code)).toEqual(["MS_PRUNING"]);
    });

    it("is refused where heads of chains were pruned as well, which the log binds like all the rest", async () => {
        const dir = copyOf(pruned);
        const store = await openServerStore(PLACES.server(dir));
        const rows = await Array.fromAsync(store.reader.records());
        const heads = rows.filter(({ bytes }) => !isSummary(bytes));
        await store.prune(
            heads.map(({ bytes, n }) => ({ n, summary: summaryOf(unwrap(parseRecord(bytes))) })),
        );
        await store.close();
        const { counts, faults } = await verified(dir);
        expect([counts.pruned, faults.map(({ code, message }) => [code, message])]).toEqual([
            16,
            Array(2).fill(["MS_PRUNING", expect.stringContaining("the head of its chain")]),
        ]);
    });

    it("is pruned no further where what is left is not what the log binds", async () => {
        const dir = copyOf(pruned);
        const database = new DatabaseSync(fileOf(dir));
        const row = database.prepare("SELECT rest FROM records WHERE n = 4").get();
        // The time of a record, which no hash covers any more.
        const changed = new Uint8Array(row?.rest as Uint8Array);
        const at = Buffer.from(changed).indexOf(Buffer.from([0x1a, 0x50, 0xe2]));
        changed[at + 4] = (changed[at + 4] ?? 0) ^ 1;
        database.prepare("UPDATE records SET rest = ? WHERE n = 4").run(changed);
        database.close();
        const refused = await run("prune", "--data", dir, "--before", "2013-05-01", "--yes");
        expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/MS_PRUNING/)]);
    });
});

describe("what stays whole", () => {
    it("is what may be evidence: forks, what came before its turn, and the rest of a frozen chain", async () => {
        let at = 0;
        const dir = await grown("odd", async (of) => {
            const [good, liar, hasty] = [
                new TestChain(await of.meter("good")),
                new TestChain(await of.meter("liar")),
                new TestChain(await of.meter("hasty")),
            ];
            const first = [await good.usage(), await liar.usage(), await hasty.usage()];
            await of.log(first);
            const twin = liar.fork();
            await of.log([await liar.usage()]);
            await of.log([await twin.usage({ count: 3 })]);
            const [late, early] = [await hasty.usage(), await hasty.usage()];
            await of.log([early]);
            await of.log([late, await good.usage()]);
            await of.log([await good.usage(), await hasty.usage()]);
            at = first.length;
        });
        expect(at).toBe(3);
        const root = await rootOf(dir);
        const done = JSON.parse((await run(...pruneWords(dir))).stdout) as { kept: object };
        // good: 1 and 2 of 3 go. hasty: 1 and 2 of 4, for 3 came before 2. liar: none.
        expect((await prunedOf(dir)).toSorted()).toEqual(["0/1", "0/1", "0/2", "0/2"]);
        const none = { "last boundary": 0, "several streams": 0 };
        expect(done.kept).toEqual({ disputed: 4, head: 2, ...none });
        expect(await rootOf(dir)).toBe(root);
        expect((await verified(dir)).faults).toEqual([]);
    });

    it("is the last boundary before a gap over the instant: evidence can show that what lacks is older", async () => {
        const slot = (unix: number) => (unix - SLOT_ORIGIN_UNIX) / 900;
        let subject: Uint8Array = new Uint8Array();
        const dir = await grown("gap", async (of) => {
            const chain = new TestChain(await of.meter("gap"));
            subject = chain.meter.subject;
            await of.log([await chain.usage(), await chain.usage()]);
            const behind = { firstSlot: slot(BEFORE_UNIX + 86_400) };
            await of.log([await chain.usage(behind), await chain.usage()]);
        });
        expect((await run(...pruneWords(dir))).code).toBe(0);
        expect(await prunedOf(dir)).toEqual(["0/1"]);
        const server = await startQuietServer(dir, { clock: new ReplayClock(TEST_LATER_MS) });
        const route = `${server.httpUrl}/api/v1/meters/${toHex(subject)}/evidence`;
        const evidence = decodeEvidence(new Uint8Array(await (await fetch(route)).arrayBuffer()));
        const { networkId } = unwrap(stateOfGenesis(unwrap(evidence).genesis));
        await server.close();
        const report = checkEvidence(unwrap(evidence), { networkId, subject });
        expect([report.continuity.faults, report.prunedBeforeUnix]).toEqual([[], BEFORE_UNIX]);
        // An instant behind the gap takes that record, too.
        const later = pruneWords(dir).with(4, "2013-04-03");
        expect((await run(...later)).code).toBe(0);
        expect(await prunedOf(dir)).toEqual(["0/1", "0/2", "0/3"]);
    });

    it("is all of a key of several streams, which need not come in one order of time", async () => {
        const lag = { stream: testBytes("stream lag", 16) };
        const dir = await grown("streams", async (of) => {
            const chain = new TestChain(await of.meter("both", STREAM_MODE.sealed, [lag]));
            const { nextSlot } = chain;
            await of.log([await chain.usage(), await chain.usage()]);
            await of.log([await chain.usage({ ...lag, firstSlot: nextSlot })]);
            await of.log([await chain.usage({ ...lag })]);
        });
        const done = JSON.parse((await run(...pruneWords(dir))).stdout) as { kept: object };
        expect(done).toMatchObject({ records: 0, pruned: 0, kept: { "several streams": 4 } });
        expect((await verified(dir)).counts.prunings).toBe(0);
    });

    it("of an open stream is the last boundary of each record, so that registers still cannot run back", async () => {
        const values = (from: bigint) =>
            ({ mode: "open", registers: [0n, 1n, 2n, 3n].map((each) => each + from) }) as const;
        const dir = await grown("open", async (of) => {
            const chain = new TestChain(await of.meter("open", STREAM_MODE.open));
            for (let i = 0n; i < 5n; i++)
                await of.log([await chain.usage({ values: values(10n * i) })]);
        });
        const root = await rootOf(dir);
        expect((await run(...pruneWords(dir))).code).toBe(0);
        expect(await prunedOf(dir)).toHaveLength(4);
        expect([await rootOf(dir), (await verified(dir)).faults]).toEqual([root, []]);
    });
});

describe("a prune that is killed", () => {
    /** Prunes until the power fails before the n-th transaction. */
    async function cutBefore(dir: string, transaction: number): Promise<void> {
        let begun = 0;
        const store = await openServerStore(PLACES.server(dir), {
            hooks: {
                beforeCommit: (point) => {
                    if (point === "prune" && ++begun === transaction) throw new Error("power cut");
                },
            },
        });
        const pruner = await Pruner.open(dir, store, null);
        const plan = await pruner.plan(BEFORE_UNIX, () => undefined);
        const cut = pruner.apply(plan, () => undefined, new AbortController().signal);
        await expect(cut).rejects.toThrow("power cut");
        pruner.close();
        await store.close();
    }

    it.each([
        ["only the log had the entry", 1, 0],
        ["some of the rows were pruned", 2, LIMITS.pruneRecords],
    ])(
        "goes on where %s, and writes no second entry",
        async (name, transaction, before) => {
            const records = LIMITS.pruneRecords + 6;
            const dir = await grown(name, (of) =>
                growMeters(of, { meters: 1, records, perVertex: 200 }),
            );
            const root = await rootOf(dir);
            await cutBefore(dir, transaction);
            expect([await prunedOf(dir), (await verified(dir)).faults]).toEqual([
                expect.objectContaining({ length: before }),
                [],
            ]);
            expect(await rootOf(dir)).toBe(root);
            const again = JSON.parse((await run(...pruneWords(dir))).stdout);
            expect(again).toMatchObject({ pruned: records - 1 - before, already: before });
            const report = await verified(dir);
            expect([report.counts.prunings, report.counts.pruned, report.faults]).toEqual([
                1,
                records - 1,
                [],
            ]);
        },
        60_000,
    );

    it("writes the file anew where all rows were pruned and that was left to do", async () => {
        const dir = await grown("file", (of) =>
            growMeters(of, { meters: 2, records: 200, perVertex: 50 }),
        );
        const store = await openServerStore(PLACES.server(dir));
        const pruner = await Pruner.open(dir, store, null);
        noteCompactionDue(PLACES.server(dir)); // as the command does before bytes go
        const plan = await pruner.plan(BEFORE_UNIX, () => undefined);
        await pruner.apply(plan, () => undefined, new AbortController().signal);
        pruner.close();
        await store.close();
        const size = statSync(fileOf(dir)).size;
        const again = JSON.parse((await run(...pruneWords(dir))).stdout) as { freedBytes: number };
        expect(again).toMatchObject({ records: 0, already: 398, pruned: 0 });
        expect(again.freedBytes).toBeGreaterThan(0);
        expect(statSync(fileOf(dir)).size).toBe(size - again.freedBytes);
        expect(JSON.parse((await run(...pruneWords(dir))).stdout)).toMatchObject({ freedBytes: 0 });
    });

    it("leaves a store that holds, wherever it was killed, and ends when it is asked again", async () => {
        const records = Math.ceil((3 * LIMITS.pruneRecords) / 4);
        const large = await grown("large", (of) =>
            growMeters(of, { meters: 4, records, perVertex: 100 }),
        );
        const root = await rootOf(large);
        for (const waitMs of [0, 60]) {
            const dir = copyOf(large);
            const running = start(pruneWords(dir));
            await running.shows("looked through");
            await sleep(waitMs);
            running.child.kill("SIGKILL");
            await running.outcome;
            expect([waitMs, (await verified(dir)).faults]).toEqual([waitMs, []]);
            expect(await rootOf(dir)).toBe(root);
            const again = await run(...pruneWords(dir));
            expect([again.code, await prunedOf(dir)]).toEqual([
                0,
                expect.objectContaining({ length: 4 * (records - 1) }),
            ]);
            const report = await verified(dir);
            expect([report.faults, report.counts.prunings]).toEqual([[], 1]);
        }
    }, 180_000);
});
