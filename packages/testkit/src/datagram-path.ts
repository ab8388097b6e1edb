import { createSocket, type Socket } from "node:dgram";

const LOOPBACK = "127.0.0.1";

/** Faults of a path of datagrams, drawn from a seeded source. */
export type DatagramFaults = {
    readonly random: () => number;
    /** Share of datagrams that vanish, 0 … 1. */
    readonly lossRate: number;
    /** Share of datagrams that arrive twice, 0 … 1. */
    readonly duplicateRate: number;
};

/**
 * A UDP path to a port that may change, like the address translation of a router: each sender gets a
 * port of its own towards the target, which {@link cut} takes away, and the path may go silent.
 */
export class DatagramPath {
    /** Port on 127.0.0.1 where the path leads to; 0 is nowhere. */
    target = 0;
    port = 0;
    readonly #faults: DatagramFaults | null;
    readonly #near = createSocket("udp4");
    readonly #far = new Map<number, Socket>();
    #isSilent = false;

    constructor(faults: DatagramFaults | null = null) {
        this.#faults = faults;
    }

    /** Begins to listen on {@link port}. */
    listen(): Promise<void> {
        this.#near.on("message", (datagram, { port }) => {
            if (this.target === 0) return;
            this.#carry(() => this.#farOf(port).send(datagram, this.target, LOOPBACK, () => {}));
        });
        return new Promise((resolve) => {
            this.#near.bind({ address: LOOPBACK, port: 0 }, () => {
                this.port = this.#near.address().port;
                resolve();
            });
        });
    }

    /** Loses all from here on, or lets it pass again. */
    silence(isSilent: boolean): void {
        this.#isSilent = isSilent;
    }

    /** Takes the ports towards the target away: what comes back to them is lost. */
    cut(): void {
        for (const socket of this.#far.values()) socket.close();
        this.#far.clear();
    }

    /** Ends the path. */
    close(): Promise<void> {
        this.cut();
        return new Promise((resolve) => this.#near.close(() => resolve()));
    }

    #farOf(nearPort: number): Socket {
        const known = this.#far.get(nearPort);
        if (known !== undefined) return known;
        const socket = createSocket("udp4");
        socket.on("error", () => {});
        socket.on("message", (datagram) => {
            this.#carry(() => this.#near.send(datagram, nearPort, LOOPBACK, () => {}));
        });
        this.#far.set(nearPort, socket);
        return socket;
    }

    #carry(arrive: () => void): void {
        if (this.#isSilent) return;
        if (this.#faults === null) {
            arrive();
            return;
        }
        const { duplicateRate, lossRate, random } = this.#faults;
        if (random() < lossRate) return;
        arrive();
        if (random() < duplicateRate) arrive();
    }
}
