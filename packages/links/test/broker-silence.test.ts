import { createServer, type Socket } from "node:net";
import { ScriptedCollector, until } from "@meterseal/testkit/link-compliance";
import { afterEach, describe, expect, it } from "vitest";
import { openAmqp10Port } from "../src/amqp10/client-port.ts";
import { openAmqpPort } from "../src/amqp091/port.ts";
import { BrokerCollectorLink } from "../src/broker/collector-link.ts";
import type { BrokerProtocol } from "../src/broker/links.ts";
import type { BrokerEvents } from "../src/broker/port.ts";
import { openMqttPort } from "../src/mqtt-broker/port.ts";
import { openXmppPort } from "../src/xmpp/port.ts";

const NO_EVENTS: BrokerEvents = { up: () => {}, down: () => {}, frame: () => {} };
const closings: (() => Promise<void> | void)[] = [];
afterEach(async () => {
    for (const close of closings.splice(0).reverse()) await close();
});

/** A port that takes connections and says nothing; those that stand, and how many there were. */
async function silentPort() {
    const sockets = new Set<Socket>();
    const seen = { port: 0, sockets, accepted: 0 };
    const server = createServer((socket) => {
        seen.accepted++;
        sockets.add(socket.on("error", () => {}).resume());
        socket.on("close", () => sockets.delete(socket));
    }).listen(0, "127.0.0.1");
    closings.push(() => {
        server.close();
        for (const socket of sockets) socket.destroy();
    });
    await new Promise((resolve) => server.once("listening", resolve));
    seen.port = (server.address() as { port: number }).port;
    return seen;
}

describe("behind a broker that takes connections and says nothing", () => {
    it("a collector tries again, and again", async () => {
        const ports = { opened: 0, closed: 0 };
        const news: string[] = [];
        let first: BrokerEvents = NO_EVENTS;
        const warn = (_message: string, fields?: object) => news.push(JSON.stringify(fields));
        const log = { info: (message: string) => news.push(message), warn };
        const options = { log, connectTimeoutMs: 50 };
        const link = new BrokerCollectorLink(
            "test",
            () => "test:",
            options,
            (events) => {
                if (ports.opened++ === 0) first = events;
                if (ports.opened === 1 || ports.opened === 4) setImmediate(events.up);
                return { send: () => true, close: async () => void ports.closed++ };
            },
        );
        closings.push(() => link.close());
        await link.listen(new ScriptedCollector());
        first.down("cut");
        await until(() => news.includes("test: the broker is back"), "the broker");
        expect(ports).toEqual({ opened: 4, closed: 2 });
        expect(news).toHaveLength(4);
        expect(news[1]).toContain("took longer than 50 ms");
    });

    it("a collector that closes meanwhile does not begin again", async () => {
        let [opened, closed] = [0, 0];
        let first: BrokerEvents = NO_EVENTS;
        const log = { info: () => {}, warn: () => {} };
        const link = new BrokerCollectorLink(
            "test",
            () => "test:",
            { log, connectTimeoutMs: 50 },
            (events) => {
                if (opened === 0) first = events;
                if (opened++ === 0) setImmediate(events.up);
                return { send: () => true, close: async () => void closed++ };
            },
        );
        await link.listen(new ScriptedCollector());
        first.down("cut");
        await until(() => opened === 2, "another attempt");
        await link.close();
        expect(closed).toBeGreaterThan(0);
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(opened).toBe(2);
    });

    it("a collector that closes while it connects for the first time says so at once", async () => {
        const log = { info: () => {}, warn: () => {} };
        const port = { send: () => true, close: () => Promise.resolve() };
        const link = new BrokerCollectorLink(
            "test",
            () => "test:",
            { log },
            () => port,
        );
        const refused = expect(link.listen(new ScriptedCollector())).rejects.toThrow("MS_LINK");
        await link.close();
        const soon = new Promise((_, reject) => setTimeout(reject, 1_000, new Error("too late")));
        await Promise.race([refused, soon]);
    });

    it.each<[string, string, BrokerProtocol["open"]]>([
        ["0-9-1", "amqp", openAmqpPort],
        ["0-9-1", "amqps", openAmqpPort],
        ["1.0", "amqp", openAmqp10Port],
        ["1.0", "amqps", openAmqp10Port],
        ["xmpp", "xmpp", openXmppPort],
        ["xmpp", "xmpps", openXmppPort],
        ["mqtt", "mqtt", openMqttPort],
    ])("nothing is left of a connection that is given up: %s, %s", async (_name, scheme, open) => {
        const silent = await silentPort();
        const url = `${scheme}://127.0.0.1:${silent.port}`;
        const address = { url, tenant: "t", username: "t@localhost", password: "p" };
        const port = open(address, "+", NO_EVENTS);
        await until(() => silent.accepted === 1, "a connection");
        await new Promise((resolve) => setTimeout(resolve, 50));
        await port.close();
        await until(() => silent.sockets.size === 0, "its end", 1_000);
        await open(address, "+", NO_EVENTS).close(); // before it connects
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(silent.sockets.size).toBe(0);
    });
});
