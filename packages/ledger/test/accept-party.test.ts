import { NOTICE_KIND, PARTY_ROLE, type Party } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { type SeededRandom, seededRandom, seedOf } from "@meterseal/testkit/random";
import { TEST_LATER_MS } from "@meterseal/testkit/records";
import { beforeEach, describe, expect, it } from "vitest";
import type { Entry } from "../src/accept/accept.ts";
import { noticeKey } from "../src/accept/state.ts";
import { codeOf, expectRefused, World } from "./world.ts";

const entryOf = ({ party }: { party: Party }): Entry => ({ kind: "party", party });

let world: World;
let home: TestParty;

beforeEach(async () => {
    world = await World.open();
    home = await TestParty.make(world.network, "home", {
        payload: { streams: [world.meter.descriptor.stream] },
    });
});

describe("accept() of a party", () => {
    const make = (name: string, payload: Partial<Party> = {}): Promise<TestParty> =>
        TestParty.make(world.network, name, { payload });

    it("takes one that the operator signed, and changes the root", () => {
        const before = world.root;
        expect(codeOf(world.accept(entryOf(home)))).toBe("ok");
        expect(world.root).not.toBe(before);
        expect(world.state.owners.size).toBe(1);
    });

    it("refuses another network's", async () => {
        const party = await make("home", { network: testBytes("other", 32) });
        expectRefused(world, entryOf(party), "MS_PARTY");
    });

    it("refuses one that the operator did not sign", async () => {
        const party = await TestParty.make(world.network, "home", { by: testSigner("home") });
        expectRefused(world, entryOf(party), "MS_SIGNATURE_BAD");
    });

    it("refuses a key that a meter or another party has", async () => {
        const asMeter = await TestParty.make(world.network, "x", {
            payload: { key: world.meter.signer.publicKey },
        });
        expectRefused(world, entryOf(asMeter), "MS_PARTY");
        world.accept(entryOf(home));
        expectRefused(world, entryOf(await make("x", { key: home.party.key })), "MS_PARTY");
    });

    it("refuses the id of a meter, as an enrolment may not have that of a party", async () => {
        expectRefused(world, entryOf(await make("x", { id: world.meter.subject })), "MS_PARTY");
        world.accept(entryOf(home));
        const { enrolment } = await world.network.meter("second", {
            payload: { id: home.party.id },
        });
        expectRefused(world, { kind: "enrolment", enrolment }, "MS_ENROLMENT");
        const sameKey = await world.network.meter("third", {
            payload: { key: home.party.key },
        });
        expectRefused(world, { kind: "enrolment", enrolment: sameKey.enrolment }, "MS_ENROLMENT");
    });

    it("refuses a stream that is not enrolled", async () => {
        const party = await make("x", { streams: [testBytes("no stream", 16)] });
        expectRefused(world, entryOf(party), "MS_PARTY");
    });

    it("gives a stream one household at a time", async () => {
        const streams = [world.meter.descriptor.stream];
        world.accept(entryOf(home));
        const other = await make("other", { streams });
        expectRefused(world, entryOf(other), "MS_PARTY");
        const moved = await home.rotate({ payload: { streams: [] } });
        expect(codeOf(world.accept(entryOf(moved)))).toBe("ok");
        expect(codeOf(world.accept(entryOf(other)))).toBe("ok");
    });

    it("is replaced by a later epoch of the same role, under the same key or a new one", async () => {
        world.accept(entryOf(home));
        const later = (payload: Partial<Party>): Promise<TestParty> => home.rotate({ payload });
        expectRefused(world, entryOf(await later({ keyEpoch: 0 })), "MS_PARTY");
        const role = PARTY_ROLE.monitor;
        expectRefused(world, entryOf(await later({ role, streams: [] })), "MS_PARTY");
        const sameKey = await home.rotate({
            signer: home.signer,
            payload: { name: "new name", streams: [] },
        });
        expect(codeOf(world.accept(entryOf(sameKey)))).toBe("ok");
        expect(world.state.owners.size).toBe(0);
        expectRefused(world, entryOf(await later({})), "MS_PARTY");
        expect(codeOf(world.accept(entryOf(await later({ keyEpoch: 2 }))))).toBe("ok");
        const back = await later({ key: home.party.key, keyEpoch: 3 });
        expectRefused(world, entryOf(back), "MS_PARTY");
    });
});

describe("accept() of a notice", () => {
    const hash = testBytes("grant", 32);
    const { grant, policy, revocation, override, cohort } = NOTICE_KIND;
    const timeUnix = TEST_LATER_MS / 1000;
    const party = (name: string, role: number): Promise<TestParty> =>
        TestParty.make(world.network, name, { payload: { role } });
    const say = async (...[content, ...more]: Parameters<TestParty["notice"]>): Promise<Entry> => ({
        kind: "notice",
        notice: await home.notice(content, ...more),
    });

    beforeEach(() => void world.accept(entryOf(home)));

    it("takes what a household may say, and remembers it", async () => {
        for (const entry of [
            await say({ kind: grant, hash }),
            await say({ kind: policy, hash }),
            await say({ kind: override, hash, findings: testBytes("findings", 32) }),
            await say({ kind: revocation, hash }),
        ]) {
            const before = world.root;
            expect(codeOf(world.accept(entry))).toBe("ok");
            expect(world.root).not.toBe(before);
        }
        expect(world.state.notices.has(noticeKey(home.party.id, revocation, hash))).toBe(true);
    });

    it("refuses another network's", async () => {
        const entry = await say({ kind: grant, hash }, { network: testBytes("other", 32) });
        expectRefused(world, entry, "MS_NOTICE");
    });

    it("refuses an unknown key, a key of another party, and a forged signature", async () => {
        const stranger = testSigner("stranger");
        expectRefused(world, await say({ kind: grant, hash }, {}, stranger), "MS_KEY_UNKNOWN");
        const other = await party("other", PARTY_ROLE.household);
        world.accept(entryOf(other));
        const posed = await say({ kind: grant, hash }, {}, other.signer);
        expectRefused(world, posed, "MS_NOT_ALLOWED");
        const forger = { publicKey: home.party.key, sign: stranger.sign.bind(stranger) };
        expectRefused(world, await say({ kind: grant, hash }, {}, forger), "MS_SIGNATURE_BAD");
    });

    it("refuses a key that was replaced", async () => {
        const entry = await say({ kind: grant, hash });
        const rotated = await home.rotate();
        world.accept(entryOf(rotated));
        expectRefused(world, entry, "MS_FROZEN");
        const again = await say({ kind: grant, hash }, {}, rotated.signer);
        expect(codeOf(world.accept(again))).toBe("ok");
    });

    it("refuses what a role may not say", async () => {
        const provider = await party("provider", PARTY_ROLE.provider);
        const monitor = await party("monitor", PARTY_ROLE.monitor);
        for (const each of [provider, monitor]) world.accept(entryOf(each));
        const body = { kind: cohort, cohort: Uint8Array.of(1) } as const;
        const notices = [
            await home.notice(body),
            await provider.notice(body),
            await provider.notice({ kind: grant, hash }),
            await monitor.notice({ kind: policy, hash }),
        ];
        for (const notice of notices)
            expectRefused(world, { kind: "notice", notice }, "MS_NOT_ALLOWED");
        const formed: Entry = { kind: "notice", notice: await monitor.notice(body) };
        expect(codeOf(world.accept(formed))).toBe("ok");
    });

    it("refuses a time more than 15 minutes ahead", async () => {
        const late = await say({ kind: grant, hash }, { timeUnix: timeUnix + 901 });
        expectRefused(world, late, "MS_CLOCK");
        const good = await say({ kind: grant, hash }, { timeUnix: timeUnix + 900 });
        expect(codeOf(world.accept(good))).toBe("ok");
    });

    it("takes each thing once", async () => {
        world.accept(await say({ kind: grant, hash }));
        expectRefused(world, await say({ kind: grant, hash }), "MS_NOTICE_DUPLICATE");
        const later = await say({ kind: grant, hash }, { timeUnix });
        expectRefused(world, later, "MS_NOTICE_DUPLICATE");
    });

    it("takes a revocation of what the same party issued", async () => {
        const revoke = await say({ kind: revocation, hash });
        expectRefused(world, revoke, "MS_NOTICE");
        const other = await party("other", PARTY_ROLE.household);
        world.accept(entryOf(other));
        world.accept({ kind: "notice", notice: await other.notice({ kind: grant, hash }) });
        expectRefused(world, revoke, "MS_NOTICE");
        world.accept(await say({ kind: policy, hash }));
        expect(codeOf(world.accept(revoke))).toBe("ok");
    });
});

describe("accept() of a tariff", () => {
    it("takes a provider's, once", async () => {
        const provider = await TestParty.make(world.network, "provider", {
            payload: { role: PARTY_ROLE.provider },
        });
        for (const each of [home, provider]) world.accept(entryOf(each));
        const entry: Entry = { kind: "tariff", tariff: await provider.tariff() };
        expectRefused(world, { kind: "tariff", tariff: await home.tariff() }, "MS_NOT_ALLOWED");
        expect(codeOf(world.accept(entry))).toBe("ok");
        expectRefused(world, entry, "MS_NOTICE_DUPLICATE");
        const other = await provider.tariff({ network: testBytes("other", 32) });
        expectRefused(world, { kind: "tariff", tariff: other }, "MS_NOTICE");
    });
});

describe("the state root", () => {
    it("is the same in every order in which parties and notices are taken", async () => {
        const random = seededRandom(seedOf(11));
        for (let run = 0; run < 40; run++) {
            const parties = [home, await home.rotate({ payload: { keyEpoch: 7 } })];
            const others = await Promise.all(
                [PARTY_ROLE.household, PARTY_ROLE.provider, PARTY_ROLE.monitor].map((role, i) =>
                    TestParty.make(world.network, `${run} ${i}`, { payload: { role } }),
                ),
            );
            const entries: Entry[] = [...parties, ...others].map(entryOf);
            for (const each of [parties[0] as TestParty, others[0] as TestParty]) {
                for (let i = random.below(4); i >= 0; i--) {
                    const notice = await each.grant(`${run} ${i}`);
                    entries.push({ kind: "notice", notice });
                    if (!random.chance(0.5) || notice.kind !== NOTICE_KIND.grant) continue;
                    const content = { kind: NOTICE_KIND.revocation, hash: notice.hash };
                    entries.push({ kind: "notice", notice: await each.notice(content) });
                }
            }
            entries.push({ kind: "tariff", tariff: await (others[1] as TestParty).tariff() });
            const roots = await Promise.all([1, 2].map(() => rootOf(random, entries)));
            expect(roots[0]).toBe(roots[1]);
        }
    });
});

/** Root after all entries, each offered again and again until the ledger has what it needs first. */
async function rootOf(random: SeededRandom, entries: readonly Entry[]): Promise<string> {
    const fresh = await World.open();
    // The new key comes last: a notice under the old one is refused after it.
    const last = entries[1] as Entry;
    let open = random.shuffle(entries.filter((entry) => entry !== last));
    while (open.length > 0) {
        const left = open.filter((entry) => codeOf(fresh.accept(entry)) !== "ok");
        expect(left.length).toBeLessThan(open.length);
        open = random.shuffle(left);
    }
    expect(codeOf(fresh.accept(last))).toBe("ok");
    return fresh.root;
}
