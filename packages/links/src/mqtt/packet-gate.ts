import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { PacketSplitter } from "./packet-splitter.ts";

/** What a {@link PacketGate} lets through. */
export interface GatePolicy {
    /** Size limit in bytes of a whole packet by its first byte; 0 refuses the packet. */
    limitBytes(firstByte: number): number;
    /**
     * What to do with a packet: let it pass, hold it and all behind it until `wake()`, or nothing
     * because the policy has taken it.
     * @throws PacketRefused to end the connection.
     */
    admit(packet: Buffer): "pass" | "hold" | "taken";
    /** Whether something that came in is still under way, so that silence is not the peer's. */
    readonly busy: boolean;
}

/** Time in milliseconds that a destroyed gate gives its socket to send what is written. */
const LINGER_MS = 300;

/**
 * A socket as the MQTT libraries see it: only whole packets within their limits come in, and only
 * as many as the policy admits; the rest stays with the peer (TCP flow control). The libraries
 * themselves know no bound for a packet or for messages under way.
 */
export class PacketGate extends Duplex {
    readonly #socket: Socket;
    readonly #policy: GatePolicy;
    readonly #splitter: PacketSplitter;
    readonly #drainTimeoutMs: number;
    #idleTimer: NodeJS.Timeout | null = null;
    #drainTimer: NodeJS.Timeout | null = null;
    #held: Buffer | null = null;
    #wanted = false;
    #ended = false;

    constructor(socket: Socket, policy: GatePolicy, drainTimeoutMs: number) {
        super({ allowHalfOpen: false });
        this.#socket = socket;
        this.#policy = policy;
        this.#drainTimeoutMs = drainTimeoutMs;
        this.#splitter = new PacketSplitter((firstByte) => policy.limitBytes(firstByte));
        socket.setNoDelay(true);
        socket.on("data", (chunk: Buffer) => {
            this.#idleTimer?.refresh();
            this.#splitter.feed(chunk);
            this.#pump();
        });
        socket.on("end", () => {
            this.#ended = true;
            this.#pump();
        });
        socket.on("error", (cause) => this.destroy(cause));
        socket.on("close", () => this.destroy());
    }

    /** Asks the policy again about a packet that it did not admit. */
    wake(): void {
        if (!this.destroyed) this.#pump();
    }

    /**
     * Writes a packet; those of one turn of the event loop leave in one system call, which costs more
     * than what it carries.
     * @param done called when the socket took the packet, or will not any more.
     */
    send(packet: Buffer, done: (cause?: Error | null) => void): void {
        if (this.writableCorked === 0) {
            this.cork();
            setImmediate(() => this.uncork());
        }
        this.write(packet, done);
    }

    /** From now on ends the connection after this silence of the peer in milliseconds. */
    limitSilence(limitMs: number): void {
        if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
        this.#idleTimer = setTimeout(() => {
            if (this.#policy.busy) this.#idleTimer?.refresh();
            else this.destroy(new Error("keepalive time is over"));
        }, limitMs);
    }

    override _read(): void {
        this.#wanted = true;
        this.#pump();
    }

    override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
        if (this.#socket.write(chunk)) {
            done();
            return;
        }
        this.#drainTimer = setTimeout(() => {
            this.destroy(new Error("the peer does not read"));
        }, this.#drainTimeoutMs);
        this.#socket.once("drain", () => {
            if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
            done();
        });
    }

    override _writev(
        parts: readonly { chunk: Buffer; encoding: BufferEncoding }[],
        done: () => void,
    ): void {
        this._write(Buffer.concat(parts.map((part) => part.chunk)), "binary", done);
    }

    override _final(done: () => void): void {
        this.#socket.end(done);
    }

    /** Hands what this turn has written to the socket first: an acknowledgement is a promise kept. */
    override destroy(cause?: Error): this {
        while (this.writableCorked > 0) this.uncork();
        return super.destroy(cause);
    }

    override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
        const socket = this.#socket;
        if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
        if (this.#drainTimer !== null) clearTimeout(this.#drainTimer);
        socket.removeAllListeners("data");
        socket.removeAllListeners("drain");
        socket.resume();
        if (!socket.destroyed) {
            const timer = setTimeout(() => socket.destroy(), LINGER_MS);
            socket.once("close", () => clearTimeout(timer));
            if (socket.connecting) socket.destroy();
            else socket.destroySoon();
        }
        done(cause);
    }

    #pump(): void {
        try {
            while (this.#wanted && !this.destroyed) {
                this.#held ??= this.#splitter.next();
                if (this.#held === null) {
                    if (this.#ended) this.push(null);
                    else this.#socket.resume();
                    return;
                }
                const verdict = this.#policy.admit(this.#held);
                if (verdict === "hold") break;
                const packet = this.#held;
                this.#held = null;
                if (verdict === "pass") this.#wanted = this.push(packet);
            }
            this.#socket.pause();
        } catch (cause) {
            this.destroy(cause as Error);
        }
    }
}
