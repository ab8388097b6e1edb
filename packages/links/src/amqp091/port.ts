import { hostOf, LIMITS } from "@meterseal/core";
import type { Channel, ChannelModel, ConfirmChannel } from "amqplib";
import type { BrokerAddress } from "../broker/address.ts";
import { ClientPort } from "../broker/client-port.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "../broker/port.ts";
import { loadOptional } from "../optional.ts";

/** Topic exchange of all frames; the routing key is `TENANT.up.SUBJECT` or `TENANT.dn.SUBJECT`. */
const EXCHANGE = "meterseal";
/** Frames that the broker sends ahead. */
const PREFETCH = LIMITS.ingestMessages;
const HEARTBEAT_SECONDS = 10;

/**
 * Connects to a broker: a confirm channel, and a queue of its own that goes with the connection, so
 * that nothing is kept for the absent.
 */
export function openAmqpPort(
    address: BrokerAddress,
    subjectHex: string,
    events: BrokerEvents,
): BrokerPort {
    return new AmqpPort(address, subjectHex, events).begin();
}

class AmqpPort extends ClientPort<ChannelModel> {
    #channel: ConfirmChannel | null = null;
    /** Ends the socket, which the library shows nobody until the broker has answered. */
    readonly #socketEnd = new AbortController();

    protected override async connect(): Promise<void> {
        const { connect } = await loadOptional("amqplib", () => import("amqplib"));
        if (this.isDown) return;
        const { ca, password = "guest", url: text, username = "guest" } = this.address;
        const vhost = encodeURIComponent(this.address.virtualHost ?? "/"); // the library decodes it
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
            {
                ...{ noDelay: true, signal: this.#socketEnd.signal },
                ...(ca === undefined ? {} : { ca }),
            },
        );
        this.connection = connection;
        connection.on("error", (cause: Error) => this.down(...failureOf(cause)));
        connection.on("close", () => this.down("connection lost"));
        if (this.isDown) return;
        const channel = await connection.createConfirmChannel();
        channel.on("error", (cause: Error) => this.down(...failureOf(cause)));
        await this.#listen(channel);
        if (this.isDown) return;
        this.#channel = channel;
        this.events.up();
    }

    async #listen(channel: Channel): Promise<void> {
        const { tenant } = this.address;
        await channel.assertExchange(EXCHANGE, "topic", { durable: false });
        const { queue } = await channel.assertQueue("", { exclusive: true, autoDelete: true });
        const key = this.isCollector ? `${tenant}.up.*` : `${tenant}.dn.${this.subjectHex}`;
        await channel.bindQueue(queue, EXCHANGE, key);
        await channel.prefetch(PREFETCH);
        await channel.consume(queue, (message) => {
            if (message === null) this.down("the broker took the queue away");
            if (message === null || this.isDown) return;
            channel.ack(message);
            const subject = message.fields.routingKey.slice(tenant.length + ".up.".length);
            this.events.frame(subject, new Uint8Array(message.content));
        });
    }

    override send(subjectHex: string, bytes: Uint8Array): boolean {
        const channel = this.#channel;
        if (channel === null || !this.takePlace()) return false;
        const direction = this.isCollector ? "dn" : "up";
        const key = `${this.address.tenant}.${direction}.${subjectHex}`;
        const options = { contentType: "application/octet-stream" };
        channel.publish(EXCHANGE, key, Buffer.from(bytes), options, () => {
            this.givePlaceBack();
        });
        return true;
    }

    protected override async goodbye(connection: ChannelModel): Promise<void> {
        await connection.close();
    }

    protected override discard(): void {
        this.#socketEnd.abort();
    }
}
