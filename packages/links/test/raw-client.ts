import { connect, type Socket } from "node:net";

/** MQTT client that does what a test says, right or wrong, and nothing by itself. */
export class RawClient {
    readonly socket: Socket;
    /** All bytes that came in. */
    input: Buffer = Buffer.alloc(0);
    closed = false;

    constructor(port: number) {
        this.socket = connect({ host: "127.0.0.1", port });
        this.socket.on("data", (chunk: Buffer) => {
            this.input = Buffer.concat([this.input, chunk]);
        });
        this.socket.on("error", () => {});
        this.socket.on("close", () => {
            this.closed = true;
        });
    }

    send(...packets: readonly Uint8Array[]): void {
        for (const packet of packets) this.socket.write(packet);
    }

    /** Packet ids of all PUBACKs, in order; only while nothing else comes after the CONNACK. */
    pubacks(): number[] {
        const ids: number[] = [];
        for (let at = 4; at + 4 <= this.input.length; at += 4) {
            if (this.input[at] === 0x40) ids.push(this.input.readUInt16BE(at + 2));
        }
        return ids;
    }
}
