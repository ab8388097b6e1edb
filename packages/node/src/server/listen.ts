import type { Socket } from "node:net";
import { error } from "@meterseal/core";
import type { FastifyInstance } from "fastify";

/** A listening HTTP server. */
export type HttpServer = { readonly url: string; close(): Promise<void> };

/** Where to listen; the option is named where the port is taken. */
export type ListenPlan = {
    readonly host: string;
    readonly port: number;
    readonly option: string;
    /** True where the app has a certificate, and may listen anywhere. */
    readonly tls?: boolean;
};

/** Hosts that plain HTTP listens on, and answers to. */
export const LOOPBACK_HOSTS: readonly string[] = ["127.0.0.1", "::1", "localhost"];

/**
 * Listens, in plain HTTP on the loopback only: from elsewhere people come through TLS.
 * @throws MetersealError MS_LISTEN_ADDRESS off the loopback, MS_PORT_IN_USE; the app is closed then.
 */
export async function listen(app: FastifyInstance, plan: ListenPlan): Promise<HttpServer> {
    const { host, option, tls = false } = plan;
    try {
        if (!tls && !LOOPBACK_HOSTS.includes(host)) {
            throw error("MS_LISTEN_ADDRESS", { expected: LOOPBACK_HOSTS.join(", "), got: host });
        }
        await app.listen({ host, port: plan.port });
    } catch (cause) {
        await app.close();
        const code = (cause as NodeJS.ErrnoException).code;
        if (code !== "EADDRINUSE" && code !== "EACCES") throw cause;
        throw error("MS_PORT_IN_USE", {
            where: `http port ${plan.port}`,
            todo: `Choose another one with ${option}, or 0 for any free one.`,
            cause,
        });
    }
    const cut = keepSockets(app);
    const address = app.server.address();
    const port = typeof address === "object" && address !== null ? address.port : plan.port;
    return {
        url: `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`,
        async close() {
            const late = setTimeout(cut, CLOSE_MS);
            await app.close();
            clearTimeout(late);
        },
    };
}

/** Time that connections have to end by themselves, in milliseconds. */
const CLOSE_MS = 1_000;

/** Knows the connections of an app, those in a handshake of TLS too; what it returns ends them. */
function keepSockets(app: FastifyInstance): () => void {
    const sockets = new Set<Socket>();
    app.server.on("connection", (socket: Socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
    });
    return () => {
        for (const socket of sockets) socket.destroy();
    };
}
