import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { delimiter, join } from "node:path";

/** Where Debian puts servers that a user's path does not have. */
const SYSTEM_PLACES = ["/usr/sbin", "/sbin", "/usr/lib/rabbitmq/bin"];

/** Path of a program; null where it is not installed. */
export function findProgram(name: string): string | null {
    const places = [...(process.env.PATH ?? "").split(delimiter), ...SYSTEM_PLACES];
    return places.map((place) => join(place, name)).find((path) => existsSync(path)) ?? null;
}

/** A port of the loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
    const server = createServer().listen({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    return port;
}

/** A broker or server of others that can be started more than once, at the same ports. */
export interface PeerBroker {
    readonly port: number;
    /** Port with TLS from the first byte; 0 where it has none. */
    readonly tlsPort: number;
    /** Resolves when it accepts connections. */
    start(): Promise<void>;
    stop(): Promise<void>;
    /** Stops it, and removes what it kept. */
    remove(): Promise<void>;
}

/** Certificate chain and key of a server, files in PEM. */
export type PeerTls = { readonly certFile: string; readonly keyFile: string };

/** What {@link peerBroker} is made from. */
type PeerBrokerParts = Pick<PeerBroker, "port" | "tlsPort"> & {
    /** Where it keeps its files. */
    readonly directory: string;
    readonly open: () => PeerServer;
    /** Ends what it leaves behind. */
    readonly after?: () => void;
};

/** A broker over its program. */
export function peerBroker({ after, directory, open, port, tlsPort }: PeerBrokerParts): PeerBroker {
    let server: PeerServer | null = null;
    const stop = async (): Promise<void> => {
        await server?.stop();
        server = null;
        after?.();
    };
    return {
        ...{ port, tlsPort, stop },
        start: async () => {
            server = open();
            await server.accepts(port);
            if (tlsPort !== 0) await server.accepts(tlsPort);
        },
        remove: async () => {
            await stop();
            rmSync(directory, { recursive: true, force: true });
        },
    };
}

/** A server of others, started for a suite and ended with it. */
export class PeerServer {
    readonly #child: ChildProcess;
    #output = "";

    constructor(path: string, words: readonly string[], environment: NodeJS.ProcessEnv = {}) {
        this.#child = spawn(path, words, {
            env: { ...process.env, ...environment },
            stdio: ["ignore", "pipe", "pipe"],
            detached: true, // a group of its own, which ends as a whole
        });
        for (const stream of [this.#child.stdout, this.#child.stderr]) {
            stream?.on("data", (part: Buffer) => {
                this.#output = (this.#output + part.toString()).slice(-10_000);
            });
        }
    }

    /** Resolves when it accepts connections; fails with what it has said. */
    async accepts(port: number, limitMs = 180_000): Promise<void> {
        const end = performance.now() + limitMs;
        while (!(await canConnect(port))) {
            if (this.#child.exitCode !== null || performance.now() > end) {
                throw new Error(`the server does not listen: ${this.#output}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    /** Ends it and what it started; resolves when it has gone. */
    async stop(): Promise<void> {
        const { exitCode, pid, signalCode } = this.#child;
        if (exitCode !== null || signalCode !== null || pid === undefined) return;
        const gone = once(this.#child, "exit");
        const kill = (signal: NodeJS.Signals): void => {
            try {
                process.kill(-pid, signal);
            } catch {
                // it went by itself
            }
        };
        kill("SIGTERM");
        const late = setTimeout(() => kill("SIGKILL"), 5_000);
        await gone;
        clearTimeout(late);
        kill("SIGKILL"); // what it left behind
    }
}

function canConnect(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = connect({ host: "127.0.0.1", port });
        const end = (isThere: boolean): void => {
            socket.destroy();
            resolve(isThere);
        };
        socket.once("connect", () => end(true));
        socket.once("error", () => end(false));
    });
}
