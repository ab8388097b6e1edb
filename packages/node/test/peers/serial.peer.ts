import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "@meterseal/testkit/link-compliance";
import { findProgram } from "@meterseal/testkit/peer-server";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../../src/device/device.ts";
import { type Running, run, start } from "../command.ts";
import { useScratch } from "../fixture.ts";

const TEST_MS = 90_000;
const STOP_MS = 20_000;
const socat = findProgram("socat");
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);
/** A wire, and a radio's profile. */
const QUERIES = ["", "?baud=9600&mtu=51"];

describe.skipIf(socat === null)("serial links by socat (not run where it is not installed)", () => {
    const wires: ChildProcess[] = [];
    let served: Running;
    let portal: string;

    function plug(line: number): void {
        const ends = ["meter", "server"].map((end) => `pty,rawer,link=${place(`${end}-${line}`)}`);
        wires[line] = spawn(socat ?? "", ends, { stdio: "ignore" });
    }

    beforeAll(async () => {
        plug(0);
        await until(() => existsSync(place("server-0")), "a device");
        const links = QUERIES.flatMap((query, line) => [
            "--link",
            `serial://${place(`server-${line}`)}${query}`,
        ]);
        served = start(["serve", "--data", place("utility"), "--port", "0", ...links]);
        await served.shows("Ctrl-C stops.");
        portal = /^portal: (\S+)$/m.exec(served.said())?.[1] ?? "";
    }, TEST_MS);
    afterAll(async () => {
        served.child.kill("SIGTERM");
        const outcome = await served.outcome;
        for (const wire of wires) wire.kill("SIGKILL");
        expect(outcome.code).toBe(0);
    }, STOP_MS);

    it("are named with what is not as usual, and a device that is not there is waited for", async () => {
        const urls = [...served.said().matchAll(/^link: +(\S+)$/gm)].map(([, url]) => url);
        const expected = QUERIES.map(
            (query, line) => `serial://${place(`server-${line}`)}${query}`,
        );
        expect(urls).toEqual(expected);
        plug(1);
        await served.shows(`a serial line is open line=${expected[1]}`);
    });

    it.each(QUERIES.map((query, line) => [query, line] as const))(
        "take a meter's readings, and answer with what makes them final: %s",
        async (query, line) => {
            const meter = place(`meter${line}`);
            const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
            expect((await run("meter", "init", "--dir", meter, ...words)).code).toBe(0);
            const request = join(meter, DEVICE_FILES.request);
            expect((await run("enrol", "--data", place("utility"), request)).code).toBe(0);
            const csv = place(`${line}.csv`);
            const rows = "2024-07-01T00:00Z,0.25\n2024-07-01T00:30Z,0.5\n";
            writeFileSync(csv, `timestamp,import_kwh\n${rows}`);
            const to = ["--to", `serial://${place(`meter-${line}`)}${query}`, "--json"];
            const sent = await run("meter", "run", "--dir", meter, "--csv", csv, ...to);
            expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
            const { keyFile } = JSON.parse(sent.stdout);
            const usage = await run("usage", "--key", keyFile, "--url", portal, "--json");
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 750 });
        },
        TEST_MS,
    );

    it(
        "come back after the wire was pulled out",
        async () => {
            const wire = wires[0] as ChildProcess;
            const gone = once(wire, "exit");
            wire.kill("SIGTERM");
            await gone;
            await served.shows("a serial line is closed: it is tried again");
            const opened = (): number => served.said().split("a serial line is open ").length;
            const before = opened();
            plug(0);
            await until(() => opened() > before, "the device again", 30_000);
        },
        TEST_MS,
    );
});
