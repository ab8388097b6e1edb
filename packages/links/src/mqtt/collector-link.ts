import { createServer, type Server, type Socket } from "node:net";
import {
    assert,
    type CollectorLink,
    error,
    type LinkHandler,
    type Log,
    sparingLog,
} from "@meterseal/core";
import { Aedes, type Client, type Subscription } from "aedes";
import { listenOn, urlHost } from "../listen-address.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { withTimeLimit } from "../time-limit.ts";
import { AccessRules, refusal } from "./access-rules.ts";
import {
    collectorSettings,
    type MqttCollectorOptions,
    type MqttCollectorSettings,
} from "./collector-options.ts";
import { PacketGate } from "./packet-gate.ts";
import { Peer } from "./peer.ts";
import { meterTopics } from "./topics.ts";

/**
 * Collector side of MQTT 3.1.1: an embedded broker that meters connect to, client id = user name =
 * subject, password = link token. A message is acknowledged (PUBACK, or PUBREC at QoS 2) when the
 * handler took it; at QoS 0 its receipt is all that a meter gets.
 * @throws MetersealError MS_LISTEN_ADDRESS for a host beyond the loopback, MS_USAGE for a bad tenant.
 */
export function createMqttCollectorLink(options: MqttCollectorOptions): CollectorLink {
    return new MqttCollectorLink(collectorSettings(options));
}

class MqttCollectorLink implements CollectorLink {
    readonly #settings: MqttCollectorSettings;
    readonly #log: Log;
    readonly #server: Server;
    readonly #peers = new Map<string, Peer>();
    readonly #open = new Set<Peer>();
    readonly #byConnection = new WeakMap<object, Peer>();
    #broker: Aedes | null = null;
    #rules: AccessRules | null = null;
    #handler: LinkHandler | null = null;
    #closing: Promise<void> | null = null;

    constructor(settings: MqttCollectorSettings) {
        this.#settings = settings;
        this.#log = sparingLog(settings.log, () => performance.now());
        this.#server = createServer((socket) => this.#accept(socket));
        this.#server.maxConnections = this.#settings.maxConnections;
        this.#server.on("drop", () =>
            this.#warn("accept", null, new Error("too many connections")),
        );
    }

    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#handler === null, "an MQTT link listens once");
        this.#handler = handler;
        this.#rules = new AccessRules(this.#settings, handler, (conn) => {
            return this.#byConnection.get(conn);
        });
        this.#broker = await this.#createBroker(this.#rules);
        const { host } = this.#settings;
        try {
            const port = await listenOn(this.#server, host, this.#settings.port);
            if (this.#closing !== null) throw error("MS_LINK", { got: "closed while starting" });
            this.#server.on("error", (cause) => this.#warn("server", null, cause));
            return `mqtt://${urlHost(host)}:${port}`;
        } catch (cause) {
            this.#server.close();
            await closeBroker(this.#broker);
            throw cause;
        }
    }

    deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) return Promise.reject(tooLarge);
        return Promise.resolve(this.#deliverNow(subjectHex, message));
    }

    #deliverNow(subjectHex: string, message: Uint8Array): boolean {
        const peer = this.#peers.get(subjectHex);
        if (peer === undefined || !peer.canReceive) return false;
        const topic = meterTopics(this.#settings.tenant, subjectHex).receipts;
        return peer.deliver(topic, message);
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        for (const peer of this.#open) peer.ready = false; // admits nothing more
        const settled = Promise.all([...this.#open].map((peer) => peer.tail));
        await withTimeLimit(settled, this.#settings.closeTimeoutMs, "closing").catch(() => {});
        for (const peer of this.#open) peer.gate?.destroy();
        if (this.#broker !== null) await closeBroker(this.#broker);
        await stopped;
    }

    async #createBroker(rules: AccessRules): Promise<Aedes> {
        const settings = this.#settings;
        const broker = await Aedes.createBroker({
            concurrency: 256,
            connectTimeout: settings.connectTimeoutMs,
            drainTimeout: settings.drainTimeoutMs,
            maxTopicLevels: 8,
            preConnect: (client, packet, done) => rules.preConnect(client, packet, done),
            authenticate: (client, username, password, done) => {
                rules.authenticate(client, username, password).then(
                    (allowed) => done(null, allowed),
                    (cause: unknown) => done(refusal(cause), false),
                );
            },
            authorizePublish: (client, packet, done) => rules.publish(client, packet, done),
            authorizeSubscribe: (client, filter, done) => rules.subscribe(client, filter, done),
            authorizeForward: (client, packet) => rules.forward(client, packet),
        });
        broker.on("clientReady", (client) => this.#ready(client));
        broker.on("subscribe", (list, client) => this.#subscribed(list, client));
        broker.on("unsubscribe", (list, client) => this.#unsubscribed(list, client));
        broker.on("clientError", (client, cause) => this.#warn("client", client, cause));
        broker.on("connectionError", (client, cause) => this.#warn("peer", client, cause));
        const emitter: NodeJS.EventEmitter = broker;
        emitter.on("error", (cause: Error) => this.#warn("broker", null, cause));
        return broker;
    }

    #accept(socket: Socket): void {
        const rules = this.#rules;
        if (this.#broker === null || rules === null || this.#closing !== null) {
            socket.destroy();
            return;
        }
        const { tenant, maxInFlight, maxDeliveries, drainTimeoutMs } = this.#settings;
        const receive = rules.receive.bind(rules);
        const peer = new Peer({ tenant, maxInFlight, maxDeliveries, receive });
        const gate = new PacketGate(socket, peer, drainTimeoutMs);
        peer.gate = gate;
        this.#open.add(peer);
        this.#byConnection.set(gate, peer);
        gate.once("close", () => this.#gone(peer));
        this.#broker.handle(gate);
    }

    #gone(peer: Peer): void {
        this.#open.delete(peer);
        peer.canReceive = false;
        const subject = peer.subjectHex;
        if (subject !== null && this.#peers.get(subject) === peer) {
            this.#peers.delete(subject);
        }
    }

    #ready(client: Client): void {
        const peer = this.#byConnection.get(client.conn);
        if (peer === undefined || peer.subjectHex === null || client.conn.destroyed) return;
        const previous = this.#peers.get(peer.subjectHex);
        this.#peers.set(peer.subjectHex, peer);
        if (previous !== undefined && previous !== peer) previous.gate?.destroy();
        if (this.#closing !== null) return;
        peer.ready = true;
        peer.gate?.wake();
    }

    #subscribed(list: readonly Subscription[], client: Client): void {
        const peer = this.#byConnection.get(client.conn);
        if (peer === undefined || peer.subjectHex === null || peer.canReceive) return;
        const { receipts } = meterTopics(this.#settings.tenant, peer.subjectHex);
        if (!list.some((entry) => entry.topic === receipts && entry.qos < 3)) return;
        peer.canReceive = true;
        this.#handler?.connected(peer.subjectHex);
    }

    #unsubscribed(list: readonly string[], client: Client): void {
        const peer = this.#byConnection.get(client.conn);
        if (peer === undefined || peer.subjectHex === null) return;
        const { receipts } = meterTopics(this.#settings.tenant, peer.subjectHex);
        if (list.includes(receipts)) peer.canReceive = false;
    }

    #warn(what: string, client: Client | null, cause: Error): void {
        if (this.#closing !== null) return;
        const subject = client === null ? undefined : this.#byConnection.get(client.conn);
        this.#log.warn(`mqtt: ${what} failed`, {
            reason: cause.message,
            ...(subject?.subjectHex ? { subject: subject.subjectHex } : {}),
        });
    }
}

function closeBroker(broker: Aedes): Promise<void> {
    return new Promise((resolve) => broker.close(() => resolve()));
}
