import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

const HOST = "127.0.0.1";

/** Bytes that went over a path, headers of TCP, UDP and IP not among them. */
export type Counts = { up: number; down: number };

/** A way to a port that counts what goes over it. */
export type CountedPath = {
    readonly port: number;
    readonly counts: Counts;
    close(): Promise<void>;
};

/** A path of TCP connections to a port of this machine. */
export async function countedTcpPath(target: number): Promise<CountedPath> {
    const counts = { up: 0, down: 0 };
    const sockets = new Set<Socket>();
    const join = (from: Socket, to: Socket, direction: keyof Counts): void => {
        sockets.add(from);
        from.setNoDelay(true);
        from.on("data", (chunk: Buffer) => {
            counts[direction] += chunk.length;
        });
        from.on("error", () => {}).once("close", () => {
            sockets.delete(from);
            to.destroy();
        });
        from.pipe(to);
    };
    const server = createServer((near) => {
        const far = connect({ host: HOST, port: target });
        join(near, far, "up");
        join(far, near, "down");
    }).listen({ host: HOST, port: 0 });
    await once(server, "listening");
    return {
        port: (server.address() as AddressInfo).port,
        counts,
        async close() {
            const closed = once(server, "close");
            server.close();
            for (const socket of sockets) socket.destroy();
            await closed;
        },
    };
}

/** A path of datagrams of one sender to a port of this machine. */
export async function countedUdpPath(target: number): Promise<CountedPath> {
    const counts = { up: 0, down: 0 };
    const [near, far] = [await bound(), await bound()];
    let sender = 0;
    near.on("message", (datagram, { port }) => {
        sender = port;
        counts.up += datagram.length;
        far.send(datagram, target, HOST);
    });
    far.on("message", (datagram) => {
        counts.down += datagram.length;
        near.send(datagram, sender, HOST);
    });
    return {
        port: near.address().port,
        counts,
        async close() {
            near.close();
            far.close();
            await Promise.resolve();
        },
    };
}

async function bound(): Promise<DatagramSocket> {
    const socket = createSocket("udp4");
    socket.bind(0, HOST);
    await once(socket, "listening");
    return socket;
}
