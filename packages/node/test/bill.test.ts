import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sha256, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence, encodeEvidence } from "@meterseal/ledger";
import { NOTICE_KIND } from "@meterseal/record";
import { formatBill, parseBill } from "@meterseal/tariff";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeBillEvidence, encodeBillEvidence } from "../src/billing/bill-evidence.ts";
import { PLACES } from "../src/files.ts";
import { Neighbourhood } from "../src/fleet/neighbourhood.ts";
import { readJournal } from "../src/household/journal-file.ts";
import { openParty } from "../src/party/party.ts";
import { ServerApi } from "../src/party/server-api.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, quiet, useScratch } from "./fixture.ts";
import { startLiar } from "./liar.ts";

const scratch = useScratch();
const dataDir = join(scratch, "street");
const stop = new AbortController();
const EXAMPLES = join(import.meta.dirname, "../../../examples/tariffs");
const supplierDir = PLACES.provider(dataDir, "example-energy");
const STANDARD = "Low Carbon London, standard, 2013";
const DYNAMIC = "Low Carbon London, dynamic, January 2013";
const BANDS = "Day and night, with weekends and a standing charge";
const DAYS = ["--from", "2013-01-01", "--to", "2013-01-04"];

let street: Neighbourhood;
let url: string;
/** Ids of who publishes prices, in hex. */
const ids = { market: "", supplier: "" };
/** Hashes of the tariffs on the ledger, by name. */
const hashes = new Map<string, string>();

/** Runs a command line that has to succeed; its JSON. */
async function json(...words: string[]): Promise<Record<string, unknown>> {
    const { code, stderr, stdout } = await run(...words, "--json");
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
}

/** Publishes a tariff as people write it; JSON is YAML too. */
async function publish(providerDir: string, tariff: Record<string, unknown>): Promise<string> {
    const file = join(scratch, `${tariff.name}.yaml`);
    writeFileSync(file, JSON.stringify(tariff));
    const words = ["tariff", "publish", file, "--provider", providerDir, "--url", url];
    return String((await json(...words)).hash);
}

beforeAll(async () => {
    street = await Neighbourhood.start({
        ...{ dataDir, meters: 2, california: 1, own: null, days: 3, speed: 0, httpPort: 0 },
        ...{ open: false, log: quiet, signal: stop.signal },
    });
    await street.replay(() => {});
    url = street.server.info.httpUrl;
    for (const { hash, name } of Object.values(
        (await json("tariff", "show", "--url", url)) as Record<
            string,
            { hash: string; name: string }
        >,
    )) {
        hashes.set(name, hash);
    }
    const market = join(scratch, "market");
    const { party } = await json("provider", "init", "--name", "Market", "--out", market);
    await json("enrol", "--data", dataDir, join(market, "party-request.json"));
    ids.market = String(party);
    const [tariff] = Object.values(await json("tariff", "show", "--url", url)) as {
        provider: string;
    }[];
    ids.supplier = tariff?.provider ?? "";
    const base = { currency: "GBP", zone: "Europe/London", from: "2013-01-01" };
    const prices = Array.from({ length: 72 }, (_, i) => i / 1000);
    const series = { start: "2013-01-01", minutes: 60, prices };
    const index = await publish(market, { ...base, name: "market", import: series });
    hashes.set("market", index);
    const hourly = { ...base, name: "hourly", import: { index, plus: 0.1 } };
    hashes.set("hourly", await publish(supplierDir, hourly));
    const own = await publish(supplierDir, { ...base, name: "own series", import: series });
    const self = { ...base, name: "own", import: { index: own } };
    hashes.set("own", await publish(supplierDir, self));
    const sun = { ...base, currency: "USD", zone: "America/Los_Angeles", name: "sun" };
    const both = { import: { price: 0.14 }, export: { price: 0.05 } };
    hashes.set("sun", await publish(supplierDir, { ...sun, ...both }));
}, FIXTURE_MS);
afterAll(async () => {
    stop.abort();
    await street.stop();
});

const keyOf = (name: string): string => PLACES.keyFile(dataDir, name);
const hashOf = (name: string): string => hashes.get(name) ?? "";

/** Makes a bill of three days; words may replace or follow. */
function prove(home: string, tariff: string, path: string, more: string[] = []) {
    const words = ["--key", keyOf(home), "--tariff", hashOf(tariff), "--url", url, "--out", path];
    return run("bill", "prove", ...words, ...(more.length === 0 ? DAYS : more), "--json");
}

describe("meterseal bill", () => {
    const path = join(scratch, "bill.json");
    const saved = join(scratch, "bill.evidence");

    it("prove makes the bill of real readings, and check holds it against the ledger", async () => {
        const proven = await prove("MAC000515", STANDARD, path);
        expect(proven.stderr).toBe("");
        const bill = JSON.parse(proven.stdout);
        const usage = await run(
            ...["usage", "--key", keyOf("MAC000515"), "--url", url, "--level", "slot", "--json"],
            ...DAYS,
        );
        const wh = JSON.parse(usage.stdout).totalImportWh as number;
        expect(wh).toBeGreaterThan(1000);
        const micro = BigInt(wh) * 142_280n;
        expect(unwrap(parseBill(readFileSync(path, "utf8"))).amount).toBe(micro);
        expect(bill).toMatchObject({ currency: "GBP", coverage: { intervals: 144 } });

        const checked = await run(
            "bill",
            "check",
            path,
            "--url",
            url,
            "--save-evidence",
            saved,
            "--json",
        );
        expect(checked.code).toBe(0);
        const { path: _, ...shown } = bill;
        expect(JSON.parse(checked.stdout)).toEqual({ verified: true, ...shown });
        const offline = await run("bill", "check", path, "--evidence", saved);
        expect(offline.stdout).toContain("Low Carbon London, standard, 2013");
        expect(offline.stdout).toMatch(/to pay {4}\d+\.\d\d GBP/);
        expect(offline.code).toBe(0);
        // Of two histories a file may hold either.
        expect(offline.stderr).toContain("no second history");
        expect(checked.stderr).not.toContain("no second history");
    });

    it("check refuses what was changed, each with its reason", async () => {
        const bill = unwrap(parseBill(readFileSync(path, "utf8")));
        const other = join(scratch, "other.json");
        const check = async (changes: Partial<typeof bill>, more: string[] = []) => {
            writeFileSync(other, formatBill({ ...bill, ...changes }));
            const { code, stderr, stdout } = await run(
                ...["bill", "check", other, "--evidence", saved, ...more],
            );
            expect(stdout).toBe("");
            return [code, /^MS_\w+/.exec(stderr)?.[0]];
        };
        expect(await check({ amount: bill.amount + 1n })).toEqual([1, "MS_BILL"]);
        expect(await check({ fromUnix: bill.fromUnix + 1800 })).toEqual([1, "MS_BILL"]);
        expect(await check({ toUnix: bill.toUnix + 900 })).toEqual([2, "MS_USAGE"]);
        const unknown = new Uint8Array(32);
        expect(await check({ tariff: unknown })).toEqual([1, "MS_TARIFF"]);
        expect(await check({ network: unknown })).toEqual([1, "MS_GENESIS"]);
        expect(await check({}, ["--network", "ab".repeat(32)])).toEqual([1, "MS_GENESIS"]);
        expect((await check({ meter: new Uint8Array(16) }))[0]).toBe(1);
    });

    it("check refuses evidence with a record left out, or a byte turned", async () => {
        const evidence = unwrap(decodeBillEvidence(readFileSync(saved)));
        const altered = join(scratch, "altered.evidence");
        const bundle = unwrap(decodeEvidence(evidence.evidence));
        expect(bundle.records.length).toBeGreaterThan(1);
        const turned = evidence.evidence.slice();
        const place = turned.length - 1000;
        turned[place] = (turned[place] ?? 0) ^ 1;
        const omitted = [0, 1].map((i) =>
            encodeEvidence({ ...bundle, records: bundle.records.toSpliced(i, 1) }),
        );
        for (const bytes of [turned, ...omitted]) {
            writeFileSync(altered, encodeBillEvidence({ ...evidence, evidence: bytes }));
            const { code, stderr } = await run("bill", "check", path, "--evidence", altered);
            expect(code).toBe(1);
            expect(stderr).toMatch(/^MS_/);
        }
        writeFileSync(altered, encodeBillEvidence({ ...evidence, proofs: [] }));
        const { stderr } = await run("bill", "check", path, "--evidence", altered);
        expect(stderr).toMatch(/^MS_TARIFF/);
    });

    it("prove follows the trial's dynamic tariff, bands, and a market that it is told to believe", async () => {
        for (const [tariff, more] of [
            [DYNAMIC, [...DAYS, "--override"]],
            // A second tariff over one period is one more sum: the household has to want it.
            [BANDS, [...DAYS, "--override"]],
            ["hourly", [...DAYS, "--override", "--market", ids.market]],
        ] as const) {
            const file = join(scratch, `${tariff}.json`);
            const proven = await prove("MAC000515", tariff, file, [...more]);
            expect([tariff, proven.code]).toEqual([tariff, 0]);
            expect((await run("bill", "check", file, "--url", url)).code).toBe(0);
        }
    });

    it("prove credits export, in the zone of the home", async () => {
        const file = join(scratch, "sun.json");
        const days = ["--from", "2013-01-01", "--to", "2013-01-03"];
        const proven = await prove("Building_1", "sun", file, days);
        expect(proven.stderr).toBe("");
        const usage = await run(
            ...["usage", "--key", keyOf("Building_1"), "--url", url, "--level", "slot", "--json"],
            ...days,
        );
        const { totalExportWh, totalImportWh } = JSON.parse(usage.stdout);
        const amount = BigInt(totalImportWh) * 140_000n - BigInt(totalExportWh) * 50_000n;
        expect(unwrap(parseBill(readFileSync(file, "utf8"))).amount).toBe(amount);
    });

    it("prove refuses periods that overlap earlier ones, unless it is told to", async () => {
        const file = join(scratch, "overlap.json");
        const days = ["--from", "2013-01-02", "--to", "2013-01-04"];
        const refused = await prove("MAC000515", STANDARD, file, days);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toContain("MS_DERIVABLE");
        expect(refused.stderr).toContain("Example Energy");
        const forced = await prove("MAC000515", STANDARD, file, [...days, "--override"]);
        expect(forced.code).toBe(0);
        const answer = (await (await fetch(new URL("/api/v1/notices?kind=4", url))).json()) as {
            notices: { topic: string }[];
        };
        const made = toHex(sha256(readFileSync(file)));
        expect(answer.notices.map(({ topic }) => topic)).toContain(made);
        // A crash before the override was noted as said: it is there, and the bill is made.
        const journal = join(dirname(keyOf("MAC000515")), "issued.jsonl");
        const lines = readFileSync(journal, "utf8").trimEnd().split("\n");
        writeFileSync(journal, `${lines.slice(0, -1).join("\n")}\n`);
        const after = join(scratch, "after.json");
        expect((await prove("MAC000515", STANDARD, after, days)).code).toBe(0);
        expect(readFileSync(after, "utf8")).toBe(readFileSync(file, "utf8"));
        // The same bill once more tells nothing new.
        const again = join(scratch, "again.json");
        expect((await prove("MAC000515", STANDARD, again)).code).toBe(0);
        expect(readFileSync(again, "utf8")).toBe(readFileSync(path, "utf8"));
    });

    it("an override that did not arrive is sent by the next command", async () => {
        const days = ["--from", "2013-01-01", "--to", "2013-01-03"];
        const words = ["--key", keyOf("MAC000515"), "--tariff", hashOf(STANDARD), ...days];
        const home = dirname(keyOf("MAC000515"));
        const deaf = await startLiar(
            url,
            (_, honest) => Promise.resolve(honest),
            (method, asking) => method === "POST" && asking === "/api/v1/notices",
        );
        const file = join(scratch, "away.json");
        const place = ["--out", file, "--override"];
        const away = await run("bill", "prove", ...words, "--url", deaf.url, ...place);
        deaf.close();
        expect(away.code).not.toBe(0);
        expect(existsSync(file)).toBe(false);
        const topic = readJournal(home).grants.at(-1)?.hash ?? "";
        expect(readJournal(home).posted.has(topic)).toBe(false);
        const topics = async (): Promise<string[]> =>
            (await new ServerApi(url, null).notices(NOTICE_KIND.override)).map(
                (said) => said.topic,
            );
        expect(await topics()).not.toContain(topic);
        const sent = await run("wallet", "cohort", "--home", home, "--url", url);
        expect([sent.code, sent.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
        expect(await topics()).toContain(topic);
        expect(readJournal(home).posted.has(topic)).toBe(true);
        expect((await run("bill", "prove", ...words, "--url", url, "--out", file)).code).toBe(0);
        expect(toHex(sha256(readFileSync(file)))).toBe(topic);

        // A line as versions wrote it that kept no notice, and called it posted: it is said again.
        const journal = join(home, "issued.jsonl");
        const lines = readFileSync(journal, "utf8").split("\n");
        const changed = lines.map((line) =>
            line.includes(`"hash":"${topic}"`)
                ? JSON.stringify({ ...JSON.parse(line), messages: [] })
                : line,
        );
        writeFileSync(journal, changed.join("\n"));
        const asked: string[] = [];
        const watcher = await startLiar(url, (asking, honest) => {
            asked.push(asking);
            return Promise.resolve(honest);
        });
        const again = ["--url", watcher.url, "--out", join(scratch, "sent once more.json")];
        expect((await run("bill", "prove", ...words, ...again)).code).toBe(0);
        expect(asked).toContain("/api/v1/notices");
        watcher.close();
    });

    it("prove leaves open what follows where a server lists a grant that nobody shows", async () => {
        const home = dirname(keyOf("MAC000515"));
        const { party } = openParty(home);
        const listed = { issuer: toHex(party.id), recipient: ids.supplier, revokedUnix: null };
        const liar = await startLiar(url, (asking, honest) =>
            Promise.resolve(
                asking === "/api/v1/grants?"
                    ? Response.json({ grants: [{ ...listed, hash: "11".repeat(32), row: 0 }] })
                    : honest,
            ),
        );
        // A day that follows from the bills of before: alone it is no news.
        const days = ["--from", "2013-01-03", "--to", "2013-01-04"];
        const words = ["--key", keyOf("MAC000515"), "--tariff", hashOf(STANDARD), ...days];
        const file = join(scratch, "open.json");
        const open = await run("bill", "prove", ...words, "--url", liar.url, "--out", file);
        liar.close();
        expect(open.code).toBe(1);
        expect(open.stderr).toMatch(/The grant 1{16} cannot be read: [\s\S]*MS_DERIVABLE: /);
        expect((await prove("MAC000515", STANDARD, file, days)).code).toBe(0);
    });

    it.each([
        ["a market that nobody named", "MAC000515", "hourly", [], "MS_TARIFF"],
        [
            "a supplier that is named as its own market",
            "MAC000515",
            "own",
            [...DAYS, "--market", "supplier"],
            "MS_TARIFF",
        ],
        ["a home without commitments", "MAC000516", STANDARD, [], "MS_COMMITMENT"],
        [
            "half a day",
            "MAC000515",
            STANDARD,
            ["--from", "2013-01-01", "--to", "2013-01-01T12:00"],
            "MS_TARIFF",
        ],
        [
            "a period off the slots",
            "MAC000515",
            STANDARD,
            ["--from", "2013-01-01T00:10", "--to", "2013-01-03"],
            "MS_USAGE",
        ],
        ["a tariff that is not on the ledger", "MAC000515", "nothing", [], "MS_USAGE"],
    ])("prove refuses %s", async (_, home, tariff, more, code) => {
        const words = more.map((word) => (word === "supplier" ? ids.supplier : word));
        const { stderr } = await prove(home, tariff, join(scratch, "never.json"), words);
        expect(stderr).toMatch(new RegExp(`^${code}`));
    });
});

describe("commitments", () => {
    it("are held against the registers by verify, where a meter makes them", async () => {
        const words = ["verify", "--data", dataDir, "--commitments", "--json"];
        const own = await run(...words, "--key", keyOf("MAC000515"), "--key", keyOf("Building_1"));
        const report = JSON.parse(own.stdout);
        expect(report).toMatchObject({ verified: true, notes: [] });
        expect(report.counts.commitments).toBeGreaterThan(145);
        const plain = await run(...words, "--key", keyOf("MAC000516"));
        expect(JSON.parse(plain.stdout).notes.join()).toContain("makes no commitments");
        expect((await run(...words)).stderr).toMatch(/^MS_USAGE/);
    });

    it("are asked for by a new meter, in a sealed stream only", async () => {
        const dir = join(scratch, "new meter");
        const words = ["meter", "init", "--zone", "Europe/Berlin", "--groups", "import,export"];
        const { request } = await json(...words, "--dir", dir, "--commitments");
        const { streams } = JSON.parse(readFileSync(String(request), "utf8"));
        expect(streams[0]).toMatchObject({ mode: "sealed", committed: 2 });
        const open = await run(...words, "--dir", join(scratch, "open"), "--commitments", "--open");
        expect(open.stderr).toMatch(/^MS_USAGE/);
    });
});

describe("meterseal tariff show", () => {
    it("lists the tariffs of a ledger, and shows one or a file", async () => {
        const list = await run("tariff", "show", "--url", url);
        for (const hash of hashes.values()) expect(list.stdout).toContain(hash);
        const one = await run("tariff", "show", hashOf(BANDS), "--url", url);
        expect(one.stdout).toContain("night: 00:30 to 07:30");
        expect(one.stdout).toContain("provider  Example Energy");
        const file = await run("tariff", "show", join(EXAMPLES, "day-and-night.yaml"));
        expect(one.stdout.startsWith(file.stdout)).toBe(true);
    });

    it("publishes no index whose series is none, or counts in another currency", async () => {
        const base = { zone: "Europe/London", from: "2013-01-01", name: "index" };
        const market = hashOf("market");
        for (const [currency, index, message] of [
            ["EUR", market, "a price series in EUR. Got GBP"],
            ["GBP", hashOf(STANDARD), "a price series"],
        ] as const) {
            const published = publish(supplierDir, { ...base, currency, import: { index } });
            await expect(published).rejects.toThrow(`MS_TARIFF: `);
            await expect(published).rejects.toThrow(message);
        }
    });

    it("shows every example, and says which line or field of a file is wrong", async () => {
        for (const name of ["solar", "london-dynamic-2013-01", "london-standard-2013"]) {
            const { code } = await run("tariff", "show", join(EXAMPLES, `${name}.yaml`), "--json");
            expect(code).toBe(0);
        }
        const path = join(scratch, "wrong.yaml");
        const lines = ["name: a", "currency: EUR", "zone: Europe/Berlin", "from: 2013-01-01"];
        for (const [line, message] of [
            ["import: {price: 0.1234567}", "price"],
            ["import: {prize: 0.1}", "index"],
            ["import: [", "line 6"],
        ] as const) {
            writeFileSync(path, `${[...lines, line].join("\n")}\n`);
            const { code, stderr } = await run("tariff", "show", path);
            expect(code).toBe(1);
            expect(stderr).toMatch(/^MS_TARIFF/);
            expect(stderr).toContain(message);
        }
        const missing = await run("tariff", "show", join(scratch, "nothing.yaml"));
        expect(missing.stderr).toMatch(/^MS_NOT_FOUND/);
    });
});

describe("a household that erases its wallet", () => {
    it("can prove no further bill, and the one that it proved still checks", async () => {
        const file = join(scratch, "before erasing.json");
        expect((await prove("MAC000515", STANDARD, file)).code).toBe(0);
        const home = dirname(keyOf("MAC000515"));
        expect((await run("wallet", "erase", "--dir", home, "--yes")).code).toBe(0);
        expect(await run("bill", "check", file, "--url", url)).toMatchObject({ code: 0 });
        const after = await prove("MAC000515", STANDARD, join(scratch, "after.json"));
        expect(after.stderr).toContain("MS_NOT_FOUND");
    });
});
