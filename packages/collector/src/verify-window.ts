import type { PublicKey } from "@meterseal/core";
import type { Sign1 } from "@meterseal/record";

/** Checks a signature away from the main thread. */
export type SignatureVerifier = (message: Sign1, key: PublicKey) => Promise<boolean>;

/** Bounds the number of signatures under verification at one time. */
export class VerifyWindow {
    readonly #verify: SignatureVerifier;
    readonly #queue: (() => void)[] = [];
    readonly #size: number;
    #running = 0;

    constructor(verify: SignatureVerifier, size: number) {
        this.#verify = verify;
        this.#size = size;
    }

    /** Checks one signature when there is room. */
    async verify(message: Sign1, key: PublicKey): Promise<boolean> {
        if (this.#running >= this.#size) {
            await new Promise<void>((resolve) => this.#queue.push(resolve));
        } else {
            this.#running++;
        }
        try {
            return await this.#verify(message, key);
        } finally {
            const next = this.#queue.shift();
            if (next === undefined) this.#running--;
            else next();
        }
    }
}
