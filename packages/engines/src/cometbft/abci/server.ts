import { createServer, type Server, type Socket } from "node:net";
import { error, LIMITS } from "@meterseal/core";
import type { Request, Response } from "cosmjs-types/tendermint/abci/types";
import {
    Request as RequestCodec,
    Response as ResponseCodec,
} from "cosmjs-types/tendermint/abci/types";
import { FrameReader, frameOf } from "./frames.ts";

/** Answers one request; what it throws ends the process that CometBFT would otherwise be lied to by. */
export type AbciHandler = (request: Request) => Promise<Response>;

/** Where the application listens: a path of a Unix socket, or a loopback port. */
export type AbciAddress =
    | { readonly path: string }
    | { readonly host: string; readonly port: number };

/** What an ABCI server works with. */
export type AbciServerOptions = {
    readonly address: AbciAddress;
    readonly handle: AbciHandler;
    /** Told of a failure of the application: it must stop, for its state may be behind its answers. */
    readonly onFatal: (cause: unknown) => void;
};

/** CometBFT opens four connections: consensus, mempool, queries and snapshots. */
const CONNECTIONS = 16;
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];

/**
 * Serves ABCI 2.0 on CometBFT's socket transport: requests of one connection are answered one after
 * another in their order, those of different connections side by side. A failure is no answer but the
 * end (crash-only): an application that answers wrongly would part from the other validators.
 */
export class AbciServer {
    readonly #options: AbciServerOptions;
    readonly #server: Server;
    readonly #sockets = new Set<Socket>();
    #closing: Promise<void> | null = null;

    constructor(options: AbciServerOptions) {
        this.#options = options;
        this.#server = createServer((socket) => this.#serve(socket));
        this.#server.maxConnections = CONNECTIONS;
    }

    /**
     * Listens; returns the address as CometBFT's `proxy_app` takes it.
     * @throws MetersealError MS_LISTEN_ADDRESS off the loopback, MS_PORT_IN_USE.
     */
    listen(): Promise<string> {
        const { address } = this.#options;
        if ("host" in address && !LOOPBACK.includes(address.host)) {
            throw error("MS_LISTEN_ADDRESS", { expected: LOOPBACK.join(", "), got: address.host });
        }
        return new Promise((resolve, reject) => {
            this.#server.once("error", (cause: NodeJS.ErrnoException) => {
                const where = "path" in address ? address.path : `abci port ${address.port}`;
                const taken = cause.code === "EADDRINUSE" || cause.code === "EACCES";
                reject(taken ? error("MS_PORT_IN_USE", { where, cause }) : cause);
            });
            this.#server.listen(address, () => {
                const bound = this.#server.address();
                if (typeof bound === "object" && bound !== null) {
                    resolve(`tcp://127.0.0.1:${bound.port}`);
                } else resolve(`unix://${bound}`);
            });
        });
    }

    /** Ends all connections and stops listening. */
    close(): Promise<void> {
        this.#closing ??= new Promise<void>((resolve) => this.#server.close(() => resolve()));
        for (const socket of this.#sockets) socket.destroy();
        return this.#closing;
    }

    #serve(socket: Socket): void {
        this.#sockets.add(socket);
        socket.once("close", () => this.#sockets.delete(socket));
        socket.on("error", () => socket.destroy());
        const reader = new FrameReader();
        let queue: Promise<void> = Promise.resolve();
        let unansweredBytes = 0;
        socket.on("data", (chunk: Buffer) => {
            let frames: Uint8Array[];
            try {
                frames = reader.push(chunk);
            } catch {
                socket.destroy(); // whoever this is, it is not CometBFT
                return;
            }
            if (frames.length === 0) return;
            // Read on while they are answered: CometBFT 0.38 spins while it cannot write.
            const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
            unansweredBytes += bytes;
            if (unansweredBytes > LIMITS.abciUnansweredBytes) socket.pause();
            queue = queue
                .then(() => this.#answerAll(socket, frames))
                .then(() => {
                    unansweredBytes -= bytes;
                    if (unansweredBytes <= LIMITS.abciUnansweredBytes) socket.resume();
                })
                .catch((cause: unknown) => this.#fail(cause));
        });
    }

    async #answerAll(socket: Socket, frames: readonly Uint8Array[]): Promise<void> {
        for (const frame of frames) {
            if (socket.destroyed) return;
            const request = decodeRequest(frame);
            if (request === null) {
                socket.destroy();
                return;
            }
            const response = await this.#options.handle(request);
            socket.write(frameOf(ResponseCodec.encode(response).finish()));
        }
    }

    /** Nobody is answered any more, over no connection; what was under way at the end has nobody to answer. */
    #fail(cause: unknown): void {
        if (this.#closing !== null) return;
        void this.close();
        this.#options.onFatal(cause);
    }
}

function decodeRequest(frame: Uint8Array): Request | null {
    try {
        return RequestCodec.decode(frame);
    } catch {
        return null;
    }
}
