import { createServer, type Server, type Socket } from "node:net";
import { LIMITS, type MetersealError } from "@meterseal/core";
import type { Connection, Container, EventContext, Sender } from "rhea";
import { FRAME } from "../broker/frames.ts";
import type { BrokerEvents, BrokerPort } from "../broker/port.ts";
import { listenOn } from "../listen-address.ts";
import { loadOptional } from "../optional.ts";
import { subjectOf } from "./addresses.ts";
import { AMQP_FRAME_BYTES, FrameGate } from "./frame-gate.ts";

/** Where a collector listens itself. */
export type Amqp10Place = {
    readonly host: string;
    readonly port: number;
    readonly tenant: string;
    /** Connections at one time; more are closed at once. */
    readonly maxConnections: number;
    /** Time in milliseconds that a connection may be there without a session. */
    readonly connectTimeoutMs: number;
};

/** A client, by the link that it hears from. */
type Client = {
    readonly sender: Sender;
    /** Whether a session stands; without one the connection ends. */
    readonly entered: (isEntered: boolean) => void;
};

/** Frames to one client that wait for its word; beyond it it counts as not connected. */
const MAX_WAITING = 4 * LIMITS.outboxInFlight;
/** Frames that a client may send ahead. */
const CREDIT = 2 * LIMITS.outboxInFlight;
const IDLE_MS = 15_000;

/** Listens for meters, in the place of a broker: who they are, their sessions show. */
export class Amqp10ServerPort implements BrokerPort {
    /** The port in use, from `up` on. */
    port: number;
    readonly #place: Amqp10Place;
    readonly #events: BrokerEvents;
    readonly #server: Server;
    readonly #gates = new Set<FrameGate>();
    /** Clients by subject: a second connection is one until the first has gone. */
    readonly #clients = new Map<string, Set<Client>>();
    /** Frames to each that it has not settled. */
    readonly #waiting = new WeakMap<Sender, number>();
    #container: Container | null = null;
    #dataSection: (bytes: Buffer) => unknown = (bytes) => bytes;

    constructor(place: Amqp10Place, events: BrokerEvents) {
        this.port = place.port;
        this.#place = place;
        this.#events = events;
        this.#server = createServer((socket) => this.#accept(socket));
        this.#server.maxConnections = place.maxConnections;
        this.#listen().catch((cause: MetersealError) => events.down(cause.message, cause));
    }

    async #listen(): Promise<void> {
        const { default: rhea } = await loadOptional("rhea", () => import("rhea"));
        this.#container = rhea.create_container();
        this.#container.sasl_server_mechanisms.enable_anonymous();
        this.#dataSection = rhea.message.data_section;
        this.port = await listenOn(this.#server, this.#place.host, this.#place.port);
        this.#server.on("error", () => {}); // a connection that could not be taken
        this.#events.up();
    }

    send(subjectHex: string, bytes: Uint8Array): boolean {
        const clients = [...(this.#clients.get(subjectHex) ?? [])].filter(
            ({ sender }) => sender.is_open() && (this.#waiting.get(sender) ?? 0) < MAX_WAITING,
        );
        const body = this.#dataSection(Buffer.from(bytes));
        for (const { entered, sender } of clients) {
            if (bytes[0] === FRAME.opened) entered(true);
            if (bytes[0] === FRAME.end) entered(false);
            this.#waiting.set(sender, (this.#waiting.get(sender) ?? 0) + 1);
            sender.send({ body });
        }
        return clients.length > 0;
    }

    async close(): Promise<void> {
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        // what was sent is on its way before the end
        await new Promise((resolve) => setTimeout(resolve, ANSWERS_MS));
        for (const gate of this.#gates) gate.destroy();
        await stopped;
    }

    #accept(socket: Socket): void {
        const gate = new FrameGate(socket);
        this.#gates.add(gate);
        gate.on("error", () => {});
        gate.once("close", () => this.#gates.delete(gate));
        const connection = this.#container?.create_connection({
            ...{ host: this.#place.host, port: this.port },
            ...{ max_frame_size: AMQP_FRAME_BYTES, idle_time_out: IDLE_MS },
            receiver_options: { credit_window: CREDIT, autoaccept: true },
        }) as (Connection & { accept(socket: FrameGate): void }) | undefined;
        if (connection === undefined) return;
        this.#watch(connection, gate);
        connection.accept(gate);
    }

    #watch(connection: Connection, gate: FrameGate): void {
        const drop = (): void => void gate.destroy();
        let late = setTimeout(drop, this.#place.connectTimeoutMs);
        const entered = (isEntered: boolean): void => {
            clearTimeout(late);
            if (!isEntered) late = setTimeout(drop, this.#place.connectTimeoutMs);
        };
        for (const name of ["connection_error", "protocol_error", "error", "session_error"]) {
            connection.on(name, drop);
        }
        const mine = new Map<string, Client>();
        gate.once("close", () => {
            clearTimeout(late);
            for (const [subject, client] of mine) this.#forget(subject, client);
        });
        connection.on("disconnected", drop);
        connection.on("connection_close", drop);
        connection.on("sender_open", ({ sender }: EventContext) => {
            const subject = subjectOf(this.#place.tenant, "dn", sender?.source?.address);
            if (sender === undefined || subject === null || mine.size > 0) return drop();
            sender.set_source({ address: sender.source.address });
            const client = { sender, entered };
            mine.set(subject, client);
            const all = this.#clients.get(subject) ?? new Set();
            this.#clients.set(subject, all.add(client));
        });
        connection.on("settled", ({ sender }: EventContext) => {
            if (sender !== undefined)
                this.#waiting.set(sender, (this.#waiting.get(sender) ?? 1) - 1);
        });
        connection.on("message", ({ message, receiver }: EventContext) => {
            gate.messageCame();
            const { credit } = receiver as unknown as { readonly credit: number };
            if (credit === 0) return drop(); // it sends more than it was let
            const subject = subjectOf(this.#place.tenant, "up", message?.subject);
            const bytes: unknown = message?.body?.content;
            // a meter speaks for itself alone, where it also hears
            if (subject === null || !mine.has(subject) || !(bytes instanceof Uint8Array))
                return drop();
            this.#events.frame(subject, new Uint8Array(bytes));
        });
    }

    #forget(subject: string, client: Client): void {
        const all = this.#clients.get(subject);
        all?.delete(client);
        if (all?.size === 0) this.#clients.delete(subject);
    }
}

/** Time for the last frames on their way, in milliseconds. */
const ANSWERS_MS = 50;
