/** An object of JSON, its values unchecked; null for any other text. */
export function parseJson(bytes: Uint8Array): Readonly<Record<string, unknown>> | null {
    try {
        return recordOf(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
    } catch {
        return null; // what is no JSON says nothing
    }
}

/** An object, its values unchecked; null for any other value. */
export function recordOf(value: unknown): Readonly<Record<string, unknown>> | null {
    return typeof value === "object" && value !== null && !Array.isArray(value)
        ? (value as Readonly<Record<string, unknown>>)
        : null;
}
