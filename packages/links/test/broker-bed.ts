import type { CollectorLink } from "@meterseal/core";
import { utf8 } from "@meterseal/core";
import { ScriptedCollector, until } from "@meterseal/testkit/link-compliance";
import { connectPacket } from "@meterseal/testkit/mqtt-packets";
import { expect } from "vitest";
import {
    createMqttCollectorLink,
    createMqttMeterLink,
    type MqttCollectorOptions,
    meterTopics,
} from "../src/mqtt/index.ts";
import { RawClient } from "./raw-client.ts";

/** Subject of a meter. */
export const A = "0a".repeat(16);
/** Subject of another one. */
export const B = "0b".repeat(16);
/** Tenant of the broker. */
export const TENANT = "tenant";
/** Topics of meter A. */
export const topics = meterTopics(TENANT, A);
/** Topics of meter B. */
export const others = meterTopics(TENANT, B);
/** Where a broker listens. */
export const LOCAL = { host: "127.0.0.1", port: 0, tenant: TENANT };

/** A broker in front of a scripted collector, with raw clients; all closed with it. */
export class Broker {
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
