import { createServer, type Server, type Socket } from "node:net";
import { LIMITS, type MetersealError } from "@meterseal/core";
import type { Connection, Container, EventContext, Sender } from "rhea";
import { decodeFrame, FRAME, type Frame } from "../broker/frames.ts";
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
    /** The meter that it says it is. */
    readonly subjectHex: string;
    readonly sender: Sender;
    /** The one session that it may open and speak in; null before its first frame. */
    session: string | null;
    /** Tells whether its session stands; without one the connection ends. */
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
    /**
     * Clients by subject and session. Whoever connects may name any subject, so that what belongs to a
     * session is for the client alone that opened it, whose token shows who it is.
     */
    readonly #clients = new Map<string, Client>();
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
        const frame = decodeFrame(bytes);
        const client = frame === null ? undefined : this.#clients.get(nameOf(subjectHex, frame));
        if (client === undefined || !client.sender.is_open()) return false;
        const { entered, sender } = client;
        const waiting = this.#waiting.get(sender) ?? 0;
        if (waiting >= MAX_WAITING) return false;
        if (bytes[0] === FRAME.opened) entered(true);
        if (bytes[0] === FRAME.end) entered(false);
        this.#waiting.set(sender, waiting + 1);
        sender.send({ body: this.#dataSection(Buffer.from(bytes)) });
        return true;
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
        let late: NodeJS.Timeout | null = setTimeout(drop, this.#place.connectTimeoutMs);
        const entered = (isEntered: boolean): void => {
            if (isEntered && late !== null) clearTimeout(late);
            // the time of one that never entered goes on, whatever it is told
            late = isEntered ? null : (late ?? setTimeout(drop, this.#place.connectTimeoutMs));
        };
        for (const name of ["connection_error", "protocol_error", "error", "session_error"]) {
            connection.on(name, drop);
        }
        let client: Client | null = null;
        gate.once("close", () => {
            if (late !== null) clearTimeout(late);
            if (client !== null) this.#forget(client);
        });
        connection.on("disconnected", drop);
        connection.on("connection_close", drop);
        connection.on("sender_open", ({ sender }: EventContext) => {
            const subjectHex = subjectOf(this.#place.tenant, "dn", sender?.source?.address);
            if (sender === undefined || subjectHex === null || client !== null) return drop();
            sender.set_source({ address: sender.source.address });
            client = { subjectHex, sender, session: null, entered };
        });
        connection.on("settled", ({ sender }: EventContext) => {
            if (sender !== undefined)
                this.#waiting.set(sender, (this.#waiting.get(sender) ?? 1) - 1);
        });
        connection.on("message", ({ message, receiver }: EventContext) => {
            gate.messageCame();
            const { credit } = receiver as unknown as { readonly credit: number };
            if (credit === 0) return drop(); // it sends more than it was let
            const subjectHex = subjectOf(this.#place.tenant, "up", message?.subject);
            const body: unknown = message?.body?.content;
            const bytes = body instanceof Uint8Array ? new Uint8Array(body) : null;
            if (bytes === null || client === null || subjectHex !== client.subjectHex)
                return drop();
            if (!this.#maySay(client, bytes)) return drop();
            this.#events.frame(client.subjectHex, bytes);
        });
    }

    /** Whether a frame is of the client's own session, which its first one opens. */
    #maySay(client: Client, bytes: Uint8Array): boolean {
        const frame = decodeFrame(bytes);
        if (frame === null) return false;
        if (client.session !== null) return client.session === frame.session;
        const name = nameOf(client.subjectHex, frame);
        if (frame.kind !== FRAME.open || this.#clients.has(name)) return false;
        client.session = frame.session;
        this.#clients.set(name, client);
        return true;
    }

    #forget({ session, subjectHex }: Client): void {
        if (session !== null) this.#clients.delete(nameOf(subjectHex, { session }));
    }
}

function nameOf(subjectHex: string, { session }: Pick<Frame, "session">): string {
    return `${subjectHex} ${session}`;
}

/** Time for the last frames on their way, in milliseconds. */
const ANSWERS_MS = 50;
