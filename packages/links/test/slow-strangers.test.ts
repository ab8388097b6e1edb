import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { CollectorLink, MeterLink } from "@meterseal/core";
import { utf8 } from "@meterseal/core";
import { selfSigned } from "@meterseal/testkit/certificate";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import { connectPacket } from "@meterseal/testkit/mqtt-packets";
import { afterEach, describe, expect, it } from "vitest";
import { openAmqp10Port } from "../src/amqp10/client-port.ts";
import { createAmqp10Listener, createAmqp10MeterLink } from "../src/amqp10/index.ts";
import { createHttpCollectorLink, createHttpMeterLink } from "../src/http/index.ts";
import { createMqttCollectorLink, createMqttMeterLink } from "../src/mqtt/index.ts";
import { createWsMeterLink } from "../src/ws/index.ts";

const A = "0a".repeat(16);
const B = "0b".repeat(16);
const PLACE = { host: "127.0.0.1", port: 0 };
const TENANT = "tenant";
const log = { info: () => {}, warn: () => {} };
const LIMIT_MS = 300;
const closings: (() => unknown)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0)) await close();
});

type Token = () => Promise<Uint8Array>;
type Listener = {
    readonly collector: () => CollectorLink;
    readonly meter: (url: string, token: Token) => MeterLink;
    /** What a client says first. */
    readonly greeting: Uint8Array;
};

const tls = selfSigned();
const request = utf8(
    `GET /link/v1/${A}/events HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(99)}`,
);
const waits = { headersTimeoutMs: LIMIT_MS, requestTimeoutMs: LIMIT_MS };
const plainHttp = () => createHttpCollectorLink({ ...PLACE, ...waits, log });
const listenAmqp = () =>
    createAmqp10Listener({ ...PLACE, tenant: TENANT, connectTimeoutMs: LIMIT_MS, log });

/** TCP has its own in tcp.test.ts, and CoAP's datagrams in coap-strangers.test.ts. */
const LISTENERS: Record<string, Listener> = {
    mqtt: {
        collector: () =>
            createMqttCollectorLink({ ...PLACE, tenant: TENANT, connectTimeoutMs: LIMIT_MS, log }),
        meter: (url, token) => createMqttMeterLink({ url, tenant: TENANT, subjectHex: B, token }),
        greeting: connectPacket({ clientId: A }),
    },
    http: {
        collector: plainHttp,
        meter: (url, token) => createHttpMeterLink({ url, subjectHex: B, token }),
        greeting: request,
    },
    ws: {
        collector: plainHttp,
        meter: (url, token) =>
            createWsMeterLink({ url: url.replace("http", "ws"), subjectHex: B, token }),
        greeting: utf8(
            `GET /link/v1/${A}/socket HTTP/1.1\r\nUpgrade: websocket\r\nX: ${"x".repeat(99)}`,
        ),
    },
    https: {
        collector: () => createHttpCollectorLink({ ...PLACE, ...waits, tls, log }),
        meter: (url, token) => createHttpMeterLink({ url, subjectHex: B, token, ca: tls.cert }),
        greeting: Buffer.from(`160301020001${"00".repeat(300)}`, "hex"),
    },
    amqp: {
        collector: listenAmqp,
        meter: (url, token) => createAmqp10MeterLink({ url, tenant: TENANT, subjectHex: B, token }),
        greeting: Buffer.from(`414d515003010000000001000201000000${"00".repeat(99)}`, "hex"),
    },
};

/** A connection that is counted while it is open. */
function strangerAt(port: number): Socket {
    const socket = connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    closings.push(() => socket.destroy());
    return socket;
}

async function neighbourOf(url: string, { meter }: Listener): Promise<TestMeter> {
    const neighbour = new TestMeter((token) => meter(url, token), B);
    closings.push(() => neighbour.link.close());
    await neighbour.link.open(neighbour);
    return neighbour;
}

async function listen(link: CollectorLink): Promise<[string, ScriptedCollector]> {
    const collector = new ScriptedCollector();
    closings.push(() => link.close());
    return [await link.listen(collector), collector];
}

describe.each(Object.entries(LISTENERS))("%s: a stranger who takes time", (_name, listener) => {
    it("loses the connection, silent, half-way or byte by byte; a valid neighbour goes on", async () => {
        const [url, collector] = await listen(listener.collector());
        const port = Number(new URL(url).port);
        const [silent, half, slow] = [strangerAt(port), strangerAt(port), strangerAt(port)];
        half.write(listener.greeting.subarray(0, listener.greeting.length / 2));
        const drip = async (): Promise<void> => {
            for (const byte of listener.greeting.subarray(0, -1)) {
                if (slow.destroyed || !slow.writable) return;
                slow.write(Uint8Array.of(byte));
                await sleep(20);
            }
        };
        const dripping = drip();
        const neighbour = await neighbourOf(url, listener);
        await neighbour.sendUntilAcknowledged(utf8("during"));
        for (const socket of [silent, half, slow]) socket.resume();
        await until(() => [silent, half, slow].every(({ destroyed }) => destroyed), "their ends");
        await dripping;
        await neighbour.sendUntilAcknowledged(utf8("after"));
        expect(collector.texts()).toEqual(["during", "after"]);
    });
});

describe("a listener that closes", () => {
    const patient = () => createHttpCollectorLink({ ...PLACE, tls, log });

    it.each([
        ...Object.entries(LISTENERS),
        ["https with time", { ...LISTENERS.https, collector: patient }],
    ] as [string, Listener][])(
        "%s: is not held up by strangers",
        async (_name, { collector, greeting }) => {
            const link = collector();
            const [url] = await listen(link);
            const port = Number(new URL(url).port);
            const strangers = [strangerAt(port), strangerAt(port)];
            await until(
                () => strangers.every(({ readyState }) => readyState === "open"),
                "connections",
            );
            strangers[0]?.write(greeting.subarray(0, greeting.length / 2));
            const startMs = performance.now();
            await link.close();
            expect(performance.now() - startMs).toBeLessThan(3_000);
        },
    );
});

describe("amqp 1.0: a client without a session", () => {
    it("loses the connection in bounded time, and so does one whose session has ended", async () => {
        const [url, collector] = await listen(listenAmqp());
        const address = { url, tenant: TENANT };
        const ends: string[] = [];
        const client = (subject: string, up: () => void) => {
            const port = openAmqp10Port(address, subject, {
                ...{ up, frame: () => {} },
                down: () => ends.push(subject),
            });
            closings.push(() => port.close());
            return port;
        };
        client(A, () => {});
        const id = "0011223344556677";
        const entered = client(B, () => {
            entered.send(B, Buffer.from(`01${id}003c0101`, "hex")); // open, 60 s, a right token
        });
        await until(() => collector.tokens.length === 1, "a session");
        await until(() => ends.length > 0, "an end");
        await sleep(LIMIT_MS);
        expect(ends).toEqual([A]);
        entered.send(B, Buffer.from(`03${id}0000000901`, "hex")); // a number far ahead
        await until(() => ends.length === 2, "the other end");
    });
});
