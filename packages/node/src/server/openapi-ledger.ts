import { closed, count, hex, json, type Paths, problems } from "./openapi-parts.ts";

/** Routes about a server's place in its network. */
export const LEDGER_PATHS: Paths = {
    "/api/v1/collectors": {
        post: {
            operationId: "admitCollector",
            summary: "Admits the collector of a branch; the same request again, the same answer",
            security: [{ operator: [] }],
            requestBody: {
                required: true,
                content: {
                    "application/json": {
                        schema: { $ref: "#/components/schemas/collectorRequest" },
                    },
                },
            },
            responses: {
                201: json("collectorAnswer", "the collector is admitted"),
                ...problems(400, 409, 413),
            },
        },
    },
    "/api/v1/revocations": {
        post: {
            operationId: "removeMember",
            summary: "Removes a meter or a collector for good; the same again, the same answer",
            security: [{ operator: [] }],
            requestBody: {
                required: true,
                content: {
                    "application/json": {
                        schema: { $ref: "#/components/schemas/removalRequest" },
                    },
                },
            },
            responses: {
                201: json("removal", "the member is removed"),
                ...problems(400, 403, 409, 413),
            },
        },
    },
    "/api/v1/ledger/status": {
        get: {
            operationId: "getLedgerStatus",
            summary: "Role of the server, heads, what waits, and who is connected",
            responses: { 200: json("ledgerStatus", "how the ledger stands"), ...problems() },
        },
    },
};

const counts = { type: "object", additionalProperties: count };
const connection = {
    state: { enum: ["connected", "cut off", "stopped"] },
    sinceMs: { type: "number", description: "milliseconds since 1970" },
    reason: { type: ["string", "null"] },
};
const shared = {
    heads: {
        type: "array",
        description: "latest vertex of each author, in the log or not",
        items: closed({ author: hex(32), round: count, id: hex(72) }),
    },
    log: closed({
        size: count,
        root: hex(64),
        lastEntryMs: { ...count, description: "milliseconds since 1970; 0 before the first entry" },
    }),
};

/** Schemas of these routes. */
export const ledgerSchemas: Readonly<Record<string, object>> = {
    collectorRequest: closed({
        format: { const: "meterseal-collector-request/v1" },
        network: { ...hex(64), description: "SHA-256 of the genesis" },
        id: { ...hex(32), description: "author id" },
        key: { type: "string", description: "COSE_Key, hexadecimal" },
    }),
    collectorAnswer: closed({
        format: { const: "meterseal-collector-answer/v1" },
        enrolment: { type: "string", description: "by the operator: COSE, base64" },
    }),
    removalRequest: closed({
        format: { const: "meterseal-removal-request/v1" },
        id: { ...hex(32), description: "subject of a meter, author id of a collector" },
    }),
    removal: closed({
        id: hex(32),
        role: { enum: ["meter", "gateway", "collector"] },
        network: hex(64),
    }),
    ledgerStatus: {
        oneOf: [
            closed({
                role: { const: "branch" },
                ...shared,
                sequencer: closed({ ...connection, logSize: count }),
                peers: {
                    type: "array",
                    items: closed({ ...connection, name: { type: "string" } }),
                },
                waiting: closed({
                    own: count,
                    foreign: count,
                    orphans: count,
                    evicted: count,
                    refused: counts,
                }),
                refusedHere: counts,
                evidence: count,
            }),
            closed({
                role: { const: "sequencer" },
                ...shared,
                orphans: count,
                evicted: counts,
                refused: counts,
            }),
            closed({ role: { const: "validator" }, ...shared }),
        ],
    },
};
