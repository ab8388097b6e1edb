import { connect } from "node:net";
import { utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import {
    describeLinkCompliance,
    ScriptedCollector,
    TestMeter,
    until,
} from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { openAmqp10Port } from "../src/amqp10/client-port.ts";
import { createAmqp10Listener, createAmqp10MeterLink } from "../src/amqp10/index.ts";
import { decodeFrame, encodeFrame, FRAME, type Frame } from "../src/broker/frames.ts";

const log = { info: () => {}, warn: () => {} };
const tenant = "tenant";

describeLinkCompliance("amqp 1.0", async (receiveTimeoutMs) => {
    const path = new BreakablePath();
    await path.listen();
    return {
        listen: async (handler) => {
            const link = createAmqp10Listener({
                ...{ host: "127.0.0.1", tenant, log, receiveTimeoutMs },
                port: path.target, // the port of the one before
            });
            path.target = Number(new URL(await link.listen(handler)).port);
            return link;
        },
        meter: (subjectHex, token) => {
            const url = `amqp://127.0.0.1:${path.port}`;
            return createAmqp10MeterLink({ url, tenant, subjectHex, token, keepaliveSeconds: 2 });
        },
        cut: () => path.cut(),
        freeze: (silent) => (silent ? path.drop() : path.restore()),
        close: () => path.close(),
    };
});

const SUBJECT_A = "0a".repeat(16);
const SUBJECT_B = "0b".repeat(16);
const closings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
});

async function start(options: { connectTimeoutMs?: number } = {}) {
    const collector = new ScriptedCollector();
    const link = createAmqp10Listener({ host: "127.0.0.1", port: 0, tenant, log, ...options });
    closings.push(() => link.close());
    const port = Number(new URL(await link.listen(collector)).port);
    return { collector, link, port };
}

const SESSION = "00112233445566aa";
const TOKEN = Uint8Array.of(1, 1);
const NOTHING: Uint8Array = new Uint8Array();

/** A client that says what a test wants as meter A. */
async function client(port: number) {
    const heard: Frame[] = [];
    const [up, down] = [Promise.withResolvers<void>(), Promise.withResolvers<string>()];
    const address = { url: `amqp://127.0.0.1:${port}`, tenant };
    const own = openAmqp10Port(address, SUBJECT_A, {
        ...{ up: up.resolve, down: down.resolve },
        frame: (_subject, bytes) => heard.push(decodeFrame(bytes) as Frame),
    });
    closings.push(() => own.close());
    await up.promise;
    const say = (kind: Frame["kind"], number = 0, body = NOTHING, session = SESSION) =>
        own.send(SUBJECT_A, encodeFrame({ kind, session, number, body }));
    const hears = async (kind: Frame["kind"], number = 0): Promise<void> => {
        const isIt = (frame: Frame): boolean => frame.kind === kind && frame.number === number;
        await until(() => heard.some(isIt), `a frame ${kind} with ${number}`);
    };
    return { down: down.promise, heard, hears, say };
}

/** Resolves when a listener has ended a connection that sent some bytes. */
async function ended(port: number, ...parts: readonly Uint8Array[]): Promise<void> {
    const socket = connect({ host: "127.0.0.1", port });
    closings.push(() => void socket.destroy());
    const end = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    socket.resume();
    for (const part of parts) socket.write(part);
    await end;
}

describe("amqp 1.0: what a stranger may do", () => {
    const header = Buffer.from("AMQP\0\x01\0\0", "latin1");

    it.each<[string, Uint8Array[]]>([
        ["a frame that announces 4 GiB", [header, Buffer.from("ffffffff02000000", "hex")]],
        ["a frame above the agreed size", [header, Buffer.from("0000400102000000", "hex")]],
        ["a frame smaller than its header", [header, Buffer.from("0000000702000000", "hex")]],
        ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
        ["bytes at random", [header, Buffer.from("0000001002000000c0ffee00c0ffee00", "hex")]],
    ])("loses the connection that sends %s, and the others go on", async (_what, parts) => {
        const { collector, port } = await start();
        await ended(port, ...parts);
        const meter = new TestMeter(
            (token) =>
                createAmqp10MeterLink({
                    ...{ url: `amqp://127.0.0.1:${port}`, tenant, subjectHex: SUBJECT_A, token },
                }),
            SUBJECT_A,
        );
        closings.push(() => meter.link.close());
        await meter.link.open(meter);
        await meter.sendUntilAcknowledged(utf8("m"));
        expect(collector.texts()).toEqual(["m"]);
    });

    it("is not held to more bytes than a message has, whatever its frames", async () => {
        const { port } = await start();
        const frame = Buffer.alloc(16_384);
        frame.writeUInt32BE(16_384);
        frame.write("02000000", 4, "hex");
        const socket = connect({ host: "127.0.0.1", port });
        closings.push(() => void socket.destroy());
        const end = new Promise<void>((resolve) => socket.once("close", () => resolve()));
        socket.on("error", () => {});
        socket.write(header);
        for (let i = 0; i < 32 && !socket.destroyed; i++) socket.write(frame);
        await end;
    });

    it("speaks for the subject alone for which it hears", async () => {
        const { collector, port } = await start();
        const events = { up: () => {}, down: () => {}, frame: () => {} };
        const up = Promise.withResolvers<void>();
        const down = Promise.withResolvers<string>();
        const address = { url: `amqp://127.0.0.1:${port}`, tenant };
        const own = { ...events, up: up.resolve, down: down.resolve };
        const client = openAmqp10Port(address, SUBJECT_A, own);
        closings.push(() => client.close());
        await up.promise;
        const open = Buffer.from("0100112233445566770002" + "0101", "hex");
        client.send(SUBJECT_B, open);
        await down.promise;
        expect(collector.tokens).toEqual([]);
    });

    it("finds a listener on the loopback alone, and hears of a port in use", async () => {
        const { port } = await start();
        const far = { host: "0.0.0.0", port: 0, tenant, log };
        expect(() => createAmqp10Listener(far)).toThrow("MS_LISTEN_ADDRESS");
        const second = createAmqp10Listener({ host: "127.0.0.1", port, tenant, log });
        await expect(second.listen(new ScriptedCollector())).rejects.toThrow("MS_PORT_IN_USE");
    });
});

describe("amqp 1.0: a stranger who names a meter's subject", () => {
    async function sessionStands(options: { connectTimeoutMs?: number } = {}) {
        const { collector, link, port } = await start(options);
        const meter = await client(port);
        meter.say(FRAME.open, 60, TOKEN);
        await meter.hears(FRAME.opened);
        return { collector, link, meter, stranger: await client(port) };
    }

    it("hears nothing of the meter's session", async () => {
        const { link, meter, stranger } = await sessionStands();
        expect(await link.deliver(SUBJECT_A, utf8("receipt"))).toBe(true);
        await meter.hears(FRAME.down);
        stranger.say(FRAME.open, 60, Uint8Array.of(9), "ffffffffffffffff");
        await stranger.hears(FRAME.end, 3);
        expect(stranger.heard.map(({ session }) => session)).toEqual(["ffffffffffffffff"]);
        expect(meter.heard.map(({ kind }) => kind)).toEqual([FRAME.opened, FRAME.down]);
    });

    it.each<[string, Frame["kind"], Uint8Array]>([
        ["a message", FRAME.up, utf8("of the stranger")],
        ["an end", FRAME.end, NOTHING],
        ["a sign of life", FRAME.probe, NOTHING],
        ["an opening", FRAME.open, TOKEN],
    ])("loses the connection by %s in the meter's session", async (_what, kind, body) => {
        const { collector, meter, stranger } = await sessionStands();
        stranger.say(kind, 0, body);
        await stranger.down;
        meter.say(FRAME.up, 0, utf8("m"));
        await meter.hears(FRAME.taken, 1);
        expect([stranger.heard, collector.texts()]).toEqual([[], ["m"]]);
    });

    it("loses it by a second name for a session, and by what is no frame", async () => {
        const { port } = await start();
        const [first, second] = [await client(port), await client(port)];
        first.say(FRAME.open, 60, TOKEN);
        await first.hears(FRAME.opened);
        first.say(FRAME.open, 60, TOKEN, "ffffffffffffffff");
        await first.down;
        second.say(FRAME.end, 0, utf8("no end has a body"));
        await second.down;
    });

    it("does not stay by refused tokens, and leaves the meter's session standing", async () => {
        const { collector, meter, stranger } = await sessionStands({ connectTimeoutMs: 300 });
        const token = Uint8Array.of(9);
        const again = setInterval(() => stranger.say(FRAME.open, 60, token, "ff".repeat(8)), 50);
        closings.push(() => clearInterval(again));
        await stranger.down;
        expect(stranger.heard.length).toBeGreaterThan(0);
        meter.say(FRAME.up, 0, utf8("m"));
        await meter.hears(FRAME.taken, 1);
        expect(collector.texts()).toEqual(["m"]);
    });
});
