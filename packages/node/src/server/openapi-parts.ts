// Parts of which the description of the API is made.

/** An operation of the API, or a part of one. */
export type Operation = Readonly<Record<string, unknown>>;

/** Operations by path and method. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

/** An answer in JSON, by the name of its schema. */
export const json = (schema: string, description: string): Operation => ({
    description,
    content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
});

/** Statuses at which a route answers with a problem. */
export function problems(...statuses: readonly number[]): Operation {
    const problem = {
        description: "refused: a problem with one of our codes",
        content: {
            "application/problem+json": { schema: { $ref: "#/components/schemas/problem" } },
        },
    };
    return Object.fromEntries([403, 500, ...statuses].map((status) => [String(status), problem]));
}

/** An answer in bytes of a type. */
export const bytes = (type: string, description: string): Operation => ({
    description,
    content: { [type]: { schema: { type: "string", contentEncoding: "binary" } } },
});

/** So many hexadecimal digits. */
export const hex = (digits: number): object => ({
    type: "string",
    pattern: `^[0-9a-f]{${digits}}$`,
});
/** A whole number from 0 on. */
export const count = { type: "integer", minimum: 0 };

/** An object with these fields and no others. */
export function closed(
    fields: Readonly<Record<string, object>>,
    optional: Readonly<Record<string, object>> = {},
): object {
    const required = Object.keys(fields);
    const properties = { ...fields, ...optional };
    return { type: "object", required, additionalProperties: false, properties };
}
