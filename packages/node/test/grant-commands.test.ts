import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, type HpkeKeyPair, toHex, unwrap } from "@meterseal/core";
import {
    createTariff,
    NOTICE_KIND,
    PARTY_ROLE,
    parseNotice,
    parseTariff,
    splitSequence,
} from "@meterseal/record";
import { checkGrant, GRANT_KIND, type Grant, openGrant, parseGrant } from "@meterseal/seal";
import { encodeTariff, type TariffBody } from "@meterseal/tariff";
import { parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import { readJournal } from "../src/household/journal-file.ts";
import { createParty, keepAnswer, openParty } from "../src/party/party.ts";
import { ServerApi } from "../src/party/server-api.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
const dataDir = join(scratch, "utility");
const place = (name: string): string => join(scratch, name);
const DAYS = 3;
let server: Server;

async function must(outcome: Promise<Outcome>): Promise<Outcome> {
    const got = await outcome;
    expect([got.code, got.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    return got;
}

/** A party of the server in a directory of its own. */
async function party(name: string, role: number, streams: readonly Uint8Array[]): Promise<string> {
    const plan = { role, name, streams, network: server.networkId };
    const request = await createParty(place(name), plan);
    keepAnswer(place(name), await server.admitParty(request), request);
    return place(name);
}

/** A household whose meter has sent the first days of July 2024, 0.25 kWh each half hour. */
async function household(name: string): Promise<string> {
    const meter = place(`meter of ${name}`);
    const words = ["--zone", "Europe/London", "--slot-seconds", "1800", "--json"];
    await must(run("meter", "init", "--dir", meter, ...words));
    await must(run("enrol", "--data", dataDir, join(meter, DEVICE_FILES.request), "--json"));
    const start = Date.UTC(2024, 5, 30, 23);
    const rows = Array.from({ length: DAYS * 48 }, (_, i) => {
        return `${new Date(start + i * 1_800_000).toISOString()},0.25`;
    });
    writeFileSync(place(`${name}.csv`), `timestamp,import_kwh\n${rows.join("\n")}\n`);
    const csv = ["--csv", place(`${name}.csv`), "--to", server.mqttUrl, "--json"];
    await must(run("meter", "run", "--dir", meter, ...csv));
    mkdirSync(place(name));
    copyFileSync(join(meter, DEVICE_FILES.keyFile), join(place(name), "key.json"));
    const key = unwrap(parseKeyFile(readFileSync(join(place(name), "key.json"), "utf8")));
    return await party(name, PARTY_ROLE.household, [key.stream.streamId]);
}

beforeAll(async () => {
    server = await startQuietServer(dataDir);
    await household("home");
    await party("Bright Energy", PARTY_ROLE.provider, []);
    await party("Cosy Heat", PARTY_ROLE.provider, []);
    await party("Long View", PARTY_ROLE.provider, []);
    await party("Price Co", PARTY_ROLE.provider, []);
    await party("Gap Makers", PARTY_ROLE.provider, []);
    await party("Second Screen", PARTY_ROLE.provider, []);
    await party("Grid", PARTY_ROLE.monitor, []);
}, 60_000);
afterAll(() => server.close());

const DAY_NIGHT: TariffBody = {
    name: "day and night",
    currency: "EUR",
    decimals: 2,
    zone: "Europe/London",
    fromUnix: 0,
    toUnix: null,
    imports: {
        kind: "bands",
        bands: [
            { name: "night", priceMicro: 200_000 },
            { name: "day", priceMicro: 350_000 },
        ],
        rules: [{ band: 1, days: 127, months: 4095, fromMinute: 360, toMinute: 1320 }],
    },
    exports: null,
    charges: [],
};
const RANGE = ["--from", "2024-07-01", "--to-date", "2024-07-03"];
const create = (...words: string[]): Promise<Outcome> =>
    run("grant", "create", "--home", place("home"), ...words);
const online = (...words: string[]): Promise<Outcome> =>
    create("--url", server.httpUrl, "--json", ...words);
const hashesOf = ({ stdout }: Outcome): string[] => {
    const { grants } = JSON.parse(stdout) as { grants: { grant: string }[] };
    return grants.map(({ grant }) => grant);
};

/** The grant as its recipient takes it from the box and opens it. */
async function taken(provider: string, hash: string) {
    const { key, network, party: own, signer } = openParty(place(provider));
    const api = new ServerApi(server.httpUrl, { network, party: own.id, signer });
    const grant = unwrap(parseGrant(await api.grant(hash, "test")));
    const pair = key.recipientKeys.find(({ suite }) => suite === grant.hpkeSuite);
    return { grant, opened: await openGrant(grant, pair as HpkeKeyPair) };
}

type Windows = { windows?: { refused?: string }[] };
const code = (outcome: Outcome): string => /MS_\w+/.exec(outcome.stderr)?.[0] ?? "none";

describe("grant create", () => {
    it("puts notice and grant on the server, where the recipient opens it", async () => {
        const outcome = await must(online("--to", "Bright Energy", "--level", "day", ...RANGE));
        const [hash = ""] = hashesOf(outcome);
        const { grant, opened } = await taken("Bright Energy", hash);
        expect(opened.ok).toBe(true);
        const home = openParty(place("home"));
        const held = checkGrant(grant, {
            network: home.network,
            household: { id: home.party.id, key: home.party.key, streams: home.party.streams },
            recipient: openParty(place("Bright Energy")).party.id,
            notice: { grantHash: fromHex(hash), revokedUnix: null },
            nowUnix: Math.floor(Date.now() / 1000),
        });
        expect(held.ok).toBe(true);
        expect(readJournal(place("home")).posted.has(hash)).toBe(true);
    });

    it.each(["K", "E", "D"])(
        "of kind %s: the provider reads what the household reads",
        async (kind) => {
            const words = ["--to", "Bright Energy", "--level", "day", "--kind", kind, ...RANGE];
            const [hash = ""] = hashesOf(await must(online(...words)));
            const provider = ["--dir", place("Bright Energy"), "--url", server.httpUrl, "--json"];
            const read = await must(run("provider", "sums", ...provider, "--grant", hash));
            const own = ["--key", join(place("home"), "key.json"), "--level", "day", "--json"];
            const range = ["--from", "2024-07-01", "--to", "2024-07-03", "--url", server.httpUrl];
            const usage = await must(run("usage", ...own, ...range));
            const { intervals } = JSON.parse(usage.stdout) as { intervals: { importWh: number }[] };
            expect(intervals.map(({ importWh }) => importWh)).toEqual([12_000, 12_000]);
            for (const { importWh } of intervals) expect(read.stdout).toContain(`:${importWh}`);
            const finer = run("provider", "sums", ...provider, "--grant", hash, "--window", "slot");
            const { stdout } = await finer;
            const { windows = [] } = stdout === "" ? {} : (JSON.parse(stdout) as Windows);
            expect(windows.every(({ refused }) => refused === "MS_GRANT_RANGE")).toBe(true);
            expect(windows.length).toBe(kind === "E" ? 96 : 0);
        },
    );

    it("is followed by the household: who took it, for what, and who was refused", async () => {
        const made = await must(online("--to", "Bright Energy", "--level", "day", ...RANGE));
        const [hash = ""] = hashesOf(made);
        const words = [hash.slice(0, 12), "--home", place("home"), "--url", server.httpUrl];
        const nobody = await must(run("grant", "accesses", ...words));
        expect(nobody.stderr).toContain("Nobody asked for it");
        await taken("Bright Energy", hash);
        await expect(taken("Cosy Heat", hash)).rejects.toMatchObject({ code: "MS_NOT_ALLOWED" });
        const { stdout } = await must(run("grant", "accesses", ...words));
        expect(stdout).toMatch(
            /refused {2}Cosy Heat: for "test"\n.*taken {4}Bright Energy: for "test"/,
        );
        const json = await must(run("grant", "accesses", ...words, "--json"));
        expect(JSON.parse(json.stdout)).toMatchObject({
            accesses: [{ granted: false }, { granted: true, purpose: "test" }],
        });
    });

    it("takes a profile, or a scope that reaches back from the server's clock", async () => {
        const profile = ["--to", "Cosy Heat", "--profile", "GB-half-hourly", ...RANGE];
        const [first = ""] = hashesOf(await must(online(...profile, "--suite", "1")));
        expect((await taken("Cosy Heat", first)).grant).toMatchObject({ level: 0, hpkeSuite: 1 });
        const id = toHex(openParty(place("Long View")).party.id);
        const scope = "FB=4_5;IntervalDuration=daily;BlockDuration=monthly;HistoryLength=2";
        const [second = ""] = hashesOf(await must(online("--to", id, "--scope", scope)));
        const { grant } = await taken("Long View", second);
        const daysBack = (Date.now() / 1000 - grant.fromUnix) / 86_400;
        expect(daysBack).toBeGreaterThan(59);
        expect(daysBack).toBeLessThan(63);
    });

    it("works without a server: the messages are in a file, and go out with the next grant", async () => {
        await household("offline");
        const evidence = place("evidence.cbor");
        const key = join(place("offline"), "key.json");
        const server1 = ["--url", server.httpUrl, "--out", evidence];
        await must(run("export", "--format", "evidence", "--key", key, ...server1));
        const file = place("grant.cbor");
        const words = ["--home", place("offline"), "--level", "slot", ...RANGE];
        const to = ["--to", join(place("Bright Energy"), "party.json")];
        const made = await must(
            run(
                "grant",
                "create",
                ...words,
                ...to,
                "--evidence",
                evidence,
                "--out",
                file,
                "--json",
            ),
        );
        const messages = unwrap(splitSequence(readFileSync(file), 100));
        expect(messages.length).toBe(2);
        const grant: Grant = unwrap(parseGrant(messages[1] as Uint8Array));
        expect([toHex(grant.message.hash)]).toEqual(hashesOf(made));
        const shown = await must(run("grant", "show", file));
        expect(shown.stdout).toContain("every reading, import, from 2024-07-01 to 2024-07-03");
        expect(shown.stdout).toContain("FB=4_5;IntervalDuration=1800");
        expect(readJournal(place("offline")).posted.size).toBe(0);
        const list = ["--home", place("offline"), "--url", server.httpUrl];
        expect((await must(run("grant", "list", ...list))).stdout).toContain("waiting");

        const again = ["--to", "Cosy Heat", "--url", server.httpUrl, "--json"];
        const next = await must(run("grant", "create", ...words, ...again));
        expect(next.stderr).toContain("Sent 1 earlier grant");
        expect((await must(run("grant", "list", ...list))).stdout).not.toContain("waiting");
        expect((await taken("Bright Energy", toHex(grant.message.hash))).opened.ok).toBe(true);
    });

    it("grants one sum at the prices of a tariff on the ledger", async () => {
        const { network, party: own, signer } = openParty(place("Price Co"));
        const api = new ServerApi(server.httpUrl, { network, party: own.id, signer });
        const said = { network, party: own.id, timeUnix: Math.floor(Date.now() / 1000) };
        const message = await createTariff(signer, { ...said, body: encodeTariff(DAY_NIGHT) });
        await api.postNotice(message);
        const hash = toHex(unwrap(parseTariff(message)).message.hash);
        const words = ["--to", "Price Co", ...RANGE, "--tariff"];
        const [made = ""] = hashesOf(await must(online(...words, hash)));
        const { grant, opened } = await taken("Price Co", made);
        expect(grant).toMatchObject({ kind: GRANT_KIND.W, tariffHash: fromHex(hash) });
        expect(opened.ok && opened.value.form === "tokens" && opened.value.table.tokens).toEqual([
            expect.objectContaining({ length: 1 }),
        ]);
        expect(code(await online(...words, hash, "--kind", "K"))).toBe("MS_USAGE");
        expect(code(await online(...words, hash, "--groups", "0,1"))).toBe("MS_USAGE");
        expect(code(await online(...words, "f".repeat(64)))).toBe("MS_NOT_FOUND");
        expect(code(await online(...words, "f00d"))).toBe("MS_USAGE");
    });

    it("says what would follow from two grants and issues them only with --override", async () => {
        const [a, b] = [
            [
                "--to",
                "Gap Makers",
                "--level",
                "slot",
                "--from",
                "2024-07-10",
                "--to-date",
                "2024-07-11",
            ],
            [
                "--to",
                "Gap Makers",
                "--level",
                "slot",
                "--from",
                "2024-07-12",
                "--to-date",
                "2024-07-13",
            ],
        ];
        await must(online(...(a as string[])));
        const before = readJournal(place("home")).grants.length;
        const refused = await online(...(b as string[]));
        expect([refused.code, code(refused)]).toEqual([1, "MS_DERIVABLE"]);
        expect(refused.stderr).toContain("Gap Makers");
        expect(readJournal(place("home")).grants.length).toBe(before);

        const check = (...words: string[]): Promise<Outcome> => {
            const home = ["--home", place("home"), "--url", server.httpUrl, "--json"];
            return run("grant", "check", ...home, ...words);
        };
        const fine = await must(check(...(a as string[])));
        expect(JSON.parse(fine.stdout)).toMatchObject({ grants: [{ findings: [] }] });
        const found = await check(...(b as string[]));
        expect(found.code).toBe(1);
        const words = expect.stringContaining("Gap Makers could compute your import");
        const { grants } = JSON.parse(found.stdout) as { grants: { hash: string }[] };
        expect(grants).toMatchObject([{ findings: [{ code: "gap", words, count: 1 }] }]);
        expect(readJournal(place("home")).grants.length).toBe(before);

        const forced = await must(online(...(b as string[]), "--override"));
        expect(forced.stdout).toContain('"overridden":true');
        // The ledger names what the check named.
        expect(readJournal(place("home")).grants.at(-1)?.override).toBe(grants[0]?.hash);
        const own = openParty(place("home"));
        const api = new ServerApi(server.httpUrl, null);
        const [said] = await api.notices(NOTICE_KIND.override, toHex(own.party.id));
        const notice = unwrap(parseNotice(await api.notice(said?.hash ?? "")));
        expect(notice.kind === NOTICE_KIND.override && toHex(notice.findings)).toBe(
            grants[0]?.hash,
        );
    });

    it("counts what another device issued, which the journal does not know", async () => {
        const journal = join(place("home"), "issued.jsonl");
        const kept = readFileSync(journal, "utf8");
        const day = (from: string, to: string): string[] => {
            const range = ["--from", `2024-08-${from}`, "--to-date", `2024-08-${to}`];
            return ["--to", "Second Screen", "--level", "hour", ...range];
        };
        await must(online(...day("01", "02")));
        writeFileSync(journal, kept);
        const refused = await online(...day("05", "06"));
        expect([refused.code, code(refused)]).toEqual([1, "MS_DERIVABLE"]);
    });

    it.each<[string, string[], string]>([
        ["nothing to grant", ["--to", "Bright Energy", ...RANGE], "MS_USAGE"],
        [
            "two ways to say it",
            ["--to", "Bright Energy", "--level", "day", "--profile", "TAF1", ...RANGE],
            "MS_USAGE",
        ],
        [
            "an unknown window",
            ["--to", "Bright Energy", "--level", "fortnight", ...RANGE],
            "MS_USAGE",
        ],
        [
            "a kind without a tariff",
            ["--to", "Bright Energy", "--level", "day", "--kind", "W", ...RANGE],
            "MS_USAGE",
        ],
        [
            "a range that ends first",
            [
                "--to",
                "Bright Energy",
                "--level",
                "day",
                "--from",
                "2024-07-03",
                "--to-date",
                "2024-07-01",
            ],
            "MS_USAGE",
        ],
        [
            "days from noon",
            [
                "--to",
                "Bright Energy",
                "--level",
                "day",
                "--from",
                "2024-07-01T12:00",
                "--to-date",
                "2024-07-03",
            ],
            "MS_USAGE",
        ],
        [
            "slots that the profile does not have",
            ["--to", "Bright Energy", "--profile", "TAF7", ...RANGE],
            "MS_STREAM_RULE",
        ],
        [
            "a register that the stream lacks",
            ["--to", "Bright Energy", "--level", "day", "--groups", "0,1", ...RANGE],
            "MS_STREAM_RULE",
        ],
        [
            "a party that is not there",
            ["--to", "Nobody", "--level", "day", ...RANGE],
            "MS_NOT_FOUND",
        ],
        ["a monitor", ["--to", "$Grid", "--level", "day", ...RANGE], "MS_NOT_ALLOWED"],
        ["the household itself", ["--to", "$home", "--level", "day", ...RANGE], "MS_NOT_ALLOWED"],
    ])("refuses %s, and writes nothing down", async (_, words, expected) => {
        const before = readJournal(place("home")).grants.length;
        const named = words.map((word) => {
            return word.startsWith("$") ? toHex(openParty(place(word.slice(1))).party.id) : word;
        });
        expect(code(await online(...named))).toBe(expected);
        expect(readJournal(place("home")).grants.length).toBe(before);
    });

    it("refuses a provider of another network", async () => {
        const other = await startQuietServer(place("other utility"));
        try {
            const plan = { role: PARTY_ROLE.provider, name: "far", streams: [], network: null };
            const request = await createParty(place("far"), plan);
            keepAnswer(place("far"), await other.admitParty(request), request);
        } finally {
            await other.close();
        }
        const to = ["--to", join(place("far"), "party.json"), "--level", "day", ...RANGE];
        expect(code(await online(...to))).toBe("MS_NETWORK");
    });

    it("needs a server or a file, and never writes over one", async () => {
        expect(code(await create("--to", "x", "--level", "day", ...RANGE))).toBe("MS_USAGE");
        writeFileSync(place("there"), "");
        const out = ["--out", place("there")];
        expect(code(await create("--to", "x", "--level", "day", ...RANGE, ...out))).toBe(
            "MS_USAGE",
        );
        expect(existsSync(place("there"))).toBe(true);
    });
});

describe("grant list, show and revoke", () => {
    it("revokes by the beginning of the hash, on the ledger, once", async () => {
        const words = ["--to", "Cosy Heat", "--level", "slot", "--from", "2024-07-03"];
        const [hash = ""] = hashesOf(await must(online(...words, "--to-date", "2024-07-09")));
        const home = ["--home", place("home"), "--url", server.httpUrl];
        const revoked = await must(run("grant", "revoke", hash.slice(0, 10), ...home));
        expect(revoked.stderr).toContain("can still be opened");
        const { stdout } = await must(run("grant", "list", ...home, "--json"));
        const { grants } = JSON.parse(stdout) as {
            grants: { grant: string; state: string; name: string }[];
        };
        expect(grants.find(({ grant }) => grant === hash)).toMatchObject({
            state: "revoked",
            name: "Cosy Heat",
        });
        expect(grants.some(({ state }) => state === "in force")).toBe(true);
        expect(code(await run("grant", "revoke", hash, ...home))).toBe("MS_GRANT_REVOKED");
        expect(code(await run("grant", "revoke", "00000000", ...home))).toBe("MS_NOT_FOUND");
        expect(code(await run("grant", "revoke", "beef", ...home))).toBe("MS_USAGE");
    });

    it("shows the terms of a grant of the household, and refuses what is none", async () => {
        const { grants } = readJournal(place("home"));
        const hash = grants[0]?.hash ?? "";
        const shown = await must(
            run("grant", "show", hash.slice(0, 12), "--home", place("home"), "--json"),
        );
        expect(JSON.parse(shown.stdout)).toMatchObject({ grant: hash, level: 2, kind: 1 });
        expect(code(await run("grant", "show", join(place("home"), "key.json")))).toBe(
            "MS_MALFORMED",
        );
        expect(code(await run("grant", "show", place("nowhere")))).toBe("MS_NOT_FOUND");
    });

    it("says that a home is not there, and not that it granted nothing", async () => {
        const nowhere = ["--home", place("nowhere")];
        expect(code(await run("grant", "list", ...nowhere))).toBe("MS_NOT_FOUND");
        expect(code(await run("grant", "show", "00000000", ...nowhere))).toBe("MS_NOT_FOUND");
    });
});
