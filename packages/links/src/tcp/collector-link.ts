import { createServer, type Server, type Socket } from "node:net";
import { type CollectorLink, type LinkHandler, sparingLog } from "@meterseal/core";
import { listenOn, urlHost } from "../listen-address.ts";
import { StreamCollectorLink } from "../stream/collector-link.ts";
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

class TcpCollectorLink extends StreamCollectorLink {
    readonly #settings: TcpCollectorSettings;
    readonly #server: Server;

    constructor(settings: TcpCollectorSettings) {
        super();
        this.#settings = settings;
        this.#server = createServer({ noDelay: true }, (socket) => this.#take(socket));
        this.#server.maxConnections = settings.maxConnections;
    }

    async listen(handler: LinkHandler): Promise<string> {
        const { host, log, port } = this.#settings;
        this.begin(handler, { ...this.#settings, log: sparingLog(log, () => performance.now()) });
        const bound = await listenOn(this.#server, host, port);
        this.#server.on("error", (cause) => log.warn("tcp link", { reason: cause.message }));
        return `tcp://${urlHost(host)}:${bound}`;
    }

    protected async shutDown(endSessions: () => Promise<void>): Promise<void> {
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        await endSessions();
        await stopped;
    }

    #take(socket: Socket): void {
        if (this.open === null) socket.destroy();
        else this.open.take(socket);
    }
}
