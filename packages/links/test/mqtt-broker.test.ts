import { utf8 } from "@meterseal/core";
import { until } from "@meterseal/testkit/link-compliance";
import {
    connectPacket,
    packet,
    publishPacket,
    subscribePacket,
} from "@meterseal/testkit/mqtt-packets";
import { afterEach, describe, expect, it } from "vitest";
import {
    createMqttCollectorLink,
    createMqttMeterLink,
    type MqttCollectorOptions,
} from "../src/mqtt/index.ts";
import { A, B, Broker, LOCAL, others, TENANT, topics } from "./broker-bed.ts";

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
        [
            "publish a retained message at QoS 0",
            publishPacket(topics.up("usage"), utf8("m"), { qos: 0, retain: true }),
        ],
        [
            "publish a retained message at QoS 2",
            publishPacket(topics.up("usage"), utf8("m"), { qos: 2, retain: true }),
        ],
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
