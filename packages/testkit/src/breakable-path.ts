import { connect, createServer, type Server, type Socket } from "node:net";

/** Direction of bytes on a path: up is towards its target. */
export type Direction = "up" | "down";

/** What becomes of bytes: they arrive, they are lost in silence, or they wait to arrive late. */
type Flow = "pass" | "drop" | "hold";

const BOTH: readonly Direction[] = ["up", "down"];

type Flows = Record<Direction, Flow>;

const passing = (): Flows => ({ up: "pass", down: "pass" });

/**
 * A TCP path to a port that may change, which a test can cut, or make half-open: each end believes
 * that it stands while what it sends is lost, or held to arrive late, in one direction or in both.
 */
export class BreakablePath {
    /** Port on 127.0.0.1 where the path leads to; 0 is nowhere. */
    target = 0;
    port = 0;
    /** Of connections that begin now. */
    #flows = passing();
    /** Of those that {@link strand} left behind. */
    readonly #stranded: Flows[] = [];
    readonly #server: Server;
    readonly #sockets = new Set<Socket>();
    /** What is held, in order. */
    #held: (() => void)[] = [];

    constructor() {
        this.#server = createServer((near) => {
            if (this.target === 0) {
                near.destroy();
                return;
            }
            const far = connect({ host: "127.0.0.1", port: this.target });
            const flows = this.#flows;
            this.#join(near, far, () => flows.up);
            this.#join(far, near, () => flows.down);
        });
    }

    /** Begins to listen on {@link port}. */
    listen(): Promise<void> {
        return new Promise((resolve) => {
            this.#server.listen({ host: "127.0.0.1", port: 0 }, () => {
                this.port = (this.#server.address() as { port: number }).port;
                resolve();
            });
        });
    }

    /** Loses what is sent from here on, in silence: nothing arrives, nothing closes. */
    drop(directions: readonly Direction[] = BOTH): void {
        for (const direction of directions) this.#flows[direction] = "drop";
    }

    /** Holds what is sent from here on, ends of connections too, until {@link release}. */
    hold(directions: readonly Direction[] = BOTH): void {
        for (const direction of directions) this.#flows[direction] = "hold";
    }

    /** Holds what the present connections send until {@link release}; new ones pass. */
    strand(): void {
        this.hold();
        this.#stranded.push(this.#flows);
        this.#flows = passing();
    }

    /** Delivers what is held, late and in order, and lets all pass again. */
    release(): void {
        this.#passAll();
        for (const deliver of this.#held.splice(0)) deliver();
    }

    /** Lets all pass again on new connections; old ones, which lack bytes, are cut. */
    restore(): void {
        this.#held = [];
        this.#passAll();
        this.cut();
    }

    /** Breaks all connections without a goodbye. */
    cut(): void {
        for (const socket of this.#sockets) socket.destroy();
    }

    /** Ends the path. */
    close(): Promise<void> {
        this.restore();
        return new Promise((resolve) => this.#server.close(() => resolve()));
    }

    #passAll(): void {
        for (const flows of [this.#flows, ...this.#stranded.splice(0)]) {
            Object.assign(flows, passing());
        }
    }

    #join(from: Socket, to: Socket, flowOf: () => Flow): void {
        this.#sockets.add(from);
        from.setNoDelay(true);
        const pass = (deliver: () => void): void => {
            const flow = flowOf();
            if (flow === "pass") deliver();
            else if (flow === "hold") this.#held.push(deliver);
        };
        from.on("data", (chunk) => pass(() => this.#write(from, to, chunk)));
        from.on("error", () => {});
        from.on("end", () => pass(() => to.end()));
        from.on("close", () => {
            this.#sockets.delete(from);
            pass(() => to.destroy());
        });
    }

    #write(from: Socket, to: Socket, chunk: string | Uint8Array): void {
        if (to.write(chunk)) return;
        from.pause();
        to.once("drain", () => from.resume());
    }
}
