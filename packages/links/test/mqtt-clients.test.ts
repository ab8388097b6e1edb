import { spawn, spawnSync } from "node:child_process";
import { utf8 } from "@meterseal/core";
import { TestMeter, until } from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { reconnectDelayMs } from "../src/backoff.ts";
import { createMqttMeterLink, type MqttCollectorOptions } from "../src/mqtt/index.ts";
import { A, Broker, TENANT, topics } from "./broker-bed.ts";

let broker: Broker;
afterEach(async () => {
    await broker?.close();
});

async function start(options: Partial<MqttCollectorOptions> = {}): Promise<Broker> {
    broker = await new Broker(options).start();
    return broker;
}

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

const mosquitto = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
describe.skipIf(!mosquitto)("mqtt: a foreign client (mosquitto_pub, not run where absent)", () => {
    function publish(topic: string, message: string, qos = 1): Promise<number | null> {
        const where = ["-h", "127.0.0.1", "-p", `${broker.port}`, "-V", "mqttv311"];
        const who = ["-i", A, "-u", A, "-P", "token"];
        const what = ["-t", topic, "-m", message, "-q", `${qos}`];
        const run = spawn("mosquitto_pub", [...where, ...who, ...what], { stdio: "ignore" });
        return new Promise((resolve) => run.once("close", resolve));
    }

    it.each([0, 1, 2])("gets its message taken once, at QoS %i", async (qos) => {
        await start();
        expect(await publish(topics.up("billing"), "from C", qos)).toBe(0);
        await until(() => broker.collector.received.length > 0, "the message"); // QoS 0 waits for nothing
        expect(broker.collector.received.map(({ subjectHex }) => subjectHex)).toEqual([A]);
        expect(broker.collector.texts()).toEqual(["from C"]);
    });

    it.each([1, 2])("waits at QoS %i until the collector has its message", async (qos) => {
        await start();
        const taken = Promise.withResolvers<void>();
        broker.collector.onReceive = () => taken.promise;
        let isDone = false;
        const sent = publish(topics.up("usage"), "m", qos).then((code) => {
            isDone = true;
            return code;
        });
        await until(() => broker.collector.received.length === 1, "the message");
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(isDone).toBe(false);
        taken.resolve();
        expect(await sent).toBe(0);
    });

    it("is refused with a wrong token", async () => {
        await start();
        broker.collector.authenticate = () => Promise.resolve(false);
        expect(await publish(topics.up("usage"), "x")).toBe(5);
        expect(broker.collector.received).toEqual([]);
    });
});
