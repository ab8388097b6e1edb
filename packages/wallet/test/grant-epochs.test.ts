import {
    createLadder,
    generateHpkeKeyPair,
    type HpkeKeyPair,
    unixOfSlot,
    unwrap,
} from "@meterseal/core";
import { decodeEvent, type MeterRecord, usageOf } from "@meterseal/record";
import { type GrantSource, type KeySource, openGrant } from "@meterseal/seal";
import { readStream } from "@meterseal/tariff";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom } from "@meterseal/testkit/random";
import { beforeAll, describe, expect, test } from "vitest";
import {
    changesWithin,
    createGrant,
    formatIssued,
    type IssuedGrant,
    NO_POLICY,
    openServicePoint,
    parseJournal,
    planGrant,
    prepareGrants,
    streamEpochs,
} from "../src/index.ts";
import { EXCHANGE_UNIX, event, type Row, SLOT, usage } from "./epoch-records.ts";
import { Home } from "./home.ts";

let home: Home;
let pair: HpkeKeyPair;
beforeAll(async () => {
    home = await Home.create();
    pair = unwrap(await generateHpkeKeyPair(1));
});

const rows = (...values: number[]): Row[] => values.map((wh) => ({ wh: BigInt(wh) }));
const valueAt = (bytes: Uint8Array, place: number): bigint =>
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8 * place);

/** Sealed register of a slot, as the store has it. */
function sealedAt(record: MeterRecord, slot: number): bigint {
    const body = unwrap(usageOf(record));
    if (body.values.mode !== "sealed") throw new Error("sealed registers");
    return valueAt(body.values.bytes, slot - body.firstSlot);
}

/** Sealed register of an event, or the one that it states of the device before. */
function sealedOf(record: MeterRecord, which: "own" | "stated"): bigint {
    const body = unwrap(decodeEvent(record.body));
    const values = which === "own" ? body.values : body.before?.stated;
    if (values?.mode !== "sealed") throw new Error("sealed registers");
    return valueAt(values.bytes, 0);
}

function keyAt(source: KeySource, slot: number): bigint {
    const block = unwrap(source.keysOf(0, 0, [slot]));
    return new DataView(block.buffer, block.byteOffset).getBigUint64(0);
}

/** Grant of every slot from the old meter's first boundary to the new one's last. */
async function grantOver(records: readonly MeterRecord[], toSlot: number): Promise<GrantSource[]> {
    const [fromUnix, toUnix] = [unixOfSlot(SLOT, 900), unixOfSlot(toSlot, 900)];
    const ladder = unwrap(createLadder(home.key.zone, 900));
    const ask = { window: "slot", groups: [0], fromUnix, toUnix } as const;
    const grant = await createGrant({
        key: home.key,
        household: { id: testBytes("household", 16), signer: testSigner("wallet") },
        recipient: {
            id: testBytes("provider", 16),
            key: testSigner("provider").publicKey,
            recipients: [{ suite: 1, bytes: pair.publicKey }],
        },
        stores: [],
        plan: unwrap(planGrant(ladder, ask)),
        epochs: unwrap(streamEpochs(home.key, records)),
        issuedUnix: fromUnix,
        random: seededRandom(1),
    });
    const keys = unwrap(await openGrant(unwrap(grant), pair));
    if (keys.form !== "keys") throw new Error("a grant of keys");
    return [...keys.spans];
}

/** Energy of the household's own series. */
function own(records: readonly MeterRecord[]): bigint {
    const { series } = unwrap(openServicePoint(home.key, records));
    return (series.at(-1)?.importWh ?? 0n) - (series[0]?.importWh ?? 0n);
}

describe("a grant over a meter exchange sums to what the household itself sees", () => {
    const last = SLOT + 4;

    async function sumOver(
        records: readonly MeterRecord[],
        old: MeterRecord,
        young: MeterRecord,
        ends: { readonly close: bigint; readonly open: bigint },
    ): Promise<bigint> {
        const spans = await grantOver(records, last);
        expect(spans.map(({ sealEpoch }) => sealEpoch)).toEqual([0, 1]);
        expect(spans[0]?.toUnix).toBe(EXCHANGE_UNIX);
        const [first, second] = spans as [GrantSource, GrantSource];
        const stored = ends.close - sealedAt(old, SLOT) + sealedAt(young, last) - ends.open;
        const keys = keyAt(second.keys, last) - keyAt(first.keys, SLOT);
        return BigInt.asUintN(64, stored + keys + (second.bridge?.tokens[0] ?? 0n));
    }

    test("behind a closing record", async () => {
        const old = await usage(home, 0, SLOT, rows(1_000, 1_010, 1_025));
        const closed = await event(home, 0, "closing", 1_029n);
        const opened = await event(home, 1, "opening", 70_000n, { closing: closed.message.hash });
        const young = await usage(home, 1, SLOT + 3, rows(70_006, 70_020));
        const ends = { close: sealedOf(closed, "own"), open: sealedOf(opened, "own") };
        const records = [young, opened, closed, old];
        expect(await sumOver(records, old, young, ends)).toBe(own(records));
        expect(own(records)).toBe(49n);
    });

    test("behind registers that somebody read off", async () => {
        const old = await usage(home, 0, SLOT, rows(1_000, 1_010, 1_025));
        const opened = await event(home, 1, "opening", 0n, { statedWh: 1_029n });
        const young = await usage(home, 1, SLOT + 3, rows(6, 20));
        const ends = { close: sealedOf(opened, "stated"), open: sealedOf(opened, "own") };
        const records = [old, opened, young];
        expect(await sumOver(records, old, young, ends)).toBe(own(records));
    });

    test("behind a dead meter: what it counted last is missing, here as there", async () => {
        const old = await usage(home, 0, SLOT, rows(1_000, 1_010, 1_025));
        const opened = await event(home, 1, "opening", 0n, {});
        const young = await usage(home, 1, SLOT + 3, rows(6, 20));
        const ends = { close: sealedAt(old, SLOT + 2), open: sealedOf(opened, "own") };
        const records = [old, opened, young];
        expect(await sumOver(records, old, young, ends)).toBe(own(records));
    });
});

test("a range before or behind the exchange lies in one seal epoch", async () => {
    const old = await usage(home, 0, SLOT, rows(1_000, 1_010, 1_025));
    const closed = await event(home, 0, "closing", 1_029n);
    const opened = await event(home, 1, "opening", 0n, { closing: closed.message.hash });
    const records = [old, closed, opened];
    expect((await grantOver(records, SLOT + 2)).map(({ sealEpoch }) => sealEpoch)).toEqual([0]);
    const epochs = unwrap(streamEpochs(home.key, records));
    expect(epochs.map(({ fromUnix }) => fromUnix)).toEqual([
        Number.NEGATIVE_INFINITY,
        EXCHANGE_UNIX,
    ]);
});

describe("two grants over a meter that died without a closing", () => {
    const [toSlot, held] = [SLOT + 200, [1_000, 1_010, 1_025, 1_033]];
    const first = SLOT - 200;

    /** Grants one sum over the exchange, with the old meter's boundaries as far as they were seen. */
    async function prepare(seen: number, issued: readonly IssuedGrant[], closedWh?: bigint) {
        const old = await usage(home, 0, SLOT - 2, rows(...held.slice(0, seen)));
        const closed = closedWh === undefined ? [] : [await event(home, 0, "closing", closedWh)];
        const before = closed.map((record) => ({ closing: record.message.hash }))[0] ?? {};
        const opened = await event(home, 1, "opening", 0n, before);
        const young = await usage(home, 1, SLOT + 3, rows(6, 20));
        const ladder = unwrap(createLadder(home.key.zone, 900));
        const [fromUnix, toUnix] = [unixOfSlot(first, 900), unixOfSlot(toSlot, 900)];
        const ask = { window: "total", groups: [0], fromUnix, toUnix } as const;
        const plan = unwrap(planGrant(ladder, ask));
        const records = [old, ...closed, opened, young];
        const [ready] = await prepareGrants(
            {
                key: home.key,
                household: { id: testBytes("household", 16), signer: testSigner("wallet") },
                recipient: {
                    ...{ name: "", role: 2, keyEpoch: 0, streams: [], timeUnix: 0 },
                    id: testBytes("provider", 16),
                    network: home.key.network,
                    key: testSigner("provider").publicKey,
                    recipients: [{ suite: 1, bytes: pair.publicKey }],
                    message: old.message,
                },
                stores: [],
                epochs: unwrap(streamEpochs(home.key, records)),
                ladder,
                policy: NO_POLICY,
                nowUnix: toUnix,
                random: seededRandom(seen),
                issued,
            },
            [plan],
        );
        if (ready === undefined) throw new Error("a grant");
        const findings = ready.judgements.flatMap((judgement) => judgement.findings);
        return { issued: ready.issued, findings };
    }

    test("give what it measured between the ends that they saw: that is found", async () => {
        const early = await prepare(3, []);
        expect(early.findings).toEqual([]);
        expect(early.issued.changes).toEqual([
            { sealEpoch: 1, endUnix: unixOfSlot(SLOT, 900), isFinal: false },
        ]);
        expect((await prepare(3, [early.issued])).findings).toEqual([]);
        const [finding, ...more] = (await prepare(4, [early.issued])).findings;
        expect(finding).toMatchObject({
            code: "refinement",
            fromUnix: unixOfSlot(SLOT, 900),
            toUnix: unixOfSlot(SLOT + 1, 900),
        });
        expect(more).toEqual([]);
        const line = unwrap(formatIssued(early.issued));
        expect(unwrap(parseJournal(line)).grants).toEqual([early.issued]);
    });

    test("a bill and a weighted sum say where they let it end, too", async () => {
        const old = await usage(home, 0, SLOT - 2, rows(...held));
        const opened = await event(home, 1, "opening", 0n, {});
        const young = await usage(home, 1, SLOT + 3, rows(6, 20));
        const { epochs } = unwrap(readStream([old, opened, young], home.key.stream.streamId));
        const within = (fromSlot: number, toSlot: number) =>
            changesWithin(epochs, unixOfSlot(fromSlot, 900), unixOfSlot(toSlot, 900));
        const endUnix = unixOfSlot(SLOT + 1, 900);
        expect(within(first, toSlot)).toEqual([{ sealEpoch: 1, endUnix, isFinal: false }]);
        expect(within(first, SLOT + 2)).toEqual(within(first, toSlot));
        expect(within(first, SLOT + 1)).toEqual([]);
        expect(within(SLOT + 3, toSlot)).toEqual([]);
        const closed = await event(home, 0, "closing", 1_040n);
        const ended = unwrap(readStream([old, closed, opened, young], home.key.stream.streamId));
        const [change] = changesWithin(ended.epochs, unixOfSlot(first, 900), endUnix + 900_000);
        expect(change).toEqual({ sealEpoch: 1, endUnix: EXCHANGE_UNIX, isFinal: true });
    });

    test("count as the worst where the first does not say what it saw, and the end is not signed", async () => {
        const { changes: _, ...unsaid } = (await prepare(3, [])).issued;
        const codes = async (wh?: bigint) =>
            (await prepare(4, [unsaid], wh)).findings.map(({ code }) => code);
        expect(await codes()).toEqual(["undecided"]);
        expect(await codes(1_040n)).toEqual([]);
    });
});
