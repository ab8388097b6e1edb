import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Socket, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type Decoded, decodeP1, P1Splitter, type Telegram } from "@meterseal/telegram";
import { Aedes } from "aedes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registersOf } from "../src/bridge/registers.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { p1Telegram } from "./p1-telegram.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const captures = fileURLToPath(new URL("../../../vectors/telegram/", import.meta.url));
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
const dataDir = place("utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

/** 300 telegrams of one Dutch meter, one a second; begins within one. */
const STREAM = gunzipSync(readFileSync(join(captures, "p1-stream.txt.gz")));
const TELEGRAMS = new P1Splitter().push(STREAM).map(decodeP1).map(telegramOf);

function telegramOf(decoded: Decoded<Telegram>): Telegram {
    if (!decoded.ok) throw new Error(decoded.fault.code);
    return decoded.value;
}

async function gateway(name: string, slotSeconds: number, groups = "import"): Promise<string> {
    const directory = place(name);
    const words = ["--zone", "Europe/Amsterdam", "--slot-seconds", `${slotSeconds}`, "--json"];
    const made = await run(
        "meter",
        "init",
        "--observed",
        "--dir",
        directory,
        "--groups",
        groups,
        ...words,
    );
    expect([made.code, made.stderr]).toEqual([0, ""]);
    const request = join(directory, DEVICE_FILES.request);
    const enrolled = await run("enrol", "--data", dataDir, request, "--json");
    expect(enrolled.code).toBe(0);
    return directory;
}

const bridge = (directory: string, ...words: string[]): Promise<Outcome> =>
    run("bridge", "--dir", directory, "--to", server.mqttUrl, "--json", ...words);

type Interval = { from: string; importWh: number | null; exportWh?: number; quality: string };

async function usage(directory: string): Promise<{ intervals: Interval[]; totalImportWh: number }> {
    const key = ["--key", join(directory, DEVICE_FILES.keyFile), "--level", "slot", "--json"];
    const { code, stderr, stdout } = await run("usage", ...key, "--url", server.httpUrl);
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout);
}

describe("meterseal bridge", () => {
    it("brings a recorded stream into the ledger, and out as the same registers", {
        timeout: TEST_MS,
    }, async () => {
        const directory = await gateway("recorded", 1, "import,export");
        const file = place("p1.txt");
        writeFileSync(file, STREAM);
        const { code, stderr, stdout } = await bridge(directory, "--p1", file);
        expect([code, stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
        expect(JSON.parse(stdout)).toMatchObject({ telegrams: 300, refused: {}, openRecords: 0 });
        const { intervals, totalImportWh } = await usage(directory);
        const ends = [TELEGRAMS[0], TELEGRAMS.at(-1)].map((telegram) =>
            telegram === undefined ? null : registersOf(telegram, [0, 1], 0),
        );
        expect(totalImportWh).toBe(Number((ends[1]?.[0] ?? 0n) - (ends[0]?.[0] ?? 0n)));
        const seconds = (TELEGRAMS.at(-1)?.atUnix ?? 0) - (TELEGRAMS[0]?.atUnix ?? 0);
        expect(intervals).toHaveLength(seconds);
        // Twice the same file: nothing new.
        const again = await bridge(directory, "--p1", file);
        expect(JSON.parse(again.stdout)).toMatchObject({ telegrams: 300, boundaries: 0 });
        expect((await usage(directory)).intervals).toEqual(intervals);
    });

    it("is seen to be observed: in the API, and by verify", async () => {
        const { meters } = (await (await fetch(`${server.httpUrl}/api/v1/meters`)).json()) as {
            meters: { provenance: string }[];
        };
        expect(meters.map(({ provenance }) => provenance)).toEqual(["observed"]);
        const verified = await run("verify", "--data", dataDir);
        expect(verified.stdout).toContain("Note: 1 metering point is observed");
    });

    it("counts telegrams that it does not take, by reason, and takes the others", {
        timeout: TEST_MS,
    }, async () => {
        const directory = await gateway("broken", 60);
        const text = STREAM.toString("latin1");
        // A digit of a register changed in every telegram of one minute: the check does not match.
        const broken = text.replace("1-0:1.8.1(0", "1-0:1.8.1(1");
        const file = place("broken.txt");
        writeFileSync(file, broken, "latin1");
        const { stderr, stdout } = await bridge(directory, "--p1", file);
        expect(JSON.parse(stdout)).toMatchObject({
            telegrams: 300,
            refused: { "crc: mismatch": 1 },
        });
        expect(stderr).toContain("crc: mismatch");
        const other = await gateway("no-register", 60, "import");
        const readout = place("heat.txt");
        writeFileSync(readout, "/XYZ5\r\n6.8(0001.0*GJ)\r\n!\r\n");
        const heat = await bridge(other, "--iec62056", readout);
        expect(JSON.parse(heat.stdout)).toMatchObject({ telegrams: 1, boundaries: 0 });
    });

    it("stops where a register falls, and says what to do", { timeout: TEST_MS }, async () => {
        const directory = await gateway("falling", 60);
        const file = place("falling.txt");
        writeFileSync(file, [p1(0, 5_000n), p1(60, 5_100n), p1(120, 40n), p1(180, 50n)].join(""));
        const { code, stderr } = await bridge(directory, "--p1", file);
        expect(code).not.toBe(0);
        expect(stderr).toMatch(/MS_REGISTER_DECREASED.*meter exchange/s);
    });

    it.each([
        ["no source", [], "MS_USAGE"],
        ["two sources", ["--p1", "/dev/null", "--sml", "/dev/null"], "MS_USAGE"],
        ["a file that is not there", ["--p1", "/nowhere"], "MS_NOT_FOUND"],
        ["an address without a port", ["--p1", "tcp://127.0.0.1"], "MS_USAGE"],
        ["keys of another protocol", ["--sml", import.meta.filename, "--keys", "x"], "MS_USAGE"],
    ])("refuses %s", async (_, words, code) => {
        const directory = existsSync(place("refusing"))
            ? place("refusing")
            : await gateway("refusing", 900);
        const outcome = await bridge(directory, ...words);
        expect(outcome.code).not.toBe(0);
        expect(outcome.stderr).toMatch(new RegExp(`^${code}`, "m"));
    });

    it("takes corrections for a meter that cannot sign, beside what it reads", {
        timeout: TEST_MS,
    }, async () => {
        const directory = await gateway("corrected", 60, "import,adjustments");
        const file = place("corrected.txt");
        const about = ["--from", "2020-01-01", "--until", "2020-01-02", "--reason", "ratio"];
        const to = ["--to", server.mqttUrl, "--json"];
        const correct = (): Promise<Outcome> =>
            run("meter", "correct", "--dir", directory, "--plus", "0.5", ...about, ...to);
        // Before the first reading it would be in all of them, and in no sum.
        expect(await correct()).toMatchObject({
            code: 1,
            stderr: expect.stringContaining("MS_CORRECTION"),
        });
        writeFileSync(file, STREAM.subarray(0, STREAM.length / 2));
        await bridge(directory, "--p1", file);
        expect(await correct()).toMatchObject({
            code: 0,
            stderr: expect.not.stringContaining("MS_"),
        });
        writeFileSync(file, STREAM);
        const { code, stdout } = await bridge(directory, "--p1", file);
        expect(code).toBe(0);
        expect(JSON.parse(stdout).boundaries).toBeGreaterThan(1);
        const corrected = { totalCorrectionWh: 500, corrections: [{ plusWh: 500 }] };
        expect(await usage(directory)).toMatchObject(corrected);
    });

    it("does not sign with a meter's own key what somebody else read", async () => {
        const directory = place("own");
        await run("meter", "init", "--dir", directory, "--zone", "UTC");
        await run("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request), "--json");
        const outcome = await bridge(directory, "--p1", import.meta.filename);
        expect(outcome.stderr).toMatch(/MS_NOT_ALLOWED.*--observed/s);
    });
});

describe("a plug in the home", () => {
    it("is read from its broker; what the broker kept from before is not", {
        timeout: TEST_MS,
    }, async () => {
        const broker = await Aedes.createBroker();
        const tcp = createServer(broker.handle);
        await new Promise<void>((done) => tcp.listen(0, "127.0.0.1", done));
        const { port } = tcp.address() as { port: number };
        const publish = (energy: string, retain: boolean): void =>
            broker.publish(
                {
                    ...{ cmd: "publish", qos: 1, dup: false, retain, topic: "zigbee2mqtt/plug" },
                    payload: Buffer.from(`{"energy":${energy}}`),
                },
                () => undefined,
            );
        publish("99", true);
        const directory = await gateway("plug", 1);
        const address = `mqtt://127.0.0.1:${port}/zigbee2mqtt/plug`;
        const words = [
            "bridge",
            "--dir",
            directory,
            "--zigbee2mqtt",
            address,
            "--to",
            server.mqttUrl,
        ];
        const journal = join(directory, "boundaries.jsonl");
        const kept = (): string[] =>
            existsSync(journal) ? readFileSync(journal, "utf8").split("\n").slice(0, -1) : [];
        const timer = setInterval(() => publish("1.234", false), 100);
        try {
            const running = start(words);
            await until(() => kept().length >= 2);
            running.child.kill("SIGINT");
            expect((await running.outcome).code).toBe(0);
            expect(kept().every((line) => JSON.parse(line).registers[0] === "1234")).toBe(true);
        } finally {
            clearInterval(timer);
            broker.close();
            tcp.close();
        }
    });

    it.each([
        ["no topic", "mqtt://127.0.0.1:1883"],
        ["a pattern", "mqtt://127.0.0.1:1883/zigbee2mqtt/%2B"],
        ["a password", "mqtt://me:secret@127.0.0.1:1883/plug"],
        ["another protocol", "http://127.0.0.1/plug"],
    ])("refuses an address with %s", async (_, address) => {
        const directory = existsSync(place("refusing"))
            ? place("refusing")
            : await gateway("refusing", 900);
        const outcome = await bridge(directory, "--zigbee2mqtt", address);
        expect(outcome.stderr).toMatch(/^MS_USAGE/m);
        expect(outcome.stderr).not.toContain("secret");
    });
});

const START_UNIX = Date.UTC(2026, 0, 5, 12) / 1000;

const p1 = (seconds: number, registerWh: bigint, fromUnix = START_UNIX): string =>
    p1Telegram(fromUnix + seconds, registerWh);

/** A telegram of now, whose register grows by 1 Wh each second. */
function p1Now(): string {
    const unix = Math.floor(Date.now() / 1000);
    return p1(0, BigInt(unix), unix);
}

/** A serial server that sends a telegram each 100 ms. */
class LiveMeter {
    readonly #server: TcpServer;
    readonly #sockets = new Set<Socket>();
    readonly #timer: NodeJS.Timeout;

    constructor(telegram: () => string) {
        this.#server = createServer((socket) => {
            this.#sockets.add(socket);
            socket.on("error", () => socket.destroy());
            socket.on("close", () => this.#sockets.delete(socket));
        });
        this.#timer = setInterval(() => {
            const bytes = telegram();
            for (const socket of this.#sockets) socket.write(bytes);
        }, 100);
    }

    async listen(): Promise<string> {
        await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
        const { port } = this.#server.address() as { port: number };
        return `tcp://127.0.0.1:${port}`;
    }

    drop(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    close(): void {
        clearInterval(this.#timer);
        this.drop();
        this.#server.close();
    }
}

const until = async (isDone: () => boolean): Promise<void> => {
    const endMs = Date.now() + 30_000;
    while (!isDone()) {
        if (Date.now() > endMs) throw new Error("it does not come about");
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
};

describe("a live line", () => {
    it("is kept through a broken line, kill -9 and a torn journal: each second once", {
        timeout: 2 * TEST_MS,
    }, async () => {
        const meter = new LiveMeter(p1Now);
        const address = await meter.listen();
        const directory = await gateway("live", 1);
        const words = ["bridge", "--dir", directory, "--p1", address, "--to", server.mqttUrl];
        const journal = join(directory, "boundaries.jsonl");
        /** Boundaries of the journal that were measured, not filled in. */
        const measured = (): string[] =>
            (existsSync(journal) ? readFileSync(journal, "utf8") : "")
                .split("\n")
                .slice(0, -1)
                .filter((line) => JSON.parse(line).flag === 0);
        try {
            // Nothing is in a record yet when it is killed: the journal alone has the boundaries.
            const first = start(words);
            await until(() => measured().length >= 2);
            expect(statSync(journal).mode & 0o777).toBe(0o600);
            meter.drop();
            await until(() => measured().length >= 4);
            first.child.kill("SIGKILL");
            await first.outcome;
            const kept = measured().length;
            appendFileSync(journal, '{"slot":1,"regi');
            const second = start([...words, "--json"]);
            await until(() => measured().length > kept);
            second.child.kill("SIGINT");
            const outcome = await second.outcome;
            expect(outcome.code).toBe(0);
            expect(JSON.parse(outcome.stdout)).toMatchObject({ refused: {} });
        } finally {
            meter.close();
        }
        // Ctrl-C leaves in the outbox what is not final; the next run sends it.
        const nothing = place("nothing.txt");
        writeFileSync(nothing, "");
        const rest = await bridge(directory, "--p1", nothing);
        expect(JSON.parse(rest.stdout)).toMatchObject({ telegrams: 0, openRecords: 0 });
        const { intervals, totalImportWh } = await usage(directory);
        // The register grows by 1 Wh each second: what a gap hid lands where it ends, and nothing is twice.
        expect(totalImportWh).toBe(intervals.length);
        expect(new Set(intervals.map(({ from }) => from)).size).toBe(intervals.length);
        expect(intervals.length).toBeGreaterThanOrEqual(4);
    });
});

describe("the current sensor", () => {
    /** A line with its check (CRC-16/X-25). */
    function sensorLine(sequence: number, flags: string, milliwatthours: number): string {
        const text = `MSC1,${sequence},${flags},4995,${milliwatthours},230,511`;
        let crc = 0xffff;
        for (const byte of Buffer.from(text)) {
            crc ^= byte;
            for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x8408 : crc >> 1;
        }
        return `${text}*${(crc ^ 0xffff).toString(16).toUpperCase().padStart(4, "0")}\r\n`;
    }

    it("is read by the gateway's clock; what it calls a fault is not taken", {
        timeout: TEST_MS,
    }, async () => {
        let sequence = 0;
        const meter = new LiveMeter(() => {
            sequence++;
            const lines = [sensorLine(sequence, "00", 7_999), sensorLine(sequence, "02", 9_000)];
            return lines.join("");
        });
        const address = await meter.listen();
        const directory = await gateway("sensor", 1);
        const words = ["bridge", "--dir", directory, "--serial", address, "--to", server.mqttUrl];
        const journal = join(directory, "boundaries.jsonl");
        const kept = (): string[] =>
            existsSync(journal) ? readFileSync(journal, "utf8").split("\n").slice(0, -1) : [];
        try {
            const running = start([...words, "--json"]);
            await until(() => kept().length >= 2);
            running.child.kill("SIGINT");
            const { code, stdout } = await running.outcome;
            expect(code).toBe(0);
            const { refused, telegrams } = JSON.parse(stdout);
            expect(Object.keys(refused)).toEqual(["meter-error"]);
            expect(refused["meter-error"]).toBe(telegrams / 2);
            expect(kept().every((line) => JSON.parse(line).registers[0] === "7")).toBe(true);
        } finally {
            meter.close();
        }
        // A recorded line does not say when it was written.
        const file = place("sensor.txt");
        writeFileSync(file, sensorLine(1, "00", 7_999));
        const recorded = await bridge(directory, "--serial", file);
        expect(JSON.parse(recorded.stdout)).toMatchObject({ refused: { "no time": 1 } });
    });
});

describe("registersOf", () => {
    const telegram = (
        ...values: [obis: string, digits: bigint, scaler: number, unit?: "Wh" | "J" | "m3"][]
    ): Telegram => ({
        ...{ kind: "p1", identification: "", atUnix: 0, texts: [], check: "ok" },
        values: values.map(([obis, digits, scaler, unit = "Wh"]) => ({
            obis,
            digits,
            scaler,
            unit,
            atUnix: null,
        })),
    });

    it("takes the total, or else the sum of tariffs before it rounds", () => {
        expect(
            registersOf(telegram(["1-0:1.8.0", 12_345n, -1], ["1-0:1.8.1", 9n, 0]), [0], 0),
        ).toEqual([1234n]);
        expect(
            registersOf(telegram(["1-0:1.8.1", 15n, -1], ["1-0:1.8.2", 25n, -1]), [0], 0),
        ).toEqual([4n]);
        expect(registersOf(telegram(["1-0:1.8.0", 7_200n, 0, "J"]), [0], 0)).toEqual([2n]);
        expect(registersOf(telegram(["1-3:1.8.0", 5n, 3]), [0], 3)).toEqual([5000n]);
    });

    it.each([
        ["no register", telegram(["1-0:2.8.0", 1n, 0])],
        ["another unit", telegram(["1-0:1.8.0", 1n, 0, "m3"])],
        ["a negative register", telegram(["1-0:1.8.0", -1n, 0])],
        ["an absurd power of ten", telegram(["1-0:1.8.0", 1n, 99])],
    ])("has none of %s", (_, of) => {
        expect(registersOf(of, [0], 0)).toBeNull();
    });

    it("has none where one of two groups lacks", () => {
        expect(registersOf(telegram(["1-0:1.8.0", 1n, 0]), [0, 1], 0)).toBeNull();
    });
});
