import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { utf8 } from "@meterseal/core";
import { BreakablePath } from "@meterseal/testkit/breakable-path";
import {
    describeLinkCompliance,
    ScriptedCollector,
    TestMeter,
    until,
} from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { Initiator, METHOD, type OwnCredential, SecureChannel } from "../src/edhoc/index.ts";
import { type Content, decodeContent, encodeContent } from "../src/stream/contents.ts";
import { encodeFrame, FrameSplitter } from "../src/stream/framing.ts";
import { createTcpCollectorLink, createTcpMeterLink } from "../src/tcp/index.ts";
import {
    COLLECTOR,
    credential,
    findCollector,
    findMeter,
    meterOf,
    random,
    SUBJECT_A,
} from "./stream-people.ts";

const log = { info: () => {}, warn: () => {} };
/** A client of our frames that is none of our links. */
class Client {
    readonly #socket: Socket;
    readonly #splitter = new FrameSplitter();
    readonly #frames: Uint8Array[] = [];
    readonly closed: Promise<void>;
    #wake: () => void = () => {};

    constructor(port: number) {
        this.#socket = connect({ host: "127.0.0.1", port });
        this.#socket.on("data", (chunk) => {
            this.#frames.push(...this.#splitter.push(chunk as Uint8Array));
            this.#wake();
        });
        this.#socket.on("error", () => {});
        this.closed = new Promise((resolve) => this.#socket.once("close", () => resolve()));
    }

    write(bytes: Uint8Array): void {
        this.#socket.write(bytes);
    }

    send(frame: Uint8Array): void {
        this.write(encodeFrame(frame));
    }

    async next(): Promise<Uint8Array> {
        while (this.#frames.length === 0)
            await new Promise<void>((resolve) => (this.#wake = resolve));
        return this.#frames.shift() as Uint8Array;
    }

    /** Goes through the handshake as a meter. */
    async open(own: OwnCredential): Promise<SecureChannel> {
        const initiator = new Initiator({
            ...{ own, find: findCollector, random, method: METHOD.signatures },
            suites: [2],
            connection: Uint8Array.of(1),
        });
        this.send(initiator.message1);
        const message3 = await initiator.takeMessage2(await this.next());
        if (!message3.ok) throw message3.error;
        this.send(message3.value);
        const confirmed = initiator.takeMessage4(await this.next());
        if (!confirmed.ok || initiator.session === null) throw new Error("not confirmed");
        return new SecureChannel(initiator.session, "initiator");
    }

    /** The next content of a channel. */
    async content(channel: SecureChannel): Promise<Content> {
        const opened = channel.open(await this.next());
        const content = opened.ok ? decodeContent(opened.value) : opened;
        if (!content.ok) throw content.error;
        return content.value;
    }

    close(): void {
        this.#socket.destroy();
    }
}

describeLinkCompliance("tcp", async (receiveTimeoutMs) => {
    const path = new BreakablePath();
    await path.listen();
    return {
        listen: async (handler) => {
            const link = createTcpCollectorLink({
                host: "127.0.0.1",
                port: path.target, // the port of the one before
                own: COLLECTOR,
                find: findMeter,
                log,
                receiveTimeoutMs,
            });
            path.target = Number(new URL(await link.listen(handler)).port);
            return link;
        },
        meter: (subjectHex, token) =>
            createTcpMeterLink({
                ...{ url: `tcp://127.0.0.1:${path.port}`, subjectHex, token },
                own: meterOf(subjectHex),
                find: findCollector,
                keepaliveSeconds: 2,
            }),
        cut: () => path.cut(),
        freeze: (silent) => (silent ? path.drop() : path.restore()),
        refusals: {
            expected: Array.from({ length: 15 }, (_, i) => `receipt ${i + 1}`),
            answerTo: async (message) => {
                const client = new Client(path.port);
                const channel = await client.open(meterOf(SUBJECT_A));
                const say = (content: Content): void =>
                    client.send(channel.seal(encodeContent(content)));
                say({ kind: "hello", token: Uint8Array.of(1, 1), keepaliveSeconds: 60 });
                say({ kind: "part", bytes: message, isLast: true });
                for (;;) {
                    const content = await client.content(channel);
                    if (content.kind !== "refusal") continue;
                    client.close();
                    return `receipt ${content.receipt}`;
                }
            },
        },
        close: () => path.close(),
    };
});

describe("tcp: what a stranger may do", () => {
    const ends: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
        for (const end of ends.splice(0).reverse()) await end();
    });

    async function listen(): Promise<{
        collector: ScriptedCollector;
        port: number;
        said: string[];
    }> {
        const collector = new ScriptedCollector();
        const said: string[] = [];
        const link = createTcpCollectorLink({
            ...{ host: "127.0.0.1", port: 0, own: COLLECTOR, find: findMeter },
            connectTimeoutMs: 400,
            log: { ...log, info: (_message, fields) => said.push(String(fields?.reason)) },
        });
        const port = Number(new URL(await link.listen(collector)).port);
        ends.push(() => link.close());
        return { collector, port, said };
    }

    function client(port: number): Client {
        const made = new Client(port);
        ends.push(() => made.close());
        return made;
    }

    it("a device that is not enrolled gets no session, and the log says why", async () => {
        const { port, said } = await listen();
        const stranger = client(port);
        await expect(stranger.open(credential("stranger"))).rejects.toThrow();
        await stranger.closed;
        await until(() => said.length === 1, "a reason");
        expect(said[0]).toContain("MS_KEY_UNKNOWN");
    });

    it("who has a meter's name and not its key gets no session", async () => {
        const { port, said } = await listen();
        const impostor = client(port);
        const { signer } = credential("impostor");
        const own = { ...meterOf(SUBJECT_A), ...(signer === undefined ? {} : { signer }) };
        await expect(impostor.open(own)).rejects.toThrow();
        await until(() => said.length === 1, "a reason");
        expect(said[0]).toContain("MS_SIGNATURE_BAD");
    });

    it("a meter gives up on a collector that is not its own", async () => {
        const { port, said } = await listen();
        const reasons: string[] = [];
        const meter = createTcpMeterLink({
            ...{ url: `tcp://127.0.0.1:${port}`, subjectHex: SUBJECT_A, own: meterOf(SUBJECT_A) },
            find: () => null,
            token: async () => Uint8Array.of(1),
            log: { ...log, warn: (_message, fields) => reasons.push(String(fields?.reason)) },
        });
        ends.push(() => meter.close());
        await meter.open({ up: () => {}, down: () => {}, message: () => {} });
        await until(() => reasons.length > 0, "a reason");
        expect(reasons[0]).toContain("MS_KEY_UNKNOWN");
        await until(() => said.length > 0, "the other side");
    });

    it.each<[string, Uint8Array]>([
        ["bytes that are no frame", utf8("GET / HTTP/1.1\r\n\r\n")],
        ["an empty frame", new Uint8Array(4)],
        ["a frame beyond the limit", Uint8Array.of(0, 1, 0, 0)],
        ["a frame that is no message", encodeFrame(Uint8Array.of(1, 2, 3))],
    ])("%s end the connection", async (_, bytes) => {
        const { port } = await listen();
        const made = client(port);
        made.write(bytes);
        await made.closed;
    });

    it("half a frame, or silence, ends in bounded time; a valid neighbour goes on", async () => {
        const { collector, port } = await listen();
        const own = { own: meterOf(SUBJECT_A), find: findCollector, subjectHex: SUBJECT_A };
        const url = `tcp://127.0.0.1:${port}`;
        const meter = new TestMeter(
            (token) => createTcpMeterLink({ ...own, token, url }),
            SUBJECT_A,
        );
        ends.push(() => meter.link.close());
        await meter.link.open(meter);
        await meter.untilUp();
        const slow = client(port);
        slow.write(Uint8Array.of(0, 0, 0, 9, 1));
        const silent = client(port);
        await Promise.all([slow.closed, silent.closed]);
        await meter.link.send(utf8("still here"));
        expect(collector.received.length).toBe(1);
    });

    it("a frame that was sent before, or altered, ends the session", async () => {
        for (const change of [
            (frame: Uint8Array) => [frame, frame],
            (frame: Uint8Array) => [
                frame.map((byte, i) => (i === frame.length - 1 ? byte ^ 1 : byte)),
            ],
        ]) {
            const { collector, port, said } = await listen();
            const made = client(port);
            const channel = await made.open(meterOf(SUBJECT_A));
            const token = Uint8Array.of(1, 1);
            made.send(channel.seal(encodeContent({ kind: "hello", token, keepaliveSeconds: 60 })));
            expect(await made.content(channel)).toMatchObject({ kind: "progress", taken: 0 });
            const part: Content = { kind: "part", bytes: utf8("once"), isLast: true };
            for (const frame of change(channel.seal(encodeContent(part)))) made.send(frame);
            await made.closed;
            expect(said.at(-1)).toMatch(/MS_REPLAYED|MS_SIGNATURE_BAD/);
            expect(collector.received.length).toBeLessThanOrEqual(1);
        }
    });

    it("no link is made for a key that the handshake cannot show", () => {
        for (const [kind, got] of [
            ["ps256", "RSA"],
            ["edDsa", "Ed25519"],
        ] as const) {
            const own = credential(SUBJECT_A, kind);
            const token = async () => Uint8Array.of(1);
            const options = { own, find: findCollector, subjectHex: SUBJECT_A, token };
            expect(() => createTcpMeterLink({ ...options, url: "tcp://127.0.0.1:9" })).toThrow(
                new RegExp(`^MS_USAGE: .*${got}`),
            );
        }
    });

    it("nothing that was said is in what goes over the wire", async () => {
        const { port } = await listen();
        const wire: Uint8Array[] = [];
        const tap = createServer((near) => {
            const far = connect({ host: "127.0.0.1", port });
            for (const [from, to] of [
                [near, far],
                [far, near],
            ] as const) {
                from.on("data", (chunk) => wire.push(chunk as Uint8Array));
                from.on("error", () => {});
                from.pipe(to);
            }
        });
        await new Promise<void>((resolve) => tap.listen(0, "127.0.0.1", resolve));
        ends.push(() => void tap.close());
        const own = { own: meterOf(SUBJECT_A), find: findCollector, subjectHex: SUBJECT_A };
        const url = `tcp://127.0.0.1:${(tap.address() as AddressInfo).port}`;
        const meter = new TestMeter(
            (token) => createTcpMeterLink({ ...own, token, url }),
            SUBJECT_A,
        );
        ends.push(() => meter.link.close());
        await meter.link.open(meter);
        await meter.untilUp();
        await meter.link.send(utf8("a reading that nobody else reads"));
        const said = Buffer.concat(wire);
        expect(said.length).toBeGreaterThan(300);
        expect(said.includes("nobody else")).toBe(false);
    });
});
