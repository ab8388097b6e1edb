import { ERRORS, WINDOW_NAMES } from "@meterseal/core";
import type { FastifyInstance } from "fastify";
import { softwareVersion } from "../version.ts";
import { CONTRADICTION_PATHS } from "./openapi-contradictions.ts";
import { DAG_PATHS } from "./openapi-dag.ts";
import { LEDGER_PATHS } from "./openapi-ledger.ts";
import { PARTY_PATHS } from "./openapi-parties.ts";
import { bytes, json, type Operation, type Paths, problems } from "./openapi-parts.ts";
import { provisionalPaths } from "./openapi-provisional.ts";
import { schemas } from "./openapi-schemas.ts";

/** Where the document is served. */
const ROUTE = "/api/v1/openapi.json";

const subject = {
    name: "subject",
    in: "path",
    required: true,
    description: "pseudonym of the meter",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
};

const stream = {
    name: "stream",
    in: "path",
    required: true,
    description: "id of the stream",
    schema: { type: "string", pattern: "^[0-9a-f]{32}$" },
};

const query = (name: string, description: string, schema: object): Operation => ({
    name,
    in: "query",
    description,
    schema,
});

const range = [
    query("from", "begin; seconds since 1970, or ISO 8601, civil in the stream's zone", {
        type: "string",
    }),
    query("to", "end, likewise; a side that is left out is that of the data", { type: "string" }),
    query("window", "civil windows in the stream's zone; weeks begin on Monday", {
        enum: WINDOW_NAMES,
        default: "day",
    }),
    query("nearest", "boundaries that may stand in for an absent one", {
        enum: ["none", "slot", "hour", "day", "month"],
    }),
];

const windowOfEvidence = query("window", "windows whose ends are meant with records=edges", {
    enum: WINDOW_NAMES,
    default: "total",
});

const PATHS: Paths = {
    "/api/v1/network": {
        get: {
            operationId: "getNetwork",
            summary: "Network, ledger, latest checkpoint and the server's clock",
            responses: { 200: json("network", "the network"), ...problems() },
        },
    },
    "/api/v1/meters": {
        get: {
            operationId: "getMeters",
            summary:
                "Enrolled meters, as far as a server can know them: no consumption in a sealed network",
            responses: { 200: json("meters", "the meters"), ...problems() },
        },
    },
    "/api/v1/meters/{subject}/evidence": {
        get: {
            operationId: "getEvidence",
            summary:
                "All records of a meter with proofs: what a household or an auditor verifies offline",
            parameters: [subject],
            responses: {
                200: bytes("application/cbor", "evidence, docs/reference/formats.cddl"),
                ...problems(400, 404),
            },
        },
    },
    "/api/v1/meters/{subject}/last-record": {
        get: {
            operationId: "getLastRecord",
            summary: "Latest final record of a meter, as it was signed",
            parameters: [subject],
            responses: {
                200: bytes('application/cose; cose-type="cose-sign1"', "a record"),
                ...problems(400, 404),
            },
        },
    },
    "/api/v1/streams/{stream}/sums": {
        get: {
            operationId: "getSums",
            summary:
                "Differences of registers over civil windows, of ciphertext in a sealed network, with coverage and the records that they come from",
            parameters: [
                stream,
                ...range,
                query("groups", "ascending group ids, such as 0,1; all are the default", {
                    type: "string",
                }),
            ],
            responses: { 200: json("sums", "the sums"), ...problems(400, 404, 409, 410, 503) },
        },
    },
    "/api/v1/streams/{stream}/weighted": {
        get: {
            operationId: "getWeightedSum",
            summary:
                "Registers weighted by the prices of a tariff on the ledger, of ciphertext in a sealed stream, with coverage, records and where the proofs are",
            parameters: [
                stream,
                {
                    ...query("tariff", "hash of the tariff's message", {
                        type: "string",
                        pattern: "^[0-9a-f]{64}$",
                    }),
                    required: true,
                },
                ...range.slice(0, 2),
                query("groups", "ascending group ids that the tariff prices: 0, 1 or 0,1", {
                    type: "string",
                }),
            ],
            responses: {
                200: json("weightedSum", "the sum"),
                ...problems(400, 404, 409, 410, 413, 503),
            },
        },
    },
    "/api/v1/streams/{stream}/evidence": {
        get: {
            operationId: "getStreamEvidence",
            summary:
                "The records that prove sums of a stream, with their paths to the latest checkpoint",
            parameters: [
                stream,
                ...range.map((each) => (each.name === "window" ? windowOfEvidence : each)),
                query("records", "whole stretches of the chain, or the ends of windows only", {
                    enum: ["all", "edges"],
                    default: "all",
                }),
                query("grant", "hash of a grant: what the ledger says of it is proven too", {
                    type: "string",
                    pattern: "^[0-9a-f]{64}$",
                }),
                query("since", "tree size from which the log is to be proven to have grown", {
                    type: "integer",
                    minimum: 1,
                }),
            ],
            responses: {
                200: bytes("application/cbor", "evidence, docs/reference/formats.cddl"),
                ...problems(400, 404, 409, 410, 413, 503),
            },
        },
    },
    "/api/v1/cohorts/{hash}/sums": {
        get: {
            operationId: "getCohortSums",
            summary:
                "What the registers of all members of a cohort add up to, window by window, of ciphertext in sealed streams; a missing member makes a window missing",
            parameters: [
                {
                    name: "hash",
                    in: "path",
                    required: true,
                    description: "hash of the cohort's notice",
                    schema: { type: "string", pattern: "^[0-9a-f]{64}$" },
                },
                ...range.slice(0, 2),
            ],
            responses: {
                200: json("cohortSums", "the sums"),
                ...problems(400, 404, 409, 410, 503),
            },
        },
    },
    "/api/v1/enrolments": {
        post: {
            operationId: "enrolMeter",
            summary: "Admits a meter; the same request again gives the same answer",
            security: [{ operator: [] }],
            requestBody: {
                required: true,
                content: {
                    "application/json": { schema: { $ref: "#/components/schemas/request" } },
                },
            },
            responses: {
                201: json("enrolment", "the meter is enrolled"),
                ...problems(400, 409, 413),
            },
        },
    },
    ...provisionalPaths(subject),
    ...DAG_PATHS,
    ...LEDGER_PATHS,
    ...CONTRADICTION_PATHS,
    ...PARTY_PATHS,
    "/api/v1/openapi.json": {
        get: {
            operationId: "getOpenapi",
            summary: "This document",
            responses: {
                200: { description: "OpenAPI", content: { "application/json": {} } },
                ...problems(),
            },
        },
    },
    "/healthz": {
        get: {
            operationId: "getHealth",
            summary: "Whether the process is alive",
            responses: { 200: json("health", "alive"), ...problems() },
        },
    },
    "/readyz": {
        get: {
            operationId: "getReadiness",
            summary: "Whether the server can take and keep records",
            responses: {
                200: json("readiness", "ready"),
                503: json("readiness", "not ready, with the reasons"),
                ...problems(),
            },
        },
    },
    "/metrics": {
        get: {
            operationId: "getMetrics",
            summary: "Prometheus metrics; no meter is named",
            responses: {
                200: {
                    description: "metrics",
                    content: { "text/plain": { schema: { type: "string" } } },
                },
                ...problems(),
            },
        },
    },
};

/** The API as an OpenAPI 3.1 document; a test holds it against the routes and their answers. */
export function openApiDocument(): Readonly<Record<string, unknown>> {
    return {
        openapi: "3.1.0",
        info: {
            title: "Meterseal",
            version: softwareVersion(),
            summary:
                "What a server tells: sealed records, proofs, checkpoints, what parties said, and its own health",
            license: { name: "Apache-2.0", identifier: "Apache-2.0" },
        },
        servers: [{ url: "/" }],
        paths: PATHS,
        components: {
            schemas: { ...schemas, problem: problemSchema() },
            securitySchemes: {
                operator: {
                    type: "http",
                    scheme: "bearer",
                    description:
                        "the operator's token, server/keys/operator.token in the data directory",
                },
                meter: {
                    type: "apiKey",
                    in: "header",
                    name: "authorization",
                    description:
                        "`Meterseal ` and a link token in base64url (formats.cddl), signed by the meter's key",
                },
                party: {
                    type: "apiKey",
                    in: "header",
                    name: "authorization",
                    description:
                        "`Meterseal ` and a link token in base64url (formats.cddl), signed by the party's present key within 300 s of the machine's time",
                },
            },
        },
    };
}

function problemSchema(): Operation {
    return {
        type: "object",
        description: "RFC 9457; the codes are those of docs/reference/errors.md",
        required: ["code", "title"],
        additionalProperties: false,
        properties: {
            code: { enum: Object.keys(ERRORS) },
            title: { type: "string" },
            detail: { type: "string" },
        },
    };
}

/** Adds the route of the document. */
export function addOpenApiRoute(app: FastifyInstance): void {
    const document = JSON.stringify(openApiDocument());
    app.get(ROUTE, (_request, reply) => reply.type("application/json").send(document));
}
