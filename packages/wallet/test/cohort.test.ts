import {
    bytesEqual,
    compareBytes,
    createLadder,
    generateHpkeKeyPair,
    HPKE_SUITE,
    type HpkeKeyPair,
    parseInstant,
    toHex,
    unwrap,
} from "@meterseal/core";
import { createParty, PARTY_ROLE, type Party, parseParty } from "@meterseal/record";
import {
    type Cohort,
    type CohortBoundaries,
    cohortBoundaries,
    cohortHash,
    differenceOf,
    encodeCohort,
    type MemberPart,
    type MemberReading,
    memberPart,
    openCohort,
    openGrant,
    ownerKeys,
    sealBoundaries,
    type TokenTable,
} from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, test } from "vitest";
import {
    type CohortHousehold,
    type IssuedGrant,
    type KeyFile,
    makeCohortGrant,
    NO_POLICY,
} from "../src/index.ts";

const ZONE = "Europe/London";
const GROUPS = [
    { group: 0, channels: 1 },
    { group: 1, channels: 1 },
] as const;
const NETWORK = testBytes("network", 32);
const NOW_UNIX = unwrap(parseInstant("2012-12-20", ZONE));
const ladder = unwrap(createLadder(ZONE, 900));

type Home = CohortHousehold & { readonly keys: HpkeKeyPair };

let homes: readonly Home[];
let monitor: { readonly party: Party; readonly keys: HpkeKeyPair };
const parties = new Map<string, Party>();

async function partyOf(name: string, role: number, keys: HpkeKeyPair, streams: Uint8Array[]) {
    const bytes = await createParty(testSigner("operator"), {
        network: NETWORK,
        role,
        id: testBytes(`party ${name}`, 16),
        key: testSigner(name).publicKey,
        timeUnix: 1,
        keyEpoch: 0,
        streams,
        recipients: [{ suite: 1, bytes: keys.publicKey }],
        name,
    });
    const party = unwrap(parseParty(bytes));
    parties.set(toHex(party.id), party);
    return party;
}

beforeAll(async () => {
    homes = await Promise.all(
        Array.from({ length: 9 }, async (_, i) => {
            const name = `home ${i}`;
            const keys = unwrap(await generateHpkeKeyPair(HPKE_SUITE.x25519));
            const streamId = testBytes(`stream ${name}`, 16);
            const { id } = await partyOf(name, PARTY_ROLE.household, keys, [streamId]);
            const key: KeyFile = {
                name,
                network: NETWORK,
                meter: testBytes(`meter ${name}`, 16),
                stream: { streamId, sealEpoch: 0, suite: 1, slotSeconds: 900, groups: GROUPS },
                zone: ZONE,
                scale: 0,
                master: testBytes(`master ${name}`, 32),
            };
            const { privateKey } = keys;
            const signer = testSigner(name);
            return { key, party: id, signer, privateKey, keys, issued: [], policy: NO_POLICY };
        }),
    );
    const keys = unwrap(await generateHpkeKeyPair(HPKE_SUITE.x25519));
    monitor = { keys, party: await partyOf("monitor", PARTY_ROLE.monitor, keys, []) };
    await partyOf("provider", PARTY_ROLE.provider, keys, []);
});

function cohortOf(members: readonly Home[], changes: Partial<Cohort> = {}): Cohort {
    return {
        network: NETWORK,
        monitor: monitor.party.id,
        feeder: "feeder 1",
        month: 156,
        zone: ZONE,
        slotSeconds: 900,
        level: 2,
        groups: [0, 1],
        scale: 0,
        minimum: 8,
        feederMeters: members.length,
        members: members
            .map(({ key, keys, party }) => ({
                party,
                stream: key.stream.streamId,
                sealEpoch: 0,
                key: keys.publicKey,
            }))
            .sort((a, b) => compareBytes(a.party, b.party)),
        ...changes,
    };
}

const context = {
    partyOf: (id: string) => parties.get(id) ?? null,
    grantId: testBytes("grant", 16),
    nowUnix: NOW_UNIX,
};

async function codeOf(cohort: Cohort, home: Partial<Home> = {}, nowUnix = NOW_UNIX) {
    const body = unwrap(encodeCohort(cohort));
    const household = { ...(homes[0] as Home), ...home };
    const made = await makeCohortGrant(body, household, { ...context, nowUnix });
    return made.ok ? "ok" : made.error.code;
}

describe("a household in a cohort", () => {
    test("makes tokens that the monitor alone opens, and only together with all others", async () => {
        const cohort = cohortOf(homes);
        const body = unwrap(encodeCohort(cohort));
        const boundaries = unwrap(cohortBoundaries(cohort, ladder));
        const parts = await Promise.all(
            cohort.members.map(async (member, own) => {
                const home = homes.find(({ party }) => bytesEqual(party, member.party)) as Home;
                const { grant } = unwrap(await makeCohortGrant(body, home, context));
                expect((await openGrant(grant, home.keys)).ok).toBe(false);
                const opened = unwrap(await openGrant(grant, monitor.keys));
                if (opened.form !== "tokens") throw new Error("a C grant holds tokens");
                const { table } = opened;
                return [0, 1].map((group) =>
                    memberPart(
                        cohort,
                        cohortHash(body),
                        boundaries,
                        group,
                        own,
                        { grant, table },
                        readingsOf(home, own, group, boundaries),
                    ),
                );
            }),
        );
        for (const group of [0, 1]) {
            const own = parts.map((both) => both[group] as MemberPart);
            const sums = unwrap(openCohort(cohort, boundaries, group, own));
            expect(sums).toHaveLength(31);
            expect(sums).toEqual(
                boundaries.indices.map((_, window) => ({
                    status: "measured",
                    sums: [loadOf(homes.length, group, window)],
                })),
            );
        }
    });

    test("counts in a window only under the keys that it made tokens for", async () => {
        const cohort = cohortOf(homes);
        const body = unwrap(encodeCohort(cohort));
        const boundaries = unwrap(cohortBoundaries(cohort, ladder));
        const home = homes.find(({ party }) =>
            bytesEqual(party, cohort.members[0]?.party as Uint8Array),
        ) as Home;
        const { grant } = unwrap(await makeCohortGrant(body, home, context));
        const opened = unwrap(await openGrant(grant, monitor.keys));
        if (opened.form !== "tokens") throw new Error("a C grant holds tokens");
        const readings = readingsOf(home, 0, 0, boundaries);
        const [first, second, third] = readings as [MemberReading, MemberReading, MemberReading];
        const changed = [
            { ...first, from: { ...first.from, sealEpoch: 1 } },
            { ...second, to: { ...second.to, level: 1 as const } },
            { ...third, to: { ...third.to, index: third.to.index + 1 } },
            null,
            { ...(readings[4] as MemberReading), difference: [] },
            ...readings.slice(5),
        ];
        const part = (tokens: TokenTable, of = grant): MemberPart =>
            memberPart(
                cohort,
                cohortHash(body),
                boundaries,
                0,
                0,
                { grant: of, table: tokens },
                changed,
            );
        const { isPresent, tokens } = part(opened.table);
        expect(tokens).not.toBe(null);
        expect(isPresent).toEqual(readings.map((_, window) => window > 4));
        const { table } = opened;
        expect(part({ ...table, windows: table.windows.slice(1) }).tokens).toBe(null);
        expect(part(table, { ...grant, cohortHash: new Uint8Array(32) }).tokens).toBe(null);
        expect(part(table, { ...grant, household: new Uint8Array(16) }).tokens).toBe(null);
    });

    test("refuses a crowd that is none: another key, another stream, nobody's name", async () => {
        const known = cohortOf(homes);
        expect(await codeOf(known)).toBe("ok");
        const own = (homes[0] as Home).party;
        const place = known.members.findIndex(({ party }) => !bytesEqual(party, own));
        for (const change of [
            { key: testBytes("made up", 32) },
            { stream: testBytes("made up", 16) },
            { party: testBytes("made up", 16) },
        ]) {
            const members = known.members
                .map((member, i) => (i === place ? { ...member, ...change } : member))
                .sort((a, b) => compareBytes(a.party, b.party));
            expect(await codeOf({ ...known, members })).toBe("MS_COHORT");
        }
    });

    test("refuses a monitor that is none, and a cohort that is not about its stream", async () => {
        const known = cohortOf(homes);
        const provider = testBytes("party provider", 16);
        expect(await codeOf({ ...known, monitor: provider })).toBe("MS_COHORT");
        expect(await codeOf({ ...known, monitor: testBytes("nobody", 16) })).toBe("MS_COHORT");
        for (const change of [
            { network: testBytes("other", 32) },
            { zone: "Europe/Berlin" },
            { slotSeconds: 1800 },
            { scale: -3 },
            { groups: [0, 2] },
        ]) {
            expect(await codeOf({ ...known, ...change })).toBe("MS_COHORT");
        }
        expect(await codeOf(cohortOf(homes.slice(1)))).toBe("MS_KEY_FOREIGN");
        const open = { ...(homes[0] as Home).key, master: null };
        expect(await codeOf(known, { key: open })).toBe("MS_COHORT");
        const heat = { ...(homes[0] as Home).key, medium: 3 };
        expect(await codeOf(known, { key: heat })).toBe("MS_COHORT");
    });

    test("refuses a month that is over, a second time, and a monitor that it granted to", async () => {
        const cohort = cohortOf(homes);
        expect(await codeOf(cohort, {}, unwrap(parseInstant("2013-01-31T23:59", ZONE)))).toBe("ok");
        expect(await codeOf(cohort, {}, unwrap(parseInstant("2013-02-01", ZONE)))).toBe(
            "MS_EXPIRED",
        );
        const home = homes[0] as Home;
        const made = unwrap(await makeCohortGrant(unwrap(encodeCohort(cohort)), home, context));
        const issued = (released: IssuedGrant["released"]): IssuedGrant => ({
            hash: toHex(made.grant.message.hash),
            recipient: toHex(monitor.party.id),
            stream: toHex(home.key.stream.streamId),
            issuedUnix: NOW_UNIX,
            released,
            messages: [],
        });
        const before = [issued({ kind: "cohort", cohort: made.cohort })];
        expect(await codeOf(cohort, { issued: before })).toBe("MS_TOKEN_REPEATED");
        expect(await codeOf({ ...cohort, level: 1 }, { issued: before })).toBe("ok");
        const windows = [{ fromSlot: 1, toSlot: 2 }];
        const known = { kind: "differences" as const, windows };
        const granted = [issued({ kind: "own", holding: { groups: [0], known } })];
        expect(await codeOf(cohort, { issued: granted })).toBe("MS_DERIVABLE");
    });
});

/** Use of a home from day to day of the month, in a group. */
function useOf(home: number, group: number, window: number): bigint {
    return BigInt((home * 7_919 + group * 31 + window * 104_729) % 20_000);
}

function loadOf(count: number, group: number, window: number): bigint {
    let sum = 0n;
    for (let home = 0; home < count; home++) sum += useOf(home, group, window);
    return sum;
}

/** Sealed differences of a home, as a store makes them. */
function readingsOf(
    home: Home,
    own: number,
    group: number,
    { addresses, indices }: CohortBoundaries,
): MemberReading[] {
    const keys = unwrap(ownerKeys(home.key.master as Uint8Array, home.key.stream));
    const registers = [0, 1].map((each) => {
        const list = [1_000n];
        for (const [window] of indices.entries()) {
            list.push((list[window] as bigint) + useOf(own, each, window));
        }
        return list;
    });
    const rows = addresses.flatMap((_, i) => registers.map((list) => list[i] as bigint));
    const sealed = unwrap(sealBoundaries(keys, { addresses, registers: rows }));
    return indices.map((_, window) => {
        const row = (at: number): Uint8Array => sealed.subarray(16 * at, 16 * (at + 1));
        const difference = unwrap(differenceOf(row(window), row(window + 1)));
        const end = (at: number): MemberReading["from"] => ({
            ...(addresses[at] as MemberReading["from"]),
            sealEpoch: 0,
        });
        return {
            from: end(window),
            to: end(window + 1),
            difference: [difference[group] as bigint],
        };
    });
}
