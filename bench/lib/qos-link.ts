import { error, type MeterLink, type MeterLinkHandler } from "@meterseal/core";
import { meterTopics } from "@meterseal/links/mqtt";
import { parseReceipt } from "@meterseal/record";
import { connect, type MqttClient } from "mqtt";
import type { MeterTools } from "./link-cases.ts";
import { TENANT } from "./tenant.ts";

/**
 * A client of MQTT that publishes at QoS 0 or 2, which our meters do not. At QoS 0 nothing is
 * acknowledged: a record, one to a message, counts as taken when a receipt says so.
 */
export class QosLink implements MeterLink {
    readonly #tools: MeterTools;
    readonly #qos: 0 | 2;
    readonly #waiting: (() => void)[] = [];
    #client: MqttClient | null = null;
    #received = 0;

    constructor(tools: MeterTools, qos: 0 | 2) {
        this.#tools = tools;
        this.#qos = qos;
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        const { subjectHex, token, url } = this.#tools;
        const { down, receipts } = meterTopics(TENANT, subjectHex);
        const client = connect(url, {
            ...{ clientId: subjectHex, username: subjectHex, password: Buffer.from(await token()) },
            ...{ protocolVersion: 4, clean: true, reconnectPeriod: 0 },
        });
        this.#client = client;
        client.on("connect", () => client.subscribe([receipts, down], { qos: 0 }, handler.up));
        client.on("message", (_topic, payload) => {
            handler.message(new Uint8Array(payload));
            this.#take(new Uint8Array(payload));
        });
        client.on("error", () => {}).on("close", () => handler.down());
    }

    send(message: Uint8Array): Promise<void> {
        const client = this.#client;
        if (client === null) return Promise.reject(error("MS_LINK"));
        const topic = meterTopics(TENANT, this.#tools.subjectHex).up("usage");
        const [payload, qos] = [Buffer.from(message), this.#qos];
        return new Promise((resolve, reject) => {
            if (qos === 0) this.#waiting.push(resolve);
            client.publish(topic, payload, { qos }, (cause) => {
                if (cause) reject(cause);
                else if (qos === 2) resolve();
            });
        });
    }

    async close(): Promise<void> {
        await this.#client?.endAsync();
    }

    /** Receipts are cumulative: one speaks for all records up to its number, of which the first is 1. */
    #take(bytes: Uint8Array): void {
        const receipt = parseReceipt(bytes);
        if (!receipt.ok) return;
        const fresh = receipt.value.seq - this.#received;
        if (fresh <= 0) return;
        this.#received += fresh;
        for (const resolve of this.#waiting.splice(0, fresh)) resolve();
    }
}
