import { fail, LIMITS, type PublicKey, type Result, type Signer } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { decodeCoseKey, encodeCoseKey } from "./cose-key.ts";
import { attempt, MapReader, malformed } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";
import { parseGroups } from "./usage.ts";

/** What an enrolled key may do. */
export const ROLE = { meter: 1, gateway: 2, collector: 3 } as const;

/** True for a metering point: a meter that signs, or one that a gateway observes and signs for. */
export function isMeteringPoint({ role }: Pick<EnrolPayload, "role">): boolean {
    return role === ROLE.meter || role === ROLE.gateway;
}

/** How a stream's registers travel. */
export const STREAM_MODE = { sealed: 0, open: 1 } as const;

/** One metered quantity series of one household, as enrolled. */
export type StreamDescriptor = {
    /** 16 bytes. */
    readonly stream: Uint8Array;
    readonly sealEpoch: number;
    /** Key tree suite (privacy 3.2); 1 in all streams so far. */
    readonly suite: number;
    readonly slotSeconds: number;
    /** IANA time zone whose days and months the boundaries follow. */
    readonly zone: string;
    /** Group ids, ascending. */
    readonly groups: readonly number[];
    /** One of {@link STREAM_MODE}. */
    readonly mode: number;
    /** Registers count in 10^scale Wh. */
    readonly scale: number;
    /** Its records commit to the registers of the first so many groups; absent where to none. */
    readonly committed?: number;
};

/** Entry that admits a device or a collector to a network. */
export type EnrolPayload = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** One of {@link ROLE}. */
    readonly role: number;
    /** Subject of a meter or author id of a collector, 16 bytes. */
    readonly id: Uint8Array;
    readonly key: PublicKey;
    readonly timeUnix: number;
    /** Chain epoch (meters) or key epoch (collectors) that the key serves from. */
    readonly epoch: number;
    readonly streams: readonly StreamDescriptor[];
};

/** A parsed enrolment and the message that carries it; its hash is `prev` of the chain's first record. */
export type Enrolment = EnrolPayload & { readonly message: Sign1 };

const STREAMS_MAX = 16;

/**
 * Signs an enrolment with the operator's key: in version 2 where a stream has commitments, and else in
 * version 1, so that what needs nothing new stays readable to everybody.
 */
export function createEnrolment(operator: Signer, payload: EnrolPayload): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.role],
        [2, payload.id],
        [3, encodeCoseKey(payload.key)],
        [4, payload.timeUnix],
        [5, payload.epoch],
        [6, payload.streams.map(encodeStream)],
    ]);
    const type = hasCommitments(payload) ? MESSAGE_TYPE.enrolCommitted : MESSAGE_TYPE.enrol;
    return createSign1(operator, type, encodeCbor(map));
}

function hasCommitments({ streams }: Pick<EnrolPayload, "streams">): boolean {
    return streams.some(({ committed }) => committed !== undefined);
}

/** Parses an enrolment of either version strictly; the signature is not checked. */
export function parseEnrolment(bytes: Uint8Array): Result<Enrolment> {
    const first = parseSign1(bytes, MESSAGE_TYPE.enrol);
    if (first.ok) return readEnrolment(first.value);
    if (first.error.code !== "MS_VERSION") return first;
    const second = parseSign1(bytes, MESSAGE_TYPE.enrolCommitted);
    if (!second.ok) return second.error.code === "MS_VERSION" ? fail(first.error) : second;
    return readEnrolment(second.value);
}

function readEnrolment(message: Sign1): Result<Enrolment> {
    const isCommitted = message.type === MESSAGE_TYPE.enrolCommitted;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.payload), "enrolment");
        const enrolment = {
            network: map.bytes(0, 32),
            role: map.integer(1, ROLE.meter, ROLE.collector),
            id: map.bytes(2, 16),
            key: decodeCoseKey(map.bytes(3, 1, 1024)),
            timeUnix: map.integer(4, 0, Number.MAX_SAFE_INTEGER),
            epoch: map.integer(5, 0, 0xffff_ffff),
            streams: map.array(6, STREAMS_MAX).map((stream) => decodeStream(stream, isCommitted)),
            message,
        };
        map.end();
        // What version 1 can say has no second encoding.
        if (isCommitted && !hasCommitments(enrolment)) malformed(map.at(6), "a committed stream");
        return enrolment;
    });
}

function encodeStream(stream: StreamDescriptor): Map<number, unknown> {
    return new Map<number, unknown>([
        [0, stream.stream],
        [1, stream.sealEpoch],
        [2, stream.suite],
        [3, stream.slotSeconds],
        [4, stream.zone],
        [5, stream.groups],
        [6, stream.mode],
        [7, stream.scale],
        ...(stream.committed === undefined ? [] : ([[8, stream.committed]] as const)),
    ]);
}

function decodeStream(value: unknown, isCommitted: boolean): StreamDescriptor {
    const map = new MapReader(value, "stream");
    const slotSeconds = map.integer(3, 1, 3600);
    if (3600 % slotSeconds !== 0) malformed(map.at(3), "a divisor of 3600");
    const groups = parseGroups(map.array(5, LIMITS.usageGroups), map.at(5));
    const descriptor = {
        stream: map.bytes(0, 16),
        sealEpoch: map.integer(1, 0, 0xffff_ffff),
        suite: map.integer(2, 1, 1),
        slotSeconds,
        zone: map.text(4, 64) || malformed(map.at(4), "the name of a time zone"),
        groups,
        mode: map.integer(6, STREAM_MODE.sealed, STREAM_MODE.open),
        scale: map.integer(7, -6, 6),
        ...(isCommitted && map.has(8) ? { committed: map.integer(8, 1, groups.length) } : {}),
    };
    map.end();
    // The registers of an open stream are there to read.
    if (descriptor.committed !== undefined && descriptor.mode === STREAM_MODE.open) {
        malformed(map.at(8), "commitments in a sealed stream");
    }
    return descriptor;
}
