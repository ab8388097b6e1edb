const DOT = 46;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
/** Longest text of a value that is looked at: any value that counts, with room for zeros in front. */
const VALUE_CHARACTERS = 16;

/**
 * Reads plain decimal text (`0`, `12`, `0.209`) as a whole number of 10^-`decimals`, exactly.
 *
 * @param decimals Most digits behind the point, 0 … 9.
 * @param largest Largest result, below 2^53.
 * @returns The whole number; undefined for a sign, an exponent, a bare point, too many decimals or
 * more than `largest`.
 * @example parseDecimal("x,0.209", 2, 7, 7, 2 ** 31); // 2_090_000
 */
export function parseDecimal(
    text: string,
    from: number,
    to: number,
    decimals: number,
    largest: number,
): number | undefined {
    if (to - from > VALUE_CHARACTERS) return undefined;
    let units = 0;
    let digits = 0;
    let dot = -1;
    for (let at = from; at < to; at++) {
        const code = text.charCodeAt(at);
        if (code >= DIGIT_0 && code <= DIGIT_9) {
            units = units * 10 + (code - DIGIT_0);
            digits++;
        } else if (code === DOT && dot === -1 && digits > 0) {
            dot = at;
        } else {
            return undefined;
        }
    }
    const got = dot === -1 ? 0 : to - dot - 1;
    if (digits === 0 || dot === to - 1 || got > decimals) return undefined;
    // At most 16 digits times 10^9 could pass 2^53, but anything near it is refused as too large.
    units *= 10 ** (decimals - got);
    return units <= largest ? units : undefined;
}
