import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBase64 } from "@meterseal/core";
import { decodeCoseKey } from "@meterseal/record";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LinkScheme } from "../src/config/links.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

const TEST_MS = 60_000;
const LINKS: readonly LinkScheme[] = ["mqtt", "http", "ws", "coap", "amqp", "tcp"];
const [HALF_HOUR_MS, START_MS] = [1_800_000, Date.UTC(2024, 6, 1)];
const scratch = useScratch();
const dataDir = join(scratch, "utility");
const meter = join(scratch, "rsa");
let server: Server;

beforeAll(async () => {
    const links = LINKS.map((scheme) => ({ scheme, host: "127.0.0.1", port: 0 }));
    server = await startQuietServer(dataDir, { links });
});
afterAll(() => server.close());

const urlOf = (scheme: LinkScheme): string =>
    server.linkUrls.find((url) => url.startsWith(`${scheme}:`)) ?? "";

function init(directory: string, ...more: string[]) {
    const words = ["--dir", directory, "--zone", "UTC", "--slot-seconds", "1800", "--json"];
    return run("meter", "init", ...words, ...more);
}

/** Sends half-hours of 0.5 kWh, those before `end`; what was sent before stays as it is. */
function send(directory: string, end: number, url: string, begin = 0) {
    const path = join(scratch, "readings.csv");
    const rows = Array.from({ length: end - begin }, (_, i) => {
        const time = new Date(START_MS + (begin + i) * HALF_HOUR_MS).toISOString();
        return `${time.replace(".000Z", "Z")},0.5`;
    });
    writeFileSync(path, `timestamp,import_kwh\n${rows.join("\n")}\n`);
    return run("meter", "run", "--dir", directory, "--csv", path, "--to", url, "--json");
}

async function usage(directory: string) {
    const keyFile = join(directory, DEVICE_FILES.keyFile);
    const { stdout } = await run("usage", "--key", keyFile, "--url", server.httpUrl, "--json");
    return JSON.parse(stdout);
}

const algorithmOf = (directory: string): number => {
    const { key } = JSON.parse(readFileSync(join(directory, DEVICE_FILES.request), "utf8"));
    return decodeCoseKey(fromBase64(key)).algorithm;
};

describe("a meter that signs with PS256", () => {
    it("is made and enrolled, and its secret key has 2048 bits", async () => {
        expect((await init(meter, "--algorithm", "PS256")).code).toBe(0);
        expect(algorithmOf(meter)).toBe(-37);
        const pem = readFileSync(join(meter, DEVICE_FILES.signingKey), "utf8");
        expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----/);
        expect(pem.length).toBeGreaterThan(1_600);
        const request = join(meter, DEVICE_FILES.request);
        expect((await run("enrol", "--data", dataDir, request)).code).toBe(0);
    });

    it(
        "sends over every link but those that begin with EDHOC, in one chain",
        async () => {
            let count = 0;
            for (const scheme of LINKS.slice(0, -1)) {
                count += 2;
                const sent = await send(meter, count, urlOf(scheme));
                expect([scheme, sent.stderr, sent.code]).toEqual([scheme, expect.any(String), 0]);
                expect(JSON.parse(sent.stdout)).toMatchObject({ openRecords: 0 });
            }
            expect(await usage(meter)).toMatchObject({ totalImportWh: 500 * count });
        },
        TEST_MS,
    );

    it("is refused TCP before anything is sent, and told what to do", async () => {
        const { code, stderr } = await send(meter, 40, urlOf("tcp"));
        expect(stderr).toMatch(/^MS_USAGE: .*EDHOC.*ES256.*RSA \(PS256\).*rotate-key/s);
        expect(code).toBe(2);
    });

    it(
        "keeps its algorithm when its key is rotated, and takes another where it is told",
        async () => {
            const [second, third] = [join(scratch, "rsa-2"), join(scratch, "p256")] as const;
            const rotate = (from: string, to: string, ...more: string[]) => {
                const words = ["--dir", from, "--new", to, "--to", server.mqttUrl, ...more];
                return run("meter", "rotate-key", ...words);
            };
            expect((await rotate(meter, second, "--at", "2024-07-01T05:00Z")).code).toBe(0);
            expect(algorithmOf(second)).toBe(-37);
            const enrolled = await run(
                ...["enrol", "--data", dataDir, join(second, DEVICE_FILES.request)],
            );
            expect(enrolled.code).toBe(0);
            const sent = await send(second, 12, server.mqttUrl, 10);
            expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
            expect(await usage(second)).toMatchObject({ totalImportWh: 6_000 });
            expect(
                (
                    await rotate(
                        second,
                        third,
                        "--algorithm",
                        "ES256",
                        ...["--at", "2024-07-01T06:00Z"],
                    )
                ).code,
            ).toBe(0);
            expect(algorithmOf(third)).toBe(-7);
        },
        TEST_MS,
    );

    it(
        "has its ledger verified like any other",
        async () => {
            const keyFile = join(meter, DEVICE_FILES.keyFile);
            const { code, stdout } = await run(
                ...["verify", "--data", dataDir, "--key", keyFile, "--json"],
            );
            expect([code, JSON.parse(stdout).faults]).toEqual([0, []]);
        },
        TEST_MS,
    );

    it.each(["RS256", "ps256", "EdDSA", "toString"])(
        "is not made for the algorithm %j",
        async (name) => {
            const directory = join(scratch, `none ${name}`);
            const { code, stderr } = await init(directory, "--algorithm", name);
            expect([code, stderr]).toEqual([2, expect.stringContaining("ES256 or PS256")]);
            expect(existsSync(directory)).toBe(false);
        },
    );
});
