import { type Result, toBase64, toHex } from "@meterseal/core";
import {
    decodeCoseKey,
    encodeCoseKey,
    PARTY_ROLE,
    type PartyPayload,
    type RecipientKey,
} from "@meterseal/record";
import { formatJson } from "../files.ts";
import {
    arrayField,
    base64Field,
    type Fields,
    hexBytes,
    hexField,
    integerField,
    isFields,
    readJson,
    stringField,
    WrongField,
} from "../json-fields.ts";

/** What a party asks its operator for: all of it is public. */
export type PartyRequest = Pick<
    PartyPayload,
    "id" | "key" | "keyEpoch" | "name" | "recipients" | "role" | "streams"
>;

/** What the operator answers: enough to find out offline which network it is (`checkPartyAnswer`). */
export type PartyAnswer = {
    /** Network id, 32 bytes: what people compare. */
    readonly network: Uint8Array;
    /** Genesis of the network. */
    readonly genesis: Uint8Array;
    /** The party, signed by the operator. */
    readonly party: Uint8Array;
};

/** `format` of a request. */
export const PARTY_REQUEST = "meterseal-party-request/v1";
const ANSWER = "meterseal-party/v1";
/** Two recipient keys have 1,700 characters, 16 streams 600. */
const REQUEST_MAX = 8_192;
const ANSWER_MAX = 16_384;
const LIST_MAX = 16;

/** Names of the roles, as texts carry them. */
const ROLE_NAMES = new Map<number, string>(
    Object.entries(PARTY_ROLE).map(([name, role]) => [role, name]),
);

/** Name of a role; empty for a number that is none. */
export function roleName(role: number): string {
    return ROLE_NAMES.get(role) ?? "";
}

/** Number of a role by its name; undefined for another text. */
export function roleOf(name: string): number | undefined {
    return Object.hasOwn(PARTY_ROLE, name)
        ? PARTY_ROLE[name as keyof typeof PARTY_ROLE]
        : undefined;
}

/** JSON text of a request; nothing in it is secret. */
export function formatPartyRequest(request: PartyRequest): string {
    return formatJson({
        format: PARTY_REQUEST,
        role: roleName(request.role),
        party: toHex(request.id),
        name: request.name,
        keyEpoch: request.keyEpoch,
        key: toBase64(encodeCoseKey(request.key)),
        streams: request.streams.map(toHex),
        recipients: request.recipients.map(({ suite, bytes }) => ({ suite, key: toBase64(bytes) })),
    });
}

/** Parses a request; MS_MALFORMED names the field. What it asks for is judged at admission. */
export function parsePartyRequest(text: string): Result<PartyRequest> {
    const shape = { format: PARTY_REQUEST, max: REQUEST_MAX, where: "request" };
    return readJson(text, shape, (fields) => ({
        role: roleField(fields),
        id: hexField(fields, "party", 16),
        name: stringField(fields, "name"),
        keyEpoch: integerField(fields, "keyEpoch"),
        key: decodeCoseKey(base64Field(fields, "key")),
        streams: arrayField(fields, "streams", LIST_MAX).map((id) => hexBytes(id, "streams", 16)),
        recipients: arrayField(fields, "recipients", LIST_MAX).map(readRecipient),
    }));
}

/** A role by its name in the field `role`. */
function roleField(fields: Fields): number {
    const role = roleOf(stringField(fields, "role"));
    if (role !== undefined) return role;
    throw new WrongField(`${[...ROLE_NAMES.values()].join(", ")} in "role"`);
}

function readRecipient(value: unknown): RecipientKey {
    if (!isFields(value)) throw new WrongField('suites and keys in "recipients"');
    return { suite: integerField(value, "suite"), bytes: base64Field(value, "key") };
}

/** JSON text of an answer; nothing in it is secret. */
export function formatPartyAnswer(answer: PartyAnswer): string {
    return formatJson({
        format: ANSWER,
        network: toHex(answer.network),
        genesis: toBase64(answer.genesis),
        party: toBase64(answer.party),
    });
}

/** Parses an answer; MS_MALFORMED names the field. What it says is judged by `checkPartyAnswer`. */
export function parsePartyAnswer(text: string): Result<PartyAnswer> {
    const shape = { format: ANSWER, max: ANSWER_MAX, where: "answer" };
    return readJson(text, shape, (fields) => ({
        network: hexField(fields, "network", 32),
        genesis: base64Field(fields, "genesis"),
        party: base64Field(fields, "party"),
    }));
}
