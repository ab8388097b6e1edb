import {
    createLadder,
    generateHpkeKeyPair,
    type HpkeKeyPair,
    type Result,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { FLAG, type MeterRecord } from "@meterseal/record";
import {
    blindAt,
    GRANT_KIND,
    openGrant,
    opensTo,
    openWeighted,
    weighSealed,
} from "@meterseal/seal";
import {
    type PublishedTariff,
    periodOf,
    pricesOf,
    type RecordedStream,
    readStream,
    type TariffBody,
    weigh,
} from "@meterseal/tariff";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom } from "@meterseal/testkit/random";
import { beforeAll, expect, test } from "vitest";
import {
    createGrant,
    type IssuedGrant,
    judgeIssue,
    knownOfTariff,
    NO_POLICY,
    openSeries,
    planGrant,
    planWeighted,
    prepareGrants,
    releasedOf,
    streamEpochs,
    type WeightedAsk,
} from "../src/index.ts";
import { grow, Home } from "./home.ts";

const DAY_NIGHT: TariffBody = {
    name: "day and night",
    currency: "EUR",
    decimals: 2,
    zone: "UTC",
    fromUnix: 0,
    toUnix: null,
    imports: {
        kind: "bands",
        bands: [
            { name: "night", priceMicro: 200_000 },
            { name: "day", priceMicro: 350_000 },
        ],
        rules: [{ band: 1, days: 127, months: 4095, fromMinute: 360, toMinute: 1320 }],
    },
    exports: null,
    charges: [],
};
const tariff: PublishedTariff = { hash: testBytes("tariff", 32), body: DAY_NIGHT, series: null };
/** A midnight in UTC; the home has slots of a quarter of an hour. */
const SLOT = 480_000;
const DAYS = 3;

let home: Home;
let pair: HpkeKeyPair;
let records: MeterRecord[];
beforeAll(async () => {
    home = await Home.create({ zone: "UTC" });
    pair = unwrap(await generateHpkeKeyPair(1));
    const random = seededRandom(9);
    const amounts = Array.from({ length: DAYS * 96 + 1 }, () => random.below(900));
    records = [await home.record(grow(SLOT, 5_000n, amounts))];
});

const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);
const ask = (changes: Partial<WeightedAsk> = {}): WeightedAsk => ({
    group: 0,
    fromUnix: unixOfSlot(SLOT, 900),
    toUnix: unixOfSlot(SLOT + DAYS * 96, 900),
    tariff,
    isMarketSeries: false,
    ...changes,
});
const recorded = () => unwrap(readStream(records, home.key.stream.streamId));

test("a W grant gives its recipient the price of the period, and one number besides", async () => {
    const plan = unwrap(planWeighted(home.key, recorded(), ask()));
    const grant = unwrap(
        await createGrant({
            key: home.key,
            household: { id: testBytes("household", 16), signer: testSigner("wallet") },
            recipient: {
                id: testBytes("provider", 16),
                key: testSigner("provider").publicKey,
                recipients: [{ suite: 1, bytes: pair.publicKey }],
            },
            stores: [],
            plan,
            epochs: unwrap(streamEpochs(home.key, records)),
            issuedUnix: ask().toUnix,
            random: seededRandom(1),
        }),
    );
    expect(grant.tariffHash).toEqual(tariff.hash);
    const keys = unwrap(await openGrant(grant, pair));
    if (keys.form !== "tokens") throw new Error("a grant of one number");
    expect(keys.table.tokens.map(({ length }) => length)).toEqual([1]);

    const period = unwrap(periodOf(ask().fromUnix, ask().toUnix, 900));
    const prices = unwrap(pricesOf(DAY_NIGHT, DAY_NIGHT.imports, period, null));
    const rows = unwrap(weigh(recorded().epochs, period, prices)).flatMap(({ terms }) =>
        terms.map(({ boundary, weight }) => ({ sealed: boundary.sealed, weight })),
    );
    const stored = unwrap(weighSealed(rows))[0] as bigint;
    const series = unwrap(openSeries(home.key, records));
    let price = 0n;
    for (let i = 1; i < series.length; i++) {
        const [before, after] = [series[i - 1], series[i]];
        const usedWh = (after?.importWh ?? 0n) - (before?.importWh ?? 0n);
        price += usedWh * BigInt(prices[i - 1] ?? 0);
    }
    expect(openWeighted(stored, keys.table.tokens[0]?.[0] ?? 0n)).toBe(price);
    expect(plan.known).toMatchObject({ kind: "sums" });
    expect(plan.known.kind === "sums" ? plan.known.rows.length : 0).toBe(2);
});

test("a grant is judged by weighted sums of other devices, and left open where their tariff is kept back", async () => {
    const provider = { name: "", role: 2, keyEpoch: 0, streams: [], timeUnix: 0 };
    const ladder = unwrap(createLadder("UTC", 900));
    const context = {
        key: home.key,
        household: { id: testBytes("household", 16), signer: testSigner("wallet") },
        recipient: {
            ...{ ...provider, id: testBytes("provider", 16), network: home.key.network },
            key: testSigner("provider").publicKey,
            recipients: [{ suite: 1, bytes: pair.publicKey }],
            message: records[0]?.message as MeterRecord["message"],
        },
        stores: [],
        epochs: unwrap(streamEpochs(home.key, records)),
        ladder,
        policy: NO_POLICY,
        nowUnix: ask().toUnix,
        random: seededRandom(1),
    };
    const later = { ...DAY_NIGHT, imports: { ...DAY_NIGHT.imports } };
    if (later.imports.kind !== "bands") throw new Error("bands");
    const rules = later.imports.rules.map((rule) => ({ ...rule, fromMinute: 420 }));
    const second = { ...tariff, body: { ...later, imports: { ...later.imports, rules } } };
    const prepared = async (issued: IssuedGrant[], unseen = 0) => {
        const plan = unwrap(planWeighted(home.key, recorded(), ask({ tariff: second })));
        const [ready] = await prepareGrants({ ...context, issued, unseen }, [plan]);
        const codes = ready?.judgements.flatMap(({ findings }) => findings.map(({ code }) => code));
        return { codes, issued: ready?.issued, grant: ready?.grant };
    };
    const first = await prepared([]);
    expect(first.codes).toEqual([]);
    expect(first.issued?.messages).toHaveLength(2);
    const known = unwrap(knownOfTariff(ask(), 900));
    expect(known).toEqual(unwrap(planWeighted(home.key, recorded(), ask())).known);
    const held = { ...(first.issued as IssuedGrant), messages: [] };
    const exact = { ...held, released: { kind: "own", holding: { groups: [0], known } } } as const;
    expect((await prepared([exact])).codes).toContain("second-tariff");
    const released = releasedOf(first.grant as NonNullable<typeof first.grant>, ladder);
    const guessed = await prepared([{ ...held, released, isGuess: true }]);
    expect(guessed.codes).toEqual(["undecided"]);
    expect(guessed.issued).toMatchObject({ override: expect.any(String) });
    expect(guessed.issued?.messages).toHaveLength(3);
    expect((await prepared([], 1)).codes).toEqual(["undecided"]);
    const elsewhere = { ...held, released, isGuess: true, recipient: "0".repeat(32) };
    expect((await prepared([elsewhere])).codes).toEqual([]);
});

test("a period that is not recorded to its end is refused: two grants would give the readings between", async () => {
    const late = await Home.create({ zone: "UTC", name: "late" });
    const amounts = Array.from({ length: DAYS * 96 + 1 }, () => 5);
    const boundaries = grow(SLOT, 5_000n, amounts);
    const parts = [boundaries.slice(0, -2), boundaries.slice(-2, -1), boundaries.slice(-1)];
    const written: MeterRecord[] = [];
    for (const part of parts) written.push(await late.record(part));
    const planOver = (own: readonly MeterRecord[], changes: Partial<WeightedAsk> = {}) =>
        planWeighted(late.key, unwrap(readStream(own, late.key.stream.streamId)), ask(changes));
    for (const count of [1, 2]) {
        const plan = planOver(written.slice(0, count));
        expect(plan).toMatchObject({ ok: false, error: { code: "MS_USAGE" } });
        const toUnix = unixOfSlot(SLOT + amounts.length - 4 + count, 900);
        expect(codeOf(planOver(written.slice(0, count), { toUnix }))).toBe("ok");
    }
    expect(codeOf(planOver(written))).toBe("ok");
    expect(codeOf(planOver(written, { fromUnix: ask().fromUnix - 900 }))).toBe("MS_USAGE");
});

test("grants of a stream with commitments carry the blinds that open these, others carry none", async () => {
    const amounts = Array.from({ length: DAYS * 96 + 1 }, (_, i) => 5 + (i % 7));
    const signed = ({ commitments }: { readonly commitments: readonly Uint8Array[] }) =>
        commitments[0] as Uint8Array;
    /** The first day: its amount, and the commitments at its ends. */
    const dayOf = ({ epochs }: RecordedStream) => {
        const { boundaries } = epochs[0] as RecordedStream["epochs"][0];
        const [first, last] = [boundaries[0], boundaries[96]] as const;
        const amount = amounts.slice(1, 97).reduce((a, b) => a + b, 0);
        const terms = [
            { commitment: signed(last as NonNullable<typeof last>), weight: 1n },
            { commitment: signed(first as NonNullable<typeof first>), weight: -1n },
        ];
        return { amount: BigInt(amount), terms };
    };
    /** The whole time at the tariff's prices. */
    const priceOf = ({ epochs }: RecordedStream) => {
        const period = unwrap(periodOf(ask().fromUnix, ask().toUnix, 900));
        const prices = unwrap(pricesOf(DAY_NIGHT, DAY_NIGHT.imports, period, null));
        const terms = unwrap(weigh(epochs, period, prices)).flatMap((epoch) =>
            epoch.terms.map(({ boundary, weight }) => ({ commitment: signed(boundary), weight })),
        );
        const price = prices.reduce((sum, each, i) => sum + each * (amounts[i + 1] ?? 0), 0);
        return { amount: BigInt(price), terms };
    };
    for (const committed of [undefined, 1]) {
        const name = `committed ${committed}`;
        const options = { zone: "UTC", name, groups: [0, 1] };
        const own = await Home.create({
            ...options,
            ...(committed === undefined ? {} : { committed }),
        });
        const readings = grow(SLOT, 5_000n, amounts).map((reading) => ({
            ...reading,
            registers: [...reading.registers, 0n],
        }));
        const written = [
            await own.record(readings.slice(0, 200)),
            await own.record(readings.slice(200)),
        ];
        const stream = unwrap(readStream(written, own.key.stream.streamId));
        const ladder = unwrap(createLadder("UTC", 900));
        const { fromUnix, toUnix } = ask();
        const days = {
            window: "day",
            kind: GRANT_KIND.D,
            groups: [0, 1],
            fromUnix,
            toUnix,
        } as const;
        const plans = [
            unwrap(planWeighted(own.key, stream, ask())),
            unwrap(planGrant(ladder, days)),
        ];
        const lengths: unknown[] = [];
        for (const plan of plans) {
            const grant = unwrap(
                await createGrant({
                    key: own.key,
                    household: { id: testBytes("household", 16), signer: testSigner("wallet") },
                    recipient: {
                        id: testBytes("provider", 16),
                        key: testSigner("provider").publicKey,
                        recipients: [{ suite: 1, bytes: pair.publicKey }],
                    },
                    stores: [],
                    plan,
                    epochs: unwrap(streamEpochs(own.key, written)),
                    issuedUnix: toUnix,
                    random: seededRandom(1),
                }),
            );
            const keys = unwrap(await openGrant(grant, pair));
            if (keys.form !== "tokens") throw new Error("a grant of numbers");
            const { blinds } = keys.table;
            lengths.push(blinds?.map(({ length }) => length));
            if (blinds?.[0] === undefined) continue;
            const { amount, terms } = plan.kind === GRANT_KIND.W ? priceOf(stream) : dayOf(stream);
            expect(unwrap(opensTo(terms, amount, blindAt(blinds[0], 0)))).toBe(true);
            expect(unwrap(opensTo(terms, amount + 1n, blindAt(blinds[0], 0)))).toBe(false);
        }
        expect(lengths).toEqual(committed === undefined ? [undefined, undefined] : [[32], [96]]);
    }
});

test("a price whose slots are missing but for few is found: what flowed in the others is priced elsewhere", async () => {
    const dark = await Home.create({ zone: "UTC", name: "dark" });
    const amounts = Array.from({ length: 97 }, (_, i) => (i >= 74 && i <= 80 ? 0 : 7));
    const isMissing = (i: number): boolean => i >= 74 && i <= 80;
    const boundaries = grow(SLOT, 5_000n, amounts).map((reading, i) =>
        isMissing(i) ? { ...reading, flag: FLAG.missing } : reading,
    );
    const own = [await dark.record(boundaries)];
    const ofStream = unwrap(readStream(own, dark.key.stream.streamId));
    const bands = { ...DAY_NIGHT.imports, rules: [] } as TariffBody["imports"];
    if (bands.kind !== "bands") throw new Error("bands");
    const rule = { band: 1, days: 127, months: 4095 };
    const from = (fromMinute: number, toMinute: number): PublishedTariff => {
        const rules = [{ ...rule, fromMinute, toMinute }];
        return { ...tariff, body: { ...DAY_NIGHT, imports: { ...bands, rules } } };
    };
    const judged = (own: PublishedTariff): unknown[] => {
        const day = ask({ toUnix: unixOfSlot(SLOT + 96, 900), tariff: own });
        const { known } = unwrap(planWeighted(dark.key, ofStream, day));
        const released = { kind: "own", holding: { groups: [0], known } } as const;
        const names = { household: "a", recipient: "b", stream: "c", released };
        const ladder = unwrap(createLadder("UTC", 900));
        return judgeIssue([], NO_POLICY, names, ladder, []).flatMap(({ findings }) =>
            findings.map(({ code, fromUnix, toUnix }) => [code, (toUnix - fromUnix) / 900]),
        );
    };
    // Of the eight slots from 18:00 the first alone was measured.
    expect(judged(from(1080, 1200))).toEqual([["weights", 1]]);
    expect(judged(from(960, 1200))).toEqual([]);
});

test("prices that single slots out, a register without a price and a foreign stream are refused", () => {
    const ladder = (priceMicro: number, i: number) => ({ name: `level ${i}`, priceMicro });
    const steep: TariffBody = {
        ...DAY_NIGHT,
        imports: {
            kind: "bands",
            bands: [1, 2 ** 8, 2 ** 16].map(ladder),
            rules: [1, 2].map((band) => ({
                band,
                days: 127,
                months: 4095,
                fromMinute: 60 * band,
                toMinute: 60 * band + 60,
            })),
        },
    };
    const plan = (changes: Partial<WeightedAsk>) =>
        planWeighted(home.key, recorded(), ask(changes));
    expect(codeOf(plan({ tariff: { ...tariff, body: steep } }))).toBe("MS_TARIFF");
    expect(codeOf(plan({ group: 1 }))).toBe("MS_TARIFF");
    expect(codeOf(plan({ toUnix: ask().fromUnix + 3600 }))).toBe("MS_TARIFF");
    expect(codeOf(plan({ toUnix: ask().toUnix + 1 }))).toBe("MS_USAGE");
    const other = { ...home.key, stream: { ...home.key.stream, streamId: testBytes("other", 16) } };
    expect(codeOf(planWeighted(other, recorded(), ask()))).toBe("MS_KEY_FOREIGN");
});
