import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decodeSensorLine, SensorLineSplitter, type SensorTelegram } from "@meterseal/telegram";
import { systemClock } from "../../packages/node/src/clocks.ts";
import { DEVICE_FILES } from "../../packages/node/src/device/device.ts";
import { startServer } from "../../packages/node/src/server/server.ts";
import { type Running, run, start } from "../../packages/node/test/command.ts";
import { findProgram, missing, runProgram, Served } from "./links/program.ts";

/** The firmware of the current sensor, compiled for its processor and run in simavr. */
const FIRMWARE = join(import.meta.dirname, "../../firmware/acs712");
const compiler = findProgram("avr-gcc");
const hostCompiler = findProgram("cc", "gcc");
const socat = findProgram("socat");
const libraries = [process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu", "."];
const simulator =
    libraries.map((place) => `/usr/lib/${place}/libsimavr.so`).find(existsSync) ?? null;
const skip = missing({ "avr-gcc": compiler, cc: hostCompiler, libsimavr: simulator });

const COMPILE_MS = 60_000;
const SIMULATE_MS = 50_000;
const GATEWAY_MS = 120_000;
/** Readings within this share of the true current, as far as converter and arithmetic go. */
const ACCURACY = 0.01;
const dir = mkdtempSync(join(tmpdir(), "meterseal-firmware-"));
const bench = join(dir, "bench");
const firmware = join(dir, "acs712.elf");
const quickFirmware = join(dir, "quick.elf");

async function compile(path: string | null, words: readonly string[]): Promise<void> {
    const { code, errors } = await runProgram(path ?? "", words, COMPILE_MS);
    assert.equal(code, 0, errors);
}

/** Compiles the firmware as its Makefile does. */
async function build(output: string, ...definitions: string[]): Promise<void> {
    const sources = readdirSync(join(FIRMWARE, "src")).filter((name) => name.endsWith(".c"));
    const make = readFileSync(join(FIRMWARE, "Makefile"), "utf8");
    const flags = /^FLAGS = (.*)$/m.exec(make)?.[1]?.split(" ") ?? [];
    const paths = sources.map((name) => join(FIRMWARE, "src", name));
    await compile(compiler, [...flags, ...definitions, "-o", output, ...paths]);
}

/** What the sensor says in some simulated seconds. */
async function measure(...settings: string[]): Promise<SensorTelegram[]> {
    const { code, errors, output } = await runProgram(bench, [firmware, ...settings], SIMULATE_MS);
    assert.equal(code, 0, errors);
    return new SensorLineSplitter().push(output).map((line) => {
        const decoded = decodeSensorLine(line);
        if (!decoded.ok) throw new Error(`${decoded.fault.code}: ${decoded.fault.expected}`);
        assert.equal(decoded.value.check, "ok");
        return decoded.value;
    });
}

const numberOf = ({ values }: SensorTelegram, code: string): number => {
    const value = values.find(({ obis }) => obis === code);
    return Number(value?.digits) * 10 ** (value?.scaler ?? 0);
};
const ampsOf = (line: SensorTelegram): number => numberOf(line, "1-0:11.7.0");
const energyOf = (line: SensorTelegram): number => numberOf(line, "1-0:1.8.0");

function assertNear(value: number, expected: number, share = ACCURACY): void {
    assert.ok(Math.abs(value - expected) <= expected * share, `${value} instead of ${expected}`);
}

before(async () => {
    if (skip !== false) return;
    await build(firmware);
    await build(quickFirmware, "-DSAVE_SECONDS=1");
    const source = join(FIRMWARE, "test", "bench.c");
    await compile(hostCompiler, [
        "-O2",
        "-Wall",
        "-Wextra",
        "-o",
        bench,
        source,
        "-lsimavr",
        "-lm",
    ]);
});
after(() => rmSync(dir, { recursive: true, force: true }));

describe("the current sensor in simavr", { skip }, () => {
    it("says zero where nothing flows, also through noise", async () => {
        for (const noise of [0, 5]) {
            const lines = await measure("amps=0", `noise=${noise}`);
            assert.equal(lines.length, 9);
            for (const line of lines) assert.deepEqual([ampsOf(line), line.flags], [0, []]);
        }
    });

    for (const amps of [0.5, 5, 20]) {
        for (const hertz of [50, 60]) {
            it(`measures ${amps} A of ${hertz} Hz within 1 %, a line a second`, async () => {
                const lines = await measure(`amps=${amps}`, `hertz=${hertz}`, "noise=3");
                assert.deepEqual(
                    lines.map(({ sequence }) => sequence),
                    lines.map((_, second) => second),
                );
                for (const line of lines) {
                    assertNear(ampsOf(line), amps);
                    assert.deepEqual(line.flags, []);
                }
            });
        }
    }

    it("measures on where mains is half a hertz off", async () => {
        for (const hertz of [49.5, 60.5])
            for (const line of await measure("amps=5", `hertz=${hertz}`))
                assertNear(ampsOf(line), 5);
    });

    it("follows a zero point that drifts, and says where it is", async () => {
        const lines = await measure("amps=5", "drift=10", "seconds=20");
        for (const line of lines) assertNear(ampsOf(line), 5);
        const offsets = lines.map(({ offsetSteps }) => offsetSteps);
        assert.deepEqual(
            offsets.toSorted((a, b) => a - b),
            offsets,
        );
        assertNear((offsets.at(-1) ?? 0) - (offsets[0] ?? 0), (18 * 10) / 4.883, 0.05);
    });

    it("says that it is clipped, by its converter or beyond what the sensor is linear to", async () => {
        for (const amps of [22, 40])
            for (const line of await measure(`amps=${amps}`))
                assert.deepEqual(line.flags, ["clipped"]);
        for (const line of await measure("amps=21")) assert.deepEqual(line.flags, []);
    });

    it("counts energy at the nominal voltage, and never says less after a loss of power", async () => {
        const lines = await measure("amps=20", "seconds=130", "reset=65.5");
        const first = lines.filter((_, at) => at < 65);
        const second = lines.slice(first.length);
        const perMinute = (20 * 230 * 60) / 3600;
        assertNear(energyOf(first[64] as SensorTelegram), perMinute);
        assert.deepEqual(
            [second[0]?.sequence, energyOf(second[0] as SensorTelegram)],
            [0, energyOf(first[64] as SensorTelegram)],
        );
        assertNear(energyOf(second.at(-1) as SensorTelegram), 2 * perMinute);
    });

    for (const [fault, ...settings] of [
        ["zero point", "zero=500"],
        ["self-test", "supply=3300", "zero=1650"],
        ["memory", "damage=1"],
    ] as const) {
        it(`calls it a fault that its ${fault} is wrong, and counts nothing`, async () => {
            const words = [firmware, "amps=5", "seconds=65", ...settings];
            const { output } = await runProgram(bench, words, SIMULATE_MS);
            const lines = new SensorLineSplitter().push(output);
            assert.ok(lines.length >= 60);
            for (const line of lines) {
                const decoded = decodeSensorLine(line);
                const said = decoded.ok ? "no fault" : decoded.fault;
                const expected = `no fault: ${fault}`;
                assert.deepEqual(said, { code: "meter-error", where: "field 2", expected });
                const [, , , , milliwatthours] = Buffer.from(line).toString().split(",");
                assert.equal(milliwatthours, "0");
            }
        });
    }
});

describe("the current sensor at a gateway", { skip: skip || missing({ socat }) }, () => {
    it("brings its registers through a serial device into the ledger, and out again", {
        timeout: GATEWAY_MS,
    }, async () => {
        const dataDir = join(dir, "utility");
        const log = { info: () => {}, warn: () => {} };
        const server = await startServer({
            ...{ dataDir, host: "127.0.0.1", httpPort: 0, mqttPort: 0, clock: systemClock },
            ...{ clockLabel: null, mode: null, log, onFatal: () => {} },
        });
        const [gateway, device, said] = ["gateway", "device", "said"].map((name) =>
            join(dir, name),
        );
        const directory = gateway as string;
        const command = `${bench} ${quickFirmware} amps=20 seconds=600 pace=2 | tee --output-error=exit ${said}`;
        const serial = new Served(socat ?? "", [
            `PTY,link=${device},rawer,wait-slave`,
            `SYSTEM:${command}`,
        ]);
        let bridge: Running | null = null;
        try {
            await run(
                "meter",
                "init",
                "--observed",
                "--dir",
                directory,
                "--zone",
                "UTC",
                "--slot-seconds",
                "1",
            );
            await run("enrol", "--data", dataDir, join(directory, DEVICE_FILES.request));
            while (!existsSync(device as string)) await sleep(20);
            const words = [
                "bridge",
                "--dir",
                directory,
                "--to",
                server.mqttUrl,
                "--json",
                "--serial",
            ];
            bridge = start([...words, device as string]);
            const journal = join(directory, "boundaries.jsonl");
            const kept = (): { slot: number; registers: string[] }[] =>
                (existsSync(journal) ? readFileSync(journal, "utf8") : "")
                    .split("\n")
                    .slice(0, -1)
                    .map((line) => JSON.parse(line));
            while (kept().length < 5 && bridge.child.exitCode === null) await sleep(100);
            bridge.child.kill("SIGINT");
            const { code, stderr, stdout } = await bridge.outcome;
            assert.equal(code, 0, stderr);
            assert.deepEqual(JSON.parse(stdout).refused, {});
            // What Ctrl-C left in the outbox goes now.
            const nothing = join(dir, "nothing.txt");
            writeFileSync(nothing, "");
            const rest = await run(...words, nothing);
            assert.equal(JSON.parse(rest.stdout).openRecords, 0);

            const lines = new SensorLineSplitter().push(readFileSync(said as string));
            const registers = new Set(
                lines.flatMap((line) => {
                    const decoded = decodeSensorLine(line);
                    return decoded.ok ? [`${Math.floor(energyOf(decoded.value))}`] : [];
                }),
            );
            const boundaries = kept();
            for (const {
                registers: [register = ""],
            } of boundaries)
                assert.ok(registers.has(register));
            const keys = [
                "--key",
                join(directory, DEVICE_FILES.keyFile),
                "--level",
                "slot",
                "--json",
            ];
            const usage = await run("usage", ...keys, "--url", server.httpUrl);
            assert.equal(usage.code, 0, usage.stderr);
            const ends = [boundaries[0], boundaries.at(-1)].map((one) => Number(one?.registers[0]));
            const { totalImportWh } = JSON.parse(usage.stdout);
            assert.equal(totalImportWh, (ends[1] ?? 0) - (ends[0] ?? 0));
            assert.ok(totalImportWh > 3);
        } finally {
            bridge?.child.kill("SIGKILL");
            await serial.stop();
            await server.close();
        }
    });
});
