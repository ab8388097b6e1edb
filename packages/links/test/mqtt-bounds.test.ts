import { LIMITS, utf8 } from "@meterseal/core";
import { until } from "@meterseal/testkit/link-compliance";
import { connectPacket, publishPacket, subscribePacket } from "@meterseal/testkit/mqtt-packets";
import { afterEach, describe, expect, it } from "vitest";
import type { MqttCollectorOptions } from "../src/mqtt/index.ts";
import { A, B, Broker, others, topics } from "./broker-bed.ts";

let broker: Broker;
afterEach(async () => {
    await broker?.close();
});

async function start(options: Partial<MqttCollectorOptions> = {}): Promise<Broker> {
    broker = await new Broker(options).start();
    return broker;
}

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
