import { error } from "@meterseal/core";

/** Lets so many pieces of work go on at one time, and turns away the others. */
export class Turnstile {
    readonly #most: number;
    #inside = 0;

    constructor(most: number) {
        this.#most = most;
    }

    /**
     * Does a piece of work.
     * @throws MetersealError MS_BUSY where as many as may be are under way, and what the work throws.
     */
    async pass<T>(work: () => Promise<T>): Promise<T> {
        if (this.#inside >= this.#most) {
            const expected = `at most ${this.#most} such requests at a time`;
            throw error("MS_BUSY", { expected, todo: "Try again in a moment." });
        }
        this.#inside++;
        try {
            return await work();
        } finally {
            this.#inside--;
        }
    }
}
