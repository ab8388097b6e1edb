import { error, fail, LIMITS, ok, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    type Enrolment,
    encodeCbor,
    MESSAGE_TYPE,
    type MessageType,
    malformed,
    messageTypeOf,
    type Notice,
    type Party,
    type Pruning,
    parseEnrolment,
    parseNotice,
    parseParty,
    parsePruning,
    parseRevocation,
    parseTariff,
    type Revocation,
    type Sign1,
    type TariffMessage,
    toBytes,
    toInteger,
} from "@meterseal/record";
import { leafHash } from "./merkle/hash.ts";
import { parseVertex, type Vertex } from "./vertex/vertex.ts";

/** One entry of the log: when it was accepted, and the signed message that was (formats 7). */
export type LogEntry = {
    /** Milliseconds since 1970 by the sequencer's clock, never falling. */
    readonly timeMs: number;
    /** A vertex, an enrolment, a party, a notice or a tariff: whole COSE_Sign1 bytes. */
    readonly item: Uint8Array;
};

/** Content of a log entry that has no body beside it. */
export type PlainItem =
    | { readonly kind: "enrolment"; readonly enrolment: Enrolment }
    | { readonly kind: "party"; readonly party: Party }
    | { readonly kind: "notice"; readonly notice: Notice }
    | { readonly kind: "tariff"; readonly tariff: TariffMessage }
    | { readonly kind: "revocation"; readonly revocation: Revocation }
    | { readonly kind: "pruning"; readonly pruning: Pruning };

/** Content of a log entry. */
export type LogItem = { readonly kind: "vertex"; readonly vertex: Vertex } | PlainItem;

/** Signed message of an item; its hash is the item's name, which signing again does not change. */
export function messageOf(item: LogItem): Sign1 {
    switch (item.kind) {
        case "vertex":
            return item.vertex.message;
        case "enrolment":
            return item.enrolment.message;
        case "party":
            return item.party.message;
        case "notice":
            return item.notice.message;
        case "tariff":
            return item.tariff.message;
        case "revocation":
            return item.revocation.message;
        case "pruning":
            return item.pruning.message;
    }
}

/** Leaf data of an entry: CBOR [time, item]. */
export function encodeEntry(entry: LogEntry): Uint8Array {
    return encodeCbor([entry.timeMs, entry.item]);
}

/** Parses the leaf data of an entry. */
export function decodeEntry(bytes: Uint8Array): Result<LogEntry> {
    return attempt(() => {
        const value = decodeCbor(bytes);
        if (!Array.isArray(value) || value.length !== 2) malformed("entry", "time and item");
        return {
            timeMs: toInteger(value[0], "entry time", 0, Number.MAX_SAFE_INTEGER),
            item: toBytes(value[1], "entry item", 1, LIMITS.recordBytes),
        };
    });
}

/** Leaf hash of an entry in the log (RFC 9162 section 2.1.1), 32 bytes. */
export function entryLeafHash(entry: LogEntry): Uint8Array {
    return leafHash(encodeEntry(entry));
}

const PARSERS: Partial<Record<MessageType, (item: Uint8Array) => Result<LogItem>>> = {
    [MESSAGE_TYPE.vertex]: parseVertexItem,
    [MESSAGE_TYPE.notice]: (item) =>
        named(parseNotice(item), (notice) => ({ kind: "notice", notice })),
    [MESSAGE_TYPE.enrol]: parseEnrolmentItem,
    [MESSAGE_TYPE.enrolCommitted]: parseEnrolmentItem,
    [MESSAGE_TYPE.party]: (item) => named(parseParty(item), (party) => ({ kind: "party", party })),
    [MESSAGE_TYPE.tariff]: (item) =>
        named(parseTariff(item), (tariff) => ({ kind: "tariff", tariff })),
    [MESSAGE_TYPE.revoke]: (item) =>
        named(parseRevocation(item), (revocation) => ({ kind: "revocation", revocation })),
    [MESSAGE_TYPE.prune]: (item) =>
        named(parsePruning(item), (pruning) => ({ kind: "pruning", pruning })),
};

/** Parses the message of an entry, whichever of its kinds it is. */
export function parseItem(item: Uint8Array): Result<LogItem> {
    const type = messageTypeOf(item);
    // What no log holds is no message, or of another type: any parser says which.
    const parse = (type === null ? undefined : PARSERS[type]) ?? parseVertexItem;
    const parsed = parse(item);
    if (parsed.ok || parsed.error.code !== "MS_VERSION") return parsed;
    return fail(error("MS_VERSION", { where: "entry", expected: "a message that a log holds" }));
}

function parseVertexItem(item: Uint8Array): Result<LogItem> {
    return named(parseVertex(item), (vertex) => ({ kind: "vertex", vertex }));
}

function parseEnrolmentItem(item: Uint8Array): Result<LogItem> {
    return named(parseEnrolment(item), (enrolment) => ({ kind: "enrolment", enrolment }));
}

function named<T>(parsed: Result<T>, name: (value: T) => LogItem): Result<LogItem> {
    return parsed.ok ? ok(name(parsed.value)) : parsed;
}
