import { connect, type Socket } from "node:net";
import { meterTopics } from "@meterseal/links/mqtt";
import { TENANT } from "./tenant.ts";

/** How long a connection may take, and a message until it is acknowledged. */
const WITHIN_MS = 60_000;

/**
 * MQTT 3.1.1 client that costs little: connects once, subscribes to its receipts, sends messages at
 * QoS 1 one after the other and drops what comes down. Thousands fit a process.
 */
export class LightLink {
    readonly #topic: string;
    readonly #receipts: string;
    readonly #socket: Socket;
    #input: Buffer = Buffer.alloc(0);
    #waiting: { readonly type: number; done(): void; failed(cause: Error): void } | null = null;

    private constructor(url: string, subjectHex: string, tenant: string) {
        const { hostname, port } = new URL(url);
        const topics = meterTopics(tenant, subjectHex);
        this.#topic = topics.up("usage");
        this.#receipts = topics.receipts;
        this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
        this.#socket.on("data", (chunk: Buffer) => this.#received(chunk));
        this.#socket.on("error", (cause) => this.#waiting?.failed(cause));
        this.#socket.on("close", () => this.#waiting?.failed(new Error("connection closed")));
    }

    /** Connects with a token, and subscribes. */
    static async open(
        url: string,
        subjectHex: string,
        token: Uint8Array,
        tenant: string = TENANT,
    ): Promise<LightLink> {
        const link = new LightLink(url, subjectHex, tenant);
        const clean = Buffer.of(4, 0xc2, 0x02, 0x58); // MQTT 3.1.1, user and password, 600 s
        const name = text(subjectHex);
        await link.#ask(0x20, packet(0x10, text("MQTT"), clean, name, name, text(token)));
        const topic = text(link.#receipts);
        await link.#ask(0x90, packet(0x82, Buffer.of(0, 1), topic, Buffer.of(0)));
        return link;
    }

    /** Sends one message; resolves when it is acknowledged. */
    send(message: Uint8Array): Promise<void> {
        return this.#ask(0x40, packet(0x32, text(this.#topic), Buffer.of(0, 1), message));
    }

    /** Ends the connection properly; resolves when it is closed. */
    close(): Promise<void> {
        this.#waiting = null;
        return new Promise((resolve) => {
            this.#socket.once("close", () => resolve());
            this.#socket.end(packet(0xe0));
        });
    }

    #ask(type: number, bytes: Buffer): Promise<void> {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error("no answer")), WITHIN_MS);
            const settle = (end: () => void): void => {
                clearTimeout(timer);
                this.#waiting = null;
                end();
            };
            this.#waiting = {
                type,
                done: () => settle(resolve),
                failed: (cause) => settle(() => reject(cause)),
            };
            this.#socket.write(bytes);
        });
    }

    #received(chunk: Buffer): void {
        this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
        for (let end = packetLength(this.#input); end !== null; end = packetLength(this.#input)) {
            const type = this.#input[0];
            this.#input = this.#input.subarray(end);
            if (type === this.#waiting?.type) this.#waiting?.done();
        }
    }
}

/** Length of the whole packet in front; null while some of it is missing. */
function packetLength(input: Buffer): number | null {
    let length = 0;
    for (let i = 1; i < input.length; i++) {
        const byte = input[i] as number;
        length += (byte & 0x7f) * 128 ** (i - 1);
        if (byte >= 0x80) continue;
        const end = i + 1 + length;
        return end <= input.length ? end : null;
    }
    return null;
}

/** A packet from its first byte and its parts (MQTT 3.1.1 section 2.2). */
function packet(firstByte: number, ...parts: readonly Uint8Array[]): Buffer {
    const header = [firstByte];
    let rest = parts.reduce((sum, part) => sum + part.length, 0);
    do {
        header.push((rest & 0x7f) | (rest > 127 ? 0x80 : 0));
        rest >>= 7;
    } while (rest > 0);
    return Buffer.concat([Buffer.from(header), ...parts]);
}

/** A string or bytes with their length in front. */
function text(value: string | Uint8Array): Buffer {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes]);
}
