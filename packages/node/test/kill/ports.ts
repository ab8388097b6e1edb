import { createServer } from "node:net";

/** Below the range from which the kernel takes ports for outgoing connections. */
const FIRST = 15_000;
const COUNT = 10_000;

/**
 * A free port of the loopback outside the kernel's own range, so that no outgoing connection takes
 * it while a server that had it is down.
 */
export async function steadyPort(random: () => number): Promise<number> {
    for (;;) {
        const port = FIRST + Math.floor(random() * COUNT);
        if (await isFree(port)) return port;
    }
}

function isFree(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const server = createServer();
        server.once("error", () => resolve(false));
        server.listen({ host: "127.0.0.1", port }, () => server.close(() => resolve(true)));
    });
}
