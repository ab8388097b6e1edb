import { bytesEqual, error, fail, ok, type PublicKey, type Result, toHex } from "@meterseal/core";
import { decodeGenesis, networkIdOf } from "@meterseal/ledger";
import {
    type Enrolment,
    encodeCoseKey,
    parseEnrolment,
    ROLE,
    type StreamDescriptor,
    verifySign1,
} from "@meterseal/record";
import { roleOf } from "../server/enrolment.ts";
import type { EnrolRequest } from "../server/server.ts";
import type { EnrolmentAnswer } from "./exchange.ts";

/** What a checked answer proves. */
export type Admission = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** The meter's enrolment; its hash is `prev` of the meter's first record. */
    readonly enrolment: Enrolment;
    /** Key of the collector, whose receipts the meter believes. */
    readonly collectorKey: PublicKey;
};

/**
 * Checks the operator's answer offline: the genesis has the hash that is the network's id; the operator
 * whom the genesis names signed the enrolments of meter and collector, for that network; the meter's
 * is for the subject, key, chain epoch and streams that were asked for.
 * @param pinned - network id that the meter keeps to; null takes whatever network it is.
 * @returns MS_GENESIS where the network is another one, MS_SIGNATURE_BAD, MS_ENROLMENT where something
 * else was enrolled than asked for, MS_MALFORMED.
 */
export function checkAnswer(
    answer: EnrolmentAnswer,
    asked: EnrolRequest,
    pinned: Uint8Array | null,
): Result<Admission> {
    const network = networkIdOf(answer.genesis);
    const genesis = decodeGenesis(answer.genesis);
    if (!genesis.ok) return genesis;
    if (!bytesEqual(network, answer.network)) {
        const expected = `the genesis of network ${toHex(answer.network)}`;
        return fail(error("MS_GENESIS", { expected, got: `that of ${toHex(network)}` }));
    }
    if (pinned !== null && !bytesEqual(network, pinned)) {
        const expected = `network ${toHex(pinned)}, which this meter keeps to`;
        return fail(error("MS_GENESIS", { expected, got: toHex(network) }));
    }
    const signed = { network, operator: genesis.value.operator };
    const enrolment = readSigned(answer.enrolment, "enrolment of the meter", signed);
    if (!enrolment.ok) return enrolment;
    const different = differenceOf(enrolment.value, asked);
    if (different !== null) {
        const where = "enrolment of the meter";
        return fail(error("MS_ENROLMENT", { where, expected: `the ${different} of the request` }));
    }
    const collector = readSigned(answer.collector, "enrolment of the collector", signed);
    if (!collector.ok) return collector;
    if (collector.value.role !== ROLE.collector) {
        const where = "enrolment of the collector";
        return fail(error("MS_ENROLMENT", { where, expected: "the role of a collector" }));
    }
    return ok({ network, enrolment: enrolment.value, collectorKey: collector.value.key });
}

/** An enrolment that the operator signed for this network. */
function readSigned(
    bytes: Uint8Array,
    where: string,
    { network, operator }: { readonly network: Uint8Array; readonly operator: PublicKey },
): Result<Enrolment> {
    const enrolment = parseEnrolment(bytes);
    if (!enrolment.ok) return enrolment;
    const { message, network: named } = enrolment.value;
    if (!verifySign1(message, operator)) {
        const expected = "the operator whom the genesis names";
        return fail(error("MS_SIGNATURE_BAD", { where, expected }));
    }
    if (bytesEqual(named, network)) return enrolment;
    const expected = `network ${toHex(network)}`;
    return fail(error("MS_ENROLMENT", { where, expected, got: toHex(named) }));
}

/** What was enrolled otherwise than asked for; null where all is the same. */
function differenceOf(enrolled: Enrolment, asked: EnrolRequest): string | null {
    const { chainEpoch = 0, key, streams, subject } = asked;
    const same: readonly (readonly [string, boolean])[] = [
        ["role", enrolled.role === roleOf(asked)],
        ["subject", bytesEqual(enrolled.id, subject)],
        ["key", bytesEqual(encodeCoseKey(enrolled.key), encodeCoseKey(key))],
        ["chain epoch", enrolled.epoch === chainEpoch],
        ["streams", describe(enrolled.streams) === describe(streams)],
    ];
    return same.find(([, isSame]) => !isSame)?.[0] ?? null;
}

/** All fields of streams, in one order. */
function describe(streams: readonly StreamDescriptor[]): string {
    const plain = (value: unknown): unknown => (value instanceof Uint8Array ? toHex(value) : value);
    const fields = (stream: StreamDescriptor): unknown =>
        Object.entries(stream)
            .map(([name, value]) => [name, plain(value)])
            .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
    return JSON.stringify(streams.map(fields));
}
