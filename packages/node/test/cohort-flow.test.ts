import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { LIMITS, toHex, unwrap } from "@meterseal/core";
import { encodeCoseKey, parseEnrolment, STREAM_MODE } from "@meterseal/record";
import { type KeyFile, parseKeyFile, usageOfSeries } from "@meterseal/wallet";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ReplayClock, systemRandom } from "../src/clocks.ts";
import { askServer } from "../src/commands/household-usage.ts";
import { PLACES } from "../src/files.ts";
import { londonReplayHome } from "../src/fleet/home.ts";
import { openHousehold } from "../src/fleet/household.ts";
import { loadLondonHomes } from "../src/fleet/london.ts";
import { admitParties, DEMO_MONITOR } from "../src/fleet/parties.ts";
import { REPLAY_START_MS, type ReplayMember, replayDays } from "../src/fleet/replay.ts";
import type { ServerProcess } from "../src/fleet/server-process.ts";
import { answerCohorts } from "../src/household/answer-cohorts.ts";
import { aloneWithJournal, readJournal } from "../src/household/journal-file.ts";
import { openWallet } from "../src/household/own-wallet.ts";
import { loadOf, publishedCohorts } from "../src/monitor/collect.ts";
import { openMonitorAt } from "../src/monitor/own-monitor.ts";
import { getAsParty } from "../src/party/client.ts";
import { openParty } from "../src/party/party.ts";
import { firstPage } from "../src/server/cohort-route.ts";
import { openApiDocument } from "../src/server/openapi.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { quiet, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

type StoreSums = {
    windows: { groups: object[] | null; missing: number[] }[];
    members: { measured: number; records: object[]; proofs: string }[];
    nextUnix: number | null;
};

const components = openApiDocument() as { components: object };
const ajv = new Ajv2020({ keywords: ["components"], allowUnionTypes: true });
ajv.addSchema({ $id: "document", components: components.components }, "document");
const cohortSums = ajv.compile({ $ref: "document#/components/schemas/cohortSums" });

const DAYS = 3;
const HOMES = 9;
const START_UNIX = REPLAY_START_MS / 1000;

const dataDir = join(useScratch(), "data");
const clock = new ReplayClock(REPLAY_START_MS);
const members: ReplayMember[] = [];
let server: Server;
let homes: { readonly dir: string; readonly key: KeyFile }[];

beforeAll(async () => {
    const mode = STREAM_MODE.sealed;
    server = await startQuietServer(dataDir, { clock, clockLabel: "test", mode });
    const { collectorKey, httpUrl, mqttUrl, networkId } = server;
    const info = { httpUrl, networkId, mqttUrl, collectorKey: encodeCoseKey(collectorKey) };
    const enrol: ServerProcess["enrol"] = async (request) =>
        unwrap(parseEnrolment((await server.enrol(request)).enrolment)).message.hash;
    for (const home of loadLondonHomes(HOMES)) {
        const plan = { name: home.id, zone: "Europe/London", slotSeconds: 1800, mode };
        const tools = { dataDir, server: { info, enrol }, clock, log: quiet };
        const household = await openHousehold(plan, tools);
        members.push({ home: londonReplayHome(home), household });
    }
    const households = members.map(({ household }) => household);
    await admitParties(dataDir, httpUrl, households);
    homes = households.map(({ keyFile }) => ({
        dir: dirname(keyFile),
        key: unwrap(parseKeyFile(readFileSync(keyFile, "utf8"))),
    }));
    await Promise.all(households.map(({ agent }) => agent.connect()));
}, 60_000);
afterAll(async () => {
    await Promise.all(members.map(({ household }) => household.agent.close()));
    await server.close();
});

/** `meterseal monitor …` of the demo's monitor, as JSON. */
async function monitor(words: string, more: readonly string[] = []): Promise<unknown> {
    const place = ["--dir", PLACES.monitor(dataDir, DEMO_MONITOR.directory)];
    const url = ["--url", server.httpUrl];
    const line = ["monitor", words, ...place, ...url, ...more, "--json"];
    const { code, stderr, stdout } = await run(...line);
    return code === 0 ? JSON.parse(stdout) : { code, stderr };
}

async function answer(dir: string): Promise<unknown> {
    const line = ["wallet", "cohort", "--home", dir, "--url", server.httpUrl, "--json"];
    const { code, stdout } = await run(...line);
    return [code, JSON.parse(stdout)];
}

async function replay(): Promise<void> {
    await replayDays({
        members,
        days: DAYS,
        clock,
        setServerClock: () => Promise.resolve(),
        onProgress: () => {},
        signal: new AbortController().signal,
    });
    await Promise.all(members.map(({ household }) => household.agent.settled()));
}

/** What all homes used in each half-hour by their own keys; null where one of them has no reading. */
async function ownUse(): Promise<(number | null)[]> {
    const series = await Promise.all(
        homes.map(async ({ key }) => {
            const read = await askServer(server.httpUrl, key);
            return usageOfSeries(read.series, "slot", START_UNIX, START_UNIX + DAYS * 86_400);
        }),
    );
    return Array.from({ length: 48 * DAYS }, (_, i) => {
        const used = series.map(({ intervals }) =>
            intervals.find(({ fromUnix }) => fromUnix === START_UNIX + 1800 * i),
        );
        if (!used.every((interval) => interval?.quality === "measured")) return null;
        return Number(used.reduce((sum, interval) => sum + (interval?.importWh ?? 0n), 0n));
    });
}

describe("a neighbourhood of nine homes, over the API and on the command line", () => {
    const feeder = ["--feeder", "London", "--month", "2013-01"];
    type Load = { cohorts: { withoutTokens: string[] }[]; windows: { importWh?: never }[] };

    test("is read by its monitor: the sum of what the homes used, in every half-hour", async () => {
        const formed = await monitor("form", feeder);
        expect(formed).toMatchObject([{ feeder: "London", month: "2013-01", level: "slot" }]);
        expect(await monitor("publish")).toEqual(formed);
        expect(await monitor("publish")).toEqual([]);

        // A home that takes no part answers nothing, until it changes its mind.
        const last = homes.at(-1) as (typeof homes)[0];
        const policy = join(last.dir, "policy.json");
        writeFileSync(policy, '{"format":"meterseal-policy/v1","cohorts":"none"}');
        expect(await answer(last.dir)).toEqual([0, []]);
        rmSync(policy);

        // The first home's wallet is killed between its journal and the server.
        const [first, ...others] = homes as [(typeof homes)[0], ...typeof homes];
        const wallet = openWallet(first.dir, first.key, server.httpUrl);
        wallet.api.postNotice = () => Promise.reject(new Error("killed"));
        const now = { nowUnix: START_UNIX, random: systemRandom };
        const killed = aloneWithJournal(first.dir, (journal) =>
            answerCohorts(wallet, journal, now),
        );
        await expect(killed).rejects.toThrow("killed");
        expect(readJournal(first.dir).grants).toHaveLength(1);
        for (const { dir } of others) {
            expect(await answer(dir)).toMatchObject([0, [{ month: "2013-01", refusal: null }]]);
        }
        await replay();

        // The tokens of eight of nine open nothing.
        const without = (await monitor("sums", feeder)) as Load;
        expect(without.cohorts[0]?.withoutTokens).toEqual([toHex(wallet.household.party)]);
        expect(without.windows).toHaveLength(48 * DAYS);
        expect(without.windows).toEqual(
            without.windows.map((window) => ({
                ...window,
                ...{ energyWh: null, missing: expect.any(Number) },
            })),
        );
        // Started again, the wallet posts what it wrote down, and makes no second set.
        expect(await answer(first.dir)).toEqual([0, []]);
        expect(readJournal(first.dir).grants).toHaveLength(1);

        await monitor("sums", feeder);
        const load = (await monitor("sums", feeder)) as { windows: { energyWh: number | null }[] };
        // A home reads once that its tokens were taken, however often the load is read.
        const { network, party, signer } = openParty(first.dir);
        const asked = { url: server.httpUrl, network, party: party.id, signer };
        const { grants } = (await getAsParty(asked, "/api/v1/grants")) as { grants: object[] };
        expect(grants).toMatchObject([{ reads: 1, refusals: 0 }]);
        const expected = await ownUse();
        expect(load.windows.map(({ energyWh }) => energyWh)).toEqual(expected);
        expect(expected.filter((wh) => wh !== null).length).toBeGreaterThan(40 * DAYS);
    }, 60_000);

    test("makes no second set of tokens for a home whose journal was lost", async () => {
        const [, home] = homes as [(typeof homes)[0], (typeof homes)[0]];
        rmSync(join(home.dir, "issued.jsonl"));
        expect(await answer(home.dir)).toEqual([0, []]);
        await monitor("form", ["--feeder", "Another", "--month", "2013-01"]);
        await monitor("publish");
        const [code, answers] = (await answer(home.dir)) as [number, unknown];
        expect(code).toBe(1);
        const refusal = expect.objectContaining({ code: "MS_TOKEN_REPEATED" });
        expect(answers).toEqual([
            expect.objectContaining({ feeder: "Another", grant: null, refusal }),
        ]);
    });

    test("believes no record that its meter did not sign", async () => {
        const place = PLACES.monitor(dataDir, DEMO_MONITOR.directory);
        const { api, keys, nowUnix, own, partyOf } = await openMonitorAt(place, server.httpUrl);
        const party = own.key.party;
        const cohorts = await publishedCohorts(api, party);
        const tools = { api, dir: place, keys, network: own.network, nowUnix, partyOf, party };
        const honest = api.bytes.bind(api);
        for (const share of [0.3, 0.6, 0.95]) {
            api.bytes = async (path) => {
                const bytes = await honest(path);
                const at = Math.floor(share * bytes.length);
                bytes[at] = (bytes[at] as number) ^ 1;
                return bytes;
            };
            await expect(loadOf(tools, cohorts, START_UNIX, nowUnix)).rejects.toThrow(/^MS_/);
        }
    });

    test("hears the same from the store, whose lies about it are found", async () => {
        const place = PLACES.monitor(dataDir, DEMO_MONITOR.directory);
        const { api, keys, nowUnix, own, partyOf } = await openMonitorAt(place, server.httpUrl);
        const party = own.key.party;
        const [published] = await publishedCohorts(api, party);
        if (published === undefined) throw new Error("a cohort");
        // A day more than there are readings.
        const toUnix = START_UNIX + (DAYS + 1) * 86_400;
        const range = `from=${START_UNIX}&to=${toUnix}`;
        const route = `/api/v1/cohorts/${published.notice}/sums`;
        const answer = await fetch(`${server.httpUrl}${route}?${range}`);
        const said = (await answer.json()) as StoreSums;
        expect(cohortSums(said), JSON.stringify(cohortSums.errors)).toBe(true);
        const expected = await ownUse();
        expect(said.windows.map(({ groups }) => groups === null)).toEqual([
            ...expected.map((wh) => wh === null),
            ...Array(48).fill(true),
        ]);
        expect(said.windows.at(-1)?.missing).toEqual(homes.map((_, place) => place));
        expect(said.members).toHaveLength(HOMES);
        for (const { measured, proofs, records } of said.members) {
            expect(measured).toBeGreaterThan(40 * DAYS);
            expect(records.length).toBeGreaterThan(1);
            expect((await fetch(server.httpUrl + proofs)).status).toBe(200);
        }

        const tools = { api, dir: place, keys, network: own.network, nowUnix, partyOf, party };
        const load = () => loadOf(tools, [published], START_UNIX, toUnix);
        const honest = api.json.bind(api);
        let asked = 0;
        const answers = (change: (said: StoreSums) => object): void => {
            api.json = async (path) => {
                const given = await honest(path);
                if (!path.startsWith(route)) return given;
                asked++;
                return change(given as StoreSums) as Record<string, unknown>;
            };
        };
        answers((given) => given);
        await load();
        expect(asked).toBe(1);
        const first = said.windows.findIndex(({ groups }) => groups !== null);
        const window = (changes: object) => (given: StoreSums) => ({
            ...given,
            windows: given.windows.map((each, i) => (i === first ? { ...each, ...changes } : each)),
        });
        for (const lie of [
            window({ groups: [{ group: 0, sums: ["7"] }] }),
            window({ groups: null, missing: [3] }),
            window({ toUnix: START_UNIX }),
            window({ more: 1 }),
            (given: StoreSums) => ({
                ...given,
                windows: given.windows.filter((_, i) => i !== first),
            }),
            () => ({ windows: [null], nextUnix: START_UNIX }),
            () => ({}),
        ]) {
            answers(lie);
            await expect(load()).rejects.toMatchObject({ code: "MS_SUM" });
        }
        // What came after the records were read is no contradiction.
        answers((given) => ({
            ...given,
            windows: given.windows.filter(({ groups }) => groups !== null),
        }));
        await load();
    }, 60_000);

    test("gets no sums of a cohort that is none", async () => {
        const status = async (hash: string): Promise<number> =>
            (await fetch(`${server.httpUrl}/api/v1/cohorts/${hash}/sums`)).status;
        const { notices } = (await (
            await fetch(`${server.httpUrl}/api/v1/notices?kind=1`)
        ).json()) as { notices: { hash: string }[] };
        const [grant] = notices;
        expect(await status("nonsense")).toBe(400);
        expect(await status("0".repeat(64))).toBe(404);
        expect(await status(grant?.hash ?? "")).toBe(404);
    });

    test("sets a feeder's own meter against its homes", async () => {
        // One of the homes stands in for the feeder's meter: what matters is whose numbers meet.
        const [, home] = homes as [(typeof homes)[0], (typeof homes)[0]];
        const range = [...feeder, "--to", "2013-01-02"];
        const balance = (await monitor("balance", [
            ...range,
            "--key",
            join(home.dir, "key.json"),
        ])) as {
            metersOutside: number;
            windows: { energyWh: number; feederWh: number; restWh: number }[];
        };
        expect(balance.metersOutside).toBe(0);
        expect(balance.windows).toHaveLength(48);
        for (const { energyWh, feederWh, restWh } of balance.windows) {
            if (feederWh !== null) expect(restWh).toBe(feederWh - energyWh);
        }
    });

    test.each([
        ["a feeder that has no cohorts", ["--feeder", "Nowhere"], "MS_NOT_FOUND"],
        ["a month without", ["--feeder", "London", "--month", "2013-05"], "MS_NOT_FOUND"],
        ["no month", ["--feeder", "London", "--month", "2013-13"], "MS_USAGE"],
        ["a group that is not added up", [...feeder, "--group", "1"], "MS_USAGE"],
    ])("refuses %s with what there is", async (_, words, code) => {
        expect(await monitor("sums", words)).toMatchObject({
            stderr: expect.stringContaining(code),
        });
    });

    test.each([
        ["too few homes", ["--size", "10"], "MS_COHORT"],
        ["a crowd below eight", ["--size", "7"], "MS_COHORT"],
        ["fewer meters than members", ["--meters", "8"], "MS_USAGE"],
        ["another zone", ["--zone", "Europe/Berlin"], "MS_COHORT"],
        ["a level that is none", ["--level", "minute"], "MS_USAGE"],
        ["groups that no home has", ["--groups", "0,1"], "MS_COHORT"],
        ["a file of members that is not there", ["--members", "nowhere.txt"], "MS_NOT_FOUND"],
    ])("forms nothing of %s", async (_, words, code) => {
        const [from = "", name = ""] = words;
        const members = from === "--members" ? [from, join(dataDir, name)] : words;
        expect(await monitor("form", [...feeder, ...members])).toMatchObject({
            stderr: expect.stringContaining(code),
        });
    });

    test("may not draw a balance that shows two homes", async () => {
        writeFileSync(join(dataDir, "nobody.txt"), `${"0".repeat(32)}\n`);
        const nobody = ["--members", join(dataDir, "nobody.txt")];
        expect(await monitor("form", [...feeder, ...nobody])).toMatchObject({
            stderr: expect.stringContaining("MS_NOT_FOUND"),
        });
        const later = ["--feeder", "London", "--month", "2013-02"];
        await monitor("form", [...later, "--meters", "11"]);
        await monitor("publish");
        const key = join((homes[0] as (typeof homes)[0]).dir, "key.json");
        expect(await monitor("balance", [...later, "--key", key])).toMatchObject({
            stderr: expect.stringContaining("MS_COHORT"),
        });
    });

    test("takes no stream that has been silent for two weeks", async () => {
        const readings = START_UNIX + DAYS * 86_400;
        const later = ["--feeder", "London", "--month", "2013-03"];
        clock.advanceTo((readings + 13 * 86_400) * 1000);
        expect(await monitor("form", later)).toHaveLength(1);
        clock.advanceTo((readings + 15 * 86_400) * 1000);
        expect(await monitor("form", later)).toMatchObject({
            stderr: expect.stringContaining("MS_COHORT"),
        });
    });
});

test("one answer adds up so many readings, and says where the rest begins", () => {
    const windows = Array.from({ length: 2_980 }, (_, i) => i);
    const most = LIMITS.cohortReads / 1_024;
    expect(firstPage(windows.slice(0, most), 1_024)).toEqual({
        page: windows.slice(0, most),
        next: null,
    });
    expect(firstPage(windows, 1_024)).toEqual({ page: windows.slice(0, most), next: most });
    expect(firstPage(windows, 8)).toEqual({ page: windows, next: null });
});
