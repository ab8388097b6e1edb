import type { Duplex } from "node:stream";
import { LIMITS, type MetersealError } from "@meterseal/core";
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { BrokerAddress } from "../broker/address.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "../broker/port.ts";
import { hostOf } from "../listen-address.ts";
import { loadOptional } from "../optional.ts";
import { withTimeLimit } from "../time-limit.ts";

/** Topic exchange of all frames; the routing key is `TENANT.up.SUBJECT` or `TENANT.dn.SUBJECT`. */
const EXCHANGE = "meterseal";
/** Frames that may wait for the broker's confirmation; beyond it nothing is sent. */
const MAX_WAITING = 4 * LIMITS.outboxInFlight;
/** Frames that the broker sends ahead. */
const PREFETCH = LIMITS.ingestMessages;
const HEARTBEAT_SECONDS = 10;
/** Time for a goodbye, in milliseconds. */
const GOODBYE_MS = 300;

/**
 * Connects to a broker: a confirm channel, and a queue of its own that goes with the connection, so
 * that nothing is kept for the absent.
 */
export function openAmqpPort(
    address: BrokerAddress,
    subjectHex: string,
    events: BrokerEvents,
): BrokerPort {
    const port = new AmqpPort(address, subjectHex, events);
    port.connect().catch((cause: unknown) => port.down(...failureOf(cause)));
    return port;
}

class AmqpPort implements BrokerPort {
    readonly #address: BrokerAddress;
    readonly #subjectHex: string;
    readonly #events: BrokerEvents;
    #connection: ChannelModel | null = null;
    #channel: ConfirmChannel | null = null;
    #waiting = 0;
    #isDown = false;

    constructor(address: BrokerAddress, subjectHex: string, events: BrokerEvents) {
        this.#address = address;
        this.#subjectHex = subjectHex;
        this.#events = events;
    }

    async connect(): Promise<void> {
        const { connect } = await loadOptional("amqplib", () => import("amqplib"));
        const { ca, password = "guest", url: text, username = "guest" } = this.#address;
        const vhost = encodeURIComponent(this.#address.virtualHost ?? "/"); // the library decodes it
        const url = new URL(text);
        const isSecure = url.protocol === "amqps:";
        const place = {
            hostname: hostOf(url),
            port: Number(url.port || (isSecure ? 5_671 : 5_672)),
        };
        const connection = await connect(
            {
                ...{ protocol: isSecure ? "amqps" : "amqp", ...place, vhost, username, password },
                heartbeat: HEARTBEAT_SECONDS,
            },
            { noDelay: true, ...(ca === undefined ? {} : { ca }) },
        );
        this.#connection = connection;
        connection.on("error", (cause: Error) => this.down(...failureOf(cause)));
        connection.on("close", () => this.down("connection lost"));
        if (this.#isDown) return await this.close();
        const channel = await connection.createConfirmChannel();
        channel.on("error", (cause: Error) => this.down(...failureOf(cause)));
        await this.#listen(channel);
        if (this.#isDown) return;
        this.#channel = channel;
        this.#events.up();
    }

    async #listen(channel: Channel): Promise<void> {
        const isCollector = this.#subjectHex === "+";
        const { tenant } = this.#address;
        await channel.assertExchange(EXCHANGE, "topic", { durable: false });
        const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true });
        const key = isCollector ? `${tenant}.up.*` : `${tenant}.dn.${this.#subjectHex}`;
        await channel.bindQueue(queue, EXCHANGE, key);
        await channel.prefetch(PREFETCH);
        await channel.consume(queue, (message) => {
            if (message === null) this.down("the broker took the queue away");
            if (message === null || this.#isDown) return;
            channel.ack(message);
            const subject = message.fields.routingKey.slice(tenant.length + ".up.".length);
            this.#events.frame(subject, new Uint8Array(message.content));
        });
    }

    send(subjectHex: string, bytes: Uint8Array): boolean {
        const channel = this.#channel;
        if (channel === null || this.#isDown || this.#waiting >= MAX_WAITING) return false;
        this.#waiting++;
        const direction = this.#subjectHex === "+" ? "dn" : "up";
        const key = `${this.#address.tenant}.${direction}.${subjectHex}`;
        const options = { contentType: "application/octet-stream" };
        channel.publish(EXCHANGE, key, Buffer.from(bytes), options, () => {
            this.#waiting--;
        });
        return true;
    }

    async close(): Promise<void> {
        this.#isDown = true;
        const connection = this.#connection;
        this.#connection = null;
        if (connection === null) return;
        // one that has gone already says so by an error, one that is silent says nothing
        await withTimeLimit(connection.close(), GOODBYE_MS, "a goodbye").catch(() => {});
        const { stream } = connection.connection as unknown as { stream: Duplex };
        stream.destroy();
    }

    /** Tells once that the connection is over. */
    down(reason: string, cause?: MetersealError): void {
        if (this.#isDown) return;
        void this.close();
        this.#events.down(reason, cause);
    }
}
