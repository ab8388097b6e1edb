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
import { reconnectDelayMs, systemRandom } from "../backoff.ts";
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
    readonly #random: () => number;
    readonly #pending = new Set<Pending>();
    #handler: MeterLinkHandler | null = null;
    #client: MqttClient | null = null;
    #up = false;
    #closed = false;
    #failures = 0;
    #retry: NodeJS.Timeout | null = null;
    #ackTimer: NodeJS.Timeout | null = null;

    constructor(options: MqttMeterSettings) {
        this.#options = options;
        this.#topics = meterTopics(options.tenant, options.subjectHex);
        this.#random = options.random ?? systemRandom;
    }

    async open(handler: MeterLinkHandler): Promise<void> {
        assert(this.#handler === null, "a meter link is opened once");
        this.#handler = handler;
        await this.#connect();
    }

    send(message: Uint8Array): Promise<void> {
        const client = this.#client;
        if (message.length > LIMITS.messageBytes) {
            const expected = `at most ${LIMITS.messageBytes} bytes`;
            return Promise.reject(error("MS_TOO_LARGE", { expected, got: `${message.length}` }));
        }
        if (client === null || !this.#up) {
            return Promise.reject(error("MS_LINK", { got: "no connection" }));
        }
        if (this.#pending.size >= this.#options.maxInFlight) {
            const expected = `at most ${this.#options.maxInFlight} messages under way`;
            return Promise.reject(error("MS_BUSY", { expected }));
        }
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
        if (this.#closed) return;
        this.#closed = true;
        if (this.#retry !== null) clearTimeout(this.#retry);
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

    async #connect(): Promise<void> {
        this.#retry = null;
        let token: Uint8Array;
        try {
            token = await this.#options.token();
        } catch (cause) {
            this.#options.log?.warn("mqtt: no link token", { reason: String(cause) });
            this.#again();
            return;
        }
        if (this.#closed) return;
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
        if (this.#closed || this.#up || this.#client !== client) return;
        this.#up = true;
        this.#failures = 0;
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
        if (this.#closed) return;
        if (wasUp) this.#handler?.down();
        this.#again();
    }

    #again(): void {
        if (this.#closed) return;
        const delayMs = reconnectDelayMs(this.#failures++, this.#random);
        this.#retry = setTimeout(() => void this.#connect(), delayMs);
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
