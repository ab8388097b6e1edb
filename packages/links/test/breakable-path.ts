import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP path to a port that may change, which a test can cut or let go silent. */
export class BreakablePath {
    /** Port on 127.0.0.1 where the path leads to; 0 is nowhere. */
    target = 0;
    port = 0;
    /** While true nothing passes and nothing closes. */
    silent = false;
    readonly #server: Server;
    readonly #sockets = new Set<Socket>();

    constructor() {
        this.#server = createServer((near) => {
            if (this.target === 0) {
                near.destroy();
                return;
            }
            const far = connect({ host: "127.0.0.1", port: this.target });
            this.#join(near, far);
            this.#join(far, near);
        });
    }

    listen(): Promise<void> {
        return new Promise((resolve) => {
            this.#server.listen({ host: "127.0.0.1", port: 0 }, () => {
                this.port = (this.#server.address() as { port: number }).port;
                resolve();
            });
        });
    }

    cut(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    close(): Promise<void> {
        this.silent = false;
        this.cut();
        return new Promise((resolve) => this.#server.close(() => resolve()));
    }

    #join(from: Socket, to: Socket): void {
        this.#sockets.add(from);
        from.setNoDelay(true);
        from.on("data", (chunk) => {
            if (this.silent) return;
            if (!to.write(chunk)) {
                from.pause();
                to.once("drain", () => from.resume());
            }
        });
        from.on("error", () => {});
        from.on("end", () => {
            if (!this.silent) to.end();
        });
        from.on("close", () => {
            this.#sockets.delete(from);
            if (!this.silent) to.destroy();
        });
    }
}
