import { WINDOW_NAMES } from "@meterseal/core";

// Schemas of the API's answers (JSON Schema 2020-12): closed objects, so that a new field is noticed.

import { contradictionSchemas } from "./openapi-contradictions.ts";
import { dagSchemas } from "./openapi-dag.ts";
import { ledgerSchemas } from "./openapi-ledger.ts";
import { closed, count, hex } from "./openapi-parts.ts";
import { partySchemas } from "./openapi-party-schemas.ts";

const unix = { type: ["integer", "null"], description: "seconds since 1970" };

const stream = closed(
    {
        stream: hex(32),
        sealEpoch: count,
        suite: { const: 1 },
        slotSeconds: {
            type: "integer",
            minimum: 1,
            maximum: 3600,
            description: "a divisor of 3600",
        },
        zone: { type: "string", description: "IANA time zone" },
        groups: {
            type: "array",
            items: { type: "integer", minimum: 0, maximum: 15 },
            maxItems: 16,
        },
        mode: { enum: ["sealed", "open"] },
        scale: { type: "integer", minimum: -6, maximum: 6 },
    },
    {
        committed: {
            ...count,
            minimum: 1,
            maximum: 16,
            description: "its first groups with commitments",
        },
    },
);

const second = { type: "integer", description: "seconds since 1970" };

const recordName = closed({ chainEpoch: count, seq: count, hash: hex(64) });

/** Sealed registers of a group, added up. */
const groupSums = closed({
    group: count,
    sums: {
        type: "array",
        description: "modulo 2^64, one a channel",
        items: { type: "string", pattern: "^[0-9]{1,20}$" },
    },
});

/** What an answer about a stream says of it. */
const streamFields = {
    stream: hex(32),
    subject: hex(32),
    zone: { type: "string" },
    slotSeconds: count,
    scale: { type: "integer" },
    mode: { enum: ["sealed", "open"] },
};

/** Registers at one end of a part of a sum. */
const sumEnd = closed({
    unix: second,
    sealEpoch: count,
    level: { type: "integer", minimum: 0, maximum: 4, description: "tree of the key" },
    index: { ...count, description: "leaf in that tree" },
    record: recordName,
});

const sumWindow = closed({
    fromUnix: second,
    toUnix: second,
    answered: {
        description:
            "boundaries between which the answer stands: others than asked where one is absent; null where there is none",
        anyOf: [{ type: "null" }, closed({ fromUnix: second, toUnix: second })],
    },
    slots: { ...count, description: "slots of the window that was asked for" },
    measured: { ...count, description: "measured slots between the boundaries of the answer" },
    estimated: count,
    quality: { enum: ["measured", "estimated", "partial", "missing"] },
    marks: {
        type: "array",
        items: { enum: ["catch-up", "late", "clock adjusted", "power off"] },
    },
    parts: {
        type: "array",
        description: "one; more where seal epochs change; none where there is no answer",
        items: closed({
            from: sumEnd,
            to: sumEnd,
            difference: {
                type: "array",
                description: "register at `to` less that at `from`, modulo 2^64, one a channel",
                items: { type: "string", pattern: "^[0-9]{1,20}$" },
            },
        }),
    },
});

/** Schemas by name. */
export const schemas: Readonly<Record<string, object>> = {
    ...partySchemas,
    ...dagSchemas,
    ...ledgerSchemas,
    ...contradictionSchemas,
    network: closed({
        networkId: hex(64),
        genesis: { type: "string", pattern: "^([0-9a-f]{2})+$" },
        origin: { type: "string", description: "origin line of the checkpoints" },
        logKey: { type: "string", description: "verifier key of the log (C2SP signed-note)" },
        mode: { enum: ["sealed", "open", "mixed"] },
        clock: closed({
            nowMs: { type: "integer", description: "milliseconds since 1970" },
            label: { type: ["string", "null"], description: "such as: replay of 2013" },
            replay: {
                anyOf: [
                    { type: "null" },
                    closed({
                        speed: { type: "number", description: "replay seconds in one real second" },
                        endMs: { type: "integer", description: "end of the data" },
                        ended: { type: "boolean" },
                    }),
                ],
            },
        }),
        ledger: closed({
            size: count,
            root: hex(64),
            vertices: count,
            records: count,
            readings: count,
        }),
        checkpoint: { type: ["string", "null"], description: "C2SP signed note" },
    }),
    meters: closed({
        meters: {
            type: "array",
            items: closed({
                subject: hex(32),
                provenance: {
                    enum: ["meter", "observed"],
                    description:
                        "whose key signs: the meter's, or that of a gateway which reads it",
                },
                street: { type: ["string", "null"] },
                zone: { type: ["string", "null"] },
                slotSeconds: { type: ["integer", "null"] },
                records: count,
                readings: { ...count, description: "register boundaries" },
                missingIntervals: count,
                holes: count,
                lastRecordUnix: unix,
                lastSlotUnix: unix,
                pendingRecords: count,
                provisionalReadings: {
                    ...count,
                    description: "readings that bridges have and no signature covers yet",
                },
                frozen: { type: "boolean" },
            }),
        },
    }),
    provisional: closed({
        receivedUnix: unix,
        readings: {
            type: "array",
            items: closed({
                sealEpoch: count,
                slot: count,
                unix: second,
                registers: {
                    type: "string",
                    pattern: "^([0-9a-f]{16})+$",
                    description: "8 bytes a channel, as in a usage record: sealed, or plain",
                },
                flag: { ...count, maximum: 5 },
            }),
        },
    }),
    sums: closed({
        ...streamFields,
        window: { enum: WINDOW_NAMES },
        groups: { type: "array", items: count },
        windows: { type: "array", items: sumWindow },
        nextUnix: {
            type: ["integer", "null"],
            description: "`from` of the next page; null where this is the last",
        },
    }),
    weightedSum: closed({
        ...streamFields,
        sum: closed({
            tariff: hex(64),
            fromUnix: second,
            toUnix: second,
            slots: count,
            measured: { ...count, description: "slots of the range that were measured" },
            gaps: {
                type: "array",
                items: closed({ fromUnix: second, toUnix: second, gap: { type: "string" } }),
            },
            groups: {
                type: "array",
                items: groupSums,
            },
            records: {
                type: "array",
                description: "records with a register that enters, in chain order",
                items: recordName,
            },
        }),
        proofs: closed({
            records: { type: "string", description: "path of the evidence of the range" },
            tariff: { type: "string", description: "path of the proof of the tariff" },
        }),
    }),
    cohortSums: closed({
        notice: hex(64),
        cohort: { ...hex(64), description: "SHA-256 of the cohort: its name" },
        feeder: { type: "string" },
        month: { ...count, description: "12 · (year − 2000) + month − 1" },
        zone: { type: "string" },
        slotSeconds: count,
        level: count,
        scale: { type: "integer" },
        windows: {
            type: "array",
            items: closed({
                fromUnix: second,
                toUnix: second,
                missing: {
                    type: "array",
                    description: "places of the members without a measured reading",
                    items: count,
                },
                groups: {
                    description: "null where a member is missing",
                    anyOf: [{ type: "null" }, { type: "array", items: groupSums }],
                },
            }),
        },
        members: {
            type: "array",
            items: closed({
                party: hex(32),
                stream: hex(32),
                measured: { ...count, description: "windows with a measured reading" },
                records: { type: "array", items: recordName },
                proofs: { type: "string", description: "path of the evidence of its windows" },
            }),
        },
        nextUnix: {
            type: ["integer", "null"],
            description: "`from` of the next page; null where this is the last",
        },
    }),
    health: closed({ alive: { const: true } }),
    readiness: closed({
        ready: { type: "boolean" },
        reasons: { type: "array", items: { type: "string" } },
        readingAgeSeconds: { type: ["number", "null"] },
        logSize: count,
    }),
    request: closed(
        {
            format: { const: "meterseal-request/v1" },
            subject: hex(32),
            key: { type: "string", description: "COSE_Key, base64" },
            streams: { type: "array", items: stream, maxItems: 16 },
        },
        { chainEpoch: { ...count, minimum: 1, description: "of a device that follows another" } },
    ),
    enrolment: closed({
        format: { const: "meterseal-enrolment/v2" },
        network: { ...hex(64), description: "SHA-256 of the genesis" },
        genesis: { type: "string", description: "CBOR, base64" },
        enrolment: { type: "string", description: "of the meter, by its operator: COSE, base64" },
        collector: { type: "string", description: "enrolment of the collector: COSE, base64" },
    }),
};
