import { isIP } from "node:net";
import { hostOf, LIMITS } from "@meterseal/core";
import type { Connection, EventContext, Sender } from "rhea";
import type { BrokerAddress } from "../broker/address.ts";
import { ClientPort } from "../broker/client-port.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "../broker/port.ts";
import { loadOptional } from "../optional.ts";
import { keyOf, sourceOf, subjectOf, TARGET } from "./addresses.ts";
import { AMQP_FRAME_BYTES } from "./frame-gate.ts";

/** Frames that the other side may send ahead. */
const CREDIT = LIMITS.ingestMessages;
const IDLE_MS = 15_000;

/** Connects to a collector that listens, or to a broker such as RabbitMQ with its plugin. */
export function openAmqp10Port(
    address: BrokerAddress,
    subjectHex: string,
    events: BrokerEvents,
): BrokerPort {
    return new Amqp10Port(address, subjectHex, events).begin();
}

class Amqp10Port extends ClientPort<Connection> {
    #sender: Sender | null = null;
    #dataSection: (bytes: Buffer) => unknown = (bytes) => bytes;

    protected override async connect(): Promise<void> {
        const { default: rhea } = await loadOptional("rhea", () => import("rhea"));
        if (this.isDown) return;
        const { ca, password, tenant, url: text, username = "anonymous" } = this.address;
        const { virtualHost } = this.address;
        const url = new URL(text);
        const host = hostOf(url);
        const isSecure = url.protocol === "amqps:";
        this.#dataSection = rhea.message.data_section;
        const connection = rhea.create_container().connect({
            ...{ host, port: Number(url.port || (isSecure ? 5_671 : 5_672)) },
            ...(isSecure ? { transport: "tls" as const, ca } : { transport: "tcp" as const }),
            ...(isIP(host) === 0 ? {} : { servername: "" }), // an address is no name to ask for
            ...(virtualHost === undefined ? {} : { hostname: `vhost:${virtualHost}` }),
            ...{ reconnect: false, idle_time_out: IDLE_MS },
            ...(password === undefined ? { username } : plainLogin(username, password)),
            max_frame_size: AMQP_FRAME_BYTES,
        });
        this.connection = connection;
        for (const name of ["connection_error", "protocol_error", "error", "session_error"]) {
            connection.on(name, (what: unknown) => this.down(reasonOf(what)));
        }
        for (const name of ["sender_error", "receiver_error", "sender_close", "receiver_close"]) {
            connection.on(name, () => this.down("the other side ends a link"));
        }
        connection.on("disconnected", (context: EventContext) => this.down(reasonOf(context)));
        connection.on("connection_close", () => this.down("the other side closes"));
        const { isCollector } = this;
        const direction = isCollector ? "up" : "dn";
        const source = sourceOf(keyOf(tenant, direction, isCollector ? "*" : this.subjectHex));
        connection.once("connection_open", () => {
            connection.open_receiver({ source, credit_window: CREDIT, autoaccept: true });
        });
        connection.once("receiver_open", () => connection.open_sender({ target: TARGET }));
        connection.once("sendable", ({ sender }: EventContext) => {
            if (this.isDown || sender === undefined) return;
            this.#sender = sender;
            this.events.up();
        });
        connection.on("settled", () => this.givePlaceBack());
        connection.on("message", ({ message }: EventContext) => {
            const subject = isCollector
                ? subjectOf(tenant, "up", message?.subject)
                : this.subjectHex;
            const bytes: unknown = message?.body?.content;
            if (this.isDown || subject === null || !(bytes instanceof Uint8Array)) return;
            this.events.frame(subject, new Uint8Array(bytes));
        });
    }

    override send(subjectHex: string, bytes: Uint8Array): boolean {
        if (this.#sender === null || !this.takePlace()) return false;
        const direction = this.isCollector ? "dn" : "up";
        const subject = keyOf(this.address.tenant, direction, subjectHex);
        this.#sender.send({ subject, body: this.#dataSection(Buffer.from(bytes)) });
        return true;
    }

    protected override goodbye(connection: Connection): Promise<unknown> {
        if (!connection.is_open()) return Promise.resolve();
        const gone = new Promise<void>((resolve) => {
            connection.once("disconnected", () => resolve());
            connection.once("connection_close", () => resolve());
        });
        connection.close();
        return gone;
    }

    protected override discard(connection: Connection | null): void {
        const { socket } = (connection ?? {}) as { socket?: { destroy(cause: Error): void } };
        // the library hears of nothing but an error, and else keeps its timers
        socket?.destroy(new Error("closed"));
    }
}

/** A login by SASL PLAIN (RFC 4616): that of the library cuts off what is not ASCII. */
function plainLogin(username: string, password: string): object {
    const response = Buffer.from(`\0${username}\0${password}`);
    const start = (answer: (cause: undefined, response: Buffer) => void): void =>
        answer(undefined, response);
    return { sasl_mechanisms: { PLAIN: () => ({ start }) } };
}

function reasonOf(what: unknown): string {
    if (what instanceof Error) return what.message;
    const { connection, error } = what as EventContext & { error?: unknown };
    return failureOf(error ?? connection?.error ?? "connection lost")[0];
}
