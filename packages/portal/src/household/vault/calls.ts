import type { CallMessage, Problem } from "./messages.ts";
import type { SharingCall, SharingCalls } from "./sharing-messages.ts";

type Waiting = {
    resolve(answer: unknown): void;
    reject(problem: Problem): void;
};

const ENDED: Problem = {
    code: null,
    title: "The home was closed",
    text: "Open it again, then look whether what you asked for was done.",
};

/** Questions to the worker that wait for their own answers, told apart by numbers. */
export class VaultCalls {
    readonly #waiting = new Map<number, Waiting>();
    #last = 0;

    /** Asks; rejects with a {@link Problem}. */
    ask<C extends SharingCall>(
        worker: Worker | null,
        name: C,
        request: SharingCalls[C]["request"],
    ): Promise<SharingCalls[C]["answer"]> {
        if (worker === null) return Promise.reject(ENDED);
        const id = ++this.#last;
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, {
                resolve: (answer) => resolve(answer as SharingCalls[C]["answer"]),
                reject,
            });
            worker.postMessage({ type: "call", id, name, request });
        });
    }

    /** Takes an answer to its question. */
    take(message: CallMessage): void {
        const waiting = this.#waiting.get(message.id);
        this.#waiting.delete(message.id);
        if (message.type === "answer") waiting?.resolve(message.answer);
        else waiting?.reject(message.problem);
    }

    /** The worker has ended: nothing is answered any more. */
    end(): void {
        for (const { reject } of this.#waiting.values()) reject(ENDED);
        this.#waiting.clear();
    }
}
