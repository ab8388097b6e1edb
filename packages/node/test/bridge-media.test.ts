import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Socket, type Server as TcpServer } from "node:net";
import { join } from "node:path";
import { decodeMbus, type Telegram } from "@meterseal/telegram";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mediumRegisterOf } from "../src/bridge/medium-registers.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { type Outcome, run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { p1Telegram } from "./p1-telegram.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const START_UNIX = Date.UTC(2026, 0, 5, 12) / 1000;
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
const dataDir = place("utility");
let server: Server;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());

async function gateway(name: string, ...words: string[]): Promise<string> {
    const dir = place(name);
    const made = await run("meter", "init", "--observed", "--dir", dir, "--zone", "UTC", ...words);
    expect([made.code, made.stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
    const enrolled = await run("enrol", "--data", dataDir, join(dir, DEVICE_FILES.request));
    expect(enrolled.code).toBe(0);
    return dir;
}

const bridge = (...words: string[]): Promise<Outcome> =>
    run("bridge", "--to", server.mqttUrl, "--json", ...words);

async function usage(dir: string, ...words: string[]): Promise<string> {
    const key = ["--key", join(dir, DEVICE_FILES.keyFile), "--url", server.httpUrl, ...words];
    const { code, stderr, stdout } = await run("usage", ...key);
    expect([code, stderr]).toEqual([0, ""]);
    return stdout;
}

/** Line of a sub-meter: when it was read, and its register. */
function subMeter(number: number, type: string, unix: number, value: string): string[] {
    const wall = new Date((unix + 3_600) * 1000).toISOString().replaceAll(/\D/g, "").slice(2, 14);
    return [`0-${number}:24.1.0(${type})`, `0-${number}:24.2.1(${wall}W)(${value})`];
}

/** Telegrams a minute over some hours: power flows, gas is read each five minutes, water at :37. */
function hours(count: number): string {
    const telegrams: string[] = [];
    for (let minute = 0; minute <= 60 * count; minute++) {
        const unix = START_UNIX + 60 * minute;
        const gasUnix = unix - (unix % 300);
        const gas = (gasUnix - START_UNIX) / 300; // a litre each five minutes
        const waterUnix = unix - ((unix - 37 * 60) % 3600);
        const water = Math.max(0, Math.floor((waterUnix - START_UNIX) / 3600) * 120 + 5_000);
        telegrams.push(
            p1Telegram(unix, BigInt(1_000 + minute), [
                ...subMeter(
                    1,
                    "003",
                    gasUnix,
                    `0012${785 + Math.floor(gas / 1000)}.${String(gas % 1000).padStart(3, "0")}*m3`,
                ),
                ...subMeter(
                    2,
                    "007",
                    waterUnix,
                    `${Math.floor(water / 1000)}.${String(water % 1000).padStart(3, "0")}*m3`,
                ),
            ]),
        );
    }
    return telegrams.join("");
}

describe("sub-meters behind a P1 port", () => {
    it("become sealed streams of their own, from one line, in their units", {
        timeout: TEST_MS,
    }, async () => {
        const hourly = ["--slot-seconds", "3600"];
        const [power, gas, water] = [
            await gateway("power"),
            await gateway("gas", "--medium", "gas", ...hourly),
            await gateway("water", "--medium", "water", ...hourly),
        ];
        const file = place("hours.txt");
        writeFileSync(file, hours(5));
        const also = ["--also", gas, "--also", water];
        const { code, stderr, stdout } = await bridge("--dir", power, ...also, "--p1", file);
        expect([code, stderr]).toEqual([0, expect.not.stringContaining("MS_")]);
        const reports = stdout
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line));
        expect(reports.map(({ medium, refused }) => [medium, refused])).toEqual([
            [undefined, {}],
            ["gas", {}],
            ["water", {}],
        ]);
        expect(JSON.parse(await usage(power, "--json")).totalImportWh).toBe(300);

        const ofGas = JSON.parse(await usage(gas, "--level", "hour", "--json"));
        expect(ofGas).toMatchObject({ medium: "gas", totalImportLitres: 60, coverage: 1 });
        expect(ofGas).not.toHaveProperty("totalImportWh");
        expect(ofGas.intervals.map((each: { importLitres: number }) => each.importLitres)).toEqual(
            Array(5).fill(12),
        );
        // Read once an hour at :37: that stands for the boundary next to it.
        const ofWater = JSON.parse(await usage(water, "--level", "hour", "--json"));
        const litres = ofWater.intervals.map((each: { importLitres: number }) => each.importLitres);
        expect(litres).toEqual(Array(litres.length).fill(120));
        expect(litres.length).toBeGreaterThanOrEqual(4);

        const text = await usage(gas, "--level", "hour");
        expect(text).toContain("0.012 m³");
        expect(text).toContain("total 0.060 m³, 100.0 % of the slots measured");
        expect(text).not.toContain("kWh");
        const key = ["--key", join(gas, DEVICE_FILES.keyFile), "--url", server.httpUrl];
        const csv = await run("export", ...key, "--level", "hour");
        expect(csv.stdout).toMatch(
            /^timestamp,import_m3,quality\r\n2026-01-05T12:00:00\+00:00,0\.012,/,
        );
        expect(
            (await run("verify", "--data", dataDir, "--key", join(gas, DEVICE_FILES.keyFile))).code,
        ).toBe(0);
    });

    it("have a key file that a reader of electricity does not take", async () => {
        const key = readFileSync(join(place("gas"), DEVICE_FILES.keyFile), "utf8");
        expect(JSON.parse(key)).toMatchObject({
            format: "meterseal-key/v2",
            medium: "gas",
            scale: -3,
        });
        const { medium, ...rest } = JSON.parse(key);
        const file = place("lying.json");
        const read = async (fields: object): Promise<string> => {
            writeFileSync(file, JSON.stringify(fields));
            return (await run("usage", "--key", file, "--url", server.httpUrl)).stderr;
        };
        expect(await read({ ...rest, format: "meterseal-key/v1" })).toMatch(/^MS_KEY_FOREIGN/);
        expect(await read({ ...rest, medium: "water" })).toMatch(/^MS_KEY_FOREIGN/);
        for (const wrong of ["electricity", "constructor", 1, undefined])
            expect(await read({ ...rest, medium: wrong })).toMatch(/^MS_KEY_FILE/);
        expect(medium).toBe("gas");
    });

    it("are refused as a medium that there is not, and with export", async () => {
        const init = (...words: string[]): Promise<Outcome> =>
            run("meter", "init", "--dir", place("none"), "--zone", "UTC", ...words);
        expect((await init("--medium", "steam")).stderr).toMatch(/^MS_USAGE.*gas, water or heat/s);
        const two = await init("--medium", "gas", "--groups", "import,export");
        expect(two.stderr).toMatch(/^MS_USAGE.*without export, of gas/s);
    });
});

/** What is heard on the gateway's line, again and again. */
class LineOfFrames {
    readonly #server: TcpServer = createServer((socket) => this.#sockets.add(socket));
    readonly #sockets = new Set<Socket>();
    frame: Uint8Array = new Uint8Array();
    readonly #timer = setInterval(() => {
        for (const socket of this.#sockets) socket.write(this.frame);
    }, 200);

    async listen(): Promise<string> {
        await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
        return `tcp://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
    }

    close(): void {
        clearInterval(this.#timer);
        for (const socket of this.#sockets) socket.destroy();
        this.#server.close();
    }
}

/** Long frame of a heat meter whose energy is so many times 10 Wh (DIF 04: 32 bits; VIF 04: 10 Wh). */
function heatFrame(tens: number): Uint8Array {
    const energy = Array.from({ length: 4 }, (_, i) => (tens >> (8 * i)) & 0xff);
    const head = [0x08, 0x01, 0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x04, 1, 0, 0, 0];
    const data = [...head, 0x04, 0x04, ...energy];
    const sum = data.reduce((total, byte) => (total + byte) & 0xff, 0);
    return Uint8Array.of(0x68, data.length, data.length, 0x68, ...data, sum, 0x16);
}

describe("a heat meter on M-Bus", () => {
    it("is sealed in Wh, by the gateway's clock", { timeout: TEST_MS }, async () => {
        const dir = await gateway("heat", "--medium", "heat", "--slot-seconds", "1");
        const meter = new LineOfFrames();
        const source = ["--mbus", await meter.listen(), "--send-every", "1"];
        meter.frame = heatFrame(39_831);
        const running = start([
            "bridge",
            "--dir",
            dir,
            "--to",
            server.mqttUrl,
            "--json",
            ...source,
        ]);
        try {
            const total = async (): Promise<number | null> => {
                const key = ["--key", join(dir, DEVICE_FILES.keyFile), "--url", server.httpUrl];
                const { code, stdout } = await run("usage", ...key, "--json");
                return code === 0 ? JSON.parse(stdout).totalImportWh : null;
            };
            const until = async (wh: number): Promise<void> => {
                for (let i = 0; i < 200 && (await total()) !== wh; i++)
                    await new Promise((done) => setTimeout(done, 100));
                expect(await total()).toBe(wh);
            };
            await until(0);
            meter.frame = heatFrame(39_861);
            await until(300);
            expect(await usage(dir, "--level", "day")).toContain("0.300 kWh");
            running.child.kill("SIGINT");
            expect((await running.outcome).code).toBe(0);
        } finally {
            running.child.kill("SIGKILL");
            meter.close();
        }
    });
});

describe("a gas meter that sends by radio", () => {
    /** Example of the OMS specification, volume 2 annex N: meter 12345678, 28504.27 m³, encrypted. */
    const frame =
        "2e4493157856341233037a2a0020255923c95aaa26d1b2e7493b013ec4a6f6d3529b520edff0ea6defc99d6d69ebf3";
    const key = "0102030405060708090a0b0c0d0e0f11";
    const words = (dir: string, address: string, ...more: string[]): string[] => [
        ...["bridge", "--dir", dir, "--to", server.mqttUrl, "--json", "--wmbus", address, ...more],
    ];

    it("is told from its neighbours, opened with its key, and sealed", {
        timeout: TEST_MS,
    }, async () => {
        const dir = await gateway("radio", "--medium", "gas", "--slot-seconds", "1");
        const receiver = new LineOfFrames();
        const neighbour = frame.replace("78563412", "79563412");
        receiver.frame = Buffer.from(
            `T1;1;1;;97;148;;0x${neighbour}\nT1;1;1;;97;148;;0x${frame}\n`,
        );
        const keys = place("radio-key");
        writeFileSync(keys, `${key}\n`, { mode: 0o600 });
        const address = await receiver.listen();
        const running = start(words(dir, address, "--number", "12345678", "--keys", keys));
        try {
            const journal = join(dir, "boundaries.jsonl");
            const kept = (): string => (existsSync(journal) ? readFileSync(journal, "utf8") : "");
            for (let i = 0; i < 200 && !kept().includes('"28504270"'); i++)
                await new Promise((done) => setTimeout(done, 100));
            expect(kept()).toContain('"registers":["28504270"]');
            running.child.kill("SIGINT");
            const { code, stdout } = await running.outcome;
            expect([code, JSON.parse(stdout).refused]).toEqual([0, {}]);
        } finally {
            running.child.kill("SIGKILL");
            receiver.close();
        }
    });

    it.each([
        ["no number", [], /^MS_USAGE.*--number/s],
        ["a short number", ["--number", "123"], /^MS_USAGE.*8 digits/s],
    ])("is refused with %s", async (_, more, message) => {
        const { stderr } = await run(...words(place("radio"), "tcp://127.0.0.1:1", ...more));
        expect(stderr).toMatch(message);
    });

    it("has a number alone", async () => {
        const other = [
            "bridge",
            "--dir",
            place("radio"),
            "--to",
            server.mqttUrl,
            "--number",
            "12345678",
        ];
        expect((await run(...other, "--p1", import.meta.filename)).stderr).toMatch(/^MS_USAGE/);
    });
});

describe("mediumRegisterOf", () => {
    const telegram = (
        ...values: [obis: string, digits: bigint, scaler: number, unit: "m3" | "J" | "Wh" | ""][]
    ): Telegram => ({
        ...{ kind: "p1", identification: "", atUnix: 0, texts: [], check: "ok" },
        values: values.map(([obis, digits, scaler, unit]) => ({
            obis,
            digits,
            scaler,
            unit,
            atUnix: 7,
        })),
    });
    const gas1 = ["0-1:24.1.0", 3n, 0, ""] as const;
    const gas2 = ["0-2:24.1.0", 3n, 0, ""] as const;
    const register = (register: bigint) => ({ register, atUnix: 7 });

    it.each([
        ["gas", [[...gas1], ["0-1:24.2.1", 12_785_123n, -3, "m3"]], 12_785_123n],
        ["gas", [[...gas1], ["0-1:24.2.3", 112_384n, -3, "m3"]], 112_384n],
        ["gas", [["7-0:3.0.0", 5n, 0, "m3"]], 5_000n],
        [
            "water",
            [
                ["0-2:24.1.0", 7n, 0, ""],
                ["0-2:24.2.1", 872_234n, -3, "m3"],
            ],
            872_234n,
        ],
        ["water", [["8-0:1.0.0", 54_321n, -4, "m3"]], 5_432n],
        [
            "heat",
            [
                ["0-3:24.1.0", 4n, 0, ""],
                ["0-3:24.2.1", 36n, 9, "J"],
            ],
            10_000_000n,
        ],
        ["heat", [["6-0:1.0.0", 7n, 9, "J"]], 1_944_444n],
        ["heat", [["1-0:6.8.0", 1n, 6, "Wh"]], 1_000_000n],
    ] as const)("reads %s", (medium, values, expected) => {
        const of = telegram(...(values as never as Parameters<typeof telegram>));
        expect(mediumRegisterOf(of, medium, null)).toEqual(register(expected));
    });

    it("takes the sub-meter that is asked for, and none where there are several", () => {
        const of = telegram(
            [...gas1],
            ["0-1:24.2.1", 1n, 0, "m3"],
            [...gas2],
            ["0-2:24.2.1", 2n, 0, "m3"],
        );
        expect(mediumRegisterOf(of, "gas", null)).toBe("several meters");
        expect(mediumRegisterOf(of, "gas", 2)).toEqual(register(2_000n));
        expect(mediumRegisterOf(of, "gas", 3)).toBe("no register");
        expect(mediumRegisterOf(of, "water", null)).toBe("no register");
    });

    it("has none of another unit", () => {
        const of = telegram([...gas1], ["0-1:24.2.1", 1n, 0, "Wh"]);
        expect(mediumRegisterOf(of, "gas", null)).toBe("no register");
        const decoded = decodeMbus(heatFrame(7));
        expect(decoded.ok && mediumRegisterOf(decoded.value, "heat", null)).toEqual({
            ...{ register: 70n, atUnix: null },
        });
    });
});
