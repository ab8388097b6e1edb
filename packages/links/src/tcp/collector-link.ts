import { createServer, type Server, type Socket } from "node:net";
import { assert, type CollectorLink, type LinkHandler } from "@meterseal/core";
import { Intake } from "../intake.ts";
import { listenOn, urlHost } from "../listen-address.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { sparingLog } from "../sparing-log.ts";
import { StreamSessions } from "../stream/sessions.ts";
import {
    type TcpCollectorOptions,
    type TcpCollectorSettings,
    tcpCollectorSettings,
} from "./collector-options.ts";

/**
 * Collector side of raw TCP: each connection begins with an EDHOC handshake, and whoever is not
 * enrolled, or cannot show it, gets no further. What is said after it is encrypted.
 */
export function createTcpCollectorLink(options: TcpCollectorOptions): CollectorLink {
    return new TcpCollectorLink(tcpCollectorSettings(options));
}

class TcpCollectorLink implements CollectorLink {
    readonly #settings: TcpCollectorSettings;
    readonly #server: Server;
    #intake: Intake | null = null;
    #sessions: StreamSessions | null = null;
    #closing: Promise<void> | null = null;

    constructor(settings: TcpCollectorSettings) {
        this.#settings = settings;
        this.#server = createServer({ noDelay: true }, (socket) => this.#take(socket));
        this.#server.maxConnections = settings.maxConnections;
    }

    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#intake === null, "a TCP link listens once");
        const { host, log, port } = this.#settings;
        this.#intake = new Intake(this.#settings, handler);
        const settings = { ...this.#settings, log: sparingLog(log) };
        this.#sessions = new StreamSessions(settings, this.#intake);
        const bound = await listenOn(this.#server, host, port);
        this.#server.on("error", (cause) => log.warn("tcp link", { reason: cause.message }));
        return `tcp://${urlHost(host)}:${bound}`;
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#sessions?.deliver(subjectHex, message) ?? false);
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        await this.#intake?.close();
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        await this.#sessions?.close();
        await stopped;
    }

    #take(socket: Socket): void {
        if (this.#sessions === null || this.#closing !== null) socket.destroy();
        else this.#sessions.take(socket);
    }
}
