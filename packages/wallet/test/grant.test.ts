import {
    createLadder,
    generateHpkeKeyPair,
    type HpkeKeyPair,
    LIMITS,
    parseInstant,
    type Result,
    slotOfUnix,
    toHex,
    unixOfSlot,
    unwrap,
    type WindowName,
} from "@meterseal/core";
import { kidOf } from "@meterseal/record";
import {
    checkGrant,
    GRANT_KIND,
    type GrantSource,
    openGrant,
    ownerKeys,
    type TokenTable,
} from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom } from "@meterseal/testkit/random";
import { beforeAll, describe, expect, test } from "vitest";
import {
    createGrant,
    type GrantAsk,
    type GrantOrder,
    grantWords,
    type KeyFile,
    knownOfTerms,
    planGrant,
    streamEpochs,
} from "../src/index.ts";
import { Home } from "./home.ts";

const zone = "Europe/Berlin";
const at = (text: string): number => unwrap(parseInstant(text, zone));
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);

let home: Home;
let pair: HpkeKeyPair;
let hybrid: HpkeKeyPair;

beforeAll(async () => {
    home = await Home.create({ zone, groups: [0, 1] });
    pair = unwrap(await generateHpkeKeyPair(1));
    hybrid = unwrap(await generateHpkeKeyPair(2));
});

const ladder = unwrap(createLadder(zone, 900));
const march: GrantAsk = {
    window: "day",
    groups: [0],
    fromUnix: at("2026-03-01"),
    toUnix: at("2026-04-01"),
};

function orderOf(ask: Partial<GrantAsk> = {}, changes: Partial<GrantOrder> = {}): GrantOrder {
    return {
        key: home.key,
        household: { id: testBytes("household", 16), signer: testSigner("wallet") },
        recipient: {
            id: testBytes("provider", 16),
            key: testSigner("provider").publicKey,
            recipients: [{ suite: 1, bytes: pair.publicKey }],
        },
        stores: [kidOf(testSigner("collector").publicKey)],
        plan: unwrap(planGrant(ladder, { ...march, ...ask })),
        epochs: unwrap(streamEpochs(home.key, [])),
        issuedUnix: at("2026-02-01"),
        random: seededRandom(1),
        ...changes,
    };
}

describe("a grant of a household", () => {
    test("is one that its recipient opens and anybody checks", async () => {
        const order = orderOf();
        const grant = unwrap(await createGrant(order));
        const held = checkGrant(grant, {
            network: home.key.network,
            household: {
                id: order.household.id,
                key: order.household.signer.publicKey,
                streams: [home.key.stream.streamId],
            },
            recipient: order.recipient.id,
            notice: { grantHash: grant.message.hash, revokedUnix: null },
            nowUnix: at("2026-03-15"),
        });
        expect(codeOf(held)).toBe("ok");
        const keys = unwrap(await openGrant(grant, pair));
        expect(keys.form).toBe("keys");
        expect(grantWords(grant)).toBe(
            "sums of days, import, from 2026-03-01 to 2026-04-01 (Europe/Berlin)",
        );
    });

    test.each<[WindowName, number, number | undefined]>([
        ["slot", GRANT_KIND.K, 0],
        ["half-hour", GRANT_KIND.E, undefined],
        ["hour", GRANT_KIND.K, 1],
        ["day", GRANT_KIND.K, 2],
        ["month", GRANT_KIND.K, 3],
        ["total", GRANT_KIND.D, undefined],
    ])("windows of a %s become kind %i", async (window, kind, level) => {
        const grant = unwrap(await createGrant(orderOf({ window })));
        expect({ kind: grant.kind, level: grant.level }).toEqual({ kind, level });
        expect(codeOf(await openGrant(grant, pair))).toBe("ok");
    });

    test.each<[WindowName, string, string]>([
        ["week", "2026-03-02", "2026-04-06"],
        ["year", "2026-01-01", "2028-01-01"],
    ])("windows of a %s become keys of listed boundaries", async (window, from, to) => {
        const ask = { window, fromUnix: at(from), toUnix: at(to) };
        const grant = unwrap(await createGrant(orderOf(ask)));
        expect(grant.kind).toBe(GRANT_KIND.E);
        const keys = unwrap(await openGrant(grant, pair));
        if (keys.form !== "keys") throw new Error("a grant of keys");
        const [source] = keys.spans as [GrantSource];
        const known = unwrap(knownOfTerms(grant, ladder));
        if (known?.kind !== "boundaries") throw new Error("listed boundaries");
        const slots = known.epochs[0]?.slots ?? [];
        expect(slots.length).toBe(window === "week" ? 6 : 3);
        for (const slot of slots) {
            const { index, level } = ladder.addressOf(slot);
            expect(codeOf(source.keys.keysOf(0, level, [index]))).toBe("ok");
        }
    });

    test("differences of days open each day and nothing between", async () => {
        const grant = unwrap(await createGrant(orderOf({ kind: GRANT_KIND.D })));
        const keys = unwrap(await openGrant(grant, pair));
        const { tokens, windows } = (keys as { table: TokenTable }).table;
        expect(windows.length).toBe(31);
        const owner = unwrap(ownerKeys(home.key.master as Uint8Array, home.key.stream));
        const keyAt = (unix: number): bigint => {
            const { index, level } = ladder.addressOf(slotOfUnix(unix, 900));
            const block = unwrap(owner.keysOf(0, level, [index]));
            return new DataView(block.buffer, block.byteOffset).getBigUint64(0);
        };
        for (const [i, { fromUnix, toUnix }] of windows.entries()) {
            expect(tokens[0]?.[i]).toBe(BigInt.asUintN(64, keyAt(toUnix) - keyAt(fromUnix)));
        }
        expect(unwrap(knownOfTerms(grant, ladder))).toEqual({
            kind: "differences",
            windows: windows.map((one) => ({
                fromSlot: slotOfUnix(one.fromUnix, 900),
                toSlot: slotOfUnix(one.toUnix, 900),
            })),
        });
    });

    test("is sealed with the strongest suite of the recipient, or the one that was asked for", async () => {
        const both = {
            ...orderOf().recipient,
            recipients: [
                { suite: 1, bytes: pair.publicKey },
                { suite: 2, bytes: hybrid.publicKey },
            ],
        };
        const strong = unwrap(await createGrant(orderOf({}, { recipient: both })));
        expect(strong.hpkeSuite).toBe(2);
        expect(codeOf(await openGrant(strong, hybrid))).toBe("ok");
        const plain = unwrap(await createGrant(orderOf({}, { recipient: both, hpkeSuite: 1 })));
        expect(codeOf(await openGrant(plain, pair))).toBe("ok");
    });
});

describe("what is not granted", () => {
    test("to whoever stores the records, to itself, or to a party without a key", async () => {
        const { recipient } = orderOf();
        const store = { ...recipient, key: testSigner("collector").publicKey };
        const self = { ...recipient, id: testBytes("household", 16) };
        const keyless = { ...recipient, recipients: [] };
        for (const [one, code] of [
            [store, "MS_NOT_ALLOWED"],
            [self, "MS_NOT_ALLOWED"],
            [keyless, "MS_GRANT_RECIPIENT"],
        ] as const) {
            expect(codeOf(await createGrant(orderOf({}, { recipient: one })))).toBe(code);
        }
        const author = orderOf({}, { stores: [recipient.id] });
        expect(codeOf(await createGrant(author))).toBe("MS_NOT_ALLOWED");
        expect(codeOf(await createGrant(orderOf({}, { hpkeSuite: 2 })))).toBe("MS_GRANT_RECIPIENT");
    });

    test("a group that the stream lacks, or an open stream", async () => {
        expect(codeOf(await createGrant(orderOf({ groups: [0, 5] })))).toBe("MS_STREAM_RULE");
        const open: KeyFile = { ...home.key, master: null };
        expect(codeOf(await createGrant(orderOf({}, { key: open })))).toBe("MS_KEY_FILE");
    });

    test.each<[string, Partial<GrantAsk>, string]>([
        ["days that begin at noon", { fromUnix: at("2026-03-01T12:00") }, "MS_USAGE"],
        ["months that end with a day", { window: "month", toUnix: at("2026-03-31") }, "MS_USAGE"],
        ["weeks that begin on a Sunday", { window: "week" }, "MS_USAGE"],
        ["years that begin in March", { window: "year" }, "MS_USAGE"],
        [
            "an instant within a slot",
            { window: "slot", fromUnix: at("2026-03-01") + 1 },
            "MS_USAGE",
        ],
        [
            "keys of weeks",
            {
                window: "week",
                kind: GRANT_KIND.K,
                fromUnix: at("2026-03-02"),
                toUnix: at("2026-03-30"),
            },
            "MS_USAGE",
        ],
        ["weights without a tariff", { kind: GRANT_KIND.W }, "MS_USAGE"],
        ["before the years that a ladder covers", { window: "slot", fromUnix: 900 }, "MS_USAGE"],
    ])("%s", (_, ask, code) => {
        expect(codeOf(planGrant(ladder, { ...march, ...ask }))).toBe(code);
    });

    test("half hours of a stream of hours, and more windows than a grant holds", () => {
        const hours = unwrap(createLadder(zone, 3600));
        expect(codeOf(planGrant(hours, { ...march, window: "half-hour" }))).toBe("MS_STREAM_RULE");
        const many = { ...march, window: "slot" as const, kind: GRANT_KIND.D };
        const from = slotOfUnix(march.fromUnix, 900);
        const edge = (count: number) => ({ ...many, toUnix: unixOfSlot(from + count, 900) });
        expect(codeOf(planGrant(ladder, edge(LIMITS.grantWindows)))).toBe("ok");
        expect(codeOf(planGrant(ladder, edge(LIMITS.grantWindows + 1)))).toBe("MS_TOO_LARGE");
    });

    test("half hours are keys where the stream's slots are half hours", () => {
        const halves = unwrap(createLadder(zone, 1800));
        const plan = unwrap(planGrant(halves, { ...march, window: "half-hour" }));
        expect({ kind: plan.kind, level: plan.level }).toEqual({ kind: GRANT_KIND.K, level: 0 });
    });
});

test("each grant has an id of its own", async () => {
    const random = seededRandom(2);
    const [a, b] = [
        unwrap(await createGrant(orderOf({}, { random }))),
        unwrap(await createGrant(orderOf({}, { random }))),
    ];
    expect(toHex(a.grantId)).not.toBe(toHex(b.grantId));
});
