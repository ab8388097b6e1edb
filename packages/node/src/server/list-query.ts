import { error, fromHex, LIMITS } from "@meterseal/core";

/** Query of a request, as fastify gives it. */
export type Query = Readonly<Record<string, unknown>>;

/** Bytes that a request names in hexadecimal; MS_USAGE for anything else. */
export function namedBytes(text: unknown, where: string, length: number): Uint8Array {
    if (typeof text === "string" && text.length === 2 * length && /^[0-9a-f]*$/.test(text)) {
        return fromHex(text);
    }
    throw error("MS_USAGE", { where, expected: `${2 * length} hexadecimal digits` });
}

/** A whole number of the query between bounds; MS_USAGE for anything else. */
export function numberOf(
    query: Query,
    name: string,
    {
        byDefault,
        max,
        min,
    }: { readonly byDefault: number; readonly min: number; readonly max: number },
): number {
    const text = query[name];
    if (text === undefined) return byDefault;
    const value = typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw error("MS_USAGE", { where: name, expected: `a whole number ${min} … ${max}` });
}

/** Where a list goes on, and how long it may be: `after` a place, at most `limit` items. */
export function pageOf(query: Query): { readonly after: number; readonly limit: number } {
    const most = LIMITS.listItems;
    return {
        after: numberOf(query, "after", { byDefault: -1, min: 0, max: Number.MAX_SAFE_INTEGER }),
        limit: numberOf(query, "limit", { byDefault: most, min: 1, max: most }),
    };
}
