import type { Socket as DatagramSocket } from "node:dgram";
import { isIPv6, type Server } from "node:net";
import { error, hostOf, type MetersealError } from "@meterseal/core";

/** Whether a host name or address stays on this machine. */
export function isLoopback(host: string): boolean {
    return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * Keeps a plain-text listener on this machine unless it is told that it may leave it.
 * @throws MetersealError MS_LISTEN_ADDRESS.
 */
export function requireLoopback(
    { host, insecure }: { readonly host: string; readonly insecure?: boolean },
    protocol: string,
): void {
    if (isLoopback(host) || insecure === true) return;
    throw error("MS_LISTEN_ADDRESS", {
        expected: "a loopback address such as 127.0.0.1",
        got: host,
        todo: `${protocol} here is plain text: put a tunnel in front, or allow it with --insecure.`,
    });
}

/**
 * Whether a `Host` header names this machine's loopback, with or without a port: what a page of another
 * site sends, whose name was made to lead here (DNS rebinding), does not.
 */
export function isLoopbackHeader(header: string | undefined): boolean {
    const text = `http://${header ?? ""}`;
    return (
        /^[\w.:[\]-]+$/.test(header ?? "") &&
        URL.canParse(text) &&
        isLoopback(hostOf(new URL(text)))
    );
}

/** Host as it stands in a URL: an IPv6 address in brackets. */
export function urlHost(host: string): string {
    return host.includes(":") ? `[${host}]` : host;
}

/**
 * Binds a server and resolves with the port, the real one where 0 was asked for.
 * @throws MetersealError MS_PORT_IN_USE, or MS_LINK for any other reason.
 */
export function listenOn(server: Server, host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
        const onError = (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port));
        server.once("error", onError);
        server.listen({ host, port }, () => {
            server.off("error", onError);
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : port);
        });
    });
}

/** Kind of datagram socket for a host. */
export function datagramFamily(host: string): "udp4" | "udp6" {
    return isIPv6(host) ? "udp6" : "udp4";
}

/**
 * Binds a datagram socket and resolves with the port, as {@link listenOn} does.
 * @throws MetersealError MS_PORT_IN_USE, or MS_LINK for any other reason.
 */
export function bindOn(socket: DatagramSocket, host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
        const onError = (cause: NodeJS.ErrnoException) => reject(listenError(cause, host, port));
        socket.once("error", onError);
        socket.bind({ address: host, port, exclusive: true }, () => {
            socket.off("error", onError);
            resolve(socket.address().port);
        });
    });
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): MetersealError {
    const where = `${urlHost(host)}:${port}`;
    if (cause.code === "EADDRINUSE") {
        return error("MS_PORT_IN_USE", {
            where,
            got: `port ${port} in use`,
            todo: "Stop the other program, or choose another port (0 takes any free one).",
            cause,
        });
    }
    return error("MS_LINK", { where, got: cause.code ?? cause.message, cause });
}
