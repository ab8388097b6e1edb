import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linkPlacesOf } from "../src/config/links.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Check } from "../src/doctor/check.ts";
import { type Running, run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";

const TEST_MS = 60_000;
/** A server that takes longer to stop waits for a timer of a link that has ended. */
const STOP_MS = 20_000;
const SCHEMES = ["mqtt", "http", "ws", "coap", "amqp", "tcp"];
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);

type Addresses = { readonly portal: string; readonly links: readonly string[] };

describe("a server with links of every kind", () => {
    let served: Running;
    let addresses: Addresses;

    beforeAll(async () => {
        const links = SCHEMES.flatMap((scheme) => ["--link", `${scheme}://127.0.0.1:0`]);
        served = start(["serve", "--data", place("utility"), "--port", "0", ...links]);
        await served.shows("Ctrl-C stops.");
        const urls = [...served.said().matchAll(/^link: +(\S+)$/gm)].map(([, url = ""]) => url);
        const portal = /^portal: (\S+)$/m.exec(served.said())?.[1] ?? "";
        addresses = { portal, links: urls };
    }, TEST_MS);
    afterAll(async () => {
        served.child.kill("SIGTERM");
        expect((await served.outcome).code).toBe(0);
    }, STOP_MS);

    it("tells where they are, and is ready", async () => {
        const schemes = addresses.links.map((url) => new URL(url).protocol);
        expect(schemes).toEqual(SCHEMES.map((scheme) => `${scheme}:`));
        expect((await fetch(`${addresses.portal}/readyz`)).status).toBe(200);
        expect(served.said()).not.toMatch(/^mqtt:/m); // the default port is left alone
    });

    it.each(SCHEMES.map((scheme, i) => [scheme, i] as const))(
        "takes a meter's readings over %s, and answers with what makes them final",
        async (scheme, i) => {
            const meter = place(`meter-${scheme}`);
            const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
            expect((await run("meter", "init", "--dir", meter, ...words)).code).toBe(0);
            const request = join(meter, DEVICE_FILES.request);
            expect((await run("enrol", "--data", place("utility"), request)).code).toBe(0);
            const csv = place(`${scheme}.csv`);
            const rows = "2024-07-01T00:00Z,0.25\n2024-07-01T00:30Z,0.5\n";
            writeFileSync(csv, `timestamp,import_kwh\n${rows}`);
            const to = ["--to", addresses.links[i] ?? "", "--json"];
            const sent = await run("meter", "run", "--dir", meter, "--csv", csv, ...to);
            expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
            const { keyFile } = JSON.parse(sent.stdout);
            const at = ["--url", addresses.portal, "--json"];
            const usage = await run("usage", "--key", keyFile, ...at);
            expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 750 });
        },
        TEST_MS,
    );
});

describe("links that cannot be", () => {
    it.each([
        ["coap://0.0.0.0:0", /^MS_LISTEN_ADDRESS: .*--insecure/],
        ["mqtt://192.0.2.1:0", /^MS_LISTEN_ADDRESS/],
        ["ws://0.0.0.0:0", /^MS_LISTEN_ADDRESS/],
        ["wss://127.0.0.1:0", /^MS_USAGE: .*http-link-cert/],
        ["coap://127.0.0.1", /^MS_USAGE: .*--link such as coap/],
        ["coap://127.0.0.1:65536", /^MS_USAGE/],
        ["ftp://127.0.0.1:21", /^MS_USAGE: .*mqtt:\/\//],
        ["coap://user@127.0.0.1:0", /^MS_USAGE/],
        ["coap://127.0.0.1:0/path", /^MS_USAGE/],
        ["serial://host/dev/ttyUSB0", /^MS_USAGE: .*serial:\/\/\/dev\/DEVICE/],
        ["serial:///dev/ttyUSB0?mtu=9", /^MS_USAGE: .*32 … 1024/],
        ["serial:///dev/ttyUSB0?parity=even", /^MS_USAGE/],
        ["serial:///etc", /^MS_USAGE: .*a serial device.*\/etc/],
        ["serial:///dev/null", /^MS_USAGE: .*\/dev\/null.*115200 baud/],
    ])("are refused: %s", async (link, expected) => {
        const words = ["serve", "--data", place("refused"), "--port", "0", "--link", link];
        const { code, stderr } = await run(...words);
        expect(stderr).toMatch(expected);
        expect(code).not.toBe(0);
        expect(existsSync(place("refused/server/server.lock"))).toBe(false);
    });

    it("are refused to a meter that would talk plain text far away, unless told otherwise", async () => {
        const meter = place("far");
        const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
        await run("meter", "init", "--dir", meter, ...words);
        const to = (url: string) =>
            run("meter", "run", "--dir", meter, "--csv", place("no.csv"), "--to", url);
        expect((await to("gopher://127.0.0.1:70")).stderr).toMatch(
            /^MS_USAGE: .*amqp:\/\/HOST:PORT/,
        );
    });
});

describe("addresses of links", () => {
    it("are one listener where http and ws name the same place", () => {
        const text = "ws://127.0.0.1:81 http://127.0.0.1:81 coap://[::1]:81 coap://[::1]:81";
        expect(linkPlacesOf(text)).toEqual([
            { scheme: "ws", host: "127.0.0.1", port: 81 },
            { scheme: "coap", host: "::1", port: 81 },
        ]);
        expect(linkPlacesOf("coap://a:0  coap://a:0")).toHaveLength(2);
    });

    it("are one line where a device is named twice", () => {
        const line = { scheme: "serial", path: "/dev/a", baud: 9_600, mtu: 51 };
        const text = "serial:///dev/a?baud=9600&mtu=51 serial:///dev/a";
        expect(linkPlacesOf(text)).toEqual([line]);
    });

    it("are examined by the doctor: serial devices", async () => {
        const links = ["/dev/none", scratch, "/dev/null"].flatMap((path) => [
            ...["--link", `serial://${path}`],
        ]);
        const words = ["--data", place("doctor"), ...links, "--json"];
        const checks = JSON.parse((await run("doctor", ...words)).stdout).checks as Check[];
        expect(
            checks.filter(({ name }) => name === "serial link").map(({ status }) => status),
        ).toEqual(["warning", "fault", "ok"]);
    });

    it("are examined by the doctor, datagrams too", async () => {
        const words = ["--data", place("doctor"), "--link", "coap://127.0.0.1:0"];
        const far = ["--link", "coap://192.0.2.1:5683", "--json"];
        const { stdout } = await run("doctor", ...words, ...far);
        const checks = (JSON.parse(stdout).checks as Check[]).filter(({ name }) =>
            /link/.test(name),
        );
        expect(checks.map(({ name, status }) => [name, status])).toEqual([
            ["coap link", "ok"],
            ["coap link", "fault"],
        ]);
    });
});
