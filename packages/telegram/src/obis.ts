/** Groups D and E may stand behind a colon: a misprint of DSMR 4 that meters copied. */
const FULL = /^(\d{1,3})-(\d{1,3}):(\d{1,3}|[CFLP])[.:](\d{1,3})[.:](\d{1,3})(?:[*&.](\d{1,3}))?$/;
const SHORT = /^(\d{1,3}|[CFLP])\.(\d{1,3}|F)(?:\.(\d{1,3}))?(?:[*&](\d{1,3}))?$/;
/** Abstract value groups that readouts write as letters (IEC 62056-21, IEC 62056-6-1). */
const LETTERS: Readonly<Record<string, string>> = { C: "96", F: "97", L: "98", P: "99" };

/**
 * Canonical form of an OBIS code in its long (`1-0:1.8.0*255`) or short form (`1.8.0`): medium and
 * channel are 1-0 where they are missing (electricity), group E is 0, F is left out where it is 255
 * (IEC 62056-6-1).
 * @returns null where the text is no code, or a group is above 255.
 */
export function normalizeObis(text: string): string | null {
    const full = FULL.exec(text);
    const groups =
        full !== null ? full.slice(1) : ["1", "0", ...(SHORT.exec(text)?.slice(1) ?? [])];
    const [a, b, c, d, e = "0", f] = groups;
    if (c === undefined || d === undefined) return null;
    const medium = full === null && LETTERS[c] !== undefined ? "0" : a;
    const numbers = [medium, b, LETTERS[c] ?? c, LETTERS[d] ?? d, e, f ?? "255"].map(Number);
    if (numbers.some((number) => number > 255)) return null;
    return formatObis(Uint8Array.from(numbers));
}

/**
 * OBIS code from its six bytes A … F (IEC 62056-6-1).
 * @example formatObis(Uint8Array.of(1, 0, 1, 8, 0, 255)); // "1-0:1.8.0"
 */
export function formatObis(bytes: Uint8Array): string {
    const [a, b, c, d, e, f] = bytes;
    return `${a}-${b}:${c}.${d}.${e}${f === 255 ? "" : `*${f}`}`;
}
