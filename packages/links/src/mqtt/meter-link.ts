import { connect as connectSocket } from "node:net";
import {
    assert,
    error,
    LIMITS,
    type MeterLink,
    type MeterLinkHandler,
    type MetersealError,
} from "@meterseal/core";
import { MqttClient } from "mqtt";
import { Reconnector } from "../reconnector.ts";
import { sendRefusal } from "../send-refusal.ts";
import { type MqttMeterOptions, type MqttMeterSettings, meterSettings } from "./meter-options.ts";
import { type GatePolicy, PacketGate } from "./packet-gate.ts";
import { type MeterTopics, meterTopics } from "./topics.ts";

/** Bounds what a collector can make a meter hold: a packet, header included. */
const INBOUND: GatePolicy = {
    limitBytes: () => LIMITS.messageBytes + 256,
    admit: () => "pass",
    busy: false,
};

type Pending = (failure: MetersealError) => void;

/**
 * Meter side of MQTT 3.1.1. Each connection starts from nothing: what was not acknowledged is
 * rejected with MS_LINK, kept by nobody here, and sent again by the caller from its outbox.
 * @throws MetersealError MS_USAGE for a bad option.
 */
export function createMqttMeterLink(options: MqttMeterOptions): MeterLink {
    return new MqttMeterLink(meterSettings(options));
}

class MqttMeterLink implements MeterLink {
    readonly #options: MqttMeterSettings;
    readonly #topics: MeterTopics;
    readonly #reconnector: Reconnector;
    readonly #pending = new Set<Pending>();
    #handler: MeterLinkHandler | null = null;
    #client: MqttClient | null = null;
    #up = false;
    #ackTimer: NodeJS.Timeout | null = null;

    constructor(options: MqttMeterSettings) {
        this.#options = options;
        this.#topics = meterTopics(options.tenant, options.subjectHex);
        this.#reconnector = new Reconnector("mqtt", options, (token) => this.#begin(token));
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await this.#reconnector.connect();
    }

    send(message: Uint8Array): Promise<void> {
        const client = this.#up ? this.#client : null;
        const underWay = client === null ? null : this.#pending.size;
        const refusal = sendRefusal(message, underWay, this.#options.maxInFlight);
        if (client === null || refusal !== null) return Promise.reject(refusal);
        return new Promise((resolve, reject) => {
            const pending: Pending = (failure) => {
                this.#pending.delete(pending);
                reject(failure);
            };
            this.#pending.add(pending);
            this.#watchAcks(false);
            const topic = this.#topics.up(this.#options.channel?.(message) ?? "usage");
            client.publish(topic, Buffer.from(message), { qos: 1 }, (cause) => {
                if (!this.#pending.has(pending)) return;
                if (cause) return pending(linkError(cause));
                this.#pending.delete(pending);
                this.#watchAcks(true);
                resolve();
            });
        });
    }

    async close(): Promise<void> {
        if (this.#reconnector.closed) return;
        this.#reconnector.close();
        const client = this.#client;
        const idle = this.#pending.size === 0;
        const polite = this.#up && idle;
        this.#fail(error("MS_LINK", { got: "link closed" }));
        this.#up = false;
        if (client === null) return;
        await new Promise<void>((resolve) => {
            const timer = setTimeout(() => {
                client.stream.destroy();
                resolve();
            }, this.#options.closeTimeoutMs);
            client.once("close", () => {
                clearTimeout(timer);
                resolve();
            });
            if (polite) client.publish(this.#topics.state, "offline", { qos: 0, retain: true });
            client.end(!polite);
        });
    }

    #begin(token: Uint8Array): void {
        const client = this.#createClient(token);
        this.#client = client;
        client.on("connect", () => {
            client.subscribe([this.#topics.receipts, this.#topics.down], { qos: 1 }, () => {});
        });
        client.on("packetreceive", (packet) => {
            if (packet.cmd !== "suback") return;
            const refused = packet.granted.some((code) => typeof code !== "number" || code > 2);
            if (refused) client.stream.destroy();
            else this.#becomeUp(client);
        });
        client.on("message", (_topic, payload) => {
            if (this.#client === client) this.#handler?.message(new Uint8Array(payload));
        });
        client.on("error", (cause) => {
            if (this.#client !== client) return;
            this.#options.log?.warn("mqtt: connection failed", { reason: cause.message });
            client.stream.destroy();
        });
        client.on("close", () => this.#lost(client));
    }

    #createClient(token: Uint8Array): MqttClient {
        const { subjectHex, keepaliveSeconds, connectTimeoutMs, ackTimeoutMs } = this.#options;
        const { address } = this.#options;
        return new MqttClient(() => new PacketGate(connectSocket(address), INBOUND, ackTimeoutMs), {
            protocolVersion: 4,
            protocolId: "MQTT",
            clientId: subjectHex,
            username: subjectHex,
            password: Buffer.from(token),
            clean: true,
            keepalive: keepaliveSeconds,
            connectTimeout: connectTimeoutMs,
            reconnectPeriod: 0, // we make a new client with a new token
            resubscribe: false,
            queueQoSZero: false,
            will: {
                topic: this.#topics.state,
                payload: Buffer.from("offline"),
                qos: 0,
                retain: true,
            },
        });
    }

    #becomeUp(client: MqttClient): void {
        if (this.#reconnector.closed || this.#up || this.#client !== client) return;
        this.#up = true;
        this.#reconnector.up();
        client.publish(this.#topics.state, "online", { qos: 0, retain: true });
        this.#handler?.up();
    }

    #lost(client: MqttClient): void {
        if (this.#client !== client) return;
        this.#client = null;
        client.end(true);
        const wasUp = this.#up;
        this.#up = false;
        this.#fail(error("MS_LINK", { got: "connection lost" }));
        if (this.#reconnector.closed) return;
        if (wasUp) this.#handler?.down();
        this.#reconnector.again();
    }

    #fail(failure: MetersealError): void {
        if (this.#ackTimer !== null) clearTimeout(this.#ackTimer);
        this.#ackTimer = null;
        for (const pending of [...this.#pending]) pending(failure);
    }

    #watchAcks(progress: boolean): void {
        if (this.#pending.size === 0) {
            if (this.#ackTimer !== null) clearTimeout(this.#ackTimer);
            this.#ackTimer = null;
        } else if (this.#ackTimer === null) {
            this.#ackTimer = setTimeout(
                () => this.#client?.stream.destroy(),
                this.#options.ackTimeoutMs,
            );
        } else if (progress) {
            this.#ackTimer.refresh();
        }
    }
}

function linkError(cause: Error): MetersealError {
    return error("MS_LINK", { got: cause.message, cause });
}
