import { LIMITS, type Result } from "@meterseal/core";
import { attempt, decodeCbor, encodeCbor, MapReader, malformed, toBytes } from "@meterseal/record";

/** Whose two statements contradict each other. */
export const CULPRIT = {
    /** Two records of a meter for one place of its chain. */
    meter: 1,
    /** Two vertices of a collector of which neither has the other in its past. */
    collector: 2,
    /** Two checkpoints of one size and different roots. */
    log: 3,
    /** Two votes of a CometBFT validator in one round. */
    validator: 4,
} as const;

/** One of {@link CULPRIT}. */
export type Culprit = (typeof CULPRIT)[keyof typeof CULPRIT];

/**
 * Two signed statements that no honest signer makes both, with what proves whose key it was. Anybody
 * checks it with the network id alone.
 */
export type Contradiction = {
    readonly culprit: Culprit;
    /** Its hash is the network id. */
    readonly genesis: Uint8Array;
    /** Enrolment of the key, signed by the genesis' operator; null where the genesis names the key. */
    readonly enrolment: Uint8Array | null;
    /** The statements as they were signed. */
    readonly statements: readonly [Uint8Array, Uint8Array];
    /**
     * Of two vertices of different rounds: headers of all parents of the later one. Of a validator: what
     * its key is and which chain it votes in.
     */
    readonly context: readonly Uint8Array[];
};

const VERSION = 1;
const GENESIS_BYTES_MAX = 4_096;

/** CBOR of a contradiction, as its file holds it. */
export function encodeContradiction(contradiction: Contradiction): Uint8Array {
    const { context, culprit, enrolment, genesis, statements } = contradiction;
    const map = new Map<number, unknown>([
        [0, VERSION],
        [1, culprit],
        [2, genesis],
    ]);
    if (enrolment !== null) map.set(3, enrolment);
    map.set(4, [...statements]);
    map.set(5, [...context]);
    return encodeCbor(map);
}

/** Inverse of {@link encodeContradiction}; says nothing yet on whether it holds. */
export function decodeContradiction(bytes: Uint8Array): Result<Contradiction> {
    return attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "contradiction");
        map.integer(0, VERSION, VERSION);
        const culprit = map.integer(1, CULPRIT.meter, CULPRIT.validator) as Culprit;
        const genesis = map.bytes(2, 1, GENESIS_BYTES_MAX);
        const enrolment = map.has(3) ? map.bytes(3, 1, LIMITS.recordBytes) : null;
        const message = (value: unknown): Uint8Array =>
            toBytes(value, "contradiction", 1, LIMITS.recordBytes);
        const [first, second, ...more] = map.array(4, 2).map(message);
        if (first === undefined || second === undefined || more.length > 0) {
            malformed("contradiction", "two statements");
        }
        const context = map.array(5, LIMITS.vertexParents).map(message);
        map.end();
        return { culprit, genesis, enrolment, statements: [first, second], context };
    });
}
