/** The prime 2^61 − 1: a row that vanishes modulo it by chance would need a determinant divisible by it. */
const PRIME = 2n ** 61n - 1n;
const HALF = PRIME / 2n;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * A residue modulo 2^61 − 1, the one of least absolute value: a number where that is exact, which
 * almost all are, and else a bigint. So each residue has one form, and 0, 1 and −1 are numbers.
 */
export type Residue = number | bigint;

/** sum + a · b. */
export function addProduct(sum: Residue, a: Residue, b: Residue): Residue {
    if (typeof sum === "number" && typeof a === "number" && typeof b === "number") {
        const product = a * b;
        const value = sum + product;
        // A product that was rounded is not safe, whatever the sum comes to.
        if (Number.isSafeInteger(product) && Number.isSafeInteger(value)) return value;
    }
    return residueOf(BigInt(sum) + BigInt(a) * BigInt(b));
}

/** −a. */
export function negative(a: Residue): Residue {
    return typeof a === "number" ? 0 - a : -a;
}

/** 1 / a; a is not zero. */
export function inverse(a: Residue): Residue {
    if (a === 1 || a === -1) return a;
    let [r, s, x, y] = [((BigInt(a) % PRIME) + PRIME) % PRIME, PRIME, 1n, 0n];
    while (s !== 0n) {
        const quotient = r / s;
        [r, s] = [s, r - quotient * s];
        [x, y] = [y, x - quotient * y];
    }
    return residueOf(x);
}

function residueOf(value: bigint): Residue {
    let least = value % PRIME;
    if (least > HALF) least -= PRIME;
    else if (least < -HALF) least += PRIME;
    return least >= -SAFE && least <= SAFE ? Number(least) : least;
}
