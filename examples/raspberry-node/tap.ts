import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A frame that somebody on the wire has seen. */
export type Frame = { readonly from: "node" | "server"; readonly bytes: Buffer };

/** Somebody on the wire between node and server: passes everything on and keeps a copy. */
export class Tap {
    readonly #sockets = new Set<Socket>();
    readonly #server;
    readonly frames: Frame[] = [];

    constructor(port: number) {
        this.#server = createServer((near) => {
            const far = connect({ host: "127.0.0.1", port });
            this.#follow("node", near, far);
            this.#follow("server", far, near);
        });
    }

    async listen(): Promise<string> {
        await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
        return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    }

    /** Everything that went by, as one piece. */
    get all(): Buffer {
        return Buffer.concat(this.frames.map(({ bytes }) => bytes));
    }

    /** Passes bytes on, and cuts its copy into frames: four bytes of length, and so many more. */
    #follow(from: Frame["from"], source: Socket, target: Socket): void {
        this.#sockets.add(source);
        let kept = Buffer.alloc(0);
        source.on("data", (chunk: Buffer) => {
            target.write(chunk);
            kept = Buffer.concat([kept, chunk]);
            while (kept.length >= 4 && kept.length >= 4 + kept.readUInt32BE()) {
                const end = 4 + kept.readUInt32BE();
                this.frames.push({ from, bytes: Buffer.from(kept.subarray(4, end)) });
                kept = kept.subarray(end);
            }
        });
        source.on("error", () => source.destroy());
        source.on("close", () => {
            this.#sockets.delete(source);
            target.end();
        });
    }

    close(): void {
        for (const socket of this.#sockets) socket.destroy();
        this.#server.close();
    }
}
