import { cpSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { error, fromHex, toHex, unwrap } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { createMqttMeterLink } from "@meterseal/links/mqtt";
import { createLinkToken } from "@meterseal/meter";
import { kidOf } from "@meterseal/record";
import { openMeterStore } from "@meterseal/stores/sqlite";
import { parseKeyFile } from "@meterseal/wallet";
import Fastify from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../src/clocks.ts";
import { TENANT } from "../src/config/links.ts";
import { PLACES } from "../src/files.ts";
import { Facts, readingAge } from "../src/server/facts.ts";
import { addHealthRoutes, Health, type HealthSources } from "../src/server/health.ts";
import { ServerMetrics } from "../src/server/metrics.ts";
import type { Server } from "../src/server/server.ts";
import { FIXTURE_MS, type Fixture, quiet, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const scratch = useScratch();
let fixture: Fixture;
let server: Server;
let dataDir = "";

beforeAll(async () => {
    fixture = await useFixture();
    dataDir = join(scratch, "monitored");
    cpSync(fixture.finished, dataDir, { recursive: true });
    server = await startQuietServer(dataDir);
}, FIXTURE_MS);
afterAll(() => server.close());

/** Values by name and labels, such as `meterseal_verify_failures_total{reason="MS_GAP"}`. */
async function metrics(): Promise<{ text: string; values: Map<string, number> }> {
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    const values = lines.map((line): [string, number] => {
        const [, name = "", value] = /^([a-z_0-9]+(?:\{[^}]*\})?) (\S+)$/i.exec(line) ?? [];
        return [name, Number(value)];
    });
    return { text, values: new Map(values) };
}

/** Waits until a metric has a value. */
async function reaches(name: string, value: number): Promise<void> {
    const now = async (): Promise<number | undefined> => (await metrics()).values.get(name);
    await expect.poll(now, { timeout: FIXTURE_MS }).toBe(value);
}

/** A first meter of the fixture with what its outbox still holds, on a real link. */
async function meterOf(directory: string) {
    const [subjectHex = ""] = readdirSync(PLACES.meters(directory)).sort();
    const meterDir = PLACES.meter(directory, subjectHex);
    const signer = signerFromPem(readFileSync(join(meterDir, "meter.pem"), "utf8"));
    const store = await openMeterStore(meterDir, { readOnly: true });
    const records = (await store.outbox()).map(({ bytes }) => bytes);
    await store.close();
    const link = createMqttMeterLink({
        url: server.mqttUrl,
        subjectHex,
        tenant: TENANT,
        token: () => createLinkToken(signer, server.networkId, fromHex(subjectHex), systemClock),
        log: quiet,
    });
    await new Promise<void>((up) => {
        void link.open({ up, down: () => {}, message: () => {} });
    });
    return { link, records };
}

describe("a running server", () => {
    it("C8 says that it is alive and ready, and how old its newest reading is", async () => {
        const alive = await fetch(`${server.httpUrl}/healthz`);
        expect([alive.status, await alive.json()]).toEqual([200, { alive: true }]);
        const ready = await fetch(`${server.httpUrl}/readyz`);
        expect(ready.status).toBe(200);
        const answer = (await ready.json()) as Record<string, unknown>;
        expect(answer).toMatchObject({ ready: true, reasons: [], logSize: 6 });
        const week2013 = (systemClock.nowMs() - Date.UTC(2013, 0, 8)) / 1000;
        expect(Math.abs(Number(answer.readingAgeSeconds) - week2013)).toBeLessThan(7 * 86_400);
    });

    it("counts what is in its log, in the text format", async () => {
        const answer = await fetch(`${server.httpUrl}/metrics`);
        expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
        const { text, values } = await metrics();
        expect([...values.keys()].filter((name) => !name.startsWith("meterseal_"))).toEqual([]);
        // A process that has just begun has no event-loop samples yet.
        const ours = [...values].filter(([name]) => !name.startsWith("meterseal_nodejs_"));
        expect(ours.filter(([, value]) => !Number.isFinite(value))).toEqual([]);
        for (const [name, value] of [
            ["readings_ingested_total", 3 * (7 * 48 + 1)],
            ["records_ingested_total", 12],
            ["vertices_total", 2],
            ["log_entries", 6],
            ["meters", 3],
            ["chain_gap_total", 0],
            ["busy_total", 0],
            ["frozen_chains", 0],
            ["messages_in_flight", 0],
        ] as const) {
            expect(values.get(`meterseal_${name}`), name).toBe(value);
        }
        expect(values.has("meterseal_nodejs_eventloop_lag_p99_seconds")).toBe(true);
        for (const name of values.keys()) {
            const bare = name.replace(/\{.*|_(?:bucket|sum|count)$/g, "");
            expect(text).toContain(`# HELP ${bare.replace(/_(?:bucket|sum|count)$/, "")} `);
        }
    });

    it("has every metric that the alerts and the guide name, and the guide names all of ours", async () => {
        const read = (path: string): string =>
            readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8");
        const { text } = await metrics();
        const known = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name]) => name ?? "");
        const alerts = [...read("examples/monitoring/alerts.yaml").matchAll(/\bmeterseal_\w+/g)];
        expect(alerts.length).toBeGreaterThan(5);
        for (const [name] of alerts) expect(known).toContain(name.replace(/_bucket$/, ""));
        const [, table = ""] =
            /^\| metric [\s\S]*?\n\|---.*\n([\s\S]*?)\n\n/m.exec(read("docs/guides/operate.md")) ??
            [];
        const listed = table
            .split("\n")
            .flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`([a-z_0-9]+)/g)])
            .map(([, name]) => `meterseal_${name}`);
        const ours = known.filter((name) => !/^meterseal_(?:nodejs|process)_/.test(name));
        expect(ours.filter((name) => !listed.includes(name))).toEqual([]);
        const named = listed.filter((name) => name !== "meterseal_process_");
        expect(named.filter((name) => !known.includes(name))).toEqual([]);
    });

    it("counts garbage and a bad signature of a meter, and then its record", async () => {
        const { link, records } = await meterOf(fixture.crashed);
        const [record] = records;
        if (record === undefined) throw new Error("a record expected");
        const forged = record.slice();
        forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
        await link.send(new Uint8Array([0xff]));
        await reaches('meterseal_verify_failures_total{reason="MS_MALFORMED"}', 1);
        await link.send(forged);
        await reaches('meterseal_verify_failures_total{reason="MS_SIGNATURE_BAD"}', 1);
        const before = (await metrics()).values;
        await link.send(record);
        await reaches("meterseal_records_ingested_total", 13);
        const { values } = await metrics();
        const readings = "meterseal_readings_ingested_total";
        expect(values.get(readings)).toBeGreaterThan(before.get(readings) ?? 0);
        const commits = 'meterseal_commit_seconds_count{write="insertRecords"}';
        expect(values.get(commits)).toBeGreaterThan(0);
        expect(values.get("meterseal_log_entries")).toBe(7);
        await link.close();
    });

    it("never names a meter, a household, a key or the network to a monitor", async () => {
        const subjects = readdirSync(PLACES.meters(dataDir));
        const keyFiles = fixture.names.map((name) =>
            unwrap(parseKeyFile(readFileSync(PLACES.keyFile(dataDir, name), "utf8"))),
        );
        const signers = subjects.map((subject) =>
            signerFromPem(readFileSync(join(PLACES.meter(dataDir, subject), "meter.pem"), "utf8")),
        );
        const secret = [
            ...subjects,
            ...fixture.names,
            ...keyFiles.map((key) => toHex(key.stream.streamId)),
            ...signers.map((signer) => toHex(kidOf(signer.publicKey))),
            toHex(server.networkId),
        ];
        expect(secret).toHaveLength(13);
        for (const path of ["/metrics", "/readyz", "/healthz"]) {
            const text = (await (await fetch(server.httpUrl + path)).text()).toLowerCase();
            for (const id of secret) expect(text).not.toContain(id.slice(0, 12).toLowerCase());
            // Anything that looks like an id; long fractions of seconds have no letters.
            expect(text).not.toMatch(/(?=[0-9]*[a-f])[0-9a-f]{16}/);
            expect(text).not.toContain(dataDir);
        }
    });
});

describe("what is refused", () => {
    it("is a gap, too much at once, or a failed check with its code", async () => {
        const counted = new ServerMetrics();
        for (const code of ["MS_GAP", "MS_BUSY", "MS_BUSY", "MS_KEY_UNKNOWN"] as const) {
            counted.refused(code);
        }
        const { text } = await counted.render();
        for (const line of [
            "chain_gap_total 1",
            "busy_total 2",
            'verify_failures_total{reason="MS_KEY_UNKNOWN"} 1',
            'verify_failures_total{reason="MS_SIGNATURE_BAD"} 0',
        ]) {
            expect(text).toContain(`\nmeterseal_${line}\n`);
        }
        expect(text).not.toContain('reason="MS_GAP"');
    });
});

describe("readiness", () => {
    const sound: HealthSources = {
        store: { probe: () => Promise.resolve() },
        directory: scratch,
        engine: { head: () => ({ size: 0, root: new Uint8Array(32) }) },
        facts: new Facts(),
        clock: systemClock,
        links: [],
        metrics: new ServerMetrics(),
    };

    async function ask(sources: Partial<HealthSources>) {
        const app = Fastify();
        addHealthRoutes(app, new Health({ ...sound, ...sources }));
        const { body, statusCode } = await app.inject("/readyz");
        await app.close();
        return { statusCode, answer: JSON.parse(body) as Record<string, unknown> };
    }

    it("of an empty store has no age of a reading", async () => {
        const { answer, statusCode } = await ask({});
        expect(statusCode).toBe(200);
        expect(answer).toEqual({ ready: true, reasons: [], readingAgeSeconds: null, logSize: 0 });
    });

    it("is refused with the reason where the store cannot be written, without its path", async () => {
        const where = "/somewhere/store.db";
        const probe = () => Promise.reject(error("MS_STORE_UNWRITABLE", { where }));
        const { answer, statusCode } = await ask({ store: { probe } });
        expect(statusCode).toBe(503);
        expect(answer).toMatchObject({
            ready: false,
            reasons: ["the store cannot be written: MS_STORE_UNWRITABLE"],
        });
    });

    it("is refused for good where the ledger failed, though the disk has room again", async () => {
        const failure = error("MS_STORE_UNWRITABLE", { where: "/somewhere/store.db" });
        const { answer, statusCode } = await ask({ engine: { ...sound.engine, failure } });
        expect(statusCode).toBe(503);
        expect(answer.reasons).toEqual([
            "the ledger takes nothing more until a restart: MS_STORE_UNWRITABLE",
        ]);
    });

    it("is refused where a link does not listen", async () => {
        const other = createServer();
        await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
        const address = other.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const links = [`mqtt://127.0.0.1:${port}`];
        expect((await ask({ links })).statusCode).toBe(200);
        await new Promise((done) => other.close(done));
        const { answer, statusCode } = await ask({ links });
        expect(statusCode).toBe(503);
        expect(answer.reasons).toEqual(["the mqtt link does not listen"]);
    });

    it("is found out once for many who ask at one time", async () => {
        let probes = 0;
        const probe = (): Promise<void> => {
            probes++;
            return Promise.resolve();
        };
        const health = new Health({ ...sound, store: { probe } });
        await Promise.all(Array.from({ length: 50 }, () => health.readiness()));
        expect(probes).toBe(1);
    });
});

describe("the age of readings", () => {
    it("is that of the newest of all, and of the newest of the most silent meter", () => {
        const facts = new Facts();
        expect(readingAge(facts, 0)).toEqual({ newest: Number.NaN, oldest: Number.NaN });
        const seen = { records: 1, readings: 1, missingIntervals: 0, holes: 0 };
        const chain = { lastRecordUnix: 0, lastSlot: 1, chainEpoch: 0, lastSeq: 1 };
        for (const [subject, lastSlotUnix] of [
            ["aa", 1_000],
            ["bb", 4_000],
            ["cc", 0], // without a reading
        ] as const) {
            facts.meters.set(subject.repeat(16), { ...seen, ...chain, lastSlotUnix });
        }
        expect(readingAge(facts, 5_000_000)).toEqual({ newest: 1_000, oldest: 4_000 });
    });
});
