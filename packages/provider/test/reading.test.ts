import { bytesEqual, unixOfSlot, unwrap, type WindowName } from "@meterseal/core";
import type { Evidence } from "@meterseal/ledger";
import { NOTICE_KIND, PARTY_ROLE, RECORD_CLASS } from "@meterseal/record";
import { GRANT_KIND } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { TestChain } from "@meterseal/testkit/records";
import { beforeAll, describe, expect, it } from "vitest";
import {
    type GrantReading,
    planReading,
    type ReadingInput,
    type ReadingRequest,
    readGrant,
} from "../src/index.ts";
import { signedStream } from "../src/signed-stream.ts";
import { at, FROM, Street, TO, type Wish } from "./street.ts";

let street: Street;
beforeAll(async () => {
    street = await Street.build();
});

type Changes = {
    readonly wish?: Wish;
    readonly request?: ReadingRequest;
    readonly evidence?: (evidence: Evidence) => Evidence | Promise<Evidence>;
    readonly claimed?: unknown;
    readonly trust?: Partial<ReadingInput["trust"]>;
    readonly announce?: boolean;
};

async function read({ announce, claimed, request = {}, trust, wish = {}, ...rest }: Changes) {
    const { grant, keys } = await street.grant(wish, announce);
    const plan = planReading(grant, request);
    if (!plan.ok) return plan;
    const honest = await street.evidence();
    const evidence = rest.evidence === undefined ? honest : await rest.evidence(honest);
    return await readGrant({
        grant,
        keys,
        plan: plan.value,
        evidence,
        ...(claimed === undefined ? {} : { claimed }),
        trust: {
            networkId: street.network.networkId,
            recipient: street.provider.party.id,
            nowUnix: at(TO),
            ...trust,
        },
    });
}

/** Codes of all faults, or of the refusal. */
async function codes(changes: Changes): Promise<string[]> {
    const reading = await read(changes);
    if (!reading.ok) return [reading.error.code];
    const { continuity, signature, sums } = reading.value.verdicts;
    const faults = [signature, continuity, sums].flatMap((verdict) => verdict?.faults ?? []);
    return [...new Set(faults.map(({ error }) => error.code))].sort();
}

function expectTrue({ sums, verdicts }: GrantReading, window: WindowName, from = FROM, to = TO) {
    const edges = street.edges(window, at(from), at(to));
    expect(sums.map(({ fromUnix }) => fromUnix)).toEqual(
        edges.slice(0, -1).map((slot) => unixOfSlot(slot, 1800)),
    );
    for (const { amounts, fromUnix, refusal, toUnix } of sums) {
        expect(refusal).toBe(null);
        expect(amounts).toEqual(
            street.between(fromUnix, toUnix).map((amount, group) => ({ group, amounts: [amount] })),
        );
    }
    expect(verdicts.signature.holds && verdicts.continuity.holds).toBe(true);
}

describe("a grant", () => {
    it.each([
        [{ level: 0 }, ["slot", "half-hour", "hour", "day", "week", "total"]],
        [{ level: 1 }, ["hour", "day", "total"]],
        [{ level: 2 }, ["day", "week", "month", "total"]],
    ] as const)(
        "of keys %o opens its windows over a change of clocks and of meters",
        async (wish, windows) => {
            for (const window of windows) {
                const reading = unwrap(await read({ wish, request: { window } }));
                if (window === "month") {
                    // The range holds one boundary between months: both ends are days.
                    expect(reading.sums).toHaveLength(2);
                } else expectTrue(reading, window);
            }
        },
    );

    it("invariant 15: of keys counts coverage and quality from the signed flags", async () => {
        const { sums } = unwrap(await read({ wish: { level: 2 } }));
        const summer = sums.find(({ fromUnix }) => fromUnix === at("2013-03-31"));
        expect(summer?.slots).toBe(46);
        for (const { fromUnix, measured, quality, slots, toUnix } of sums) {
            let missing = 0;
            for (let unix = fromUnix + 1800; unix <= toUnix; unix += 1800) {
                if (((unix - 946_684_800) / 1800) % 61 === 0) missing++;
            }
            expect(measured).toBe(slots - missing);
            expect(quality).toBe(missing === 0 ? "measured" : "partial");
        }
    });

    it("of listed keys opens its windows, of single sums each of them", async () => {
        for (const kind of [GRANT_KIND.E, GRANT_KIND.D]) {
            for (const [window, from, to] of [
                ["week", "2013-04-01", "2013-04-08"],
                ["half-hour", "2013-04-02", "2013-04-04"],
                ["day", FROM, TO],
                ["total", FROM, TO],
            ] as const) {
                const reading = unwrap(await read({ wish: { kind, window, from, to } }));
                expectTrue(reading, window, from, to);
            }
        }
    });

    it("of one group opens that group only", async () => {
        const { sums } = unwrap(await read({ wish: { groups: [1] } }));
        for (const { amounts, fromUnix, toUnix } of sums) {
            expect(amounts).toEqual([{ group: 1, amounts: [street.between(fromUnix, toUnix)[1]] }]);
        }
    });

    it("answers windows that are no part of a list without an amount", async () => {
        const wish = { kind: GRANT_KIND.E, window: "day", from: "2013-04-01" } as const;
        const { sums } = unwrap(await read({ wish, request: { window: "hour" } }));
        const opened = sums.filter(({ amounts }) => amounts !== null);
        expect(opened).toEqual([]);
        expect(sums[5]?.refusal?.code).toBe("MS_GRANT_RANGE");
    });

    it("refuses what is finer or beyond what was granted", async () => {
        const refusals: [Wish, ReadingRequest, string][] = [
            [{ level: 2 }, { window: "hour" }, "MS_GRANT_LEVEL"],
            [{ level: 1 }, { window: "slot" }, "MS_GRANT_LEVEL"],
            [{ level: 3, to: "2013-04-02" }, { window: "week" }, "MS_GRANT_LEVEL"],
            [{ kind: GRANT_KIND.D }, { window: "hour" }, "MS_GRANT_LEVEL"],
            [{ level: 2 }, { fromUnix: at("2013-05-01") }, "MS_GRANT_RANGE"],
            [{ level: 2 }, { fromUnix: at(TO) - 3600 }, "MS_GRANT_RANGE"],
            [{ level: 2 }, { toUnix: at(FROM) }, "MS_GRANT_RANGE"],
        ];
        for (const [wish, request, code] of refusals) {
            expect(await codes({ wish, request }), JSON.stringify(request)).toEqual([code]);
        }
    });

    it("is cut to whole windows between the boundaries that it opens", async () => {
        const request = { fromUnix: at("2013-03-28T07:00"), toUnix: at("2013-03-31T09:30") };
        expectTrue(unwrap(await read({ request })), "day", "2013-03-29", "2013-03-31");
    });
});

describe("the ledger decides", () => {
    const day = { level: 2, groups: [0] } as const;

    it("whether a grant was announced, revoked, is for the reader, and in its time", async () => {
        const foreign = await TestParty.make(street.network, "other provider", {
            payload: { role: PARTY_ROLE.provider },
        });
        const later = { issuedUnix: at(TO) + 3600 };
        const leased = { leaseEndUnix: at("2013-04-02") };
        for (const [changes, code] of [
            [{ wish: { ...day, from: "2013-03-28" }, announce: false }, "MS_GRANT_NOTICE"],
            [{ trust: { recipient: foreign.party.id } }, "MS_GRANT_RECIPIENT"],
            [{ wish: later }, "MS_CLOCK"],
            [{ wish: leased }, "MS_EXPIRED"],
            [{ trust: { networkId: testBytes("elsewhere", 32) } }, "MS_GENESIS"],
        ] as [Changes, string][]) {
            expect(await codes(changes), code).toEqual([code]);
        }
        expect(await codes({ wish: leased, trust: { nowUnix: at("2013-04-01") } })).toEqual([]);
        const { grant } = await street.grant({ ...day, from: "2013-03-30" });
        await street.announce(grant, NOTICE_KIND.revocation);
        const fresh = await codes({ wish: { ...day, from: "2013-03-29" } });
        expect(fresh).toEqual([]);
    });

    it("that a revoked grant is not read on", async () => {
        const wish = { ...day, to: "2013-04-05" };
        const { grant } = await street.grant(wish);
        const plan = unwrap(planReading(grant, {}));
        const { keys } = await street.grant(wish, false);
        await street.announce(grant, NOTICE_KIND.revocation);
        const trust = {
            networkId: street.network.networkId,
            recipient: street.provider.party.id,
            nowUnix: at(TO),
        };
        const evidence = await street.evidence();
        const reading = await readGrant({ grant, keys, plan, evidence, trust });
        expect(reading).toMatchObject({ error: { code: "MS_GRANT_REVOKED" } });
    });
});

describe("a store that lies is found out", () => {
    const records = (change: (list: Evidence["records"]) => Evidence["records"]) => ({
        evidence: (honest: Evidence) => ({ ...honest, records: change(honest.records) }),
    });

    it("about the records", async () => {
        const other = await street.network.meter("neighbour", {
            descriptor: { zone: "Europe/London", slotSeconds: 1800 },
        });
        const foreign = await new TestChain(other).usage();
        const flip = (bytes: Uint8Array, place: number): Uint8Array => {
            const changed = bytes.slice();
            changed[place] = (changed[place] ?? 0) ^ 1;
            return changed;
        };
        const closing = street.records.find(
            ({ chainEpoch, recordClass }) =>
                chainEpoch === 0 && recordClass === RECORD_CLASS.billing,
        )?.message.bytes as Uint8Array;
        const lies: [string, Changes, string[]][] = [
            [
                "changed ciphertext",
                records((list) =>
                    list.map((leaf, i) =>
                        i === 3 ? { ...leaf, bytes: flip(leaf.bytes, 150) } : leaf,
                    ),
                ),
                ["MS_CHAIN_MISMATCH", "MS_PROOF", "MS_SIGNATURE_BAD"],
            ],
            [
                "a swapped record",
                records((list) => {
                    const swapped = [...list];
                    [swapped[2], swapped[3]] = [list[3] as never, list[2] as never];
                    return swapped;
                }),
                ["MS_CHAIN_MISMATCH"],
            ],
            [
                "another stream's record",
                records((list) =>
                    list.map((leaf, i) =>
                        i === 3 ? { ...leaf, bytes: foreign.message.bytes } : leaf,
                    ),
                ),
                ["MS_CHAIN_MISMATCH", "MS_KEY_UNKNOWN", "MS_PROOF"],
            ],
            [
                "a dropped boundary",
                records((list) => list.filter((_, i) => i !== 5)),
                ["MS_CHAIN_MISMATCH"],
            ],
            [
                "the end of the old meter dropped",
                records((list) => list.filter(({ bytes }) => !bytesEqual(bytes, closing))),
                ["MS_CHAIN_MISMATCH"],
            ],
            ["a dropped begin", records((list) => list.slice(2)), ["MS_GAP"]],
            [
                "a record that is not in the log",
                records((list) =>
                    list.map((leaf, i) => (i === 4 ? { ...leaf, path: leaf.path.slice(1) } : leaf)),
                ),
                ["MS_PROOF"],
            ],
            [
                "a log entry at another place",
                {
                    evidence: (honest) => ({
                        ...honest,
                        vertices: honest.vertices.map((leaf) => ({
                            ...leaf,
                            index: leaf.index - 1,
                        })),
                    }),
                },
                ["MS_PROOF"],
            ],
        ];
        for (const [lie, changes, expected] of lies) {
            const found = await codes(changes);
            expect(found, lie).toEqual(expected);
        }
        const rest = street.records.filter(({ message }) => message.bytes !== closing);
        const signed = signedStream(rest, street.meters[0].descriptor.stream);
        expect(signed).toMatchObject({ error: { code: "MS_CHAIN_MISMATCH" } });
    });

    it("by an old or a forked log", async () => {
        await street.grant({ to: "2013-04-07" });
        const now = street.items.length;
        const before = street.head(now - 1);
        const old = { evidence: () => street.evidence(street.records, { size: now }) };
        expect(await codes({ trust: { seen: street.head() } })).toEqual(["MS_CHECKPOINT"]);
        expect(await codes({ ...old, announce: false, trust: { seen: street.head(now) } })).toEqual(
            ["MS_GRANT_NOTICE"],
        );
        const grown = {
            evidence: () => street.evidence(street.records, { since: before.size }),
        };
        expect(await codes({ ...grown, trust: { seen: before } })).toEqual([]);
        const forked = { ...before, root: testBytes("another history", 32) };
        expect(await codes({ ...grown, trust: { seen: forked } })).toEqual(["MS_CHECKPOINT"]);
        const ahead = { size: street.items.length + 9, root: before.root };
        expect(await codes({ ...grown, trust: { seen: ahead } })).toEqual(["MS_CHECKPOINT"]);
    });

    it("about its sums, whatever field it changes", async () => {
        const { sums } = unwrap(await read({}));
        const honest = sums.map(({ amounts: _, refusal: __, ...said }) => said);
        expect(await codes({ claimed: JSON.parse(JSON.stringify(honest)) })).toEqual([]);
        const paths: (readonly (string | number)[])[] = [];
        const walk = (value: unknown, path: readonly (string | number)[]): void => {
            if (typeof value !== "object" || value === null) paths.push(path);
            else for (const [name, each] of Object.entries(value)) walk(each, [...path, name]);
        };
        walk(honest[3], []);
        expect(paths.length).toBeGreaterThan(20);
        for (const path of paths) {
            const claimed = JSON.parse(JSON.stringify(honest));
            let at = claimed[3];
            for (const name of path.slice(0, -1)) at = at[name];
            const last = path.at(-1) as string;
            at[last] = typeof at[last] === "number" ? at[last] + 1 : `${at[last]}0`;
            expect(await codes({ claimed }), path.join()).toEqual(["MS_SUM"]);
        }
        for (const claimed of [honest.slice(1), [], "sums", null, [...honest, honest[0]]]) {
            expect(await codes({ claimed })).toEqual(["MS_SUM"]);
        }
    });

    it("with another grant's keys: what opens is no sum", async () => {
        const { grant } = await street.grant({ level: 2, groups: [0] });
        const { keys } = await street.grant({ level: 2, groups: [1] });
        const plan = unwrap(planReading(grant, {}));
        const trust = {
            networkId: street.network.networkId,
            recipient: street.provider.party.id,
            nowUnix: at(TO),
        };
        const evidence = await street.evidence();
        const { sums } = unwrap(await readGrant({ grant, keys, plan, evidence, trust }));
        expect(sums.every(({ amounts, refusal }) => amounts === null && refusal !== null)).toBe(
            true,
        );
        expect(bytesEqual(grant.subject, street.subject)).toBe(true);
    });
});
