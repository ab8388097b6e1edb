import { bytes, closed, count, json, type Paths, problems } from "./openapi-parts.ts";

/** Routes of what signers contradicted themselves in. */
export const CONTRADICTION_PATHS: Paths = {
    "/api/v1/contradictions": {
        get: {
            operationId: "getContradictions",
            summary: "What meters, collectors or the log signed against themselves, as proofs",
            responses: { 200: json("contradictions", "the proofs by name"), ...problems() },
        },
    },
    "/api/v1/contradictions/{file}": {
        get: {
            operationId: "getContradiction",
            summary: "A proof that anybody checks with the network id alone",
            parameters: [
                {
                    ...{ name: "file", in: "path", required: true },
                    description: "its name",
                    schema: { type: "string", maxLength: 120 },
                },
            ],
            responses: {
                200: bytes("application/cbor", "contradiction, docs/reference/formats.cddl"),
                ...problems(404),
            },
        },
    },
};

/** Schemas of their answers. */
export const contradictionSchemas: Readonly<Record<string, object>> = {
    contradictions: closed({
        contradictions: {
            type: "array",
            items: closed({
                file: { type: "string" },
                culprit: { enum: ["meter", "collector", "log", "validator"] },
                id: { type: "string", description: "subject, collector or network" },
                epoch: { ...count, description: "chain epoch, key epoch or size of the tree" },
                where: { type: "string", description: "what was signed twice" },
            }),
        },
    }),
};
