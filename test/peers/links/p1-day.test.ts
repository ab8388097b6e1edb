import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import { P1Splitter } from "@meterseal/telegram";
import type { Server } from "../../../packages/node/src/server/server.ts";
import { Gateway, startUtility } from "./gateway-bed.ts";
import { findProgram, missing, Served } from "./program.ts";

/** A day of a Dutch meter's port, a telegram a second, through a pseudo terminal, faster than it was. */
const socat = findProgram("socat");
const skip = missing({ socat });

const DAY_SECONDS = 86_400;
/** Each boundary is on disk before it goes on: minutes keep the day short. */
const SLOT_SECONDS = 60;
const TEST_MS = 600_000;
/** Midnight in the Netherlands, in winter. */
const BEGIN_UNIX = Date.UTC(2026, 0, 4, 23) / 1000;
const dir = mkdtempSync(join(tmpdir(), "meterseal-p1-day-"));
const dataDir = join(dir, "utility");
let server: Server;

before(async () => {
    if (skip === false) server = await startUtility(dataDir);
});
after(async () => {
    await server?.close();
    rmSync(dir, { recursive: true, force: true });
});

/** Bodies of five recorded minutes, without their checks. */
function recorded(): string[] {
    const path = new URL("../../../vectors/telegram/p1-stream.txt.gz", import.meta.url);
    const stream = new P1Splitter().push(gunzipSync(readFileSync(path)));
    return stream.map((telegram) => {
        const text = Buffer.from(telegram).toString("latin1");
        const body = text.slice(text.indexOf("/"), text.indexOf("!") + 1);
        return body.replaceAll(/\r?\n/g, "\r\n"); // as the meter sends it: the file has bare line feeds
    });
}

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
    return crc;
});

function withCheck(body: string): string {
    let crc = 0;
    for (let i = 0; i < body.length; i++)
        crc = (crc >> 8) ^ (TABLE[(crc ^ body.charCodeAt(i)) & 0xff] ?? 0);
    return `${body}${crc.toString(16).toUpperCase().padStart(4, "0")}\r\n`;
}

/** Registers of a second of the day, Wh: day and night tariff, and what the roof gave at noon. */
function registersAt(second: number): readonly [day: number, night: number, out: number] {
    const hour = 3_600;
    const [morning, evening] = [7 * hour, 23 * hour];
    const within = (from: number, to: number): number =>
        Math.min(Math.max(second - from, 0), to - from);
    const night = within(0, morning) + within(evening, DAY_SECONDS + hour);
    const noon = within(11 * hour, 14 * hour);
    const day = within(morning, evening) - noon;
    return [
        4_000_000 + Math.floor(day / 4),
        3_000_000 + Math.floor(night / 9),
        1_000 + Math.floor(noon / 2),
    ];
}

const importWh = (second: number): number => registersAt(second)[0] + registersAt(second)[1];

function telegramAt(bodies: readonly string[], second: number): string {
    const wall = new Date((BEGIN_UNIX + second + 3_600) * 1000);
    const time = wall.toISOString().replaceAll(/\D/g, "").slice(2, 14);
    const [day, night, out] = registersAt(second);
    const kwh = (wh: number): string => (wh / 1000).toFixed(3).padStart(10, "0");
    const body = (bodies[second % bodies.length] ?? "")
        .replace(/0-0:1\.0\.0\(\d{12}[SW]\)/, `0-0:1.0.0(${time}W)`)
        .replace(/1-0:1\.8\.1\([\d.]+/, `1-0:1.8.1(${kwh(night)}`)
        .replace(/1-0:1\.8\.2\([\d.]+/, `1-0:1.8.2(${kwh(day)}`)
        .replace(/1-0:2\.8\.1\([\d.]+/, `1-0:2.8.1(${kwh(0)}`)
        .replace(/1-0:2\.8\.2\([\d.]+/, `1-0:2.8.2(${kwh(out)}`);
    return withCheck(body);
}

describe("a day of a P1 port", { skip }, () => {
    it("goes through a serial device into the ledger, and out as the same registers", {
        timeout: TEST_MS,
    }, async () => {
        const bodies = recorded();
        // The last boundary waits for what comes after it.
        const seconds = DAY_SECONDS + 2 * SLOT_SECONDS;
        const day = Array.from({ length: seconds }, (_, second) => telegramAt(bodies, second));
        const file = join(dir, "day.txt");
        writeFileSync(file, day.join(""), "latin1");
        const words = [
            "--zone",
            "Europe/Amsterdam",
            "--slot-seconds",
            `${SLOT_SECONDS}`,
            "--groups",
            "import,export",
        ];
        const gateway = await Gateway.make(join(dir, "gateway"), server, dataDir, ...words);
        const device = join(dir, "device");
        const serial = new Served(socat ?? "", [
            `PTY,link=${device},rawer,wait-slave`,
            `OPEN:${file},rdonly`,
        ]);
        const beganMs = performance.now();
        while (!existsSync(device)) await sleep(20);
        const bridge = gateway.bridge("--meter-time", "--p1", device);
        try {
            const midnight = `${importWh(DAY_SECONDS)},${registersAt(DAY_SECONDS)[2]}`;
            await gateway.until(bridge, midnight, TEST_MS - 60_000);
            bridge.child.kill("SIGINT");
            const { code, stderr, stdout } = await bridge.outcome;
            assert.equal(code, 0, stderr);
            const report = JSON.parse(stdout);
            assert.deepEqual(report.refused, {}, stderr);
            assert.ok(report.telegrams >= DAY_SECONDS, `${report.telegrams} telegrams`);
        } finally {
            bridge.child.kill("SIGKILL");
            await serial.stop();
        }
        // What Ctrl-C left in the outbox goes now.
        const nothing = join(dir, "nothing.txt");
        writeFileSync(nothing, "");
        const rest = await gateway.bridge("--p1", nothing).outcome;
        assert.equal(JSON.parse(rest.stdout).openRecords, 0, rest.stderr);
        const tookMs = performance.now() - beganMs;

        const { intervals, totalExportWh, totalImportWh } = await gateway.usage();
        const minutes = DAY_SECONDS / SLOT_SECONDS;
        assert.ok(intervals.length >= minutes, `${intervals.length} intervals`);
        for (const [i, interval] of intervals.entries()) {
            const [from, to] = [i * SLOT_SECONDS, (i + 1) * SLOT_SECONDS];
            const moved = importWh(to) - importWh(from);
            const given = registersAt(to)[2] - registersAt(from)[2];
            const { exportWh, importWh: imported, quality } = interval;
            assert.deepEqual(
                [imported, exportWh, quality],
                [moved, given, "measured"],
                interval.from,
            );
        }
        const last = intervals.length * SLOT_SECONDS;
        assert.equal(totalImportWh, importWh(last) - importWh(0));
        assert.equal(totalExportWh, registersAt(last)[2] - registersAt(0)[2]);
        console.log(`${seconds} telegrams in ${(tookMs / 1000).toFixed(1)} s`);
    });
});
