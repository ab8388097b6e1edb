import { error, fail, ok, type Result, utf8 } from "@meterseal/core";
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";

/** Bytes of a commitment: the canonical encoding of a ristretto255 element (RFC 9496 4.3.2). */
export const COMMITMENT_BYTES = 32;

/** An element of ristretto255. */
export type Element = InstanceType<typeof ristretto255.Point>;

const { Point } = ristretto255;

/** Order of the group, 2^252 + 27742317777372353535851937790883648493. */
export const ORDER: bigint = Point.Fn.ORDER;

/**
 * Generator of the blinds: nobody knows its logarithm to the base of the group, because it is the
 * hash of a text, hash_to_ristretto255 of RFC 9380 appendix B under the suite's own name.
 */
const BLIND_BASE = ristretto255_hasher.hashToCurve(utf8("meterseal/pedersen/H/v1"));
/** The base of the group, as an element of its own that may keep a table of its multiples. */
const VALUE_BASE = Point.fromBytes(Point.BASE.toBytes());
/** Bits that one step of a multiplication takes from a table of multiples. */
const TABLE_BITS = 8;

/** Different weights up to which multiplying one by one is quicker. */
const SINGLE_MAX = 4;
/** Widest window of weights: 4,096 buckets. */
const WINDOW_BITS_MAX = 12;

let hasTables = false;

/** Makes the tables of both bases on first use: 30 ms, and three times as fast from then on. */
function requireTables(): void {
    if (hasTables) return;
    VALUE_BASE.precompute(TABLE_BITS);
    BLIND_BASE.precompute(TABLE_BITS);
    hasTables = true;
}

/** value · G + blind · H; numbers of any sign and size are taken modulo the order of the group. */
export function pedersen(value: bigint, blind: bigint): Element {
    requireTables();
    return multiple(VALUE_BASE, value).add(multiple(BLIND_BASE, blind));
}

function multiple(base: Element, factor: bigint): Element {
    const scalar = modulo(factor);
    return scalar === 0n ? Point.ZERO : base.multiply(scalar);
}

/** Remainder of a number modulo the order of the group, never negative. */
export function modulo(value: bigint): bigint {
    const rest = value % ORDER;
    return rest < 0n ? rest + ORDER : rest;
}

/**
 * Reads a commitment.
 * @returns MS_COMMITMENT where the bytes are no canonical encoding of an element (RFC 9496 4.3.1).
 */
export function decodeElement(bytes: Uint8Array, where: string): Result<Element> {
    try {
        return ok(Point.fromBytes(bytes));
    } catch {
        const expected = "a canonical element of ristretto255";
        return fail(error("MS_COMMITMENT", { where, expected }));
    }
}

/** A commitment and the whole number that it is multiplied with. */
export type ElementTerm = { readonly element: Element; readonly weight: bigint };

/**
 * Σ weight · element, in a time that depends on the weights: for public ones only. Elements of one
 * weight are added before they are multiplied; what is left goes by windows of bits into buckets
 * (Pippenger), as many as pay off for so many different weights.
 */
export function sumOfMultiples(terms: readonly ElementTerm[]): Element {
    const sums = new Map<bigint, Element>();
    let mostBits = 0;
    for (const { element, weight } of terms) {
        if (weight === 0n) continue;
        const size = weight < 0n ? -weight : weight;
        const signed = weight < 0n ? element.negate() : element;
        const known = sums.get(size);
        sums.set(size, known === undefined ? signed : known.add(signed));
        mostBits = Math.max(mostBits, size.toString(2).length);
    }
    let total = Point.ZERO;
    if (sums.size <= SINGLE_MAX) {
        for (const [size, element] of sums) total = total.add(element.multiplyUnsafe(size));
        return total;
    }
    const width = windowWidth(sums.size, mostBits);
    for (let window = Math.ceil(mostBits / width) - 1; window >= 0; window--) {
        for (let bit = 0; bit < width; bit++) total = total.double();
        total = total.add(sumOfWindow(sums, BigInt(window * width), width));
    }
    return total;
}

/** Bits of a window for which the fewest additions are needed: one an element, two a bucket. */
function windowWidth(elements: number, bits: number): number {
    let best = 1;
    let fewest = Number.POSITIVE_INFINITY;
    for (let width = 1; width <= WINDOW_BITS_MAX; width++) {
        const additions = Math.ceil(bits / width) * (elements + 2 ** (width + 1));
        if (additions >= fewest) continue;
        best = width;
        fewest = additions;
    }
    return best;
}

/** Σ digit · element over the digits that the weights have at one place. */
function sumOfWindow(sums: ReadonlyMap<bigint, Element>, shift: bigint, width: number): Element {
    const mask = (1n << BigInt(width)) - 1n;
    const buckets: (Element | undefined)[] = new Array(2 ** width);
    for (const [size, element] of sums) {
        const digit = Number((size >> shift) & mask);
        if (digit === 0) continue;
        const known = buckets[digit];
        buckets[digit] = known === undefined ? element : known.add(element);
    }
    let running = Point.ZERO;
    let total = Point.ZERO;
    for (let digit = buckets.length - 1; digit > 0; digit--) {
        const bucket = buckets[digit];
        if (bucket !== undefined) running = running.add(bucket);
        total = total.add(running);
    }
    return total;
}
