import { once } from "node:events";
import { utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import { selfSigned } from "@meterseal/testkit/certificate";
import {
    describeLinkCompliance,
    ScriptedCollector,
    TestMeter,
    until,
} from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { createHttpCollectorLink, createHttpMeterLink } from "../src/http/index.ts";
import { createWsMeterLink } from "../src/ws/index.ts";

const log = { info: () => {}, warn: () => {} };
const SUBJECT = "0a".repeat(16);
const PROTOCOL = "meterseal.v1";
const HEADERS = { authorization: "Meterseal AQE", "meterseal-keepalive": "60" };
const tls = selfSigned();

/** A connection of a client that is none of ours. */
function foreign(
    url: string,
    headers: Record<string, string> = HEADERS,
    protocol = PROTOCOL,
): WebSocket {
    return new WebSocket(`${url}/link/v1/${SUBJECT}/socket`, protocol, { headers, ca: tls.cert });
}

/** Code and reason with which a connection ends. */
async function closeOf(socket: WebSocket): Promise<string> {
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    return `${code} ${reason.toString()}`;
}

for (const scheme of ["ws", "wss"] as const) {
    describeLinkCompliance(scheme, async (receiveTimeoutMs) => {
        const path = new BreakablePath();
        await path.listen();
        const secure = scheme === "wss";
        const url = `${scheme}://127.0.0.1:${path.port}`;
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
                return createWsMeterLink({
                    url,
                    subjectHex,
                    token,
                    keepaliveSeconds: 2,
                    ...(secure ? { ca: tls.cert } : {}),
                });
            },
            cut: () => path.cut(),
            freeze: (silent) => (silent ? path.drop() : path.restore()),
            refusals: {
                expected: Array.from({ length: 15 }, (_, i) => {
                    const codes: Record<number, number> = {
                        11: 1009,
                        12: 1013,
                        13: 1011,
                        14: 1013,
                    };
                    return `${codes[i + 1] ?? 1008} receipt ${i + 1}`;
                }),
                answerTo: async (message) => {
                    const socket = foreign(url);
                    await once(socket, "open");
                    socket.send(message);
                    return await closeOf(socket);
                },
            },
            close: () => path.close(),
        };
    });
}

const closings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
});

async function start() {
    const collector = new ScriptedCollector();
    const link = createHttpCollectorLink({ host: "127.0.0.1", port: 0, log });
    closings.push(() => link.close());
    const url = (await link.listen(collector)).replace("http:", "ws:");
    return { collector, link, url };
}

describe("ws: what a stranger may do", () => {
    it.each<[string, Record<string, string>, string, number]>([
        ["no token", { "meterseal-keepalive": "60" }, PROTOCOL, 401],
        ["a wrong token", { ...HEADERS, authorization: "Meterseal AAAA" }, PROTOCOL, 401],
        ["another subprotocol", HEADERS, "mqtt", 400],
        ["a keepalive of a year", { ...HEADERS, "meterseal-keepalive": "31536000" }, PROTOCOL, 400],
        ["the name of another site", { ...HEADERS, host: "rebound.example" }, PROTOCOL, 403],
    ])("is refused with %s", async (_what, headers, protocol, status) => {
        const { collector, url } = await start();
        const socket = foreign(url, headers, protocol);
        const [failure] = (await once(socket, "error")) as [Error];
        expect(failure.message).toContain(`${status}`);
        expect(collector.received).toEqual([]);
    });

    it("is refused at another path, and without an upgrade", async () => {
        const { url } = await start();
        const elsewhere = new WebSocket(`${url}/elsewhere`, PROTOCOL, { headers: HEADERS });
        const [failure] = (await once(elsewhere, "error")) as [Error];
        expect(failure.message).toContain("404");
        const plain = `${url.replace("ws:", "http:")}/link/v1/${SUBJECT}/socket`;
        expect((await fetch(plain)).status).toBe(400);
    });

    it.each<[string, (socket: WebSocket) => void, string]>([
        ["a text", (socket) => socket.send("text"), "1003 text"],
        ["an empty frame", (socket) => socket.send(Buffer.alloc(0)), "1008 empty"],
        ["65 537 bytes", (socket) => socket.send(Buffer.alloc(65_537)), "1009 "],
    ])("loses the connection that sends %s", async (_what, send, close) => {
        const { collector, url } = await start();
        const socket = foreign(url);
        await once(socket, "open");
        send(socket);
        expect(await closeOf(socket)).toBe(close);
        expect(collector.received).toEqual([]);
    });

    it("loses the connection that sends more than its credit, of which 32 reach the collector", async () => {
        const { collector, url } = await start();
        collector.onReceive = () => new Promise(() => {});
        const socket = foreign(url);
        const [first] = (await once(socket, "message")) as [Buffer];
        expect(first.toString()).toBe("taken 0 credit 32");
        for (let i = 0; i < 33; i++) socket.send(Buffer.of(i));
        expect(await closeOf(socket)).toBe("1008 credit");
        expect(collector.received).toHaveLength(32);
    });
});

describe("ws: a meter", () => {
    it("is one with itself over HTTP: the later connection ends the other", async () => {
        const { link, url } = await start();
        const over = (token: () => Promise<Uint8Array>) =>
            createHttpMeterLink({ url: url.replace("ws:", "http:"), subjectHex: SUBJECT, token });
        const first = new TestMeter(over, SUBJECT);
        closings.push(() => first.link.close());
        await first.link.open(first);
        await first.untilUp();
        const second = new TestMeter(
            (token) => createWsMeterLink({ url, subjectHex: SUBJECT, token }),
            SUBJECT,
        );
        closings.push(() => second.link.close());
        await second.link.open(second);
        await second.untilUp();
        await until(() => first.downs === 1, "the end of the first connection");
        await first.link.close();
        await second.sendUntilAcknowledged(utf8("m"));
        await until(() => link.deliver(SUBJECT, utf8("receipt")), "the connection");
        await until(() => second.messages.length === 1, "the receipt");
    });

    it("does not talk plain text beyond the loopback", () => {
        const token = () => Promise.resolve(utf8("t"));
        for (const url of ["ws://collector.example", "http://127.0.0.1", "ws://127.0.0.1/x", "x"]) {
            expect(() => createWsMeterLink({ url, subjectHex: SUBJECT, token })).toThrow(
                "MS_USAGE",
            );
        }
    });
});
