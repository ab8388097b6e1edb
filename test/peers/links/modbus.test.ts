import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sunspecMeterValues, sunspecWords } from "@meterseal/testkit/modbus-device";
import type { Server } from "../../../packages/node/src/server/server.ts";
import { Gateway, startUtility } from "./gateway-bed.ts";
import { findProgram, missing, runProgram, Served } from "./program.ts";

/** A device of libmodbus, on TCP and as RTU on a pseudo terminal. */
const compiler = findProgram("cc", "gcc");
const socat = findProgram("socat");
const header = existsSync("/usr/include/modbus/modbus.h") ? "libmodbus" : null;
const skip = missing({ cc: compiler, libmodbus: header, socat });

const TEST_MS = 60_000;
const dir = mkdtempSync(join(tmpdir(), "meterseal-modbus-"));
const dataDir = join(dir, "utility");
const program = join(dir, "modbus-server");
let server: Server;

before(async () => {
    if (skip !== false) return;
    const source = join(import.meta.dirname, "modbus-server.c");
    const words = ["-O2", "-Wall", "-Wextra", "-o", program, source, "-lmodbus"];
    const { code, errors } = await runProgram(compiler ?? "", words);
    assert.equal(code, 0, errors);
    server = await startUtility(dataDir);
});
after(async () => {
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
});

/** A device that serves, and whose registers can be set. */
async function device(...words: string[]): Promise<Served> {
    const served = new Served(program, words, {}, "pipe");
    for (let i = 0; i < 100 && !served.output.includes("ready"); i++) await sleep(20);
    assert.match(served.output, /ready/);
    return served;
}

/** Sets registers of a device: `h` holding, `i` input. */
function set(served: Served, table: "h" | "i", address: number, words: readonly number[]): void {
    const lines = words.map((word, i) => `${table} ${address + i} ${word}\n`);
    served.child.stdin?.write(lines.join(""));
}

/** Registers of a float of single precision. */
function float(value: number): number[] {
    const view = new DataView(new ArrayBuffer(4));
    view.setFloat32(0, value);
    return [view.getUint16(0), view.getUint16(2)];
}

async function freePort(): Promise<number> {
    const holder = createServer();
    await new Promise<void>((done) => holder.listen(0, "127.0.0.1", done));
    const { port } = holder.address() as { port: number };
    await new Promise((done) => holder.close(done));
    return port;
}

const slots = ["--zone", "UTC", "--slot-seconds", "1", "--groups", "import,export"];

describe("a meter of libmodbus", { skip }, () => {
    it("is read on TCP as SunSpec, also after it was started anew", {
        timeout: TEST_MS,
    }, async () => {
        const gateway = await Gateway.make(join(dir, "tcp"), server, dataDir, ...slots);
        const port = await freePort();
        const meter = (importUnits: number): number[] =>
            sunspecWords(
                ["Acme", "M3", "007"],
                203,
                sunspecMeterValues({ importUnits, exportUnits: 30, energyScaler: 1 }),
            );
        let served = await device("tcp", `${port}`);
        set(served, "h", 40_000, meter(100));
        const bridge = gateway.bridge("--modbus", `tcp://127.0.0.1:${port}?every=1`);
        try {
            await gateway.until(bridge, "1000,300");
            await served.stop();
            await bridge.shows("the meter is asked again");
            served = await device("tcp", `${port}`);
            set(served, "h", 40_000, meter(107));
            await gateway.until(bridge, "1070,300");
            bridge.child.kill("SIGINT");
            const { code, stdout } = await bridge.outcome;
            assert.deepEqual([code, JSON.parse(stdout).refused], [0, {}]);
        } finally {
            bridge.child.kill("SIGKILL");
            await served.stop();
        }
    });

    it("is read as RTU on a serial line", { timeout: TEST_MS }, async () => {
        const gateway = await Gateway.make(join(dir, "rtu"), server, dataDir, ...slots);
        const ends = ["meter-end", "gateway-end"].map((name) => join(dir, name)) as [
            string,
            string,
        ];
        const line = new Served(
            socat ?? "",
            ends.map((end) => `PTY,link=${end},rawer`),
        );
        for (let i = 0; i < 100 && !ends.every(existsSync); i++) await sleep(20);
        const served = await device("rtu", ends[0]);
        set(served, "i", 0x48, [...float(12.5), ...float(0)]);
        set(served, "i", 0x34, float(-250));
        const words = ["--baud", "9600", "--modbus", `${ends[1]}?map=sdm&every=1`];
        const bridge = gateway.bridge(...words);
        try {
            await gateway.until(bridge, "12500,0");
            set(served, "i", 0x48, [...float(12.625), ...float(0.001)]);
            await gateway.until(bridge, "12625,1");
            bridge.child.kill("SIGINT");
            const { code, stdout } = await bridge.outcome;
            assert.deepEqual([code, JSON.parse(stdout).refused], [0, {}]);
        } finally {
            bridge.child.kill("SIGKILL");
            await served.stop();
            await line.stop();
        }
    });
});
