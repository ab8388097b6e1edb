import type { PublicKey, SignatureJob } from "@meterseal/core";
import type { Sign1 } from "@meterseal/record";

/** Checks signatures away from the main thread: one verdict each, in order. */
export type SignatureVerifier = (jobs: readonly SignatureJob[]) => Promise<readonly boolean[]>;

/** The check that a parsed message asks for, under the key that its kid names. */
export function jobOf(message: Sign1, key: PublicKey): SignatureJob {
    const { algorithm, signature, toBeSigned } = message;
    return { key, algorithm, message: toBeSigned, signature };
}

/** Bounds the number of signatures under verification at one time; the rest waits in order. */
export class VerifyWindow {
    readonly #verify: SignatureVerifier;
    readonly #size: number;
    readonly #queue: { readonly count: number; enter(): void }[] = [];
    #running = 0;

    constructor(verify: SignatureVerifier, size: number) {
        this.#verify = verify;
        this.#size = size;
    }

    /**
     * Checks signatures when there is room; more than the window holds go in parts. No signatures
     * need no room: whoever has none does not wait for those who have.
     */
    async verify(jobs: readonly SignatureJob[]): Promise<readonly boolean[]> {
        if (jobs.length === 0) return [];
        if (jobs.length <= this.#size) return await this.#verifyPart(jobs);
        const parts: Promise<readonly boolean[]>[] = [];
        for (let at = 0; at < jobs.length; at += this.#size) {
            parts.push(this.#verifyPart(jobs.slice(at, at + this.#size)));
        }
        return (await Promise.all(parts)).flat();
    }

    async #verifyPart(jobs: readonly SignatureJob[]): Promise<readonly boolean[]> {
        const count = jobs.length;
        if (this.#queue.length > 0 || this.#running + count > this.#size) {
            await new Promise<void>((enter) => this.#queue.push({ count, enter }));
        } else {
            this.#running += count;
        }
        try {
            return await this.#verify(jobs);
        } finally {
            this.#running -= count;
            this.#admitWaiting();
        }
    }

    #admitWaiting(): void {
        for (;;) {
            const next = this.#queue[0];
            if (next === undefined || this.#running + next.count > this.#size) return;
            this.#queue.shift();
            this.#running += next.count;
            next.enter();
        }
    }
}
