import { createSocket } from "node:dgram";
import { createServer, isIPv6 } from "node:net";
import { LOOPBACK_HOSTS } from "../server/listen.ts";
import { type Check, fault, fine } from "./check.ts";

/** A port that the server is to listen on. */
export type PortPlan = {
    readonly name: string;
    /** Option that chooses another one. */
    readonly option: string;
    readonly host: string;
    readonly port: number;
    /** Whether it may leave the loopback, behind a certificate. */
    readonly isSecure?: boolean;
    /** Whether it is for datagrams. */
    readonly isDatagram?: boolean;
};

/** Whether a port can be listened on; in use is right while the server of the directory runs. */
export async function checkPort(plan: PortPlan, isServing: boolean): Promise<Check> {
    const { host, isSecure = false, name, option, port } = plan;
    if (!isSecure && !LOOPBACK_HOSTS.includes(host)) {
        const todo = `Choose one of ${LOOPBACK_HOSTS.join(", ")} with ${option.replace(/port$/, "host")}.`;
        return fault(name, `${host} is not on the loopback`, todo);
    }
    if (port === 0) return fine(name, "any free port");
    const code = await (plan.isDatagram === true ? tryDatagrams : tryPort)(host, port);
    const where = `port ${port} of ${host}`;
    if (code === null) return fine(name, `${where} is free`);
    if (code === "EADDRINUSE" && isServing) return fine(name, `${where} is used: the server runs`);
    const why =
        code === "EADDRINUSE" ? "is used by another program" : `cannot be listened on (${code})`;
    return fault(name, `${where} ${why}`, `Stop that program, or choose another with ${option}.`);
}

/** Null when the port is free, or the system's error code. */
function tryPort(host: string, port: number): Promise<string | null> {
    return new Promise((done) => {
        const server = createServer();
        server.once("error", (cause: NodeJS.ErrnoException) => done(cause.code ?? cause.message));
        server.listen({ host, port, exclusive: true }, () => server.close(() => done(null)));
    });
}

/** The same for datagrams. */
function tryDatagrams(host: string, port: number): Promise<string | null> {
    return new Promise((done) => {
        const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
        socket.once("error", (cause: NodeJS.ErrnoException) => done(cause.code ?? cause.message));
        socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => done(null)));
    });
}
