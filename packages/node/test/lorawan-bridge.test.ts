import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { fromHex, type PublicKey, toHex } from "@meterseal/core";
import { enrolledCredential } from "@meterseal/links/edhoc";
import { MeterAgent } from "@meterseal/meter";
import { decodeCoseKey } from "@meterseal/record";
import { encodeProvisional } from "@meterseal/record/lora";
import { METER_FILE, openMeterStore } from "@meterseal/stores/sqlite";
import { LoraGateway, LoraRadio } from "@meterseal/testkit/lora-gateway";
import { LoraMeterLink } from "@meterseal/testkit/lora-meter-link";
import { Aedes } from "aedes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenHeader } from "../src/authorization.ts";
import { openLoraMeter } from "../src/bridge/lorawan/meter-directory.ts";
import { type LorawanReport, runLorawan } from "../src/bridge/lorawan/run.ts";
import { systemClock, systemTimers } from "../src/clocks.ts";
import { DEVICE_FILES, openDevice, provideKeyFile } from "../src/device/device.ts";
import { fileSigner } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { type Running, run, start } from "./command.ts";
import { quiet, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 120_000;
const SLOT = 900;
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
const dataDir = place("utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

const SESSION = {
    devAddr: "26011bda",
    networkKey: "44024241ed4ce9a68c6a8bc055233fd3",
    applicationKey: "ec925802ae430ca77fd3dd73cb2cc588",
};

/** The same as a device has it. */
const KEYS = {
    devAddr: Number.parseInt(SESSION.devAddr, 16),
    networkKey: fromHex(SESSION.networkKey),
    applicationKey: fromHex(SESSION.applicationKey),
};

async function command(...words: string[]): Promise<string> {
    const { code, stderr, stdout } = await run(...words);
    expect([words.join(" "), code, stderr]).toEqual([words.join(" "), 0, expect.any(String)]);
    return stdout;
}

/** An enrolled meter, and the bridge's directory and list of it. */
async function meter(name: string, devEui: string): Promise<{ directory: string; list: string }> {
    const directory = place(name);
    const words = ["--zone", "Europe/London", "--slot-seconds", `${SLOT}`];
    await command("meter", "init", "--dir", directory, ...words);
    await command("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
    const target = place(`${name}-bridge`);
    await command("meter", "lora", "--dir", directory, "--dev-eui", devEui, "--out", target);
    const list = place(`${name}-bridge/devices.json`);
    const devices = [{ devEui, meter: ".", session: SESSION }];
    writeFileSync(list, JSON.stringify({ format: "meterseal-lora-devices/v1", devices }));
    chmodSync(list, 0o600);
    return { directory, list };
}

async function bridge(list: string, at = 0): Promise<{ running: Running; port: number }> {
    const words = ["--lorawan", `udp://127.0.0.1:${at}`, "--devices", list, "--to", server.mqttUrl];
    const running = start(["bridge", ...words, "--json"]);
    await running.shows("Listening for LoRaWAN devices");
    const [, port = ""] = /udp:\/\/127\.0\.0\.1:(\d+)/.exec(running.said()) ?? [];
    return { running, port: Number(port) };
}

/** A bridge in this process. */
async function ownBridge(list: string, address = "udp://127.0.0.1:0") {
    const abort = new AbortController();
    const listening = Promise.withResolvers<string>();
    const warnings: string[] = [];
    const report = runLorawan({
        ...{
            address,
            devicesPath: list,
            access: { logins: null },
            apiUrl: server.httpUrl,
            insecure: false,
        },
        ...{
            target: {
                url: server.mqttUrl,
                broker: null,
                access: { logins: null },
                insecure: false,
            },
            sendEverySeconds: 1,
        },
        log: { ...quiet, warn: (_message, fields) => warnings.push(String(fields?.reason)) },
        ...{ signal: abort.signal, onListening: listening.resolve },
    });
    const url = await Promise.race([listening.promise, report.then(() => "")]);
    const stop = async (): Promise<LorawanReport> => {
        abort.abort();
        return await report;
    };
    return { port: Number(new URL(url).port), stop, ended: report, warnings };
}

type MeterRadio = Pick<LoraRadio, "frame" | "receive" | "send">;

/** A device behind ChirpStack, as its broker shows it. */
function radioBehind(broker: Aedes, prefix: string, devEui: string): MeterRadio {
    const down: { fPort: number; data: string }[] = [];
    let waiting: (() => void) | null = null;
    let fCnt = 0;
    broker.on("publish", ({ payload, topic }) => {
        if (topic !== `${prefix}/device/${devEui}/command/down`) return;
        down.push(JSON.parse(String(payload)));
        waiting?.();
    });
    return {
        frame: () => {
            fCnt++;
            return new Uint8Array();
        },
        send({ content, port }) {
            const data = Buffer.from(content).toString("base64");
            const event = {
                time: new Date().toISOString(),
                deviceInfo: { devEui },
                devAddr: "00189440",
            };
            const lora = { spreadingFactor: 12 };
            const message = {
                ...event,
                fCnt: fCnt++,
                fPort: port,
                data,
                txInfo: { modulation: { lora } },
            };
            const topic = `${prefix}/device/${devEui}/event/up`;
            const payload = Buffer.from(JSON.stringify(message));
            return new Promise((resolve) => {
                broker.publish(
                    { cmd: "publish", qos: 0, dup: false, retain: false, topic, payload },
                    () => resolve(),
                );
            });
        },
        async receive() {
            while (down.length === 0)
                await new Promise<void>((resolve) => {
                    waiting = resolve;
                });
            const { data, fPort: port } = down.shift() ?? { data: "", fPort: 0 };
            return {
                port,
                content: Buffer.from(data, "base64"),
                acknowledges: false,
                hasMore: false,
            };
        },
    };
}

function bridgeKeyOf(directory: string): PublicKey {
    return decodeCoseKey(fromHex(readFileSync(join(directory, "bridge.key"), "utf8").trim()));
}

/** A meter's agent that has nothing but its radio. */
async function agentOf(
    directory: string,
    {
        gateway,
        isLight,
        isLost,
    }: {
        gateway: LoraGateway | MeterRadio;
        isLight: boolean;
        isLost?: (frame: number, port: number) => boolean;
    },
): Promise<{ agent: MeterAgent; link: LoraMeterLink }> {
    const device = openDevice(directory);
    provideKeyFile(directory, "home", device);
    const signer = fileSigner(join(directory, DEVICE_FILES.signingKey), "es256");
    const { collectorKey, stream, subject } = device.profile;
    const session = { devEui: "", ...KEYS };
    const link = new LoraMeterLink({
        radio: gateway instanceof LoraGateway ? new LoraRadio(session, gateway) : gateway,
        profile: { key: signer.publicKey, subject, stream },
        own: { ...enrolledCredential(toHex(subject), signer.publicKey), signer },
        bridge: enrolledCredential("bridge", bridgeKeyOf(directory)),
        collectorKey,
        lightKey: fromHex(readFileSync(join(directory, "light.hex"), "utf8").trim()),
        ...{
            isLight,
            dataRate: isLight ? "SF12BW125" : "SF9BW125",
            frameBytes: isLight ? 51 : 115,
        },
        ...(isLost === undefined ? {} : { isLost }),
    });
    const agent = await MeterAgent.open({
        ...{ profile: device.profile, signer, master: device.master, log: quiet, link },
        store: await openMeterStore(directory),
        ...{ clock: systemClock, timers: systemTimers, source: "registers" },
    });
    await agent.connect();
    return { agent, link };
}

/** Waits until all is final; the meter has more to say, so that there are windows to hear in. */
async function settle(agent: MeterAgent, link: LoraMeterLink): Promise<void> {
    let isSettled = false;
    const settled = agent.settled().then(() => {
        isSettled = true;
    });
    while (!isSettled) {
        await link.poll();
        await sleep(300);
    }
    await settled;
}

/** Registers at consecutive boundaries, the last of them a while ago. */
function boundaries(count: number) {
    const last = Math.floor((systemClock.nowMs() / 1000 - 946_684_800) / SLOT) - 1;
    return Array.from({ length: count }, (_, i) => ({
        slot: last - count + 1 + i,
        registers: [1_000_000n + 250n * BigInt(i)],
        flag: 0 as const,
    }));
}

async function energyOf(
    directory: string,
): Promise<{ totalImportWh: number; intervals: unknown[] }> {
    const key = ["--key", join(directory, DEVICE_FILES.keyFile), "--level", "slot", "--json"];
    return JSON.parse(await command("usage", ...key, "--url", server.httpUrl));
}

describe("a LoRaWAN bridge", () => {
    it("takes compact signed records into the ledger, as their meter signed them", {
        timeout: TEST_MS,
    }, async () => {
        const { directory, list } = await meter("compact", "70b3d57ed0001234");
        const { port, running } = await bridge(list);
        const gateway = new LoraGateway(port);
        await gateway.open();
        const { agent } = await agentOf(directory, { gateway, isLight: false });
        for (const boundary of boundaries(6)) {
            await agent.add(boundary);
            await agent.flush();
        }
        await agent.settled();
        expect(await energyOf(directory)).toMatchObject({ totalImportWh: 1250 });
        await agent.close();
        running.child.kill("SIGINT");
        const { code, stdout } = await running.outcome;
        expect([code, JSON.parse(stdout)]).toEqual([
            0,
            {
                devices: [expect.objectContaining({ records: 6, openRecords: 0, provisional: 0 })],
                refused: {},
            },
        ]);
        await gateway.close();
        const verified = await run("verify", "--data", dataDir);
        expect(verified.code).toBe(0);
        const { meters } = (await (await fetch(`${server.httpUrl}/api/v1/meters`)).json()) as {
            meters: { subject: string; provenance: string }[];
        };
        const subject = toHex(openDevice(directory).profile.subject);
        expect(meters.find((each) => each.subject === subject)?.provenance).toBe("meter");
    });

    it("loses nothing and doubles nothing where it is killed", { timeout: TEST_MS }, async () => {
        const { directory, list } = await meter("killed", "70b3d57ed0007777");
        const { port, running } = await bridge(list);
        const gateway = new LoraGateway(port);
        await gateway.open();
        const { agent, link } = await agentOf(directory, { gateway, isLight: true });
        const [first, second] = [boundaries(20).slice(0, 10), boundaries(20).slice(10)];
        for (const boundary of first) await agent.add(boundary);
        await agent.flush();
        running.child.kill("SIGKILL");
        expect((await running.outcome).signal).toBe("SIGKILL");
        const next = await bridge(list, port);
        await gateway.pull();
        for (const boundary of second) await agent.add(boundary);
        await agent.flush();
        await settle(agent, link);
        expect(await energyOf(directory)).toMatchObject({ totalImportWh: 19 * 250 });
        await agent.close();
        next.running.child.kill("SIGINT");
        expect((await next.running.outcome).code).toBe(0);
        await gateway.close();
        const { meters } = (await (await fetch(`${server.httpUrl}/api/v1/meters`)).json()) as {
            meters: { subject: string }[];
        };
        const subject = toHex(openDevice(directory).profile.subject);
        const own = meters.find((each) => each.subject === subject);
        expect(own).toMatchObject({ frozen: false, records: 2, provisionalReadings: 0 });
    });

    it("takes light readings of 51 bytes when their checkpoint came, whatever the air lost", {
        timeout: TEST_MS,
    }, async () => {
        const devEui = "70b3d57ed0005678";
        const { directory, list } = await meter("light", devEui);
        let { port, stop } = await ownBridge(list);
        const first = new LoraGateway(port);
        await first.open();
        // Two light readings and a part of the checkpoint get lost.
        let firstFrame = Number.POSITIVE_INFINITY;
        const isLost = (frame: number): boolean => [2, 3, 13].includes(frame - firstFrame);
        const { agent, link } = await agentOf(directory, { gateway: first, isLight: true, isLost });
        await link.handshake();
        firstFrame = link.frames;
        for (const boundary of boundaries(12)) await agent.add(boundary);
        await agent.flush();
        await settle(agent, link);
        expect(await energyOf(directory)).toMatchObject({ totalImportWh: 2750 });
        await agent.close();
        expect((await stop()).devices).toMatchObject([{ devEui, records: 1, openRecords: 0 }]);
        await first.close();
        // Another bridge goes on: what was said on air before is refused.
        const again = await ownBridge(list);
        ({ port, stop } = again);
        const second = new LoraGateway(port);
        await second.open();
        const session = { devEui, ...KEYS };
        const radio = new LoraRadio(session, second);
        await radio.send({ port: 11, content: new Uint8Array(44) });
        await radio.send({ port: 11, content: new Uint8Array(44).fill(255), counter: 500 });
        await expect.poll(() => again.warnings).toContain("MS_SIGNATURE_BAD");
        expect((await stop()).refused).toEqual({
            "a counter out of reach": 1,
            MS_SIGNATURE_BAD: 1,
        });
        await second.close();
    });

    it("shows readings as provisional until their checkpoint came, and counts them nowhere", {
        timeout: TEST_MS,
    }, async () => {
        const { directory, list } = await meter("provisional", "70b3d57ed0009999");
        const { port, stop } = await ownBridge(list);
        const gateway = new LoraGateway(port);
        await gateway.open();
        let isHeld = false;
        const isLost = (_frame: number, framePort: number): boolean => isHeld && framePort !== 11;
        const { agent, link } = await agentOf(directory, { gateway, isLight: true, isLost });
        const [signed, provisional] = [boundaries(10).slice(0, 4), boundaries(10).slice(4)];
        for (const boundary of signed) await agent.add(boundary);
        await agent.flush();
        await settle(agent, link);
        isHeld = true;
        for (const boundary of provisional) await agent.add(boundary);
        await agent.flush();
        const subject = toHex(openDevice(directory).profile.subject);
        const count = async (): Promise<number | undefined> => {
            const answer = await fetch(`${server.httpUrl}/api/v1/meters`);
            const { meters } = (await answer.json()) as {
                meters: { subject: string; provisionalReadings: number }[];
            };
            return meters.find((each) => each.subject === subject)?.provisionalReadings;
        };
        await expect.poll(count, { timeout: 10_000 }).toBe(6);
        const before = await energyOf(directory);
        expect(before).toMatchObject({
            totalImportWh: 750,
            provisional: { readings: 6, importWh: 1500 },
        });
        expect(before.intervals).toHaveLength(3);
        const key = ["--key", join(directory, DEVICE_FILES.keyFile), "--url", server.httpUrl];
        const said = await command("usage", ...key);
        expect(said).toMatch(/provisional 1\.500 kWh .* the meter has not signed it yet/);
        isHeld = false;
        await settle(agent, link);
        await expect.poll(count, { timeout: 10_000 }).toBe(0);
        const after = await energyOf(directory);
        expect(after).toMatchObject({ totalImportWh: 2250 });
        expect(after).not.toHaveProperty("provisional");
        await agent.close();
        await stop();
        await gateway.close();
    });

    it("takes provisional readings from who has the meter's token alone", async () => {
        const { list } = await meter("token", "70b3d57ed0008888");
        const { device, token } = openLoraMeter(join(list, ".."));
        const url = `${server.httpUrl}/api/v1/meters/${toHex(device.profile.subject)}/provisional`;
        const body = encodeProvisional([
            { sealEpoch: 0, firstSlot: 1, registers: new Uint8Array(8) },
        ]);
        const type = { "content-type": "application/cbor" };
        const put = async (headers: Record<string, string>, sent: Uint8Array = body) =>
            (await fetch(url, { method: "PUT", headers, body: new Uint8Array(sent) })).status;
        const authorization = tokenHeader(token);
        const other = tokenHeader(openLoraMeter(place("light-bridge")).token);
        expect(await put(type)).toBe(403);
        expect(await put({ ...type, authorization: other })).toBe(403);
        expect(await put({ ...type, authorization: "Meterseal x" })).toBe(403);
        expect(await put({ ...type, authorization }, Uint8Array.of(0xf6))).toBe(400);
        expect(await put({ "content-type": "application/json", authorization })).toBe(400);
        expect(await put({ ...type, authorization })).toBe(204);
        const stranger = url.replace(/[0-9a-f]{32}/, "00".repeat(16));
        expect((await fetch(stranger)).status).toBe(404);
        expect(await (await fetch(url)).json()).toMatchObject({
            readings: [{ slot: 1, registers: "00".repeat(8), flag: 0 }],
        });
    });

    it("signs for a meter that cannot, as a gateway", { timeout: TEST_MS }, async () => {
        const directory = place("plug");
        const words = ["--zone", "Europe/London", "--slot-seconds", "1"];
        await command("meter", "init", "--observed", "--dir", directory, ...words);
        await command("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
        const list = place("plug-devices.json");
        const devEui = "24e124538b000001";
        const devices = [{ devEui, payload: "milesight", gateway: "plug", session: SESSION }];
        writeFileSync(list, JSON.stringify({ format: "meterseal-lora-devices/v1", devices }));
        const open = await run(
            "bridge",
            "--lorawan",
            "udp://127.0.0.1:0",
            "--devices",
            list,
            "--to",
            server.mqttUrl,
        );
        expect([open.code, open.stderr]).toEqual([2, expect.stringContaining("chmod 600")]);
        chmodSync(list, 0o600);
        const { port, stop, warnings } = await ownBridge(list);
        const gateway = new LoraGateway(port);
        await gateway.open();
        const session = { devEui, ...KEYS };
        const radio = new LoraRadio(session, gateway);
        for (let energy = 1_000; energy <= 1_015; energy += 5) {
            const content = Uint8Array.of(0x06, 0x83, energy & 255, energy >> 8, 0, 0);
            await radio.send({ port: 85, content });
            await sleep(1_000);
        }
        await radio.send({ port: 85, content: Uint8Array.of(0x99, 0x99) });
        await expect.poll(() => warnings).toContain("unsupported");
        const total = async (): Promise<number> => (await energyOf(directory)).totalImportWh;
        await expect.poll(total, { timeout: 10_000 }).toBeGreaterThanOrEqual(10);
        expect((await stop()).devices).toMatchObject([{ devEui, frames: 5 }]);
        await gateway.close();
    });

    it("acknowledges no confirmed frame that it could not keep, and ends", {
        timeout: TEST_MS,
    }, async () => {
        const devEui = "70b3d57ed0007777";
        const { directory, list } = await meter("full-disk", devEui);
        const { ended, port } = await ownBridge(list);
        const gateway = new LoraGateway(port);
        await gateway.open();
        const radio = new LoraRadio({ devEui, ...KEYS }, gateway);
        let sent = 0;
        const once: MeterRadio = {
            frame: (options) => radio.frame(options),
            send: async (options) => {
                if (sent++ === 0) await radio.send({ ...options, confirmed: true });
            },
            receive: () => radio.receive(),
        };
        const { agent } = await agentOf(directory, { gateway: once, isLight: false });
        const store = new DatabaseSync(join(list, "..", METER_FILE));
        store.exec("BEGIN IMMEDIATE"); // as a full disk: nothing can be written
        for (const boundary of boundaries(4)) await agent.add(boundary);
        await agent.flush();
        await expect(ended).rejects.toMatchObject({ code: "MS_STORE_LOCKED" });
        store.close();
        const counters = readFileSync(place("full-disk-bridge/frame-counters"), "utf8");
        expect(counters).toContain(`${devEui} up`);
        expect(counters).not.toContain(`${devEui} down`); // an answer would have taken one
        await agent.close();
        await gateway.close();
    });

    it("takes the same from a network server's broker", { timeout: TEST_MS }, async () => {
        const devEui = "0004a30b001c0530";
        const { directory, list } = await meter("behind-server", devEui);
        writeFileSync(list, readFileSync(list, "utf8").replace(/,"session":\{[^}]*\}/, ""));
        const broker = await Aedes.createBroker();
        const listener = createServer(broker.handle);
        await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
        const address = listener.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const prefix = "application/17c82e96";
        const { stop } = await ownBridge(list, `mqtt://127.0.0.1:${port}/${prefix}`);
        const radio = radioBehind(broker, prefix, devEui);
        const isLost = (frame: number): boolean => frame === 1;
        const { agent } = await agentOf(directory, { gateway: radio, isLight: true, isLost });
        for (const boundary of boundaries(4)) await agent.add(boundary);
        await agent.flush();
        await agent.settled();
        expect(await energyOf(directory)).toMatchObject({ totalImportWh: 750 });
        await agent.close();
        const { devices, refused } = await stop();
        expect(devices).toMatchObject([{ devEui, records: 1, openRecords: 0, provisional: 0 }]);
        expect(refused).toEqual({});
        await new Promise<void>((resolve) => broker.close(() => resolve()));
        await new Promise<void>((resolve) => listener.close(() => resolve()));
    });

    it("is for meters whose signature fits a frame, and once for each", async () => {
        const directory = place("rsa");
        const words = ["--zone", "Europe/London", "--algorithm", "PS256"];
        await command("meter", "init", "--dir", directory, ...words);
        await command("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
        const lora = (...more: string[]) => run("meter", "lora", "--dir", ...more);
        const eui = ["--dev-eui", "70b3d57ed000cccc"];
        const rsa = await lora(directory, ...eui, "--out", place("rsa-bridge"));
        expect(rsa.stderr).toContain("MS_NOT_ALLOWED");
        const short = await lora(directory, "--dev-eui", "70b3", "--out", place("rsa-bridge"));
        expect(short.stderr).toContain("MS_USAGE");
        const plug = await lora(place("plug"), ...eui, "--out", place("plug-bridge"));
        expect(plug.stderr).toContain("MS_NOT_ALLOWED");
        const twice = await lora(place("light"), ...eui, "--out", place("light-bridge"));
        expect(twice.stderr).toContain("MS_STORE_UNWRITABLE");
    });

    it("refuses lists, logins and links that it cannot work with", async () => {
        const { list } = await meter("refused", "70b3d57ed000aaaa");
        const words = ["bridge", "--lorawan", "udp://127.0.0.1:0", "--to", server.mqttUrl];
        const expectRefused = async (code: string, ...more: string[]): Promise<void> => {
            const { stderr } = await run(...words.slice(0, 1), ...more);
            expect(stderr).toContain(code);
        };
        await expectRefused("MS_USAGE", ...words.slice(1));
        await expectRefused("MS_USAGE", ...words.slice(1), "--devices", list, "--dir", "x");
        await expectRefused("MS_NOT_FOUND", ...words.slice(1), "--devices", place("none.json"));
        const tcp = [
            "--lorawan",
            "udp://127.0.0.1:0",
            "--to",
            "tcp://127.0.0.1:9",
            "--devices",
            list,
        ];
        await expectRefused("MS_USAGE", ...tcp);
        const other = [
            "--lorawan",
            "coap://127.0.0.1:0",
            "--to",
            server.mqttUrl,
            "--devices",
            list,
        ];
        await expectRefused("MS_USAGE", ...other);
        const login = place("login");
        writeFileSync(login, "127.0.0.1:9 user\n");
        const broker = ["--lorawan", "mqtt://127.0.0.1:9/application/1", "--to", server.mqttUrl];
        const withLogin = [...broker, "--devices", list, "--login", login];
        await expectRefused("chmod 600", ...withLogin);
        chmodSync(login, 0o600);
        await expectRefused("HOST:PORT NAME PASSWORD", ...withLogin);
        writeFileSync(login, "127.0.0.1:9 user secret\n");
        await expectRefused("MS_LINK", ...withLogin);
        await expectRefused(
            "--login with a broker",
            ...words.slice(1),
            "--devices",
            list,
            "--login",
            login,
        );
        const text = readFileSync(list, "utf8");
        for (const wrong of [
            text.replace("70b3d57ed000aaaa", "70b3d57ed000bbbb"),
            text.replace('"meter"', '"metre"'),
            text.replace(/\[.*\]/, "[]"),
            text.replace(SESSION.networkKey, "00"),
            "{}",
        ]) {
            writeFileSync(list, wrong);
            await expectRefused("MS_MALFORMED", ...words.slice(1), "--devices", list);
        }
        writeFileSync(list, text.replace(/,"session":\{[^}]*\}/, ""));
        await expectRefused("MS_USAGE", ...words.slice(1), "--devices", list);
        writeFileSync(list, text);
        writeFileSync(place("refused-bridge/frame-counters"), "x\n");
        await expectRefused("frame counters", ...words.slice(1), "--devices", list);
    });
});
