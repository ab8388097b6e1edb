import { closed, count, hex } from "./openapi-parts.ts";

// Schemas of parties, notices and the grant box (JSON Schema 2020-12).

const role = { enum: ["household", "provider", "monitor"] };
const base64 = { type: "string", description: "base64" };
const unix = { type: "integer", description: "seconds since 1970" };
const unixOrNull = { type: ["integer", "null"], description: "seconds since 1970" };
const listOf = (items: object): object => ({ type: "array", items });
const streams = { type: "array", items: hex(32), maxItems: 16 };
const recipients = {
    type: "array",
    items: closed({ suite: { enum: [1, 2] }, key: base64 }),
    maxItems: 2,
};

const party = {
    party: hex(32),
    role,
    name: { type: "string" },
    keyEpoch: count,
    kid: hex(16),
    key: { ...base64, description: "COSE_Key, base64" },
    recipients,
    streams,
    timeUnix: unix,
    hash: hex(64),
    leafIndex: count,
};
const tariff = { leafIndex: count, hash: hex(64), party: hex(32), timeUnix: unix };
const boxed = closed({
    hash: hex(64),
    issuer: hex(32),
    recipient: hex(32),
    size: { ...count, description: "bytes" },
    row: { ...count, description: "place in the order of arrival: what `after` takes" },
    receivedUnix: unix,
    noticeUnix: unixOrNull,
    leafIndex: { type: ["integer", "null"], description: "of its notice" },
    revokedUnix: unixOrNull,
    reads: { ...count, description: "by its recipient" },
    lastReadUnix: unixOrNull,
    refusals: { type: ["integer", "null"], description: "for its household only" },
});

/** Schemas by name. */
export const partySchemas: Readonly<Record<string, object>> = {
    partyRequest: closed({
        format: { const: "meterseal-party-request/v1" },
        role,
        party: hex(32),
        name: { type: "string", description: "at most 64 bytes" },
        keyEpoch: count,
        key: { ...base64, description: "COSE_Key, base64" },
        streams,
        recipients,
    }),
    partyAnswer: closed({
        format: { const: "meterseal-party/v1" },
        network: hex(64),
        genesis: base64,
        party: { ...base64, description: "the party as the operator signed it" },
    }),
    parties: closed({ parties: listOf(closed(party)) }),
    party: closed({ ...party, message: { ...base64, description: "as the operator signed it" } }),
    placed: closed({
        hash: hex(64),
        leafIndex: count,
        proof: { type: "string", description: "C2SP tlog-proof; its extra data are the log entry" },
    }),
    notices: closed({
        notices: listOf(
            closed({
                ...tariff,
                kind: { type: "integer", minimum: 1, maximum: 5 },
                topic: { ...hex(64), description: "hash of the grant, policy or cohort" },
            }),
        ),
    }),
    tariffs: closed({ tariffs: listOf(closed(tariff)) }),
    boxed: closed({
        hash: hex(64),
        added: { type: "boolean", description: "false where it was there before" },
    }),
    grants: closed({ grants: listOf(boxed) }),
    policies: closed({ policies: listOf(boxed) }),
    accesses: closed({
        accesses: listOf(
            closed({
                caller: hex(32),
                timeUnix: unix,
                granted: { type: "boolean" },
                purpose: { type: "string" },
            }),
        ),
    }),
};
