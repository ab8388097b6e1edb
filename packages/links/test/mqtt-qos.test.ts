import { utf8 } from "@meterseal/core";
import { until } from "@meterseal/testkit/link-compliance";
import { packet, publishPacket, subscribePacket } from "@meterseal/testkit/mqtt-packets";
import { afterEach, describe, expect, it } from "vitest";
import type { MqttCollectorOptions } from "../src/mqtt/index.ts";
import { UnreleasedIds } from "../src/mqtt/unreleased.ts";
import { A, Broker, topics } from "./broker-bed.ts";
import type { RawClient } from "./raw-client.ts";

let broker: Broker;
afterEach(async () => {
    await broker?.close();
});

async function start(options: Partial<MqttCollectorOptions> = {}): Promise<RawClient> {
    broker = await new Broker(options).start();
    return await broker.client();
}

const message = (qos: number, id: number, text = "m"): Buffer =>
    publishPacket(topics.up("usage"), utf8(text), { qos, id });
const pubrel = (id: number): Buffer => packet(0x62, Buffer.of(id >> 8, id & 0xff));

/** Acknowledgements behind the CONNACK, as their kind and packet id. */
function answers({ input }: RawClient): [string, number][] {
    const names = new Map([
        [0x40, "PUBACK"],
        [0x50, "PUBREC"],
        [0x70, "PUBCOMP"],
    ]);
    return Array.from({ length: Math.floor((input.length - 4) / 4) }, (_, i) => {
        const at = 4 + 4 * i;
        return [names.get(input[at] ?? 0) ?? "", input.readUInt16BE(at + 2)];
    });
}

describe("mqtt: a message at QoS 0", () => {
    it("is taken, and nothing is said until its receipt comes", async () => {
        const client = await start();
        client.send(message(0, 0), subscribePacket(topics.receipts));
        await until(() => broker.collector.received.length === 1, "the message");
        await until(() => client.input.length >= 9, "SUBACK");
        expect(client.input.subarray(4)).toEqual(Buffer.of(0x90, 3, 0, 9, 1));
        expect(await broker.link.deliver(A, utf8("receipt"))).toBe(true);
        await until(() => client.input.includes("receipt"), "the receipt");
    });

    it("that the collector does not take ends the connection, as at the other levels", async () => {
        for (const qos of [0, 1, 2]) {
            const client = await start();
            broker.collector.onReceive = () => Promise.reject(new Error("disk full"));
            client.send(message(qos, 7));
            await until(() => client.closed, "the end of the connection");
            expect(answers(client)).toEqual([]);
            await broker.close();
        }
    });

    it("is held back where too many are under way, and lost nowhere", async () => {
        const client = await start({ maxInFlight: 4 });
        let underWay = 0;
        let most = 0;
        broker.collector.onReceive = async () => {
            most = Math.max(most, ++underWay);
            await new Promise((resolve) => setTimeout(resolve, 5));
            underWay--;
        };
        const texts = Array.from({ length: 40 }, (_, i) => `${i}`);
        client.send(...texts.map((text) => message(0, 0, text)));
        await until(() => broker.collector.received.length === 40, "all");
        expect(broker.collector.texts()).toEqual(texts);
        expect(most).toBe(4);
    });
});

describe("mqtt: a message at QoS 2", () => {
    it("is taken once, however often it is sent before it is released", async () => {
        const client = await start();
        const taken = Promise.withResolvers<void>();
        broker.collector.onReceive = () => taken.promise;
        const again = message(2, 7);
        again[0] = (again[0] ?? 0) | 0x08; // DUP
        client.send(message(2, 7), again);
        await until(() => broker.collector.received.length === 1, "the message");
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(answers(client)).toEqual([]); // not before it is on disk
        taken.resolve();
        await until(() => answers(client).length === 2, "PUBREC");
        client.send(again);
        await until(() => answers(client).length === 3, "PUBREC again");
        expect(answers(client)).toEqual([1, 2, 3].map(() => ["PUBREC", 7]));
        client.send(pubrel(7), pubrel(7));
        await until(() => answers(client).length === 5, "PUBCOMP");
        expect(answers(client).slice(3)).toEqual([
            ["PUBCOMP", 7],
            ["PUBCOMP", 7],
        ]);
        expect(broker.collector.received).toHaveLength(1);
        client.send(message(2, 7, "another"));
        await until(() => broker.collector.received.length === 2, "another one with the same id");
    });

    it("comes in order with those of other levels, and as many at a time as they", async () => {
        const client = await start({ maxInFlight: 3 });
        const ids = Array.from({ length: 30 }, (_, i) => i + 1);
        client.send(...ids.map((id) => message(id % 3, id, `${id}`)));
        await until(() => answers(client).length === 20, "their answers");
        expect(broker.collector.texts()).toEqual(ids.map(String));
        const expected = ids.filter((id) => id % 3 > 0);
        expect(answers(client)).toEqual(
            expected.map((id) => [id % 3 === 1 ? "PUBACK" : "PUBREC", id]),
        );
    });

    it.each([
        ["a release without a packet id", packet(0x62)],
        ["a release of packet id 0", pubrel(0)],
        ["a release of another length", packet(0x62, Buffer.of(0, 1, 0))],
        ["a release with other flags", packet(0x60, Buffer.of(0, 1))],
    ])("is not ended by %s: the connection is", async (_, bytes) => {
        const client = await start();
        client.send(bytes);
        await until(() => client.closed, "the end of the connection");
    });

    it("is known by each of the packet ids that there are", () => {
        const ids = new UnreleasedIds();
        ids.release(1);
        for (const id of [1, 8, 255, 256, 65_535]) {
            expect([ids.add(id), ids.add(id)]).toEqual([true, false]);
            ids.release(id);
            expect(ids.add(id)).toBe(true);
        }
        expect(ids.add(2)).toBe(true);
    });
});
