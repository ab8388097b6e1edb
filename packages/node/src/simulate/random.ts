/** Draws of a simulation, the same for the same seed (mulberry32); nothing secret comes from here. */
export class Draws {
    #state: number;

    constructor(seed: number) {
        this.#state = seed >>> 0;
    }

    /** In [0, 1). */
    next(): number {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let t = this.#state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    }

    /** Items in an order by chance. */
    shuffle<T>(items: readonly T[]): T[] {
        const out = [...items];
        for (let i = out.length - 1; i > 0; i--) {
            const j = Math.floor(this.next() * (i + 1));
            [out[i], out[j]] = [out[j] as T, out[i] as T];
        }
        return out;
    }
}
