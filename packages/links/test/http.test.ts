import { request } from "node:http";
import { request as requestTls } from "node:https";
import { LIMITS, utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { selfSigned } from "@meterseal/testkit/certificate";
import {
    describeLinkCompliance,
    ScriptedCollector,
    TestMeter,
    until,
} from "@meterseal/testkit/link-compliance";
import { describe, expect, it } from "vitest";
import { createHttpCollectorLink, createHttpMeterLink } from "../src/http/index.ts";

const log = { info: () => {}, warn: () => {} };
const SUBJECT = "0a".repeat(16);

const tls = selfSigned();

/** Status that a message gets in a session of its own. */
async function answerTo(url: string, message: Uint8Array): Promise<string> {
    const base = `/link/v1/${SUBJECT}`;
    const ask = url.startsWith("https:") ? requestTls : request;
    const send = (
        path: string,
        method: string,
        headers: Record<string, string>,
    ): Promise<{ status: string; first: string; end: () => void }> =>
        new Promise((resolve, reject) => {
            const options = { method, headers, ca: tls.cert, agent: false };
            const sent = ask(`${url}${base}/${path}`, options, (response) => {
                const end = (): void => void sent.destroy();
                response.once("data", (first) => {
                    resolve({ status: `${response.statusCode}`, first: String(first), end });
                });
            });
            sent.on("error", reject);
            sent.end(method === "POST" ? message : undefined);
        });
    const stream = await send("stream", "GET", {
        authorization: "Meterseal AQE",
        "meterseal-keepalive": "60",
    });
    const session = /data: (.*)/.exec(stream.first)?.[1];
    const { end, status } = await send("messages", "POST", {
        authorization: `Bearer ${session}`,
        "content-type": "application/cbor-seq",
        "meterseal-sequence": "0",
    });
    end();
    stream.end();
    return status;
}

for (const scheme of ["http", "https"] as const) {
    describeLinkCompliance(scheme, async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        const secure = scheme === "https";
        return {
            listen: async (handler) => {
                const link = createHttpCollectorLink({
                    host: "127.0.0.1",
                    port: path.target, // the port of the one before
                    log,
                    receiveTimeoutMs,
                    ...(secure ? { tls } : {}),
                });
                path.target = Number(new URL(await link.listen(handler)).port);
                return link;
            },
            meter: (subjectHex, token) => {
                return createHttpMeterLink({
                    url: `${scheme}://127.0.0.1:${path.port}`,
                    subjectHex,
                    token,
                    keepaliveSeconds: 2,
                    ...(secure ? { ca: tls.cert } : {}),
                });
            },
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            refusals: {
                expected: [
                    ...["400", "400", "401", "401", "409", "409", "409", "409"],
                    ...["409", "401", "413", "503", "503", "503", "403"],
                ],
                answerTo: (message) => answerTo(`${scheme}://127.0.0.1:${path.port}`, message),
            },
            close: () => path.close(),
        };
    });
}

describe("http: what a stranger may do", () => {
    it.each<[string, string, RequestInit, number, string]>([
        ["another path", "/", {}, 404, "MS_NOT_FOUND"],
        ["another method", `/link/v1/${SUBJECT}/stream`, { method: "POST" }, 400, "MS_USAGE"],
        ["no token", `/link/v1/${SUBJECT}/stream`, {}, 401, "MS_NOT_ALLOWED"],
        [
            "a wrong token",
            `/link/v1/${SUBJECT}/stream`,
            { headers: { authorization: "Meterseal AAAA", "meterseal-keepalive": "1" } },
            401,
            "MS_KEY_UNKNOWN",
        ],
        [
            "a message of no session",
            `/link/v1/${SUBJECT}/messages`,
            {
                method: "POST",
                body: "x",
                headers: {
                    authorization: "Bearer AAAA",
                    "content-type": "application/cbor-seq",
                    "meterseal-sequence": "0",
                },
            },
            401,
            "MS_NOT_ALLOWED",
        ],
    ])("refuses %s", async (_what, path, init, status, code) => {
        const collector = new ScriptedCollector();
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log });
        try {
            const response = await fetch(`${await link.listen(collector)}${path}`, init);
            expect(response.status).toBe(status);
            expect(await response.json()).toMatchObject({ code });
            expect(collector.received).toEqual([]);
        } finally {
            await link.close();
        }
    });

    it("refuses a body above the limit, of a session too", async () => {
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log });
        try {
            const collector = new ScriptedCollector();
            const base = `${await link.listen(collector)}/link/v1/${SUBJECT}`;
            const stream = await fetch(`${base}/stream`, {
                headers: { authorization: "Meterseal AQE", "meterseal-keepalive": "60" },
            });
            const first = await stream.body?.getReader().read();
            const id = /data: (.*)/.exec(new TextDecoder().decode(first?.value))?.[1];
            const response = await fetch(`${base}/messages`, {
                method: "POST",
                body: new Uint8Array(LIMITS.messageBytes + 1),
                headers: {
                    authorization: `Bearer ${id}`,
                    "content-type": "application/cbor-seq",
                    "meterseal-sequence": "0",
                },
            });
            expect(response.status).toBe(413);
            expect(collector.received).toEqual([]);
        } finally {
            await link.close();
        }
    });

    it("tells one stream too many to wait", async () => {
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log, maxSessions: 0 });
        try {
            const url = await link.listen(new ScriptedCollector());
            const response = await fetch(`${url}/link/v1/${SUBJECT}/stream`, {
                headers: { authorization: "Meterseal AQE", "meterseal-keepalive": "1" },
            });
            expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
        } finally {
            await link.close();
        }
    });
});

/** Asks a link for a path that it does not have, under a host name; status and code of the answer. */
function askedAs(url: string, host: string): Promise<[number | undefined, string]> {
    const ask = url.startsWith("https:") ? requestTls : request;
    return new Promise((resolve, reject) => {
        ask(
            url,
            { headers: { host }, ca: tls.cert, checkServerIdentity: () => undefined },
            (response) => {
                let text = "";
                response.on("data", (chunk) => {
                    text += String(chunk);
                });
                response.on("end", () => resolve([response.statusCode, JSON.parse(text).code]));
            },
        )
            .on("error", reject)
            .end();
    });
}

describe("http: a page of another site whose name leads here", () => {
    it.each([
        "rebound.example",
        "rebound.example:8481",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "rebound.example#127.0.0.1",
        "127.0.0.1@rebound.example",
        "10.0.0.1",
        "localhost:x",
    ])("gets nothing as '%s' from a plain listener", async (host) => {
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log });
        try {
            const url = await link.listen(new ScriptedCollector());
            expect(await askedAs(url, host)).toEqual([403, "MS_NOT_ALLOWED"]);
        } finally {
            await link.close();
        }
    });

    it.each(["127.0.0.1", "127.0.0.1:8481", "localhost:1", "[::1]:8481"])(
        "is told apart from '%s'",
        async (host) => {
            const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log });
            try {
                const url = await link.listen(new ScriptedCollector());
                expect(await askedAs(url, host)).toEqual([404, "MS_NOT_FOUND"]);
            } finally {
                await link.close();
            }
        },
    );

    it("is kept away by the certificate alone where there is one", async () => {
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log, tls });
        try {
            const url = await link.listen(new ScriptedCollector());
            expect(await askedAs(url, "collector.example")).toEqual([404, "MS_NOT_FOUND"]);
        } finally {
            await link.close();
        }
    });
});

describe("http: plain text and certificates", () => {
    it("keeps plain text on the loopback, on both sides", () => {
        expect(() => createHttpCollectorLink({ host: "0.0.0.0", port: 0, log })).toThrow(
            expect.objectContaining({ code: "MS_LISTEN_ADDRESS" }),
        );
        const token = () => Promise.resolve(utf8("t"));
        const url = "http://collector.example:80";
        expect(() => createHttpMeterLink({ url, subjectHex: SUBJECT, token })).toThrow(
            expect.objectContaining({ code: "MS_USAGE" }),
        );
    });

    it("refuses a certificate that is none", () => {
        const bad = { cert: "no", key: "no" };
        expect(() =>
            createHttpCollectorLink({ host: "127.0.0.1", port: 0, log, tls: bad }),
        ).toThrow(expect.objectContaining({ code: "MS_USAGE" }));
    });

    it("does not talk to a collector whose certificate nobody vouches for", async () => {
        const collector = new ScriptedCollector();
        const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log, tls });
        const url = await link.listen(collector);
        const warnings: string[] = [];
        const warn = (_what: string, fields?: object) => {
            warnings.push(JSON.stringify(fields));
        };
        const meter = new TestMeter(
            (token) =>
                createHttpMeterLink({ url, subjectHex: SUBJECT, token, log: { ...log, warn } }),
            SUBJECT,
        );
        try {
            await meter.link.open(meter);
            await until(() => warnings.length > 0, "a refusal");
            expect(warnings[0]).toMatch(/self-signed/);
            expect([meter.ups, collector.tokens.length]).toEqual([0, 0]);
        } finally {
            await meter.link.close();
            await link.close();
        }
    });
});
