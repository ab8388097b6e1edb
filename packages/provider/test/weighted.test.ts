import { unixOfSlot, unwrap } from "@meterseal/core";
import type { Evidence } from "@meterseal/ledger";
import { GRANT_KIND } from "@meterseal/seal";
import { describeWeighted, periodOf, pricesOf, readStream } from "@meterseal/tariff";
import { testBytes } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, it } from "vitest";
import { planReading, readWeighted, type WeightedInput } from "../src/index.ts";
import { verifyRecords } from "../src/verify-records.ts";
import { at, FROM, Street, TO, type Wish } from "./street.ts";
import { TARIFF } from "./street-tariff.ts";

const HASH = testBytes("tariff", 32);
let street: Street;
beforeAll(async () => {
    street = await Street.build();
});

const input = (wish: Wish = {}): Promise<WeightedInput> =>
    inputOf({ kind: GRANT_KIND.W, tariffHash: HASH, ...wish });

async function inputOf(wish: Wish): Promise<WeightedInput> {
    const { grant, keys } = await street.grant(wish);
    return {
        grant,
        keys,
        evidence: await street.evidence(),
        tariff: { hash: HASH, body: TARIFF, series: null },
        trust: {
            networkId: street.network.networkId,
            recipient: street.provider.party.id,
            nowUnix: at(TO),
        },
    };
}

/** What a group costs, slot by slot. */
function cost(group: 0 | 1, from: string, to: string): bigint {
    const period = unwrap(periodOf(at(from), at(to), 1800));
    const plan = group === 0 ? TARIFF.imports : (TARIFF.exports ?? TARIFF.imports);
    const prices = unwrap(pricesOf(TARIFF, plan, period, null));
    return prices.reduce((sum, price, i) => {
        const begin = unixOfSlot(period.fromSlot + i, 1800);
        const amounts = street.between(begin, begin + 1800);
        return sum + BigInt(price) * (amounts[group] ?? 0n);
    }, 0n);
}

describe("a grant of a weighted sum", () => {
    it("opens what the range costs, over a change of clocks and of meters", async () => {
        for (const [from, to] of [
            [FROM, TO],
            ["2013-03-31", "2013-04-02"],
            ["2013-04-03", "2013-04-04"],
        ] as const) {
            const { amounts, verdicts } = unwrap(readWeighted(await input({ from, to })));
            expect(amounts).toEqual(
                ([0, 1] as const).map((group) => ({ group, amounts: [cost(group, from, to)] })),
            );
            expect(verdicts.signature.holds && verdicts.continuity.holds).toBe(true);
        }
    });

    it("is held against the store's own sum, field by field", async () => {
        const right = await input();
        const { grant, tariff, trust } = right;
        const verified = unwrap(verifyRecords(grant, right.evidence, trust, 0));
        const recorded = unwrap(readStream(verified.records, grant.streamId));
        const period = unwrap(periodOf(grant.fromUnix, grant.toUnix, 1800));
        const sum = unwrap(describeWeighted({ recorded, period, tariff }, grant.groups));
        const verdictOf = (claimed: unknown) =>
            unwrap(readWeighted({ ...right, claimed })).verdicts.sums;
        expect(verdictOf(sum)).toMatchObject({ holds: true, checked: 1 });
        expect(unwrap(readWeighted(right)).verdicts.sums).toBeNull();
        const { groups, records } = sum;
        expect(groups).toHaveLength(2);
        expect(records.length).toBeGreaterThan(3);
        for (const lie of [
            null,
            {},
            { ...sum, measured: sum.measured - 1 },
            { ...sum, gaps: [] },
            { ...sum, records: records.slice(1) },
            { ...sum, groups: groups.toReversed() },
            { ...sum, groups: groups.map((each) => ({ ...each, sums: ["7"] })) },
            { ...sum, tariff: "00".repeat(32) },
            { ...sum, more: 1 },
        ]) {
            const verdict = verdictOf(lie);
            expect(verdict).toMatchObject({ holds: false });
            expect(verdict?.faults.map((fault) => fault.error.code)).toEqual(["MS_SUM"]);
        }
    });

    it("opens no sum over a window, and no window opens it", async () => {
        const { grant } = await input();
        expect(planReading(grant, {})).toMatchObject({ error: { code: "MS_VERSION" } });
        const other = await inputOf({ kind: GRANT_KIND.K });
        expect(readWeighted(other)).toMatchObject({ error: { code: "MS_VERSION" } });
    });

    it("is held to its tariff, and to the records", async () => {
        const right = await input();
        const { evidence, tariff } = right;
        const dropped: Evidence = {
            ...evidence,
            records: evidence.records.filter((_, i) => i !== 4),
        };
        const foreign = { ...tariff, hash: testBytes("another tariff", 32) };
        expect(readWeighted({ ...right, tariff: foreign })).toMatchObject({
            error: { code: "MS_TARIFF" },
        });
        const noExport = { ...tariff, body: { ...TARIFF, exports: null } };
        expect(readWeighted({ ...right, tariff: noExport })).toMatchObject({
            error: { code: "MS_TARIFF" },
        });
        expect(readWeighted({ ...right, evidence: dropped })).toMatchObject({
            error: { code: "MS_CHAIN_MISMATCH" },
        });
        const unsaid = { ...evidence, statements: evidence.statements?.slice(0, 1) ?? [] };
        expect(readWeighted({ ...right, evidence: unsaid })).toMatchObject({
            error: { code: "MS_GRANT_NOTICE" },
        });
    });

    it("is not read from records that end before it does, nor where it was made over fewer", async () => {
        const right = await input();
        for (const missing of [1, 2]) {
            const kept = street.records.slice(0, -missing);
            const short = { ...right, evidence: await street.evidence(kept) };
            expect(readWeighted(short)).toMatchObject({ error: { code: "MS_GAP" } });
        }
        const early = await street.grant({
            ...{ kind: GRANT_KIND.W, tariffHash: HASH, issuedUnix: at(FROM) + 1 },
            seenRecords: street.records.length - 1,
        });
        expect(
            readWeighted({ ...right, ...early, evidence: await street.evidence() }),
        ).toMatchObject({
            error: { code: "MS_REGISTER_CAP" },
        });
    });

    it("opens to no more than its registers can count, and to no less", async () => {
        const right = await input();
        if (right.keys.form !== "tokens") throw new Error("a grant of one number");
        const { table } = right.keys;
        const codeWith = (more: bigint): string => {
            const tokens = table.tokens.map((own) =>
                BigUint64Array.from(own, (token) => BigInt.asUintN(64, token + more)),
            );
            const keys = { form: "tokens", table: { ...table, tokens } } as const;
            const read = readWeighted({ ...right, keys });
            return read.ok ? "ok" : read.error.code;
        };
        expect(codeWith(0n)).toBe("ok");
        expect(codeWith(-(2n ** 40n))).toBe("MS_REGISTER_CAP");
        expect(codeWith(2n ** 49n)).toBe("MS_REGISTER_CAP");
    });
});
