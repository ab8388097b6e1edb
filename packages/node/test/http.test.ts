import { cpSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { toHex, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { parseRecord } from "@meterseal/record";
import { type KeyFile, openHousehold, parseKeyFile } from "@meterseal/wallet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PLACES } from "../src/files.ts";
import type { Server } from "../src/server/server.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
import { startQuietServer } from "./quiet-server.ts";

type Answer = { status: number; headers: Record<string, unknown>; body: Buffer };

const scratch = useScratch();
let server: Server;
let key: KeyFile;

beforeAll(async () => {
    const { finished, names } = await useFixture();
    const dataDir = join(scratch, "http");
    cpSync(finished, dataDir, { recursive: true });
    key = unwrap(parseKeyFile(readFileSync(PLACES.keyFile(dataDir, names[0] ?? ""), "utf8")));
    server = await startQuietServer(dataDir, { clockLabel: "replay of 2013" });
}, FIXTURE_MS);
afterAll(() => server.close());

function ask(path: string, method = "GET", headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
        const asked = request(new URL(path, server.httpUrl), { method, headers }, (answer) => {
            const chunks: Buffer[] = [];
            answer.on("data", (chunk: Buffer) => chunks.push(chunk));
            answer.on("end", () =>
                resolve({
                    status: answer.statusCode ?? 0,
                    headers: answer.headers,
                    body: Buffer.concat(chunks),
                }),
            );
        });
        asked.on("error", reject);
        asked.end();
    });
}

/** All that comes back for some bytes until the server ends the connection. */
function rawAnswer(bytes: string): Promise<string> {
    return new Promise((resolve, reject) => {
        const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.httpUrl).port) });
        let answer = "";
        socket.setEncoding("latin1");
        socket.on("data", (chunk: string) => {
            answer += chunk;
        });
        socket.on("error", reject);
        socket.on("close", () => resolve(answer));
        socket.write(bytes);
    });
}

const subject = (): string => toHex(key.meter);
const problem = ({ body }: Answer): { code: string } =>
    JSON.parse(body.toString()) as { code: string };

describe("the API", () => {
    it("answers only to a loopback name, so that no foreign site reaches it by rebinding", async () => {
        const { port } = new URL(server.httpUrl);
        for (const host of [
            "evil.example",
            `evil.example:${port}`,
            "127.0.0.1.evil.example",
            "10.0.0.1",
        ]) {
            const answer = await ask("/api/v1/network", "GET", { host });
            expect(answer.status, host).toBe(403);
            expect(problem(answer).code).toBe("MS_NOT_ALLOWED");
        }
        for (const host of [
            "localhost",
            `localhost:${port}`,
            `127.0.0.1:${port}`,
            `[::1]:${port}`,
        ]) {
            expect((await ask("/api/v1/network", "GET", { host })).status, host).toBe(200);
        }
    });

    it("sends the strict policy with every answer, and lets no other origin read", async () => {
        const answers = await Promise.all([
            ask("/api/v1/network"),
            ask("/api/v1/meters", "GET", { origin: "http://evil.example" }),
            ask("/nothing"),
            ask("/api/v1/meters/zz/evidence"),
            ask("/api/v1/network", "POST"),
            ask("/api/v1/network", "OPTIONS", { origin: "http://evil.example" }),
            ask("/api/v1/network", "GET", { host: "evil.example" }),
            ask("/"),
            ask("/%"),
        ]);
        for (const { headers, status } of answers) {
            const policy = String(headers["content-security-policy"]);
            expect(policy, `status ${status}`).toContain("default-src 'none'");
            expect(policy).not.toContain("unsafe");
            expect(headers["x-content-type-options"]).toBe("nosniff");
            expect(headers["referrer-policy"]).toBe("no-referrer");
            expect(Object.keys(headers).filter((name) => name.includes("allow-origin"))).toEqual(
                [],
            );
            expect(headers["x-powered-by"]).toBeUndefined();
        }
    });

    it("answers an unknown path or method with a problem", async () => {
        for (const answer of [
            await ask("/nothing"),
            await ask("/api/v1/nothing"),
            await ask(`/api/v1/meters/${"0".repeat(32)}/evidence`),
            await ask(`/api/v1/meters/${"0".repeat(32)}/last-record`),
            await ask("/../package.json"),
            await ask("/..%2f..%2fpackage.json"),
        ]) {
            expect(answer.status).toBe(404);
            expect(answer.headers["content-type"]).toContain("application/problem+json");
            expect(problem(answer).code).toBe("MS_NOT_FOUND");
        }
        for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
            const { status } = await ask("/api/v1/network", method);
            expect([404, 405], method).toContain(status);
        }
        const head = await ask("/api/v1/network", "HEAD");
        expect([head.status, head.body.length]).toEqual([200, 0]);
    });

    it("answers what is no request at all with a problem, and ends the connection", async () => {
        for (const bytes of [
            "\0\0\0\0\r\n\r\n",
            "GET / HTTP/9.9\r\n\r\n",
            "GET /\r\nHost\r\n\r\n",
        ]) {
            const [head = "", body = ""] = (await rawAnswer(bytes)).split("\r\n\r\n");
            expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
            expect(head).toContain("content-type: application/problem+json");
            expect(head).toContain("default-src 'none'");
            expect(JSON.parse(body)).toMatchObject({ code: "MS_USAGE" });
        }
        const long = `GET / HTTP/1.1\r\nHost: localhost\r\nx: ${"x".repeat(20_000)}\r\n\r\n`;
        expect(await rawAnswer(long)).toMatch(/^HTTP\/1\.1 431 /);
    });

    it("refuses a subject that is none", async () => {
        for (const name of ["zz", "0".repeat(31), "A".repeat(32), `${"0".repeat(33)}`, "%00"]) {
            const answer = await ask(`/api/v1/meters/${name}/evidence`);
            expect(answer.status, name).toBe(400);
            expect(problem(answer).code).toBe("MS_USAGE");
        }
    });

    it("says of a meter what anybody may know, and nothing of its consumption", async () => {
        const network = JSON.parse((await ask("/api/v1/network")).body.toString()) as object;
        expect(network).toMatchObject({ mode: "sealed", ledger: { size: 6, records: 12 } });
        const { meters } = JSON.parse((await ask("/api/v1/meters")).body.toString()) as {
            meters: Record<string, unknown>[];
        };
        expect(meters).toHaveLength(3);
        for (const meter of meters) {
            expect(meter).toMatchObject({
                zone: "Europe/London",
                frozen: false,
                pendingRecords: 0,
                provisionalReadings: 0,
            });
            expect(JSON.stringify(meter)).not.toMatch(/wh|register|energy/i);
        }
    });

    it("serves evidence that the household's key opens and verifies", async () => {
        const answer = await ask(`/api/v1/meters/${subject()}/evidence`);
        expect(answer.headers["content-type"]).toBe("application/cbor");
        const evidence = unwrap(decodeEvidence(new Uint8Array(answer.body)));
        const { series, verdicts } = unwrap(openHousehold(evidence, key));
        const { checkpoint, ...questions } = verdicts;
        for (const verdict of Object.values(questions))
            expect(verdict).toMatchObject({ holds: true });
        expect(checkpoint?.size).toBe(6);
        expect(series).toHaveLength(7 * 48 + 1);
        const last = await ask(`/api/v1/meters/${subject()}/last-record`);
        const record = unwrap(parseRecord(new Uint8Array(last.body)));
        expect([toHex(record.subject), record.seq]).toEqual([subject(), 4]);
    });
});
