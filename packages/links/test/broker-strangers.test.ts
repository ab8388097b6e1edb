import { MetersealError, utf8 } from "@meterseal/core";
import { ScriptedCollector, until } from "@meterseal/testkit/link-compliance";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { createAmqp091CollectorLink } from "../src/amqp091/index.ts";
import { BrokerCollectorLink } from "../src/broker/collector-link.ts";
import { decodeFrame, encodeFrame, FRAME, type Frame } from "../src/broker/frames.ts";
import type { BrokerPort } from "../src/broker/port.ts";
import { createMqttBrokerMeterLink } from "../src/mqtt-broker/index.ts";
import { loadOptional } from "../src/optional.ts";
import { createXmppCollectorLink } from "../src/xmpp/index.ts";
import { TestBroker } from "./test-broker.ts";

const log = { info: () => {}, warn: () => {} };
const A = "0a".repeat(16);
const B = "0b".repeat(16);
const SESSION = "00112233445566aa";
const TOKEN = Uint8Array.of(1, 1);
const NOTHING: Uint8Array = new Uint8Array();
const closings: (() => Promise<void>)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0)) await close();
});

/** A collector behind a broker, and a client that says what a test wants. */
async function start(options: { maxSessions?: number; maxSessionRequests?: number } = {}) {
    const broker = new TestBroker();
    const collector = new ScriptedCollector();
    const link = new BrokerCollectorLink(
        "test",
        () => "test:",
        { log, ...options },
        (events) => broker.open("+", events),
    );
    closings.push(() => link.close());
    await link.listen(collector);
    const client = (subjectHex: string) => {
        const heard: Frame[] = [];
        const port: BrokerPort = broker.open(subjectHex, {
            up: () => {},
            down: () => {},
            frame: (_subject, bytes) => heard.push(decodeFrame(bytes) as Frame),
        });
        const say = (kind: Frame["kind"], number = 0, body = NOTHING, session = SESSION): void => {
            port.send(subjectHex, encodeFrame({ kind, session, number, body }));
        };
        const hears = async (kind: Frame["kind"], number = 0): Promise<void> => {
            const isIt = (frame: Frame) => frame.kind === kind && frame.number === number;
            await until(() => heard.some(isIt), `a frame ${kind} with ${number}`);
        };
        return { heard, say, hears };
    };
    return { client, collector, link };
}

describe("behind a broker, a client", () => {
    it("takes nothing in the name of a session that is not there", async () => {
        const { client, collector } = await start();
        const { hears, say } = client(A);
        say(FRAME.up, 0, utf8("m"));
        await hears(FRAME.end);
        expect(collector.received).toEqual([]);
    });

    it("does not act in the session of another meter, and not under another name", async () => {
        const { client, collector } = await start();
        const meter = client(A);
        meter.say(FRAME.open, 60, TOKEN);
        await meter.hears(FRAME.opened);
        const other = client(B);
        other.say(FRAME.up, 0, utf8("m"));
        await other.hears(FRAME.end);
        meter.say(FRAME.up, 0, utf8("m"), "ffffffffffffffff");
        await meter.hears(FRAME.end);
        expect(collector.received).toEqual([]);
        meter.say(FRAME.up, 0, utf8("m"));
        await meter.hears(FRAME.taken, 1);
        expect(collector.texts()).toEqual(["m"]);
    });

    it.each<[string, number, Uint8Array, number]>([
        ["a wrong token", 60, Uint8Array.of(9), 3],
        ["no keepalive", 0, TOKEN, 1],
        ["a keepalive of ten hours", 36_000, TOKEN, 1],
    ])("is refused with %s", async (_what, seconds, token, code) => {
        const { client, collector } = await start();
        const { hears, say } = client(A);
        say(FRAME.open, seconds, token);
        await hears(FRAME.end, code);
        expect(collector.tokens).toEqual([]);
    });

    it("is told to wait where there are sessions enough", async () => {
        const { client } = await start({ maxSessions: 0 });
        const { hears, say } = client(A);
        say(FRAME.open, 60, TOKEN);
        await hears(FRAME.end, 12);
    });

    it("may send a message twice, which is taken once, and leave none out", async () => {
        const { client, collector } = await start();
        const { hears, say } = client(A);
        say(FRAME.open, 60, TOKEN);
        await hears(FRAME.opened);
        for (const number of [0, 0, 1, 0]) say(FRAME.up, number, utf8(`m${number}`));
        await hears(FRAME.taken, 2);
        expect(collector.texts()).toEqual(["m0", "m1"]);
        say(FRAME.up, 3, utf8("m3"));
        await hears(FRAME.end, 1);
        expect(collector.texts()).toEqual(["m0", "m1"]);
    });

    it.each([
        ["more than may be under way", { maxSessionRequests: 2 }, 12],
        ["what the collector refuses", {}, 5],
    ])("is told the code of %s", async (_what, options, code) => {
        const { client, collector } = await start(options);
        const refused = new MetersealError("MS_REPLAYED");
        collector.onReceive = () => (code === 5 ? Promise.reject(refused) : new Promise(() => {}));
        const { hears, say } = client(A);
        say(FRAME.open, 60, TOKEN);
        await hears(FRAME.opened);
        for (const number of [0, 1, 2]) say(FRAME.up, number, utf8("m"));
        await hears(FRAME.end, code);
    });
});

describe("frames", () => {
    it("read back as they were written, and from no other bytes", () => {
        const bytes = fc.uint8Array({ maxLength: 40 });
        fc.assert(
            fc.property(bytes, (input) => {
                const frame = decodeFrame(input);
                if (frame !== null) expect(new Uint8Array(encodeFrame(frame))).toEqual(input);
            }),
            { numRuns: 2_000 },
        );
        const frame = { kind: FRAME.up, session: SESSION, number: 2 ** 32 - 1, body: utf8("m") };
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
    });
});

describe("a broker's address", () => {
    const token = () => Promise.resolve(TOKEN);

    it.each([
        "mqtt://broker.example:1883",
        "mqtt://user:secret@127.0.0.1:1883",
        "amqp://127.0.0.1:1883",
        "x",
    ])("is refused: %s", (url) => {
        const options = { url, tenant: "t", subjectHex: A, token };
        expect(() => createMqttBrokerMeterLink(options)).toThrow("MS_USAGE");
    });

    it("names a tenant, and for XMPP an account with its domain", () => {
        const amqp = { url: "amqp://127.0.0.1:5672", tenant: "a/b", log };
        expect(() => createAmqp091CollectorLink(amqp)).toThrow("MS_USAGE");
        const xmpp = { url: "xmpp://127.0.0.1:5222", tenant: "t", log, username: "collector" };
        expect(() => createXmppCollectorLink(xmpp)).toThrow("NAME@DOMAIN");
    });
});

describe("a package that only one link needs", () => {
    it("is named with the command that installs it, where it is not there", async () => {
        const absent = "@meterseal/not-there";
        await expect(loadOptional("absent", () => import(absent))).rejects.toThrow(
            /^MS_NOT_FOUND: .*npm install absent/,
        );
        const fault = new Error("a fault of its own");
        await expect(loadOptional("x", () => Promise.reject(fault))).rejects.toBe(fault);
    });
});
