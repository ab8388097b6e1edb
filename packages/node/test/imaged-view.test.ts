import { toHex, unwrap } from "@meterseal/core";
import {
    createNotice,
    createTariff,
    encodeCbor,
    NOTICE_KIND,
    parseNotice,
    parseTariff,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { TestChain, TestNetwork } from "@meterseal/testkit/records";
import { describe, expect, it } from "vitest";
import { Heads } from "../src/dag/heads.ts";
import { Facts } from "../src/server/facts.ts";
import { imagedViews } from "../src/server/imaged-view.ts";
import { Said } from "../src/server/said.ts";

const finality = (leafIndex: number) => ({
    leafIndex,
    checkpoint: { size: leafIndex + 1, root: new Uint8Array(32) },
});
const accepted = { kind: "accepted", released: [] } as const;

type Views = { facts: Facts; heads: Heads; said: Said };
const empty = (): Views => ({ facts: new Facts(), heads: new Heads(), said: new Said() });
const imaged = ({ facts, heads, said }: Views) => imagedViews([facts, heads, said]);
const copyOf = (lists: readonly (readonly Uint8Array[])[]) =>
    lists.map((list) => list.map((page) => page.slice()));

/** Views that were told of a small log. */
async function told(): Promise<Views> {
    const views = empty();
    const { facts, heads, said } = views;
    const network = new TestNetwork();
    const [collector, meter] = [await network.collector(), await network.meter()];
    const chain = new TestChain(meter);
    for (const [i, { enrolment }] of [collector, meter].entries()) {
        facts.entryFinal({ kind: "enrolment", enrolment }, 0, finality(i), []);
    }
    for (const i of [2, 3]) {
        const entry = await collector.vertex([await chain.usage(), await chain.warning(i)]);
        facts.entryFinal(entry, 0, finality(i), [accepted, accepted]);
        heads.entryFinal(entry, 0, finality(i));
    }
    const signer = testSigner("party");
    const payload = { network: network.networkId, party: testBytes("party", 16), timeUnix: 7 };
    const hash = testBytes("grant", 32);
    const bytes = await createNotice(signer, { ...payload, kind: NOTICE_KIND.grant, hash });
    said.entryFinal({ kind: "notice", notice: unwrap(parseNotice(bytes)) }, 0, finality(4));
    const tariff = unwrap(
        parseTariff(await createTariff(signer, { ...payload, body: encodeCbor([1]) })),
    );
    said.entryFinal({ kind: "tariff", tariff }, 0, finality(5));
    return views;
}

/** All that views answer with. */
function answers(
    { facts, heads, said }: Views,
    subject: string,
    hashes: readonly string[],
): unknown {
    const { notices, tariffs } = said;
    const party = toHex(testBytes("party", 16));
    return {
        ...{ totals: facts.totals, pruning: facts.pruning, meter: facts.meters.get(subject) },
        ...{ leaves: hashes.map((hash) => facts.leaves.get(hash)), heads: heads.list() },
        ...{ notices, tariffs, ofParty: said.noticesOf(party) },
        notice: said.notice(testBytes("party", 16), NOTICE_KIND.grant, testBytes("grant", 32)),
    };
}

describe("the views of a server in an image", () => {
    it("come back as they were, and go on", async () => {
        const before = await told();
        const network = new TestNetwork();
        const [{ enrolment }, meter] = [await network.collector(), await network.meter()];
        const subject = toHex(meter.subject);
        const hashes = [enrolment, meter.enrolment].map(({ message }) => toHex(message.hash));
        const after = empty();
        imaged(after).load(copyOf(imaged(before).save()));
        const all = answers(before, subject, hashes);
        expect(all).toMatchObject({ meter: { records: 4, readings: 8 }, leaves: [0, 1] });
        expect(answers(after, subject, hashes)).toEqual(all);
        const entry = await (await network.collector()).vertex([
            await new TestChain(await network.meter("other")).usage(),
        ]);
        for (const { facts, heads } of [before, after]) {
            facts.entryFinal(entry, 0, finality(6), [accepted]);
            heads.entryFinal(entry, 0, finality(6));
        }
        expect(answers(after, subject, hashes)).toEqual(answers(before, subject, hashes));
        expect(after.facts.totals).toMatchObject({ vertices: 3, records: 5 });
    });

    it("are empty again after something else, and take nothing of it", async () => {
        const views = await told();
        const lists = copyOf(imaged(views).save());
        const nothing = imaged(empty()).save();
        let refused = 0;
        for (const [i, list] of lists.entries()) {
            if (list.length === 0) continue;
            const wrong = lists.with(i, [...list, Uint8Array.of(1)]);
            const cut = lists.with(
                i,
                list.map((page) => page.subarray(0, page.length - 1)),
            );
            for (const changed of [wrong, cut]) {
                const fresh = imaged(empty());
                try {
                    fresh.load(changed);
                } catch {
                    refused++;
                    fresh.clear();
                    expect(fresh.save()).toEqual(nothing);
                }
            }
        }
        expect(refused).toBeGreaterThan(lists.length);
        const fresh = imaged(empty());
        expect(() => fresh.load([])).toThrow();
        fresh.load(lists);
        expect(fresh.save()).not.toEqual(nothing);
        fresh.clear();
        expect(fresh.save()).toEqual(nothing);
    });
});
