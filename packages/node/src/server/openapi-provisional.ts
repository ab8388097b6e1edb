import { json, type Operation, type Paths, problems } from "./openapi-parts.ts";

/** Description of the routes about readings that no signature covers yet. */
export function provisionalPaths(subject: Operation): Paths {
    return {
        "/api/v1/meters/{subject}/provisional": {
            get: {
                operationId: "getProvisional",
                summary:
                    "Readings of a meter on LoRaWAN that its signature does not cover yet: no sum, grant or proof counts them",
                parameters: [subject],
                responses: { 200: json("provisional", "the readings"), ...problems(400, 404) },
            },
            put: {
                operationId: "putProvisional",
                summary: "What a bridge has of them, in place of what it said before",
                parameters: [subject],
                security: [{ meter: [] }],
                requestBody: {
                    required: true,
                    content: {
                        "application/cbor": {
                            schema: { type: "string", contentEncoding: "binary" },
                        },
                    },
                },
                responses: { 204: { description: "taken" }, ...problems(400, 404, 413) },
            },
        },
    };
}
