import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { CometRpc } from "@meterseal/engines/cometbft";
import type { AppState, Asked, Fact } from "./messages.ts";

/** Where a validator is on the loopback. */
export type Place = { readonly home: string; readonly dir: string; readonly index: number };

const APP = join(import.meta.dirname, "app.ts");
const WAIT_MS = 60_000;

/** A CometBFT node with our application beside it, each a process. */
export class Validator {
    readonly place: Place;
    readonly rpc: CometRpc;
    readonly #binary: string;
    #app: ChildProcess | null = null;
    #node: ChildProcess | null = null;
    #address = "";
    #ready: Promise<void> = Promise.resolve();
    #lastId = 0;
    #executed: PromiseWithResolvers<void> | null = null;
    readonly #waiting = new Map<number, (fact: Fact) => void>();

    constructor(binary: string, place: Place) {
        this.#binary = binary;
        this.place = place;
        this.rpc = new CometRpc(rpcUrlOf(place), 5_000);
    }

    /** Starts application and node; resolves when the node may be asked. */
    async start(): Promise<void> {
        await this.startApp();
        this.startNode();
    }

    /** Resolves when the chain has begun for the application. */
    ready(): Promise<void> {
        return this.#ready;
    }

    async startApp(): Promise<void> {
        const app = fork(APP, [this.place.dir, rpcUrlOf(this.place)], {
            serialization: "advanced",
        });
        this.#app = app;
        const ready = Promise.withResolvers<void>();
        ready.promise.catch(() => undefined);
        this.#ready = ready.promise;
        this.#address = await new Promise((resolve, reject) => {
            app.on("message", (fact: Fact) => {
                if (fact.kind === "listening") resolve(fact.address);
                else if (fact.kind === "ready") ready.resolve();
                else if (fact.kind === "executed") this.#executed?.resolve();
                else if (fact.kind === "failed") {
                    const cause = new Error(fact.text);
                    reject(cause);
                    ready.reject(cause);
                } else this.#waiting.get(fact.id)?.(fact);
            });
            app.once("exit", () => ready.reject(new Error("the application ended")));
        });
    }

    startNode(): void {
        const { home } = this.place;
        const words = ["node", "--home", home, "--proxy_app", this.#address];
        this.#node = spawn(this.#binary, words, { stdio: "ignore" });
    }

    /** Ends the application at once; resolves when it is gone, with its node that goes with it. */
    async killApp(): Promise<void> {
        this.#app?.kill("SIGKILL");
        await this.appEnded();
    }

    async appEnded(): Promise<void> {
        if (this.#app !== null && this.#app.exitCode === null && this.#app.signalCode === null) {
            await once(this.#app, "exit");
        }
    }

    async stopNode(): Promise<void> {
        const node = this.#node;
        this.#node = null;
        if (node === null || node.exitCode !== null || node.signalCode !== null) return;
        node.kill("SIGKILL");
        await once(node, "exit");
    }

    /** Stops both, as a machine that loses its power. */
    async stop(): Promise<void> {
        await this.stopNode();
        await this.killApp();
    }

    signalNode(signal: NodeJS.Signals): void {
        this.#node?.kill(signal);
    }

    /** Ends the application around the commit of its next block. */
    crashAt(where: "beforeCommit" | "afterCommit"): void {
        this.#app?.send({ kind: "crash", where } satisfies Asked);
    }

    /** Kills the node alone when its application has executed the next vertex, and starts it again. */
    async restartNodeAtBlock(): Promise<void> {
        this.#executed = Promise.withResolvers();
        this.#app?.send({ kind: "crash", where: "afterBlock" } satisfies Asked);
        await this.#executed.promise;
        await this.stopNode();
        this.startNode();
    }

    async state(): Promise<AppState> {
        const fact = await this.#ask((id) => ({ kind: "state", id }));
        if (fact.kind !== "state") throw new Error(JSON.stringify(fact));
        return fact;
    }

    /** Submits an entry; resolves with its leaf once it is final, or with what the refusal says. */
    async submit(item: Uint8Array, body: readonly Uint8Array[] = []): Promise<number | string> {
        const fact = await this.#ask((id) => ({ kind: "submit", id, item, body }));
        if (fact.kind === "final") return fact.leafIndex;
        return fact.kind === "refused" ? fact.text : JSON.stringify(fact);
    }

    /** Waits until the application's state is as asked. */
    async until(what: string, holds: (state: AppState) => boolean): Promise<AppState> {
        const endMs = performance.now() + WAIT_MS;
        while (performance.now() < endMs) {
            const state = await this.state();
            if (holds(state)) return state;
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
        throw new Error(`validator ${this.place.index}: never ${what}`);
    }

    #ask(asked: (id: number) => Asked): Promise<Fact> {
        const id = ++this.#lastId;
        return new Promise((resolve) => {
            this.#waiting.set(id, (fact) => {
                this.#waiting.delete(id);
                resolve(fact);
            });
            this.#app?.send(asked(id));
        });
    }
}

/** Loopback address of a validator: each has its own. */
export function hostOf(index: number): string {
    return `127.0.${20 + index}.1`;
}

export function rpcUrlOf({ index }: Place): string {
    return `http://${hostOf(index)}:26657`;
}
