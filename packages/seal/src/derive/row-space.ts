/** The prime 2^61 − 1: a row that vanishes modulo it by chance would need a determinant divisible by it. */
const PRIME = 2n ** 61n - 1n;

/** Name of a class of unknowns: one of them, or what they are equal to. */
export type Class = number | string;

/** A row over unknowns that have numbers; zeros are left out. */
export type Row = Map<number, bigint>;

function inverse(value: bigint): bigint {
    if (value === 1n || value === PRIME - 1n) return value;
    let [a, b, x, y] = [value, PRIME, 1n, 0n];
    while (b !== 0n) {
        const quotient = a / b;
        [a, b] = [b, a - quotient * b];
        [x, y] = [y, x - quotient * y];
    }
    return ((x % PRIME) + PRIME) % PRIME;
}

/**
 * Rows over a prime field in reduced echelon form, sparse. Each row has a pivot, an unknown that no
 * other row has. Work is counted in entries touched, so that a bound on it is the same everywhere.
 */
export class RowSpace {
    readonly #rows = new Map<number, Row>();
    /** Pivots of the rows that hold an unknown which is no pivot. */
    readonly #users = new Map<number, number[]>();
    #work = 0;

    /** Entries touched so far. */
    get work(): number {
        return this.#work;
    }

    /** Adds a row; false where it follows from the others. */
    add(row: ReadonlyMap<number, bigint>): boolean {
        const reduced = this.reduce(row);
        const pivot = this.#rarestOf(reduced);
        if (pivot === null) return false;
        const factor = inverse(reduced.get(pivot) as bigint);
        for (const [unknown, value] of reduced) reduced.set(unknown, (value * factor) % PRIME);
        for (const user of this.#users.get(pivot) ?? []) this.#eliminate(user, pivot, reduced);
        this.#users.delete(pivot);
        this.#rows.set(pivot, reduced);
        for (const unknown of reduced.keys()) if (unknown !== pivot) this.#use(unknown, pivot);
        return true;
    }

    /** The row without its pivots: empty where it follows from the rows added. */
    reduce(row: ReadonlyMap<number, bigint>): Row {
        const reduced: Row = new Map();
        for (const [unknown, value] of row) {
            const pivotRow = this.#rows.get(unknown);
            if (pivotRow === undefined) this.#accumulate(reduced, unknown, value);
            else this.#subtract(reduced, pivotRow, value, unknown);
        }
        return reduced;
    }

    /**
     * What two unknowns share exactly where their difference follows from the rows: the unknown modulo
     * the row space, which is another unknown or a sum of them, written down.
     */
    classOf(unknown: number): Class {
        const row = this.#rows.get(unknown);
        if (row === undefined) return unknown;
        const rest = [...row].filter(([other]) => other !== unknown);
        this.#work += rest.length;
        const [only] = rest;
        if (rest.length === 1 && only?.[1] === PRIME - 1n) return only[0];
        rest.sort(([x], [y]) => x - y);
        return rest.map(([other, value]) => `${other}:${PRIME - value}`).join(" ");
    }

    /** Unknowns that are pivots. */
    pivots(): IterableIterator<number> {
        return this.#rows.keys();
    }

    /** The unknown of a row that the fewest rows use: to eliminate it costs least. */
    #rarestOf(row: Row): number | null {
        let rarest: number | null = null;
        let fewest = Number.POSITIVE_INFINITY;
        for (const unknown of row.keys()) {
            const uses = this.#users.get(unknown)?.length ?? 0;
            if (uses >= fewest) continue;
            rarest = unknown;
            fewest = uses;
            if (uses === 0) break;
        }
        return rarest;
    }

    #eliminate(user: number, pivot: number, pivotRow: Row): void {
        const row = this.#rows.get(user) as Row;
        const factor = row.get(pivot) as bigint;
        row.delete(pivot);
        for (const [unknown, value] of pivotRow) {
            if (unknown === pivot) continue;
            const had = row.has(unknown);
            this.#accumulate(row, unknown, -factor * value);
            const has = row.has(unknown);
            if (has && !had) this.#use(unknown, user);
            if (had && !has) this.#leave(unknown, user);
        }
    }

    #use(unknown: number, pivot: number): void {
        const users = this.#users.get(unknown);
        if (users === undefined) this.#users.set(unknown, [pivot]);
        else users.push(pivot);
    }

    #leave(unknown: number, pivot: number): void {
        const users = this.#users.get(unknown);
        if (users !== undefined) users.splice(users.indexOf(pivot), 1);
    }

    #subtract(target: Row, row: Row, factor: bigint, pivot: number): void {
        for (const [unknown, value] of row) {
            if (unknown !== pivot) this.#accumulate(target, unknown, -factor * value);
        }
    }

    #accumulate(target: Row, unknown: number, value: bigint): void {
        this.#work++;
        const sum = ((((target.get(unknown) ?? 0n) + value) % PRIME) + PRIME) % PRIME;
        if (sum === 0n) target.delete(unknown);
        else target.set(unknown, sum);
    }
}
