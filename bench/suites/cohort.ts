import { compareBytes, createLadder, hkdfSha256, unwrap, utf8, x25519 } from "@meterseal/core";
import {
    type Cohort,
    type CohortBoundaries,
    cohortBoundaries,
    cohortHash,
    cohortTokens,
    encodeCohort,
    type MemberPart,
    openCohort,
    ownerKeys,
    pairSecrets,
} from "@meterseal/seal";
import { secondsPerCall } from "../lib/measure.ts";
import type { Row, Suite } from "../lib/report.ts";

const ZONE = "Europe/London";
const SLOT_SECONDS = 900;
/** March 2013 has an hour less; May has 2,976 quarter-hours. */
const MONTH = 160;
/** The base point of X25519. */
const BASE = Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 9 : 0));

/** What a member needs for a month ahead, and a monitor for each window. */
export const cohortSuite: Suite = {
    name: "cohort",
    title: "neighbourhood sums: tokens of one member for a month of quarter-hours, and the monitor's sum",
    run({ quick }) {
        const rounds = quick ? 1 : 5;
        const rows: Row[] = [];
        for (const count of quick ? [100] : [10, 100, 1_000]) {
            const { body, cohort, privateKey } = makeCohort(count);
            const hash = cohortHash(body);
            const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));
            const boundaries = unwrap(cohortBoundaries(cohort, ladder));
            const keys = unwrap(
                ownerKeys(bytesOf("master", 32), {
                    streamId: (cohort.members[0] as Cohort["members"][0]).stream,
                    sealEpoch: 0,
                    suite: 1,
                    slotSeconds: SLOT_SECONDS,
                    groups: [{ group: 0, channels: 1 }],
                }),
            );
            const pairs = (): (Uint8Array | null)[] =>
                unwrap(pairSecrets(cohort, hash, 0, privateKey.slice()));
            const secrets = pairs();
            const ms = (work: () => void): number => secondsPerCall(rounds, work) * 1_000;
            const pairMs = ms(pairs);
            const tokenMs = ms(() => {
                // Fresh arrays: the expanded key of each pair is made anew, as in a real month.
                const fresh = secrets.map((secret) => secret?.slice() ?? null);
                unwrap(cohortTokens(cohort, boundaries, keys, 0, fresh));
            });
            const parts = partsOf(count, boundaries);
            const sumMs = ms(() => {
                unwrap(openCohort(cohort, boundaries, 0, parts));
            });
            const perWindow = (sumMs / boundaries.indices.length) * 1_000;
            rows.push(
                row(
                    `${count} members: secrets with all others, once a month`,
                    pairMs,
                    "ms a member",
                ),
                row(`${count} members: tokens of a month`, tokenMs, "ms a member"),
                row(`${count} members: the monitor's sum`, perWindow, "µs a window"),
                row(`${count} members: body of the cohort`, body.length, "bytes"),
            );
        }
        const windows = 2_976;
        return Promise.resolve({
            rows,
            facts: [
                `tokens of a month of quarter-hours are ${8 * windows} bytes a register, whatever the number of members`,
                "a member with missing data makes its window missing, which costs nothing to find",
            ],
        });
    },
};

function row(what: string, value: number, unit: string): Row {
    return { what, ours: { value, unit }, against: null, ratio: null, target: null };
}

function bytesOf(name: string, length: number): Uint8Array {
    return hkdfSha256(utf8(name), new Uint8Array(0), utf8("bench"), length);
}

function makeCohort(count: number): { body: Uint8Array; cohort: Cohort; privateKey: Uint8Array } {
    const made = Array.from({ length: count }, (_, i) => {
        const privateKey = bytesOf(`key ${i}`, 32);
        const key = x25519(privateKey, BASE) as Uint8Array;
        const stream = bytesOf(`stream ${i}`, 16);
        return { privateKey, party: bytesOf(`party ${i}`, 16), stream, sealEpoch: 0, key };
    }).sort((a, b) => compareBytes(a.party, b.party));
    const cohort: Cohort = {
        network: bytesOf("network", 32),
        monitor: bytesOf("monitor", 16),
        feeder: "bench",
        month: MONTH,
        zone: ZONE,
        slotSeconds: SLOT_SECONDS,
        level: 0,
        groups: [0],
        scale: 0,
        minimum: 8,
        feederMeters: count,
        members: made.map(({ privateKey: _, ...member }) => member),
    };
    const [first] = made as [(typeof made)[0]];
    return { body: unwrap(encodeCohort(cohort)), cohort, privateKey: first.privateKey };
}

/** Parts of the right size: what stands in them does not change what they cost. */
function partsOf(count: number, { indices }: CohortBoundaries): MemberPart[] {
    return Array.from({ length: count }, (_, member) => ({
        tokens: new BigUint64Array(indices.length).fill(BigInt(member)),
        differences: new BigUint64Array(indices.length).fill(1n),
        isPresent: new Array<boolean>(indices.length).fill(true),
    }));
}
