import { bytesEqual, error, type PublicKey, unwrap } from "@meterseal/core";
import { decodeCoseKey, encodeCoseKey, kidOf, parseEnrolment } from "@meterseal/record";
import { base64Field, hexField, readJson } from "../json-fields.ts";

/** A collector that asks to be admitted. */
export type CollectorRequest = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Author id, 16 bytes. */
    readonly id: Uint8Array;
    readonly key: PublicKey;
};

/** What the operator answers: the enrolment in the log, whole. */
export type CollectorAnswer = { readonly enrolment: Uint8Array };

const REQUEST = "meterseal-collector-request/v1";
const ANSWER = "meterseal-collector-answer/v1";
const CHARACTERS = 8_192;

/** Text of a request, for the operator. */
export function formatCollectorRequest({ id, key, network }: CollectorRequest): string {
    const fields = { network: network.toHex(), id: id.toHex(), key: encodeCoseKey(key).toHex() };
    return `${JSON.stringify({ format: REQUEST, ...fields }, null, 4)}\n`;
}

/**
 * Reads a request.
 * @throws MetersealError MS_MALFORMED
 */
export function parseCollectorRequest(text: string): CollectorRequest {
    const shape = { format: REQUEST, max: CHARACTERS, where: "request of a collector" };
    return unwrap(
        readJson(text, shape, (fields) => ({
            network: hexField(fields, "network", 32),
            id: hexField(fields, "id", 16),
            key: decodeCoseKey(Uint8Array.fromHex(String(fields.key))),
        })),
    );
}

/** Text of an answer. */
export function formatCollectorAnswer({ enrolment }: CollectorAnswer): string {
    return `${JSON.stringify({ format: ANSWER, enrolment: enrolment.toBase64() }, null, 4)}\n`;
}

/**
 * Reads an answer, and checks that it admits the collector that asked; whether the operator signed it,
 * the log says later.
 * @throws MetersealError MS_MALFORMED, MS_ENROLMENT
 */
export function parseCollectorAnswer(text: string, asked: CollectorRequest): CollectorAnswer {
    const shape = { format: ANSWER, max: CHARACTERS, where: "answer to a collector" };
    const answer = unwrap(
        readJson(text, shape, (fields) => ({ enrolment: base64Field(fields, "enrolment") })),
    );
    const { id, key, network } = unwrap(parseEnrolment(answer.enrolment));
    const isOurs =
        bytesEqual(id, asked.id) &&
        bytesEqual(network, asked.network) &&
        bytesEqual(kidOf(key), kidOf(asked.key));
    if (isOurs) return answer;
    throw error("MS_ENROLMENT", { where: "answer", expected: "the enrolment of this collector" });
}
