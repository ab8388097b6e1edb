import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
    assert,
    type CollectorLink,
    error,
    type LinkHandler,
    MetersealError,
} from "@meterseal/core";
import { Intake } from "../intake.ts";
import { listenOn, urlHost } from "../listen-address.ts";
import { deliveryRefusal } from "../send-refusal.ts";
import { SessionTable } from "../session-table.ts";
import { withTimeLimit } from "../time-limit.ts";
import { SocketDoor } from "../ws/door.ts";
import { readBody } from "./body.ts";
import {
    type HttpCollectorOptions,
    type HttpCollectorSettings,
    httpCollectorSettings,
    mayCall,
} from "./collector-options.ts";
import { SESSION_SCHEME, TOKEN_SCHEME } from "./paths.ts";
import { ANSWER_HEADERS, sendProblem } from "./problem.ts";
import { checkRequest, credentialsOf, keepaliveMsOf, sequenceOf } from "./request.ts";
import { Session } from "./session.ts";

/** Time for the last answers on their way, in milliseconds. */
const ANSWERS_MS = 50;

/** Status for a page of another site: no log-in would help it, as 401 would say. */
const FORBIDDEN = 403;

/**
 * Collector side of HTTP: a meter holds a stream of server-sent events open, which makes its session,
 * and POSTs its messages, or makes its connection a WebSocket; each is answered with success when the handler took it. Without TLS it answers
 * to loopback names only: behind a certificate a page of another site cannot take its name.
 * @throws MetersealError MS_LISTEN_ADDRESS for plain text beyond the loopback, MS_USAGE for a
 * certificate or key that cannot be used.
 */
export function createHttpCollectorLink(options: HttpCollectorOptions): CollectorLink {
    return new HttpCollectorLink(httpCollectorSettings(options));
}

class HttpCollectorLink implements CollectorLink {
    readonly #settings: HttpCollectorSettings;
    readonly #server: Server;
    readonly #sockets = new Set<Socket>();
    readonly #sessions = new SessionTable();
    readonly #work = new Set<Promise<void>>();
    readonly #emptied = Promise.withResolvers<void>();
    #handler: LinkHandler | null = null;
    /** Of what comes over WebSockets. */
    #intake: Intake | null = null;
    #closing: Promise<void> | null = null;

    constructor(settings: HttpCollectorSettings) {
        this.#settings = settings;
        this.#server = createHttpServer(settings, (request, response) => {
            this.#serve(request, response);
        });
        this.#server.on("connection", (socket: Socket) => {
            this.#sockets.add(socket);
            socket.once("close", () => this.#sockets.delete(socket));
        });
    }

    async listen(handler: LinkHandler): Promise<string> {
        assert(this.#handler === null, "an HTTP link listens once");
        this.#handler = handler;
        this.#intake = new Intake(this.#settings, handler);
        const door = new SocketDoor(this.#settings, this.#intake, this.#sessions);
        this.#server.on("upgrade", (request, socket, head) => door.upgrade(request, socket, head));
        const { host, log, port, tls } = this.#settings;
        const bound = await listenOn(this.#server, host, port);
        this.#server.on("error", (cause) => log.warn("http link", { reason: cause.message }));
        return `${tls === undefined ? "http" : "https"}://${urlHost(host)}:${bound}`;
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
        const settled = Promise.all([...this.#work, this.#intake?.close()]);
        await withTimeLimit(settled, this.#settings.closeTimeoutMs, "closing").catch(() => {});
        // Answers on some connections reach a meter before the end of others does; and only now no
        // more are taken, for that ends connections that are idle, with a request on its way.
        if (this.#sessions.size > 0) await sleep(ANSWERS_MS);
        const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
        this.#emptied.resolve();
        this.#sessions.endAll();
        this.#server.closeAllConnections();
        // those in the middle of a handshake are no connections yet
        const late = setTimeout(() => this.#cut(), this.#settings.closeTimeoutMs);
        await stopped;
        clearTimeout(late);
    }

    #cut(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    #serve(request: IncomingMessage, response: ServerResponse): void {
        request.on("error", () => {}); // a sender that breaks off is no event of ours
        response.on("error", () => {});
        if (!mayCall(this.#settings, request.headers.host)) {
            const refusal = error("MS_NOT_ALLOWED", { where: "Host", expected: "this machine" });
            sendProblem(request, response, refusal, FORBIDDEN);
            return;
        }
        const work = this.#answer(request, response)
            .catch((cause: unknown) => sendProblem(request, response, cause))
            .finally(() => this.#work.delete(work));
        this.#work.add(work);
    }

    async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { resource, subjectHex } = checkRequest(request);
        if (this.#closing !== null) {
            await this.#emptied.promise; // a refusal now would cost the answers that are due
            throw error("MS_BUSY", { got: "a collector that stops" });
        }
        if (resource === "stream") await this.#openStream(request, response, subjectHex);
        else await this.#take(request, response, subjectHex);
    }

    /** Called before the request that asks is counted. */
    #requireRoom(): void {
        const { maxRequests } = this.#settings;
        if (this.#work.size < maxRequests) return;
        throw error("MS_BUSY", { expected: `at most ${maxRequests} requests under way` });
    }

    /** Opens a stream down; an older one of the same meter ends. */
    async #openStream(
        request: IncomingMessage,
        response: ServerResponse,
        subjectHex: string,
    ): Promise<void> {
        this.#requireRoom();
        const { maxKeepaliveSeconds, maxSessions, ...settings } = this.#settings;
        const token = Buffer.from(credentialsOf(request, TOKEN_SCHEME), "base64url");
        const keepaliveMs = keepaliveMsOf(request, maxKeepaliveSeconds);
        await this.#authenticate(subjectHex, new Uint8Array(token));
        if (this.#sessions.get(subjectHex) === undefined && this.#sessions.size >= maxSessions) {
            throw error("MS_BUSY", { expected: `at most ${maxSessions} streams` });
        }
        if (response.destroyed || this.#closing !== null) throw error("MS_BUSY");
        const session = new Session(
            {
                id: randomBytes(32).toString("base64url"),
                keepaliveMs,
                maxStreamBytes: settings.maxStreamBytes,
                maxRequests: settings.maxSessionRequests,
                drainTimeoutMs: settings.drainTimeoutMs,
                onEnd: () => this.#sessions.leave(subjectHex, session),
            },
            response,
        );
        this.#sessions.enter(subjectHex, session);
        this.#handler?.connected(subjectHex);
    }

    /**
     * Takes a message of a session when those before it had their turn; one without number is a
     * probe. One that is refused for lack of room has had its turn: those behind it do not wait.
     */
    async #take(
        request: IncomingMessage,
        response: ServerResponse,
        subjectHex: string,
    ): Promise<void> {
        const session = this.#sessions.get(subjectHex);
        if (
            !(session instanceof Session) ||
            session.id !== credentialsOf(request, SESSION_SCHEME)
        ) {
            throw error("MS_NOT_ALLOWED", { expected: "a session whose stream is open" });
        }
        session.touch();
        const sequence = sequenceOf(request);
        if (sequence === null) {
            this.#requireRoom();
            await expectEmpty(request);
        } else {
            session.enter(sequence);
            try {
                this.#requireRoom();
                const message = await readBody(request);
                const { receiveTimeoutMs } = this.#settings;
                await withTimeLimit(session.turn(sequence), receiveTimeoutMs, "messages before");
                const taken = this.#receive(subjectHex, message);
                session.pass(sequence);
                await taken;
            } finally {
                session.leave(sequence);
            }
        }
        await new Promise<void>((resolve) => {
            response.once("close", resolve);
            response.writeHead(204, ANSWER_HEADERS).end(resolve);
        });
    }

    async #receive(subjectHex: string, message: Uint8Array): Promise<void> {
        const taken = this.#handler?.receive(subjectHex, message) ?? Promise.resolve();
        await withTimeLimit(taken, this.#settings.receiveTimeoutMs, "taking a message").catch(
            (cause: unknown) => {
                if (cause instanceof MetersealError) throw cause;
                throw error("MS_BUSY", { got: "a message that was not taken", cause });
            },
        );
    }

    async #authenticate(subjectHex: string, token: Uint8Array): Promise<void> {
        const answer = this.#handler?.authenticate(subjectHex, token) ?? Promise.resolve(false);
        const { connectTimeoutMs } = this.#settings;
        if (await withTimeLimit(answer, connectTimeoutMs, "the check of a link token")) return;
        throw error("MS_KEY_UNKNOWN", { expected: "a link token of an enrolled key" });
    }
}

async function expectEmpty(request: IncomingMessage): Promise<void> {
    const probe = await readBody(request);
    if (probe.length > 0) throw error("MS_USAGE", { expected: "a message number" });
}

function createHttpServer(
    {
        headersTimeoutMs,
        maxConnections,
        maxKeepaliveSeconds,
        requestTimeoutMs,
        tls,
    }: HttpCollectorSettings,
    onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
    const options = {
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        connectionsCheckingInterval: 1_000,
        keepAliveTimeout: maxKeepaliveSeconds * 1_000,
        noDelay: true,
    };
    const secure = { minVersion: "TLSv1.2", handshakeTimeout: headersTimeoutMs } as const;
    try {
        const server =
            tls === undefined
                ? createServer(options, onRequest)
                : createTlsServer({ ...options, ...secure, ...tls }, onRequest);
        server.maxConnections = maxConnections;
        return server;
    } catch (cause) {
        throw error("MS_USAGE", { expected: "a certificate and its key, PEM", cause });
    }
}
