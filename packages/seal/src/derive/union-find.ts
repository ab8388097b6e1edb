/**
 * Unknowns in sets that are equal up to a constant. An unknown has a name, any integer, and a number
 * from 0 on in the order of first mention; sets go by the number of one of them.
 */
export class UnionFind {
    readonly #numbers = new Map<number, number>();
    readonly #parents: number[] = [];

    /** Takes an unknown in; false where it is known. */
    add(name: number): boolean {
        if (this.#numbers.has(name)) return false;
        this.#numbers.set(name, this.#parents.length);
        this.#parents.push(this.#parents.length);
        return true;
    }

    /** Set of an unknown, which is taken in. */
    find(name: number): number {
        const number = this.#numbers.get(name);
        if (number !== undefined) return this.#rootOf(number);
        this.add(name);
        return this.#parents.length - 1;
    }

    /** Set of an unknown; null where it was never taken in. */
    findNamed(name: number): number | null {
        const number = this.#numbers.get(name);
        return number === undefined ? null : this.#rootOf(number);
    }

    /** Makes the sets of two unknowns one. */
    union(a: number, b: number): void {
        this.unite(this.find(a), this.find(b));
    }

    /** Makes two sets one, each by the number of an unknown in it. */
    unite(a: number, b: number): void {
        this.#parents[this.#rootOf(a)] = this.#rootOf(b);
    }

    #rootOf(number: number): number {
        const parents = this.#parents;
        let at = number;
        for (let next = parents[at] as number; next !== at; next = parents[at] as number) {
            parents[at] = parents[next] as number;
            at = next;
        }
        return at;
    }
}
