import { addProduct, inverse, negative, type Residue } from "./residue.ts";

/** How many lengths of sums are told apart at first sight. */
const SHAPES = 64;

/** Name of a class of unknowns: one of them, or what they are equal to. */
export type Class = number | string;

/** A row over unknowns that have numbers; zeros are left out. */
export type Row = Map<number, Residue>;

/** A row, written down. */
export function written(row: Row): string {
    const sorted = [...row].sort(([x], [y]) => x - y);
    return sorted.map(([unknown, value]) => `${unknown}:${value}`).join(" ");
}

/**
 * A number that rows share by chance only: the sum of their values, each times a number of 45 bits that is
 * its unknown's. The print of a sum of rows is the sum of their prints.
 */
export function printOf(row: Row): Residue {
    let print: Residue = 0;
    for (const [unknown, value] of row) print = addProduct(print, value, weightOf(unknown));
    return print;
}

function weightOf(unknown: number): number {
    const mix = (seed: number): number => {
        let hash = Math.imul(unknown ^ seed, 0x9e37_79b1);
        hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca77);
        hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae3d);
        return (hash ^ (hash >>> 16)) >>> 0;
    };
    return (mix(0x1656_67b1) % 2 ** 22) * 2 ** 23 + (mix(0x27d4_eb2f) % 2 ** 23);
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
    add(row: ReadonlyMap<number, Residue>): boolean {
        const reduced = this.reduce(row);
        const pivot = this.#rarestOf(reduced);
        if (pivot === null) return false;
        const factor = inverse(reduced.get(pivot) as Residue);
        if (factor !== 1) {
            for (const [unknown, value] of reduced) {
                reduced.set(unknown, addProduct(0, value, factor));
            }
        }
        for (const user of this.#users.get(pivot) ?? []) this.#eliminate(user, pivot, reduced);
        this.#users.delete(pivot);
        this.#rows.set(pivot, reduced);
        for (const unknown of reduced.keys()) if (unknown !== pivot) this.#use(unknown, pivot);
        return true;
    }

    /** The row without its pivots: empty where it follows from the rows added. */
    reduce(row: ReadonlyMap<number, Residue>): Row {
        const reduced: Row = new Map();
        for (const [unknown, value] of row) {
            const pivotRow = this.#rows.get(unknown);
            if (pivotRow === undefined) this.#accumulate(reduced, unknown, value, 1);
            else this.#subtract(reduced, pivotRow, value, unknown);
        }
        return reduced;
    }

    /**
     * Classes of the unknowns that rows express: what two unknowns share exactly where their difference
     * follows from the rows. It is the unknown modulo the row space: another unknown, or a sum of them.
     */
    classes(): Map<number, Class> {
        const classes = new Map<number, Class>();
        const alike = new Map<number, number[]>();
        for (const [pivot, row] of this.#rows) {
            let sum = 0;
            for (const unknown of row.keys()) sum += unknown;
            const other = sum - pivot;
            if (row.size === 2 && row.get(other) === -1) {
                classes.set(pivot, other);
                continue;
            }
            // Sums that are equal have as many terms, over unknowns with the same sum of numbers.
            const shape = other * SHAPES + Math.min(row.size, SHAPES - 1);
            const pivots = alike.get(shape);
            if (pivots === undefined) alike.set(shape, [pivot]);
            else pivots.push(pivot);
        }
        for (const pivots of alike.values()) {
            for (const pivot of pivots) {
                const isAlone = pivots.length === 1;
                classes.set(pivot, isAlone ? `alone ${pivot}` : this.#written(pivot));
            }
        }
        return classes;
    }

    /** The sum that an unknown is, written down. */
    #written(pivot: number): string {
        const rest = [...(this.#rows.get(pivot) as Row)].filter(([other]) => other !== pivot);
        return written(new Map(rest.map(([other, value]) => [other, negative(value)])));
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
        const factor = negative(row.get(pivot) as Residue);
        row.delete(pivot);
        for (const [unknown, value] of pivotRow) {
            if (unknown === pivot) continue;
            const had = row.has(unknown);
            this.#accumulate(row, unknown, factor, value);
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

    #subtract(target: Row, row: Row, value: Residue, pivot: number): void {
        const factor = negative(value);
        for (const [unknown, other] of row) {
            if (unknown !== pivot) this.#accumulate(target, unknown, factor, other);
        }
    }

    /** Adds a product to what a row has of an unknown. */
    #accumulate(target: Row, unknown: number, a: Residue, b: Residue): void {
        this.#work++;
        const sum = addProduct(target.get(unknown) ?? 0, a, b);
        if (sum === 0) target.delete(unknown);
        else target.set(unknown, sum);
    }
}
