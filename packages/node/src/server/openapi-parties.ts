import { LIMITS } from "@meterseal/core";
import { COSE_TYPE } from "./message-body.ts";
import { bytes, json, type Operation, type Paths, problems } from "./openapi-parts.ts";

const named = (name: string, digits: number, description: string): Operation => ({
    ...{ name, in: "path", required: true, description },
    schema: { type: "string", pattern: `^[0-9a-f]{${digits}}$` },
});
const asked = (name: string, schema: object, description: string): Operation => ({
    ...{ name, in: "query", description, schema },
});
const page = [
    asked("after", { type: "integer", minimum: 0 }, "goes on after this place of a list before"),
    asked("limit", { type: "integer", minimum: 1, maximum: LIMITS.listItems }, "items at most"),
];
const party = named("id", 32, "name of the party");
const hash = named("hash", 64, "hash of the message");
const asParty = { security: [{ party: [] }] };
const signed = {
    requestBody: {
        required: true,
        content: { "application/cose": { schema: { type: "string", contentEncoding: "binary" } } },
    },
};
const message = bytes(COSE_TYPE, "the message as it was signed");

function boxPaths(name: string, kind: string): Paths {
    const title = kind === "grant" ? "Grant" : "Policy";
    return {
        [`/api/v1/${name}`]: {
            post: {
                operationId: `put${title}`,
                summary: `Keeps a ${kind} whose notice is final; the same again changes nothing`,
                ...signed,
                responses: {
                    201: json("boxed", "kept, durably"),
                    ...problems(400, 404, 409, 410, 413, 415, 503, 507),
                },
            },
            get: {
                operationId: `list${title}`,
                summary: "Those issued by the caller or addressed to it",
                ...asParty,
                parameters: page,
                responses: { 200: json(name, "the list"), ...problems(400, 503) },
            },
        },
        [`/api/v1/${name}/{hash}`]: {
            get: {
                operationId: `get${title}`,
                summary:
                    "The message, for its issuer and its recipient; noted before it is answered",
                ...asParty,
                parameters: [
                    hash,
                    asked(
                        "purpose",
                        { type: "string", maxLength: LIMITS.purposeCharacters },
                        "why",
                    ),
                ],
                responses: { 200: message, ...problems(400, 404, 410, 503) },
            },
        },
    };
}

/** Routes of parties, of what they put on the ledger, and of the grant box. */
export const PARTY_PATHS: Paths = {
    "/api/v1/parties": {
        post: {
            operationId: "admitParty",
            summary:
                "Admits a household, provider or monitor; the same request again, the same answer",
            security: [{ operator: [] }],
            requestBody: {
                required: true,
                content: {
                    "application/json": { schema: { $ref: "#/components/schemas/partyRequest" } },
                },
            },
            responses: {
                201: json("partyAnswer", "the party is admitted"),
                ...problems(400, 409, 413),
            },
        },
        get: {
            operationId: "getParties",
            summary:
                "Households, providers and monitors with their public keys, as the log admits them",
            parameters: [
                asked("role", { enum: ["household", "provider", "monitor"] }, "of this role only"),
                ...page,
            ],
            responses: { 200: json("parties", "the parties"), ...problems(400) },
        },
    },
    "/api/v1/parties/{id}": {
        get: {
            operationId: "getParty",
            summary: "A party, with the message that the operator signed",
            parameters: [
                party,
                asked(
                    "kid",
                    { type: "string", pattern: "^[0-9a-f]{16}$" },
                    "as it was with this key, also one that was replaced since",
                ),
            ],
            responses: { 200: json("party", "the party"), ...problems(400, 404) },
        },
    },
    "/api/v1/notices": {
        post: {
            operationId: "putNotice",
            summary: "Puts a notice or a tariff on the ledger; its signature is the authorisation",
            ...signed,
            responses: {
                201: json("placed", "final, with its proof"),
                ...problems(400, 409, 413, 415, 422, 503),
            },
        },
        get: {
            operationId: "getNotices",
            summary: "Notices in the order of the log",
            parameters: [
                asked("party", { type: "string", pattern: "^[0-9a-f]{32}$" }, "of this party only"),
                asked("kind", { type: "integer", minimum: 1, maximum: 5 }, "of this kind only"),
                ...page,
            ],
            responses: { 200: json("notices", "the notices"), ...problems(400) },
        },
    },
    "/api/v1/notices/{hash}": {
        get: {
            operationId: "getNotice",
            summary: "A notice or tariff, or the message that admitted a party",
            parameters: [hash],
            responses: { 200: message, ...problems(400, 404) },
        },
    },
    "/api/v1/notices/{hash}/proof": {
        get: {
            operationId: "getNoticeProof",
            summary:
                "That it stands in the log, for whoever has the genesis: C2SP tlog-proof, the entry in it",
            parameters: [hash],
            responses: { 200: bytes("text/plain", "the proof"), ...problems(400, 404) },
        },
    },
    "/api/v1/tariffs": {
        get: {
            operationId: "getTariffs",
            summary: "Published tariffs in the order of the log",
            parameters: page,
            responses: { 200: json("tariffs", "the tariffs"), ...problems(400) },
        },
    },
    ...boxPaths("grants", "grant"),
    ...boxPaths("policies", "policy"),
    "/api/v1/grants/{hash}/accesses": {
        get: {
            operationId: "getGrantAccesses",
            summary: "Who took a grant or was refused, newest first; for its household",
            ...asParty,
            parameters: [hash],
            responses: { 200: json("accesses", "the accesses"), ...problems(400, 404, 503) },
        },
    },
};
