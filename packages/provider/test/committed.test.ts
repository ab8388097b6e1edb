import { unwrap } from "@meterseal/core";
import { GRANT_KIND, type GrantKeys, type TokenTable } from "@meterseal/seal";
import { testBytes } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, it } from "vitest";
import { planReading, readGrant, readWeighted } from "../src/index.ts";
import { at, Street, TO, type Wish } from "./street.ts";
import { TARIFF } from "./street-tariff.ts";

const HASH = testBytes("tariff", 32);
const W = { kind: GRANT_KIND.W, tariffHash: HASH } as const;
const D = { kind: GRANT_KIND.D } as const;

type Change = (table: TokenTable) => TokenTable;

/** The household's numbers of the import, changed. */
const lessBy =
    (amount: bigint): Change =>
    (table) => ({
        ...table,
        tokens: table.tokens.map((own, i) =>
            i === 0 ? own.map((token) => BigInt.asUintN(64, token - amount)) : own,
        ),
    });
const withoutBlinds: Change = ({ blinds: _, ...table }) => table;

/** What the provider makes of a grant whose body was made by the household's own program. */
async function read(street: Street, wish: Wish, change: Change = (table) => table) {
    const { grant, keys: own } = await street.grant(wish);
    if (own.form !== "tokens") throw new Error("a grant of numbers");
    const keys: GrantKeys = { form: "tokens", table: change(own.table) };
    const trust = {
        networkId: street.network.networkId,
        recipient: street.provider.party.id,
        nowUnix: at(TO),
    };
    const common = { grant, keys, evidence: await street.evidence(), trust };
    if (grant.kind === GRANT_KIND.W) {
        return readWeighted({ ...common, tariff: { hash: HASH, body: TARIFF, series: null } });
    }
    return await readGrant({ ...common, plan: unwrap(planReading(grant, {})) });
}

async function outcome(street: Street, wish: Wish, change?: Change): Promise<string> {
    const result = await read(street, wish, change);
    return result.ok ? result.value.amountsBy : result.error.code;
}

/** Without commitments, with those of both registers, and of the import alone. */
let plain: Street;
let committed: Street;
let half: Street;
beforeAll(async () => {
    [plain, committed, half] = (await Promise.all(
        [0, 2, 1].map((count) => Street.build(count)),
    )) as [Street, Street, Street];
}, 60_000);

describe.each([
    ["a weighted sum", W],
    ["sums of days, over a change of meters", D],
] as const)("a grant of %s", (_, wish) => {
    it("of a stream with commitments opens what the meter committed to, and nothing else", async () => {
        expect(await outcome(committed, wish)).toBe("commitments");
        for (const amount of [1n, -1n, 3_000n]) {
            expect(await outcome(committed, wish, lessBy(amount))).toBe("MS_COMMITMENT");
        }
        const swapped: Change = ({ blinds = [], ...table }) => ({
            ...table,
            blinds: blinds.toReversed(),
        });
        expect(await outcome(committed, wish, swapped)).toBe("MS_COMMITMENT");
    });

    it("is the household's word where nothing is committed to, or its blinds are left out", async () => {
        expect(await outcome(plain, wish)).toBe("household");
        expect(await outcome(plain, wish, lessBy(3_000n))).toBe("household");
        expect(await outcome(committed, wish, withoutBlinds)).toBe("household");
    });

    it("says so as well where only one of its registers is committed to, and checks that one", async () => {
        expect(await outcome(half, wish)).toBe("household");
        expect(await outcome(half, wish, lessBy(1n))).toBe("MS_COMMITMENT");
        expect(await outcome(half, { ...wish, groups: [0] })).toBe("commitments");
        expect(await outcome(half, { ...wish, groups: [1] })).toBe("household");
    });
});

it("keys of boundaries are the household's word", async () => {
    const { grant, keys } = await half.grant({ kind: GRANT_KIND.K });
    const reading = await readGrant({
        ...{ grant, keys, evidence: await half.evidence() },
        plan: unwrap(planReading(grant, {})),
        trust: {
            networkId: half.network.networkId,
            recipient: half.provider.party.id,
            nowUnix: at(TO),
        },
    });
    expect(unwrap(reading).amountsBy).toBe("household");
});
