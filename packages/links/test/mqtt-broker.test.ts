import { spawn, spawnSync } from "node:child_process";
import type { CollectorLink } from "@meterseal/core";
import { LIMITS, utf8 } from "@meterseal/core";
import { ScriptedCollector, TestMeter, until } from "@meterseal/testkit/link-compliance";
import {
    connectPacket,
    packet,
    publishPacket,
    subscribePacket,
} from "@meterseal/testkit/mqtt-packets";
import { afterEach, describe, expect, it } from "vitest";
import { reconnectDelayMs } from "../src/backoff.ts";
import {
    createMqttCollectorLink,
    createMqttMeterLink,
    type MqttCollectorOptions,
    meterTopics,
} from "../src/mqtt/index.ts";
import { RawClient } from "./raw-client.ts";

const A = "0a".repeat(16);
const B = "0b".repeat(16);
const TENANT = "tenant";
const topics = meterTopics(TENANT, A);
const others = meterTopics(TENANT, B);
const LOCAL = { host: "127.0.0.1", port: 0, tenant: TENANT };

class Broker {
    readonly collector = new ScriptedCollector();
    readonly warnings: string[] = [];
    readonly link: CollectorLink;
    readonly #clients: RawClient[] = [];
    port = 0;

    constructor(options: Partial<MqttCollectorOptions> = {}) {
        this.collector.authenticate = () => Promise.resolve(true);
        const warn = (message: string, fields?: object) => {
            this.warnings.push(`${message} ${JSON.stringify(fields)}`);
        };
        this.link = createMqttCollectorLink({ ...LOCAL, log: { info() {}, warn }, ...options });
    }

    async start(): Promise<this> {
        this.port = Number(new URL(await this.link.listen(this.collector)).port);
        return this;
    }

    /** A connected raw client. */
    async client(clientId = A): Promise<RawClient> {
        const client = this.stranger();
        client.send(connectPacket({ clientId }));
        await until(() => client.input.length >= 4, "CONNACK");
        expect(client.input.subarray(0, 4)).toEqual(Buffer.of(0x20, 2, 0, 0));
        return client;
    }

    /** A raw client that has sent nothing yet. */
    stranger(): RawClient {
        const client = new RawClient(this.port);
        this.#clients.push(client);
        return client;
    }

    /** Fails unless a well-behaved meter still gets through. */
    async expectAlive(): Promise<void> {
        const subjectHex = "cc".repeat(16);
        const meter = createMqttMeterLink({
            url: `mqtt://127.0.0.1:${this.port}`,
            subjectHex,
            tenant: TENANT,
            token: () => Promise.resolve(utf8("token")),
        });
        await new Promise<void>((resolve) => {
            void meter.open({ up: resolve, down() {}, message() {} });
        });
        this.collector.onReceive = null;
        await meter.send(utf8("alive"));
        await meter.close();
        expect(this.collector.texts()).toContain("alive");
    }

    async close(): Promise<void> {
        for (const client of this.#clients) client.socket.destroy();
        await this.link.close();
    }
}

let broker: Broker;
afterEach(async () => {
    await broker?.close();
});

async function start(options: Partial<MqttCollectorOptions> = {}): Promise<Broker> {
    broker = await new Broker(options).start();
    return broker;
}

describe("mqtt: where it listens", () => {
    it("refuses to leave the loopback unless told so", () => {
        const log = { info() {}, warn() {} };
        for (const host of ["0.0.0.0", "::", "192.168.1.1", "example.org", "127.0.0.1.example"]) {
            expect(() => createMqttCollectorLink({ ...LOCAL, host, log })).toThrow(
                "MS_LISTEN_ADDRESS",
            );
            createMqttCollectorLink({ ...LOCAL, host, log, insecure: true });
        }
    });

    it("names the port that is in use", async () => {
        await start();
        const second = new Broker({ port: broker.port });
        await expect(second.start()).rejects.toThrow(/MS_PORT_IN_USE.*port \d+ in use/);
        await second.close();
    });

    it("refuses a tenant or a subject that is no topic level", () => {
        const log = { info() {}, warn() {} };
        expect(() => createMqttCollectorLink({ ...LOCAL, tenant: "a/b", log })).toThrow("MS_USAGE");
        const options = { url: "mqtt://127.0.0.1:1", tenant: "t", subjectHex: A };
        const token = () => Promise.resolve(utf8("t"));
        for (const wrong of [
            { subjectHex: A.toUpperCase() },
            { tenant: "+" },
            { url: "http://127.0.0.1" },
            { url: "mqtt://meters.example" },
        ]) {
            expect(() => createMqttMeterLink({ ...options, token, ...wrong })).toThrow("MS_USAGE");
        }
    });
});

describe("mqtt: what a peer may do", () => {
    const state = { topic: topics.state, payload: "offline", retain: true };
    const refusals: [string, Uint8Array][] = [
        ["publish as another meter", publishPacket(others.up("usage"), utf8("m"))],
        ["publish to another meter's receipts", publishPacket(others.receipts, utf8("m"))],
        ["publish to its own receipts", publishPacket(topics.receipts, utf8("m"))],
        ["publish below up", publishPacket(`${topics.up("usage")}/x`, utf8("m"))],
        ["publish to an unknown channel", publishPacket(`ms/1/${TENANT}/${A}/up/x`, utf8("m"))],
        ["publish in another tenant", publishPacket(`ms/1/other/${A}/up/usage`, utf8("m"))],
        ["publish for the broker", publishPacket("$SYS/x/new/clients", utf8("m"))],
        [
            "publish a retained message",
            publishPacket(topics.up("usage"), utf8("m"), { retain: true }),
        ],
        ["publish a message at QoS 0", publishPacket(topics.up("usage"), utf8("m"), { qos: 0 })],
        ["publish a message at QoS 2", publishPacket(topics.up("usage"), utf8("m"), { qos: 2 })],
        ["publish a message at QoS 3", publishPacket(topics.up("usage"), utf8("m"), { qos: 3 })],
        ["publish with packet id 0", publishPacket(topics.up("usage"), utf8("m"), { id: 0 })],
        ["publish a state at QoS 2", publishPacket(topics.state, utf8("online"), { qos: 2 })],
        ["publish a long state", publishPacket(topics.state, new Uint8Array(65))],
        ["publish with a wild card", publishPacket(`ms/1/${TENANT}/+/up/usage`, utf8("m"))],
        ["publish to a deep topic", publishPacket("a/".repeat(100), utf8("m"))],
        ["publish a truncated packet", packet(0x32, Buffer.of(0, 200, 1))],
        ["subscribe to another meter's receipts", subscribePacket(others.receipts)],
        ["subscribe to messages", subscribePacket(topics.up("usage"))],
        ["subscribe to everything", subscribePacket("#")],
        ["subscribe with a wild card", subscribePacket(`ms/1/${TENANT}/+/rcpt`)],
        ["subscribe to the broker's topics", subscribePacket("$SYS/#")],
        ["connect twice", connectPacket({ clientId: A })],
        ["send a packet of a server", packet(0x20, Buffer.of(0, 0))],
        ["send an unknown packet", packet(0xf0)],
    ];
    it.each(refusals)("ends the connection of one that tries to %s", async (_title, bytes) => {
        await start();
        const client = await broker.client();
        client.send(bytes);
        await until(() => client.closed, "the end of the connection");
        expect(broker.collector.received).toEqual([]);
    });

    it("accepts state, all channels, commands and receipts", async () => {
        await start();
        const client = broker.stranger();
        client.send(connectPacket({ clientId: A, will: state }));
        client.send(publishPacket(topics.state, utf8("online"), { qos: 0, retain: true }));
        client.send(subscribePacket(topics.receipts), subscribePacket(topics.down));
        for (const channel of ["usage", "billing", "warning", "response"] as const) {
            client.send(publishPacket(topics.up(channel), utf8(channel)));
        }
        await until(() => broker.collector.received.length === 4, "four messages");
        expect(broker.collector.texts()).toEqual(["usage", "billing", "warning", "response"]);
        client.socket.destroy(); // the last will goes out
        await broker.expectAlive();
    });

    const strangers: [string, Uint8Array][] = [
        ["a client id that is no subject", connectPacket({ clientId: "meter-1" })],
        ["no client id", connectPacket({ clientId: "" })],
        ["another user name", connectPacket({ clientId: A, username: B })],
        ["MQTT 5", connectPacket({ clientId: A, version: 5 })],
        [
            "a last will for another",
            connectPacket({ clientId: A, will: { ...state, topic: others.state } }),
        ],
        [
            "a last will as a message",
            connectPacket({ clientId: A, will: { ...state, topic: topics.up("usage") } }),
        ],
        [
            "a long last will",
            connectPacket({ clientId: A, will: { ...state, payload: "x".repeat(65) } }),
        ],
        ["a huge CONNECT", packet(0x10, new Uint8Array(10_000))],
        ["a CONNECT that announces 256 MB", Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f)],
        ["a first packet that announces 256 MB", Buffer.of(0x32, 0xff, 0xff, 0xff, 0x7f)],
        ["a message before CONNECT", publishPacket(topics.up("usage"), utf8("m"))],
        ["HTTP", utf8("GET / HTTP/1.1\r\n\r\n")],
        ["a length without end", Buffer.of(0x10, 0xff, 0xff, 0xff, 0xff, 0xff)],
    ];
    it.each(strangers)("turns away a peer with %s", async (_title, bytes) => {
        await start();
        const client = broker.stranger();
        client.send(bytes, publishPacket(topics.up("usage"), utf8("m")));
        await until(() => client.closed, "the end of the connection");
        expect(client.input[3] ?? 1).not.toBe(0);
        expect(broker.collector.received).toEqual([]);
    });
});

describe("mqtt: bounds", () => {
    it("refuses an oversized packet by its header, and one byte too much", async () => {
        await start();
        const huge = await broker.client();
        huge.send(Buffer.of(0x32, 0xff, 0xff, 0xff, 0x7f)); // announces 256 MB
        await until(() => huge.closed, "the end of the connection");
        const over = await broker.client();
        over.send(publishPacket(topics.up("usage"), new Uint8Array(LIMITS.messageBytes + 1)));
        await until(() => over.closed, "the end of the connection");
        expect(broker.collector.received).toEqual([]);
        expect(broker.warnings.join()).toContain("268435460 bytes");
        await broker.expectAlive();
    });

    it("survives bytes at random, before and after a proper CONNECT", async () => {
        await start();
        let state = 20_130_101;
        const random = () => {
            state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
            return state / 2 ** 32;
        };
        const valid = [subscribePacket(topics.receipts), publishPacket(topics.state, utf8("x"))];
        for (let i = 0; i < 150; i++) {
            const client = broker.stranger();
            if (i % 2 === 1) client.send(connectPacket({ clientId: A }));
            const bytes = Buffer.from(valid[(i % 4) >> 1] ?? utf8(""));
            for (let k = 0; k < 4; k++) bytes[Math.floor(random() * bytes.length)] = random() * 256;
            const noise = Buffer.from(Array.from({ length: 200 }, () => random() * 256));
            client.send(bytes, noise);
            client.socket.end();
        }
        await broker.expectAlive();
    });

    it("ends a connection that does not present itself in time", async () => {
        await start({ connectTimeoutMs: 80 });
        const silent = broker.stranger();
        const slow = broker.stranger();
        slow.send(connectPacket({ clientId: A }).subarray(0, 10));
        await until(() => silent.closed && slow.closed, "the end of both");
    });

    it("ends a connection whose token is not judged in time", async () => {
        await start({ connectTimeoutMs: 80 });
        broker.collector.authenticate = () => new Promise(() => {});
        const client = broker.stranger();
        client.send(connectPacket({ clientId: A }));
        await until(() => client.closed, "the end of the connection");
        expect(client.input).toEqual(Buffer.of(0x20, 2, 0, 3));
    });

    it("ends a silent connection after its keepalive, but not one whose message is under way", async () => {
        await start({ maxKeepaliveSeconds: 0.1 });
        const silent = await broker.client(A);
        const waiting = await broker.client(B);
        const taken = Promise.withResolvers<void>();
        broker.collector.onReceive = () => taken.promise;
        waiting.send(publishPacket(others.up("usage"), utf8("m")));
        await until(() => silent.closed, "the end of the silent one");
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect(waiting.closed).toBe(false);
        taken.resolve();
        await until(() => waiting.pubacks().length === 1, "the acknowledgement");
        await until(() => waiting.closed, "the end of the other");
    });

    it("takes no more connections than allowed, and frees their places", async () => {
        await start({ maxConnections: 2 });
        const first = await broker.client(A);
        await broker.client(B);
        const third = broker.stranger();
        third.send(connectPacket({ clientId: "cc".repeat(16) }));
        await until(() => third.closed, "the refusal");
        expect(third.input.length).toBe(0);
        first.socket.destroy();
        await until(() => first.closed, "a free place");
        await broker.expectAlive();
    });

    it("takes only so many messages at a time, answers in order, and a ping in between", async () => {
        await start({ maxInFlight: 10 });
        const client = await broker.client();
        const release: (() => void)[] = [];
        broker.collector.onReceive = () => new Promise((resolve) => release.push(resolve));
        const ids = Array.from({ length: 25 }, (_, i) => i + 1);
        const packets = ids.map((id) => publishPacket(topics.up("usage"), utf8(`${id}`), { id }));
        client.send(packets[0] as Uint8Array, Buffer.of(0xc0, 0)); // PINGREQ
        await until(() => client.input.length === 6, "PINGRESP while a message is under way");
        client.input = client.input.subarray(0, 4);
        client.send(...packets.slice(1));
        await until(() => release.length === 10, "a full window");
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect(release.length).toBe(10);
        while (client.pubacks().length < 25) {
            for (const next of release.splice(0).reverse()) next();
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(client.pubacks()).toEqual(ids);
    });

    it("bounds the bytes under way, but always takes one message", async () => {
        await start();
        const client = await broker.client();
        const release: (() => void)[] = [];
        broker.collector.onReceive = () => new Promise((resolve) => release.push(resolve));
        const large = new Uint8Array(LIMITS.messageBytes);
        for (let id = 1; id <= 8; id++)
            client.send(publishPacket(topics.up("usage"), large, { id }));
        await until(() => release.length === 3, "three messages of 64 kB");
        await new Promise((resolve) => setTimeout(resolve, 30));
        expect(release.length).toBe(3);
        while (client.pubacks().length < 8) {
            for (const next of release.splice(0)) next();
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    });

    it("leaves with the peer what it does not take", async () => {
        await start();
        const client = await broker.client();
        broker.collector.onReceive = () => new Promise(() => {});
        const large = publishPacket(topics.up("usage"), new Uint8Array(LIMITS.messageBytes));
        let sent = 0;
        const more = (): void => {
            if (sent++ < 1_000 && !client.closed) client.socket.write(large, more);
        };
        more();
        await until(() => broker.collector.received.length === 3, "a full window");
        await new Promise((resolve) => setTimeout(resolve, 150));
        const before = sent;
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(sent).toBe(before);
        expect(sent).toBeLessThan(300); // what the kernel holds
    });

    it("drops a meter that does not read its receipts; others are not held up", async () => {
        await start({ drainTimeoutMs: 300 });
        const frozen = await broker.client();
        frozen.send(subscribePacket(topics.receipts));
        await until(() => frozen.input.length >= 9, "SUBACK");
        frozen.socket.pause();
        const large = new Uint8Array(LIMITS.messageBytes);
        let refused = 0;
        await until(async () => {
            const late = new Promise<null>((resolve) => setTimeout(resolve, 20, null));
            if ((await Promise.race([broker.link.deliver(A, large), late])) === false) refused++;
            return refused > 0;
        }, "a refusal, with the socket full");
        await broker.expectAlive();
        await until(async () => !(await broker.link.deliver(A, large)), "its end");
    });

    it("takes only so many messages down at a time, and none before the meter asked", async () => {
        await start({ maxDeliveries: 5 });
        const client = await broker.client();
        expect(await broker.link.deliver(A, utf8("too early"))).toBe(false);
        client.send(subscribePacket(topics.receipts));
        await until(() => client.input.length >= 9, "SUBACK");
        const small = Array.from({ length: 7 }, () => broker.link.deliver(A, utf8("r")));
        expect(await Promise.all(small)).toEqual([true, true, true, true, true, false, false]);
        await broker.close();
        await start();
        const other = await broker.client();
        other.send(subscribePacket(topics.receipts));
        await until(() => other.input.length >= 9, "SUBACK");
        const size = new Uint8Array(LIMITS.messageBytes);
        const large = Array.from({ length: 20 }, () => broker.link.deliver(A, size));
        expect((await Promise.all(large)).filter((sent) => !sent)).toHaveLength(4);
    });
});

describe("mqtt: meter side", () => {
    it("gives up a connection that does not acknowledge, and takes the next", async () => {
        await start();
        const meter = new TestMeter((token) => {
            const url = `mqtt://127.0.0.1:${broker.port}`;
            const options = { url, tenant: TENANT, subjectHex: A, ackTimeoutMs: 100 };
            return createMqttMeterLink({ ...options, token, random: () => 0 });
        }, A);
        await meter.link.open(meter);
        await meter.untilUp();
        broker.collector.onReceive = () => new Promise(() => {});
        await expect(meter.link.send(utf8("m"))).rejects.toThrow("MS_LINK");
        broker.collector.onReceive = null;
        await meter.sendUntilAcknowledged(utf8("m"));
        await meter.link.close();
        expect([meter.ups, meter.downs]).toEqual([2, 1]);
    });

    it("waits longer after each failure, up to 10 s", () => {
        const delays = [0, 1, 2, 5, 6, 60].map((attempt) => reconnectDelayMs(attempt, () => 1));
        expect(delays).toEqual([200, 400, 800, 6_400, 10_000, 10_000]);
        expect(reconnectDelayMs(0, () => 0)).toBe(100);
    });
});

describe("mqtt: closing", () => {
    it("acknowledges what the handler takes meanwhile", async () => {
        await start();
        const client = await broker.client();
        const taken = Promise.withResolvers<void>();
        broker.collector.onReceive = () => taken.promise;
        client.send(publishPacket(topics.up("usage"), utf8("m"), { id: 77 }));
        await until(() => broker.collector.received.length === 1, "the message");
        const closing = broker.link.close();
        setTimeout(taken.resolve, 50);
        await closing;
        await until(() => client.closed, "the end of the connection");
        expect(client.pubacks()).toEqual([77]);
    });

    it("waits less than a second for a handler that does not answer", async () => {
        await start();
        const client = await broker.client();
        broker.collector.onReceive = () => new Promise(() => {});
        client.send(publishPacket(topics.up("usage"), utf8("m")));
        await until(() => broker.collector.received.length === 1, "the message");
        const start0 = performance.now();
        await broker.link.close();
        expect(performance.now() - start0).toBeLessThan(1_000);
        expect(client.pubacks()).toEqual([]);
    });

    it("leaves its port free for the next", async () => {
        await start();
        const { port } = broker;
        await broker.client();
        await broker.close();
        await start({ port });
        expect(broker.port).toBe(port);
    });
});

const mosquitto = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
describe.skipIf(!mosquitto)("mqtt: a foreign client (mosquitto_pub, not run where absent)", () => {
    function publish(topic: string, message: string): Promise<number | null> {
        const where = ["-h", "127.0.0.1", "-p", `${broker.port}`, "-V", "mqttv311"];
        const who = ["-i", A, "-u", A, "-P", "token"];
        const what = ["-t", topic, "-m", message, "-q", "1"];
        const run = spawn("mosquitto_pub", [...where, ...who, ...what], { stdio: "ignore" });
        return new Promise((resolve) => run.once("close", resolve));
    }

    it("gets its message acknowledged", async () => {
        await start();
        expect(await publish(topics.up("billing"), "from C")).toBe(0);
        expect(broker.collector.received.map(({ subjectHex }) => subjectHex)).toEqual([A]);
        expect(broker.collector.texts()).toEqual(["from C"]);
    });

    it("is refused with a wrong token", async () => {
        await start();
        broker.collector.authenticate = () => Promise.resolve(false);
        expect(await publish(topics.up("usage"), "x")).toBe(5);
        expect(broker.collector.received).toEqual([]);
    });
});
