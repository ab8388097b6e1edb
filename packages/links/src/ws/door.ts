import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { error, MetersealError } from "@meterseal/core";
import { WebSocketServer } from "ws";
import { type HttpCollectorSettings, mayCall } from "../http/collector-options.ts";
import { parseLinkPath, TOKEN_SCHEME } from "../http/paths.ts";
import { statusOf } from "../http/problem.ts";
import { credentialsOf, keepaliveMsOf } from "../http/request.ts";
import type { Intake } from "../intake.ts";
import type { SessionTable } from "../session-table.ts";
import { SOCKET_OPTIONS, SUBPROTOCOL } from "./frames.ts";
import { SocketSession } from "./session.ts";

/** Lets meters in whose connection at the HTTP port becomes a WebSocket. */
export class SocketDoor {
    readonly #settings: HttpCollectorSettings;
    readonly #intake: Intake;
    readonly #sessions: SessionTable;
    readonly #server = new WebSocketServer({
        ...SOCKET_OPTIONS,
        clientTracking: false,
        noServer: true,
        handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });

    constructor(settings: HttpCollectorSettings, intake: Intake, sessions: SessionTable) {
        this.#settings = settings;
        this.#intake = intake;
        this.#sessions = sessions;
    }

    /** Takes a connection that asks to become a WebSocket, or answers why not and ends it. */
    upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
        socket.on("error", () => {}); // a sender that breaks off is no event of ours
        this.#admit(request).then(
            ({ keepaliveMs, subjectHex }) => {
                if (socket.destroyed) return;
                this.#server.handleUpgrade(request, socket, head, (connection) => {
                    const { drainTimeoutMs, maxStreamBytes } = this.#settings;
                    const bounds = { drainTimeoutMs, keepaliveMs, maxStreamBytes };
                    const onEnd = (): void => this.#sessions.leave(subjectHex, session);
                    const options = { ...bounds, subjectHex, onEnd };
                    const session = new SocketSession(options, connection, this.#intake);
                    this.#sessions.enter(subjectHex, session);
                    this.#intake.connected(subjectHex);
                });
            },
            (cause: unknown) => refuse(socket, cause),
        );
    }

    async #admit(
        request: IncomingMessage,
    ): Promise<{ readonly subjectHex: string; readonly keepaliveMs: number }> {
        const { maxKeepaliveSeconds, maxSessions } = this.#settings;
        if (!mayCall(this.#settings, request.headers.host)) {
            throw error("MS_FROZEN", { where: "Host", expected: "this machine" });
        }
        const path = parseLinkPath(request.url ?? "");
        if (path === null || path.resource !== "socket") throw error("MS_NOT_FOUND");
        const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
        if (!offered.includes(SUBPROTOCOL)) {
            throw error("MS_USAGE", { expected: `subprotocol ${SUBPROTOCOL}` });
        }
        const token = Buffer.from(credentialsOf(request, TOKEN_SCHEME), "base64url");
        const keepaliveMs = keepaliveMsOf(request, maxKeepaliveSeconds);
        const { subjectHex } = path;
        if (!(await this.#intake.authenticate(subjectHex, new Uint8Array(token)))) {
            throw error("MS_KEY_UNKNOWN", { expected: "a link token of an enrolled key" });
        }
        if (this.#sessions.get(subjectHex) === undefined && this.#sessions.size >= maxSessions) {
            throw error("MS_BUSY", { expected: `at most ${maxSessions} sessions` });
        }
        if (this.#intake.isClosing) throw error("MS_BUSY", { got: "a collector that stops" });
        return { keepaliveMs, subjectHex };
    }
}

function refuse(socket: Duplex, cause: unknown): void {
    const status = cause instanceof MetersealError ? statusOf(cause) : 503;
    const retry = status === 503 ? "retry-after: 1\r\n" : "";
    const head = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-length: 0\r\n${retry}`;
    socket.end(`${head}\r\n`, () => socket.destroy());
}
