import { randomBytes } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { assert, type CollectorLink, type LinkHandler } from "@meterseal/core";
import { type Credential, METHOD } from "../edhoc/index.ts";
import { Intake } from "../intake.ts";
import { listenOn, urlHost } from "../listen-address.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { SessionTable } from "../session-table.ts";
import { StreamCollectorSession } from "../stream/collector-session.ts";
import {
    type TcpCollectorOptions,
    type TcpCollectorSettings,
    tcpCollectorSettings,
} from "./collector-options.ts";

/** Time for the last words on their way, in milliseconds. */
const LAST_WORDS_MS = 50;

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
    readonly #sessions = new SessionTable();
    /** Subjects by the credential that was found. */
    readonly #subjects = new WeakMap<Credential, string>();
    readonly #connections = new Set<StreamCollectorSession>();
    #intake: Intake | null = null;
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
        const bound = await listenOn(this.#server, host, port);
        this.#server.on("error", (cause) => log.warn("tcp link", { reason: cause.message }));
        return `tcp://${urlHost(host)}:${bound}`;
    }

    async deliver(subjectHex: string, message: Uint8Array): Promise<boolean> {
        const tooLarge = deliveryRefusal(message);
        if (tooLarge !== null) throw tooLarge;
        return await Promise.resolve(this.#sessions.deliver(subjectHex, message));
    }

    close(): Promise<void> {
        this.#closing ??= this.#shutDown();
        return this.#closing;
    }

    async #shutDown(): Promise<void> {
        await this.#intake?.close();
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        if (this.#sessions.size > 0) await setTimeout(LAST_WORDS_MS);
        for (const session of [...this.#connections]) session.end();
        await stopped;
    }

    #take(socket: Socket): void {
        const { find, maxSessions, own } = this.#settings;
        const intake = this.#intake;
        if (intake === null || this.#closing !== null) {
            socket.destroy();
            return;
        }
        const random = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
        const session = new StreamCollectorSession(socket, {
            ...this.#settings,
            intake,
            handshake: {
                ...{ own, random, connection: random.bytes(1), methods: [METHOD.signatures] },
                find: (id) => {
                    const known = find(id);
                    if (known !== null) this.#subjects.set(known.credential, known.subjectHex);
                    return known?.credential ?? null;
                },
            },
            subjectOf: (credential) => this.#subjects.get(credential) ?? "",
            onOpen: (subjectHex) => {
                const isNew = this.#sessions.get(subjectHex) === undefined;
                if (isNew && this.#sessions.size >= maxSessions) return false;
                this.#sessions.enter(subjectHex, session);
                return true;
            },
            onEnd: (subjectHex) => {
                this.#connections.delete(session);
                if (subjectHex !== null) this.#sessions.leave(subjectHex, session);
            },
        });
        this.#connections.add(session);
    }
}
