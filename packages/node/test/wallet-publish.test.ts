import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import { createServer, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { p1Telegram } from "./p1-telegram.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const gateway = join(scratch, "gateway");
const login = join(scratch, "login");
const START_UNIX = Date.UTC(2026, 0, 5, 12) / 1000;
const [NAME, PASSWORD] = ["home", "secret word"];
let server: Server;
let broker: { url: string; tcp: TcpServer; aedes: Aedes };
let watcher: MqttClient;
let meter: string;
/** What the watcher saw last, by the end of the topic. */
const seen = new Map<string, string>();

beforeAll(async () => {
    server = await startQuietServer(dataDir);
    const words = ["--observed", "--zone", "UTC", "--slot-seconds", "60", "--groups", "import"];
    const made = await run("meter", "init", "--dir", gateway, ...words, "--json");
    meter = JSON.parse(made.stdout).meter;
    await run("enrol", "--data", dataDir, join(gateway, DEVICE_FILES.request));
    await readings([0, 5_000n], [60, 5_100n], [120, 5_160n]);
    broker = await openBroker();
    watcher = await connectAsync(broker.url, { username: NAME, password: PASSWORD });
    watcher.on("message", (topic, payload) => {
        seen.set(topic.split("/").at(-1) ?? "", payload.toString());
    });
    await watcher.subscribeAsync(["meterseal/#", "homeassistant/#"]);
    writeFileSync(login, `${placeOf(broker.url)} ${NAME} ${PASSWORD}\n`, { mode: 0o600 });
}, TEST_MS);
afterAll(async () => {
    await watcher.endAsync(true);
    broker.aedes.close();
    broker.tcp.close();
    await server.close();
});

async function openBroker(): Promise<typeof broker> {
    const aedes = await Aedes.createBroker({
        authenticate: (_client, username, password, done) =>
            done(null, username === NAME && password?.toString() === PASSWORD),
    });
    const tcp = createServer(aedes.handle);
    await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
    return { aedes, tcp, url: `mqtt://127.0.0.1:${(tcp.address() as { port: number }).port}` };
}

const placeOf = (url: string): string => new URL(url).host;

/** Lets the gateway send registers, seconds from the start each. */
async function readings(...each: [seconds: number, registerWh: bigint][]): Promise<void> {
    const file = join(scratch, "p1.txt");
    writeFileSync(file, each.map(([at, wh]) => p1Telegram(START_UNIX + at, wh)).join(""));
    const words = ["--p1", file, "--to", server.mqttUrl, "--json"];
    const { code, stderr } = await run("bridge", "--dir", gateway, ...words);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
}

const words = (url: string, ...more: string[]): string[] => [
    ...["wallet", "publish", "--key", join(gateway, DEVICE_FILES.keyFile), "--url", url],
    ...["--home-assistant", broker.url, "--login", login, ...more],
];
const publish = (url: string, ...more: string[]): Promise<Outcome> =>
    run(...words(url, "--json", ...more));

async function until(isSo: () => boolean): Promise<void> {
    for (let i = 0; i < 400 && !isSo(); i++) await new Promise((done) => setTimeout(done, 50));
    expect(isSo()).toBe(true);
}

const state = (): Record<string, unknown> => JSON.parse(seen.get("state") ?? "{}");

describe("meterseal wallet publish", () => {
    it(
        "shows what the household's key opens, where Home Assistant looks for it",
        async () => {
            const { code, stderr, stdout } = await publish(server.httpUrl, "--once");
            expect([code, stderr]).toEqual([0, ""]);
            const shown = {
                ...{ import: "5.160", export: null, flow: "3600", sealValid: "ON", tamper: "OFF" },
                lastReading: "2026-01-05T12:02:00.000Z",
            };
            expect(JSON.parse(stdout)).toEqual({ ...shown, faults: [] });
            await until(() => seen.get("availability") === "online");
            expect(state()).toEqual(shown);
            // All of it is kept by the broker: a dashboard that starts later finds it.
            const later = new Map<string, string>();
            const client = await connectAsync(broker.url, { username: NAME, password: PASSWORD });
            client.on("message", (topic, payload, { retain }) => {
                if (retain) later.set(topic, payload.toString());
            });
            await client.subscribeAsync("#");
            await until(() => later.size === 3);
            await client.endAsync();
            const discovery = JSON.parse(
                later.get(`homeassistant/device/meterseal_${meter}/config`) ?? "",
            );
            expect(discovery).toMatchObject({ state_topic: `meterseal/${meter}/state` });
            expect(discovery.components).not.toHaveProperty("export");
        },
        TEST_MS,
    );

    it("goes on with new readings; the broker says it where it is killed, and it itself where it ends", {
        timeout: TEST_MS,
    }, async () => {
        const running = start(words(server.httpUrl, "--every", "5"));
        await running.shows("Published; the last reading is of 2026-01-05T12:02:00.000Z.");
        await readings([180, 5_230n]);
        await until(() => state().import === "5.230");
        expect(seen.get("availability")).toBe("online");
        running.child.kill("SIGKILL");
        await until(() => seen.get("availability") === "offline");
        const again = start(words(server.httpUrl));
        await until(() => seen.get("availability") === "online");
        again.child.kill("SIGINT");
        expect((await again.outcome).code).toBe(0);
        await until(() => seen.get("availability") === "offline");
        expect(state().import).toBe("5.230");
    });

    it("says that the seal does not hold where a server changes a byte, or shows less than before", {
        timeout: TEST_MS,
    }, async () => {
        const older = await evidence();
        await readings([240, 5_300n]);
        const newer = await evidence();
        const changed = Uint8Array.from(newer);
        changed[newer.length - 40] = (changed[newer.length - 40] ?? 0) ^ 1;
        const liar = await openLiar(newer);
        try {
            const running = start(words(liar.url, "--every", "5"));
            await until(() => state().import === "5.300");
            liar.answer = older;
            await until(() => state().tamper === "ON");
            expect(state()).toMatchObject({ import: "5.300", sealValid: "OFF" });
            await running.shows("The seal does not hold: the server shows less than before");
            liar.answer = newer;
            await running.shows("The seal holds again.");
            expect(state()).toMatchObject({ import: "5.300", sealValid: "ON", tamper: "OFF" });
            running.child.kill("SIGINT");
            await running.outcome;
            liar.answer = changed;
            const { code, stdout } = await publish(liar.url, "--once");
            expect(code).toBe(1);
            expect(JSON.parse(stdout)).toMatchObject({ sealValid: "OFF", tamper: "ON" });
        } finally {
            liar.http.close();
        }
    });

    it("is away where the server is away, and comes back with it", {
        timeout: TEST_MS,
    }, async () => {
        const liar = await openLiar(await evidence());
        const running = start(words(liar.url, "--every", "5"));
        try {
            await running.shows("Published");
            await until(() => seen.get("availability") === "online");
            liar.http.close();
            liar.http.closeAllConnections();
            await until(() => seen.get("availability") === "offline");
        } finally {
            running.child.kill("SIGINT");
            await running.outcome;
        }
    });

    const key = (): string[] => ["--key", join(gateway, DEVICE_FILES.keyFile)];
    it.each([
        ["a password in the address", "mqtt://me:hidden@127.0.0.1:1", /^MS_USAGE.*--login/s],
        ["plain text beyond this machine", "mqtt://192.0.2.1:1883", /^MS_USAGE.*--insecure/s],
        ["another protocol", "http://127.0.0.1:1883", /^MS_USAGE/],
        ["a topic in the address", "mqtt://127.0.0.1:1883/topic", /^MS_USAGE/],
        ["nobody who listens", "mqtt://127.0.0.1:1", /^MS_LINK.*Is the broker running/s],
    ])("refuses %s", async (_, address, message) => {
        const asked = ["wallet", "publish", ...key(), "--url", server.httpUrl];
        const { code, stderr } = await run(...asked, "--home-assistant", address, "--once");
        expect(code).not.toBe(0);
        expect(stderr).toMatch(message);
        expect(stderr).not.toContain("hidden");
    });

    it(
        "refuses a login that others may read, or that is none, or that the broker does not know",
        async () => {
            const file = join(scratch, "other-login");
            const attempt = async (text: string, mode: number): Promise<string> => {
                if (existsSync(file)) chmodSync(file, 0o600);
                writeFileSync(file, text);
                chmodSync(file, mode);
                const asked = [...key(), "--url", server.httpUrl, "--home-assistant", broker.url];
                return (await run("wallet", "publish", ...asked, "--login", file, "--once")).stderr;
            };
            const right = `${placeOf(broker.url)} home hidden\n`;
            expect(await attempt(right, 0o644)).toMatch(/^MS_USAGE.*chmod 600/s);
            expect(await attempt("home hidden\n", 0o600)).toMatch(/^MS_USAGE.*HOST:PORT NAME/s);
            expect(await attempt("else:1 home hidden\n", 0o600)).toMatch(
                /^MS_USAGE.*a line for 127/s,
            );
            const refused = await attempt(right, 0o600);
            expect(refused).toMatch(/^MS_LINK.*name and password/s);
            expect(refused).not.toContain("hidden");
        },
        TEST_MS,
    );
});

async function evidence(): Promise<Uint8Array> {
    return await (await fetch(`${server.httpUrl}/api/v1/meters/${meter}/evidence`)).bytes();
}

/** A server that answers what it is told. */
async function openLiar(
    answer: Uint8Array,
): Promise<{ url: string; answer: Uint8Array; http: HttpServer }> {
    const http = createHttpServer((request, response) => {
        const isEvidence = request.url?.endsWith("/evidence") === true;
        response.end(
            isEvidence ? Buffer.from(liar.answer) : Buffer.from([liar.answer.length & 255]),
        );
    });
    await new Promise<void>((done) => http.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(http.address() as { port: number }).port}`;
    const liar = { url, answer, http };
    return liar;
}
