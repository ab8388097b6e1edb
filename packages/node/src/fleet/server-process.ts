import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { error, MetersealError } from "@meterseal/core";
import type { FromServer, ServerInfo, StartMessage, ToServer } from "../server/messages.ts";
import { SERVER_NODE_FLAGS } from "../server/node-flags.ts";
import type { EnrolRequest } from "../server/server.ts";

const ENTRY = join(import.meta.dirname, "../server/process.ts");
/** A server that does not end by itself in this time is killed; nothing acknowledged is lost by it. */
const STOP_TIMEOUT_MS = 1_500;

type Waiting = { done(hash: Uint8Array | null): void; failed(cause: Error): void };

/** A server in a process of its own, driven over IPC. */
export class ServerProcess {
    readonly info: ServerInfo;
    readonly #child: ChildProcess;
    readonly #waiting: Map<number, Waiting>;
    readonly #ended: Promise<void>;
    #lastId = 0;

    private constructor(
        child: ChildProcess,
        info: ServerInfo,
        waiting: Map<number, Waiting>,
        ended: Promise<void>,
    ) {
        this.#child = child;
        this.info = info;
        this.#waiting = waiting;
        this.#ended = ended;
    }

    /**
     * Starts a server and waits until it serves.
     * @param signal kills the process while it starts.
     * @param onListening told of the address that a CometBFT node needs before the server serves.
     * @throws MetersealError what the server could not do, such as MS_PORT_IN_USE.
     */
    static async start(
        options: Omit<StartMessage, "type">,
        signal?: AbortSignal,
        onListening: (address: string) => void = () => undefined,
    ): Promise<ServerProcess> {
        const execArgv = [...process.execArgv, ...SERVER_NODE_FLAGS];
        const child = fork(ENTRY, { detached: true, serialization: "advanced", execArgv });
        const kill = (): void => void child.kill("SIGKILL");
        signal?.addEventListener("abort", kill, { once: true });
        if (signal?.aborted === true) kill();
        const waiting = new Map<number, Waiting>();
        const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
        const ready = new Promise<ServerInfo>((resolve, reject) => {
            child.on("message", (message: FromServer) => {
                if (message.type === "ready") resolve(message.info);
                else if (message.type === "listening") onListening(message.address);
                else settle(waiting, message, reject);
            });
            child.once("exit", (code) => {
                const gone = error("MS_LINK", { got: `a server that ended (exit code ${code})` });
                reject(gone);
                for (const entry of waiting.values()) entry.failed(gone);
                waiting.clear();
            });
            child.once("error", (cause) => reject(error("MS_LINK", { got: cause.message, cause })));
            child.send({ type: "start", ...options } satisfies ToServer, () => {});
        });
        try {
            return new ServerProcess(child, await ready, waiting, ended);
        } finally {
            signal?.removeEventListener("abort", kill);
        }
    }

    /** Resolves when the process has ended, however that came. */
    get ended(): Promise<void> {
        return this.#ended;
    }

    /** Moves the replay clock of the server; resolves when it has. */
    async setClock(nowMs: number): Promise<void> {
        await this.#ask((id) => ({ type: "clock", id, nowMs }));
    }

    /** Admits a meter; resolves with the hash of its enrolment, 32 bytes. */
    async enrol(request: EnrolRequest): Promise<Uint8Array> {
        const hash = await this.#ask((id) => ({ type: "enrol", id, request }));
        if (hash === null) throw error("MS_INTERNAL");
        return hash;
    }

    /** Ends the server properly, or kills it where that takes too long. */
    async stop(): Promise<void> {
        // A child that just died may still look connected; then there is nothing left to stop.
        if (this.#child.connected) this.#child.send({ type: "stop" } satisfies ToServer, () => {});
        const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
        await this.#ended;
        clearTimeout(timer);
    }

    /** Ends the process at once, as a power cut would. */
    kill(): void {
        this.#child.kill("SIGKILL");
    }

    #ask(message: (id: number) => ToServer): Promise<Uint8Array | null> {
        const id = ++this.#lastId;
        return new Promise((done, failed) => {
            if (!this.#child.connected) {
                failed(error("MS_LINK", { got: "a server that ended" }));
                return;
            }
            this.#waiting.set(id, { done, failed });
            this.#child.send(message(id), (cause) => {
                if (cause === null) return;
                this.#waiting.delete(id);
                failed(error("MS_LINK", { got: "a server that ended", cause }));
            });
        });
    }
}

function settle(
    waiting: Map<number, Waiting>,
    message: Exclude<FromServer, { type: "ready" | "listening" }>,
    reject: (cause: Error) => void,
): void {
    const entry = waiting.get(message.id ?? -1);
    waiting.delete(message.id ?? -1);
    if (message.type === "done") {
        entry?.done(message.hash);
        return;
    }
    const { code, message: text } = message.failure;
    const failure = new MetersealError(code, {});
    failure.message = text;
    if (entry === undefined) reject(failure);
    else entry.failed(failure);
}
