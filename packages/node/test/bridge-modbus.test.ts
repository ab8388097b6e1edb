import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ModbusDevice, sunspecMeterValues, sunspecWords } from "@meterseal/testkit/modbus-device";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseModbusAddress } from "../src/bridge/modbus/address.ts";
import { openModbusSource } from "../src/bridge/modbus/source.ts";
import { registersOf } from "../src/bridge/registers.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const dataDir = join(scratch, "utility");
let server: Server;
let device: ModbusDevice;
let port: number;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
});
afterAll(() => server.close());
beforeEach(async () => {
    device = new ModbusDevice();
    port = await device.listen();
});
afterEach(() => device.close());

async function gateway(name: string, groups = "import,export"): Promise<string> {
    const dir = join(scratch, name);
    const words = ["--zone", "UTC", "--slot-seconds", "1", "--groups", groups, "--json"];
    await run("meter", "init", "--observed", "--dir", dir, ...words);
    const request = join(dir, DEVICE_FILES.request);
    expect((await run("enrol", "--data", dataDir, request, "--json")).code).toBe(0);
    return dir;
}

function meter(importUnits: number, exportUnits: number, energyScaler = 0): void {
    const values = sunspecMeterValues({ importUnits, exportUnits, energyScaler });
    device.set("holding", 40_000, sunspecWords(["Acme", "M3", "007"], 203, values));
}

type Line = { slot: number; registers: string[]; flag: number };

function kept(dir: string): Line[] {
    const path = join(dir, "boundaries.jsonl");
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
    return lines.map((line) => JSON.parse(line));
}

const bridge = (dir: string, query: string) =>
    start([
        ...["bridge", "--dir", dir, "--to", server.mqttUrl, "--send-every", "1", "--json"],
        ...["--modbus", `tcp://127.0.0.1:${port}?every=1&${query}`],
    ]);

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, 50));

async function until(isSo: () => boolean): Promise<void> {
    for (let i = 0; i < 400 && !isSo(); i++) await pause();
    expect(isSo()).toBe(true);
}

describe("meterseal bridge --modbus", () => {
    it("seals what a SunSpec meter has, through an outage, and over an accumulator that turns", {
        timeout: TEST_MS,
    }, async () => {
        const dir = await gateway("sunspec");
        // 10 Wh before the accumulator of 32 bits begins at 0 again.
        meter(2 ** 32 - 10, 50);
        const running = bridge(dir, "map=sunspec");
        const registers = (): string => kept(dir).at(-1)?.registers.join() ?? "";
        await until(() => registers() === "4294967286,50");
        device.change = () => null; // silent
        await until(() => running.said().includes("no answer within 1000 ms"));
        device.change = (answer) => answer;
        meter(5, 60);
        await until(() => registers() === "4294967301,60");
        expect(running.said()).toContain("the meter answers again");
        const key = ["--key", join(dir, DEVICE_FILES.keyFile), "--url", server.httpUrl, "--json"];
        const totals = async (): Promise<unknown> => {
            const { code, stdout } = await run("usage", ...key);
            if (code !== 0) return null; // no record is there yet
            const { totalExportWh, totalImportWh } = JSON.parse(stdout);
            return [totalImportWh, totalExportWh];
        };
        for (let i = 0; i < 100 && String(await totals()) !== "15,10"; i++) await pause();
        expect(await totals()).toEqual([15, 10]);
        running.child.kill("SIGINT");
        const { code, stdout } = await running.outcome;
        expect([code, JSON.parse(stdout).refused]).toEqual([0, {}]);
    });

    it("seals what a meter without SunSpec has, also one that lacks what larger ones have", {
        timeout: TEST_MS,
    }, async () => {
        const dir = await gateway("sdm");
        device.set("input", 0x48, [0x449a, 0x5225, 0, 0]); // 1234.567 kWh, and none exported
        const running = bridge(dir, "map=sdm&unit=3");
        await until(() => kept(dir).length >= 2);
        running.child.kill("SIGINT");
        expect((await running.outcome).code).toBe(0);
        expect(kept(dir).at(-1)?.registers).toEqual(["1234567", "0"]);
        const addresses = device.asked.map(([, address]) => address);
        expect(addresses.filter((address) => address === 0x34)).toHaveLength(1); // refused once
    });

    it("seals what an inverter fed in, in a stream of export alone", {
        timeout: TEST_MS,
    }, async () => {
        const dir = await gateway("inverter", "export");
        const values = Array.from({ length: 50 }, () => 0x8000);
        values.splice(22, 3, 0, 4_373, 0); // Wh in two registers, and their scale factor
        device.set("holding", 40_000, sunspecWords(["Acme", "I3", "008"], 103, values));
        const running = bridge(dir, "map=sunspec");
        await until(() => kept(dir).length >= 2);
        running.child.kill("SIGINT");
        expect((await running.outcome).code).toBe(0);
        expect(kept(dir).at(-1)?.registers).toEqual(["4373"]);
    });

    it("says what a meter has where that is not what its stream counts", {
        timeout: TEST_MS,
    }, async () => {
        const dir = await gateway("other-way", "import");
        const values = Array.from({ length: 50 }, () => 0x8000);
        values.splice(22, 3, 0, 4_373, 0);
        device.set("holding", 40_000, sunspecWords(["Acme", "I3", "008"], 103, values));
        const running = bridge(dir, "map=sunspec");
        await running.shows("reason=no register count=1 has=1-0:2.8.0");
        running.child.kill("SIGINT");
        expect((await running.outcome).code).toBe(0);
    });

    it.each([
        ["no SunSpec device", "map=sunspec", () => {}, /MS_NOT_FOUND.*SunSpec device.*map=/s],
        [
            "a SunSpec device without a meter",
            "map=sunspec",
            () => device.set("holding", 40_000, sunspecWords(["A", "B", "C"], 802, [1, 2])),
            /MS_NOT_FOUND.*Got models 1, 802/s,
        ],
        ["a meter of another map", "map=abb-b", () => meter(1, 1), /MS_NOT_FOUND.*map= that of/s],
    ])(
        "ends at %s",
        async (name, query, prepare, message) => {
            const dir = await gateway(name.replaceAll(" ", "-"));
            prepare();
            const { code, stderr } = await bridge(dir, query).outcome;
            expect(code).not.toBe(0);
            expect(stderr).toMatch(message);
        },
        TEST_MS,
    );

    it(
        "does not follow a device whose models never end",
        async () => {
            const dir = await gateway("endless");
            device.set("holding", 0, [0x5375, 0x6e53, ...Array(0xfffd).fill(0)]);
            expect((await bridge(dir, "map=sunspec").outcome).stderr).toMatch(/MS_NOT_FOUND/);
            expect(device.asked.length).toBeLessThan(80);
        },
        TEST_MS,
    );
});

describe("a Modbus meter that is silent", () => {
    it("is asked again after a pause, in which a late answer is over", async () => {
        const ended = new AbortController();
        const askedMs: number[] = [];
        device.change = () => {
            askedMs.push(performance.now());
            if (askedMs.length === 2) ended.abort();
            return null;
        };
        const log = { info: () => {}, warn: () => {} };
        const source = openModbusSource(`tcp://127.0.0.1:${port}?map=sdm&every=1`, null, log);
        await source.read(() => Promise.resolve(), ended.signal);
        const [first = 0, second = 0] = askedMs;
        expect(second - first).toBeGreaterThan(1_900); // an answer's time, and the shortest pause
    });
});

describe("the address of a Modbus meter", () => {
    it.each([
        ["tcp://10.0.0.7", { line: { kind: "tcp", host: "10.0.0.7", port: 502 }, unit: 1 }],
        [
            "tcp://[::1]:1502/?unit=247",
            { line: { kind: "tcp", host: "::1", port: 1502 }, unit: 247 },
        ],
        [
            "rtu+tcp://gw:4196?map=sdm",
            { line: { kind: "rtu+tcp", host: "gw", port: 4196 }, map: "sdm" },
        ],
        [
            "/dev/ttyUSB0?map=em300&parity=even&every=60",
            { line: { kind: "serial", path: "/dev/ttyUSB0", parity: "even" }, everySeconds: 60 },
        ],
    ])("%s", (text, parsed) => {
        expect(parseModbusAddress(text)).toMatchObject(parsed);
    });

    it.each([
        ...["tcp://h?unit=256", "tcp://h?map=other", "tcp://h?every=0", "tcp://h?every=3601"],
        ...["tcp://h?speed=1", "http://h", "rtu+tcp://h", "tcp://h?parity=odd"],
        ...["?map=sdm", "tcp://h/path", "tcp://h?unit=1?map=sdm"],
    ])("is refused: %s", (text) => {
        expect(() => parseModbusAddress(text)).toThrow(/MS_USAGE/);
    });

    it.each(["tcp://me:hunter2@h", "tcp://me:a/hunter2?@h"])(
        "is refused with a password, which is not shown again: %s",
        (text) => {
            expect(() => parseModbusAddress(text)).toThrow(/^(?=MS_USAGE)(?!.*hunter2)/s);
        },
    );
});

describe("a register that begins at 0 again", () => {
    const telegram = (digits: bigint, scaler: number) => ({
        ...({
            kind: "modbus",
            identification: "",
            atUnix: null,
            texts: [],
            check: "absent",
        } as const),
        values: [
            {
                obis: "1-0:1.8.0",
                digits,
                scaler,
                unit: "Wh",
                atUnix: null,
                wrapsAt: 2n ** 32n,
            } as const,
        ],
    });

    it("counts on, also after several turns and in parts of a Wh", () => {
        const after = (digits: bigint, scaler: number, last: bigint) =>
            registersOf(telegram(digits, scaler), [0], 0, {
                registers: [last],
                growthMaxWh: 1000n,
            });
        expect(after(4n, 0, 2n ** 32n - 1n)).toEqual([2n ** 32n + 4n]);
        expect(after(4n, 0, 3n * 2n ** 32n - 1n)).toEqual([3n * 2n ** 32n + 4n]);
        expect(after(50n, -2, 42_949_672n)).toEqual([42_949_673n]); // 42949672.96 + 0.50
    });

    it("is seen to fall where so much cannot have flowed: the meter was reset or exchanged", () => {
        const before = { registers: [2n ** 32n - 1n], growthMaxWh: 1000n };
        expect(registersOf(telegram(1_000n, 0), [0], 0, before)).toEqual([1_000n]);
        expect(registersOf(telegram(999n, 0), [0], 0, before)).toEqual([2n ** 32n + 999n]);
    });
});
