import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "@meterseal/testkit/certificate";
import { beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import type { Check } from "../src/doctor/check.ts";
import { run, start } from "./command.ts";
import { useScratch } from "./fixture.ts";

const TEST_MS = 60_000;
const scratch = useScratch();
const place = (name: string): string => join(scratch, name);

/** Certificate and key in files, and the words that name them. */
function filesOf(name: string, days: number): { cert: string; words: string[] } {
    const { cert, key } = selfSigned(days);
    const [certFile, keyFile] = [place(`${name}.cert.pem`), place(`${name}.key.pem`)];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key, { mode: 0o600 });
    return { cert: certFile, words: ["--http-link-cert", certFile, "--http-link-key", keyFile] };
}

let tls: { cert: string; words: string[] };
beforeAll(() => {
    tls = filesOf("server", 30);
});

const ANY_PORTS = ["--port", "0", "--mqtt-port", "0", "--http-link-port", "0"];

describe("a server with a certificate", () => {
    it(
        "takes a meter's readings over HTTPS, off the loopback too, and no meter that does not trust it",
        async () => {
            const data = place("utility");
            const config = place("meterseal.yaml");
            const [cert, key] = [tls.words[1], tls.words[3]];
            writeFileSync(
                config,
                `data: utility\nport: 0\nmqtt-port: 0\nhttp-link-port: 0\nhttp-link-host: 0.0.0.0\nhttp-link-cert: ${cert}\nhttp-link-key: ${key}\n`,
            );
            const served = start(["serve", "--config", config, "--log-format", "json"]);
            try {
                await served.shows('"meters":"https://0.0.0.0:');
                const { meters, portal } = JSON.parse(
                    served
                        .said()
                        .split("\n")
                        .find((line) => line.includes('"meters"')) ?? "",
                );
                const url = `https://127.0.0.1:${new URL(meters).port}`;
                expect((await fetch(`${portal}/readyz`)).status).toBe(200);

                const meter = place("meter");
                const words = ["--zone", "UTC", "--slot-seconds", "1800", "--json"];
                expect((await run("meter", "init", "--dir", meter, ...words)).code).toBe(0);
                const request = join(meter, DEVICE_FILES.request);
                expect((await run("enrol", "--data", data, request)).code).toBe(0);
                const csv = place("readings.csv");
                writeFileSync(
                    csv,
                    "timestamp,import_kwh\n2024-07-01T00:00Z,0.25\n2024-07-01T00:30Z,0.5\n",
                );

                const send = ["meter", "run", "--dir", meter, "--csv", csv, "--to", url];
                const doubting = start([...send, "--json"]);
                await doubting.shows("self-signed");
                doubting.child.kill("SIGINT");
                const stopped = await doubting.outcome;
                expect(JSON.parse(stopped.stdout)).toMatchObject({ records: 1, openRecords: 1 });

                const sent = await run(...send, "--ca", tls.cert, "--json");
                expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { openRecords: 0 }]);
                const { keyFile } = JSON.parse(sent.stdout);
                const usage = await run("usage", "--key", keyFile, "--url", portal, "--json");
                expect(JSON.parse(usage.stdout)).toMatchObject({ totalImportWh: 750 });
                expect(served.said()).not.toContain(readFileSync(tls.words[3] ?? "", "utf8"));
            } finally {
                served.child.kill("SIGTERM");
                await served.outcome;
            }
        },
        TEST_MS,
    );

    it.each([
        ["a certificate without its key", () => tls.words.slice(0, 2), /^MS_USAGE: .*together/],
        [
            "a key that is not the certificate's",
            () => [...tls.words.slice(0, 2), ...filesOf("other", 2).words.slice(2)],
            /^MS_USAGE: .*a certificate and its key/,
        ],
        [
            "a file that is not there",
            () => ["--http-link-cert", place("none.pem"), ...tls.words.slice(2)],
            /^MS_NOT_FOUND: .*none\.pem/,
        ],
        [
            "no certificate beyond the loopback",
            () => ["--http-link-host", "0.0.0.0"],
            /^MS_LISTEN_ADDRESS/,
        ],
        [
            "a key that others may read",
            () => {
                const { words } = filesOf("open", 2);
                chmodSync(words[3] ?? "", 0o640);
                return words;
            },
            /^MS_USAGE: .*chmod 600/,
        ],
    ])("does not start with %s", async (name, words, said) => {
        const data = place(name);
        const { code, stderr } = await run("serve", "--data", data, ...ANY_PORTS, ...words());
        expect(stderr).toMatch(said);
        expect(code).toBe(2);
    });
});

describe("the doctor on a certificate", () => {
    const look = async (...words: string[]): Promise<Record<string, Check>> => {
        const { stdout } = await run("doctor", "--json", ...ANY_PORTS, ...words);
        const { checks } = JSON.parse(stdout) as { checks: Check[] };
        return Object.fromEntries(checks.map((check) => [check.name, check]));
    };

    it("says for whom and how long it holds, and lets the port leave the loopback", async () => {
        const by = await look(...tls.words, "--http-link-host", "0.0.0.0");
        expect(by.certificate).toMatchObject({ status: "ok" });
        expect(by.certificate?.message).toMatch(
            /^for IP Address:127\.0\.0\.1, until \d{4}-\d\d-\d\d$/,
        );
        expect(by["http link port"]).toMatchObject({ status: "ok" });
        const plain = await look("--http-link-host", "0.0.0.0");
        expect(plain["http link port"]).toMatchObject({ status: "fault" });
        expect(plain["http link port"]?.todo).toContain("--http-link-host");
        expect(plain.certificate).toBeUndefined();
    });

    it("warns before it ends", async () => {
        const by = await look(...filesOf("short", 2).words);
        expect(by.certificate).toMatchObject({ status: "warning" });
        expect(by.certificate?.message).toContain("ends soon");
    });

    it("finds another key, a key for everybody, and no certificate at all", async () => {
        const other = filesOf("foreign", 30).words.slice(2);
        const foreign = await look(...tls.words.slice(0, 2), ...other);
        expect(foreign.certificate?.message).toContain("is not the key of");
        chmodSync(other[1] ?? "", 0o604);
        const own = ["--http-link-cert", place("foreign.cert.pem"), ...other];
        expect((await look(...own)).certificate?.todo).toMatch(/^Run: chmod 600 /);
        const none = ["--http-link-cert", place("readings.csv"), ...tls.words.slice(2)];
        writeFileSync(place("readings.csv"), "none");
        expect((await look(...none)).certificate).toMatchObject({ status: "fault" });
    });
});
