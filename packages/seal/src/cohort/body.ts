import {
    bytesEqual,
    compareBytes,
    error,
    fail,
    isSlotSeconds,
    type Level,
    LIMITS,
    ok,
    type Result,
    sha256,
} from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    MapReader,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";

/** A household's stream in a cohort, with the key that pairs it with every other member. */
export type CohortMember = {
    /** 16 bytes each. */
    readonly party: Uint8Array;
    readonly stream: Uint8Array;
    /** The stream's seal epoch: behind a change of it the member is missing until the month ends. */
    readonly sealEpoch: number;
    /** X25519, 32 bytes: the recipient key of suite 1 of the party. */
    readonly key: Uint8Array;
};

/**
 * What a monitor publishes before a month: whose readings it will add up and how (privacy 3.7,
 * formats 9). Every member makes its tokens for exactly this body, named by its hash.
 */
export type Cohort = {
    /** 32 bytes. */
    readonly network: Uint8Array;
    /** Party id of the monitor, 16 bytes. */
    readonly monitor: Uint8Array;
    /** What the members hang on, as the monitor names it; at most 64 characters. */
    readonly feeder: string;
    /** The cohort epoch: 12 · (year − 2000) + month − 1 in the zone. */
    readonly month: number;
    readonly zone: string;
    readonly slotSeconds: number;
    /** Windows lie between neighbouring boundaries of this level. */
    readonly level: Level;
    /** Ascending. */
    readonly groups: readonly number[];
    /** Registers count in 10^scale Wh, those of every member. */
    readonly scale: number;
    /** Fewest members, at least {@link CROWD_MIN}. */
    readonly minimum: number;
    /** Meters under the feeder, those in no cohort included. */
    readonly feederMeters: number;
    /** Ascending by party id. */
    readonly members: readonly CohortMember[];
};

/** Fewest households whose sum may become known (formats 9). */
export const CROWD_MIN = 8;
const NAME_MAX = 64;
const MONTH_MAX = 12 * 100 - 1;
const SCALE_MAX = 6;

/**
 * Canonical CBOR of a cohort, the content of its notice on the ledger.
 * @returns MS_COHORT where it breaks a rule that a reader of it would refuse.
 */
export function encodeCohort(cohort: Cohort): Result<Uint8Array> {
    const bytes = encodeCbor(
        new Map<number, unknown>([
            [0, cohort.network],
            [1, cohort.monitor],
            [2, cohort.feeder],
            [3, cohort.month],
            [4, cohort.zone],
            [5, cohort.slotSeconds],
            [6, cohort.level],
            [7, [...cohort.groups]],
            [8, cohort.scale],
            [9, cohort.minimum],
            [10, cohort.feederMeters],
            [
                11,
                cohort.members.map(({ party, stream, sealEpoch, key }) => [
                    party,
                    stream,
                    sealEpoch,
                    key,
                ]),
            ],
        ]),
    );
    const parsed = parseCohort(bytes);
    return parsed.ok ? ok(bytes) : parsed;
}

/** Name of a cohort: SHA-256 of its body, 32 bytes; the salt of every pair's secret. */
export function cohortHash(body: Uint8Array): Uint8Array {
    return sha256(body);
}

/**
 * Parses a cohort's body.
 * @returns MS_MALFORMED for another shape; MS_COHORT where members are fewer than the minimum or
 * more than {@link LIMITS.cohortMembers}, a party, stream or key stands twice, or a minimum is
 * below eight.
 */
export function parseCohort(bytes: Uint8Array): Result<Cohort> {
    const read = attempt(() => {
        const map = new MapReader(decodeCbor(bytes), "cohort");
        const members = toArray(map.value(11), map.at(11), LIMITS.cohortMembers);
        const cohort: Cohort = {
            network: map.bytes(0, 32),
            monitor: map.bytes(1, 16),
            feeder: readText(map, 2),
            month: map.integer(3, 0, MONTH_MAX),
            zone: readText(map, 4),
            slotSeconds: map.integer(5, 1, 3600),
            level: map.integer(6, 0, 3) as Level,
            groups: readGroups(map.array(7, LIMITS.usageGroups), map.at(7)),
            scale: map.integer(8, -SCALE_MAX, SCALE_MAX),
            minimum: map.integer(9, 0, LIMITS.cohortMembers),
            feederMeters: map.integer(10, 0, 0xffff_ffff),
            members: members.map((member) => readMember(member, map.at(11))),
        };
        map.end();
        return cohort;
    });
    if (!read.ok) return read;
    const wrong = findWrong(read.value);
    return wrong === null ? read : fail(error("MS_COHORT", wrong));
}

function readText(map: MapReader, key: number): string {
    return map.text(key, NAME_MAX) || malformed(map.at(key), "a name");
}

/** Group ids, ascending, at least one. */
function readGroups(values: readonly unknown[], where: string): number[] {
    const groups = values.map((value) => toInteger(value, where, 0, LIMITS.usageGroups - 1));
    const isAscending = groups.every((group, i) => i === 0 || group > (groups[i - 1] as number));
    if (groups.length === 0 || !isAscending) malformed(where, "ascending group ids");
    return groups;
}

function readMember(value: unknown, where: string): CohortMember {
    const [party, stream, sealEpoch, key, ...rest] = toArray(value, where, 4);
    if (key === undefined || rest.length > 0) malformed(where, "members of four fields");
    return {
        party: toBytes(party, where, 16),
        stream: toBytes(stream, where, 16),
        sealEpoch: toInteger(sealEpoch, where, 0, 0xffff_ffff),
        key: toBytes(key, where, 32),
    };
}

function findWrong(cohort: Cohort): { readonly expected: string; readonly got?: string } | null {
    const { members, minimum, slotSeconds, feederMeters } = cohort;
    if (!isSlotSeconds(slotSeconds)) return { expected: "slots that divide the hour" };
    if (minimum < CROWD_MIN) {
        return { expected: `a minimum of ${CROWD_MIN} members`, got: `${minimum}` };
    }
    if (members.length < minimum) {
        return { expected: `at least ${minimum} members`, got: `${members.length}` };
    }
    if (feederMeters < members.length) {
        return { expected: "a feeder with at least its members", got: `${feederMeters} meters` };
    }
    for (let i = 1; i < members.length; i++) {
        const [before, member] = [members[i - 1], members[i]] as [CohortMember, CohortMember];
        if (compareBytes(before.party, member.party) >= 0) {
            return { expected: "members by ascending party id, each once" };
        }
    }
    for (const field of ["stream", "key"] as const) {
        const sorted = members.map((member) => member[field]).sort(compareBytes);
        if (sorted.some((bytes, i) => i > 0 && bytesEqual(bytes, sorted[i - 1] as Uint8Array))) {
            return { expected: `members that do not share a ${field}` };
        }
    }
    return null;
}
