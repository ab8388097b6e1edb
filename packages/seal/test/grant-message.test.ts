import { bytesEqual, generateHpkeKeyPair, LIMITS, recipientKeyId, unwrap } from "@meterseal/core";
import { createSign1, decodeCbor, encodeCbor, MESSAGE_TYPE } from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { describe, expect, test } from "vitest";
import {
    checkGrant,
    GRANT_KIND,
    type Grant,
    openGrant,
    parseGrant,
    sealGrant,
} from "../src/index.ts";
import { codeOf } from "./fixtures.ts";
import {
    at,
    bodyOf,
    grantBytes,
    grantOf,
    HOUSEHOLD,
    RECIPIENT,
    termsOf,
} from "./grant-fixtures.ts";

const contextOf = (grant: Grant) => ({
    network: grant.network,
    household: { id: grant.household, key: HOUSEHOLD.publicKey, streams: [grant.streamId] },
    recipient: grant.recipient,
    notice: { grantHash: grant.message.hash, revokedUnix: null },
    nowUnix: at("2026-03-10"),
});

/** The message with another payload, signed by the household again. */
function resigned(bytes: Uint8Array, change: (map: Map<number, unknown>) => void) {
    const { message } = unwrap(parseGrant(bytes));
    const map = decodeCbor(message.payload) as Map<number, unknown>;
    change(map);
    return createSign1(HOUSEHOLD, MESSAGE_TYPE.grant, encodeCbor(map));
}

describe("a grant message", () => {
    test("is read as it was written", async () => {
        const terms = termsOf({
            leaseEndUnix: at("2026-05-01"),
            policyId: testBytes("policy", 16),
        });
        const grant = await grantOf(terms);
        expect(grant).toMatchObject(terms);
        expect(codeOf(checkGrant(grant, contextOf(grant)))).toBe("ok");
        expect(codeOf(await openGrant(grant, RECIPIENT))).toBe("ok");
    });

    test("invariant 10: with any bit flipped a grant neither holds nor, but for the signature, opens", async () => {
        const bytes = await grantBytes(termsOf({ level: 3 }));
        const whole = unwrap(parseGrant(bytes));
        const signatureStart = bytes.length - whole.message.signature.length;
        const sealedStart = signatureStart - whole.ciphertext.length;
        for (let bit = 0; bit < bytes.length * 8; bit++) {
            const byte = bit >> 3;
            const isSealed = byte >= sealedStart && byte < signatureStart;
            if (isSealed && (bit & 7) !== byte % 8) continue; // one bit of each sealed byte
            const changed = bytes.slice();
            changed[byte] = (changed[byte] as number) ^ (1 << (bit & 7));
            const parsed = parseGrant(changed);
            if (!parsed.ok) continue;
            expect(codeOf(checkGrant(parsed.value, contextOf(whole))), `bit ${bit}`).not.toBe("ok");
            if (byte >= signatureStart) continue;
            const isOfHead = bytesEqual(parsed.value.message.payload, whole.message.payload);
            const opened = await openGrant(parsed.value, RECIPIENT);
            expect(opened.ok, `bit ${bit}`).toBe(isOfHead);
        }
    });

    test("opens for its recipient's key only", async () => {
        const grant = await grantOf(termsOf());
        const other = { ...RECIPIENT, publicKey: RECIPIENT.publicKey.map((byte) => byte ^ 1) };
        expect(codeOf(await openGrant(grant, other))).toBe("MS_GRANT_RECIPIENT");
        const wrong = { ...RECIPIENT, privateKey: RECIPIENT.privateKey.map((byte) => byte ^ 8) };
        expect(codeOf(await openGrant(grant, wrong))).toBe("MS_UNSEAL");
        expect(codeOf(await openGrant(grant, { ...RECIPIENT, suite: 2 }))).toBe(
            "MS_GRANT_RECIPIENT",
        );
    });

    test("invariant 16: no suite opens what another one sealed, of trees or of HPKE", async () => {
        const grant = await grantOf(termsOf());
        const map = decodeCbor(grant.message.payload) as Map<number, unknown>;
        for (const key of [23, 24]) map.delete(key);
        const others: [number, number][] = [
            [25, 0],
            [25, 2],
            [22, 2],
        ];
        for (const [key, suite] of others) {
            const aad = encodeCbor(new Map(map).set(key, suite));
            expect(codeOf(await openGrant({ ...grant, aad }, RECIPIENT))).toBe("MS_UNSEAL");
        }
        const hybrid = unwrap(await generateHpkeKeyPair(2));
        const asHybrid = {
            ...grant,
            hpkeSuite: 2,
            recipientKeyId: recipientKeyId(hybrid.publicKey),
        };
        expect(codeOf(await openGrant(asHybrid, hybrid))).toBe("MS_UNSEAL");
    });

    test("a body of one grant does not open under the terms of another", async () => {
        const [one, two] = [await grantOf(termsOf()), await grantOf(termsOf({ level: 1 }))];
        const mixed = { ...one, enc: two.enc, ciphertext: two.ciphertext };
        expect(codeOf(await openGrant(mixed, RECIPIENT))).toBe("MS_UNSEAL");
    });
});

describe("what a grant is held against", () => {
    test("each difference has its code", async () => {
        const terms = termsOf({ leaseEndUnix: at("2026-04-01") });
        const grant = await grantOf(terms);
        const good = contextOf(grant);
        const other = testBytes("other", 32);
        const cases: [string, Partial<typeof good>][] = [
            ["MS_NETWORK", { network: other }],
            [
                "MS_SIGNATURE_BAD",
                { household: { ...good.household, key: testSigner("thief").publicKey } },
            ],
            ["MS_SIGNATURE_BAD", { household: { ...good.household, id: other.slice(16) } }],
            ["MS_GRANT_STREAM", { household: { ...good.household, streams: [] } }],
            ["MS_GRANT_RECIPIENT", { recipient: other.slice(16) }],
            ["MS_CLOCK", { nowUnix: terms.issuedUnix - LIMITS.clockAheadSeconds - 1 }],
            ["MS_EXPIRED", { nowUnix: at("2026-04-01") }],
        ];
        for (const [code, change] of cases) {
            expect(codeOf(checkGrant(grant, { ...good, ...change }))).toBe(code);
        }
        expect(codeOf(checkGrant(grant, { ...good, notice: null }))).toBe("MS_GRANT_NOTICE");
        const foreign = { grantHash: other, revokedUnix: null };
        expect(codeOf(checkGrant(grant, { ...good, notice: foreign }))).toBe("MS_GRANT_NOTICE");
        const revoked = { grantHash: grant.message.hash, revokedUnix: at("2026-03-05") };
        const refusal = checkGrant(grant, { ...good, notice: revoked });
        expect(codeOf(refusal)).toBe("MS_GRANT_REVOKED");
        expect(refusal.ok ? "" : refusal.error.message).toContain("stay known");
        const edge = { ...good, nowUnix: terms.issuedUnix - LIMITS.clockAheadSeconds };
        expect(codeOf(checkGrant(grant, edge))).toBe("ok");
        expect(codeOf(checkGrant(grant, { ...good, nowUnix: at("2026-04-01") - 1 }))).toBe("ok");
    });
});

describe("terms that contradict themselves", () => {
    const march = termsOf();
    const spans = (list: [number, number, number][]) => {
        return list.map(([sealEpoch, fromUnix, toUnix]) => ({ sealEpoch, fromUnix, toUnix }));
    };
    const middle = march.fromUnix + 900;
    const wrong: [string, Partial<typeof march>][] = [
        ["a D grant with a level", { kind: GRANT_KIND.D, window: "day" }],
        ["a W grant without a tariff", { kind: GRANT_KIND.W }],
        ["a C grant without a cohort", { kind: GRANT_KIND.C }],
        ["a K grant with a cohort", { cohortHash: testBytes("cohort", 32) }],
        ["a K grant with windows", { window: "day" }],
        ["an empty range", { toUnix: march.fromUnix }],
        ["a lease that ended before", { leaseEndUnix: march.issuedUnix }],
        ["no span", { spans: [] }],
        ["a span that ends too early", { spans: spans([[0, march.fromUnix, middle]]) }],
        [
            "a hole between spans",
            {
                spans: spans([
                    [0, march.fromUnix, middle],
                    [1, middle + 900, march.toUnix],
                ]),
            },
        ],
        [
            "epochs that descend",
            {
                spans: spans([
                    [1, march.fromUnix, middle],
                    [0, middle, march.toUnix],
                ]),
            },
        ],
        ["a group that the stream lacks", { groups: [0, 5] }],
        ["squares by the hour", { streamGroups: [0, 2], groups: [0, 2], level: 1 }],
    ];

    test.each(wrong)("%s", async (_, change) => {
        const terms = { ...march, ...change };
        const refusal = await sealGrant(HOUSEHOLD, terms, RECIPIENT.publicKey, bodyOf(march));
        expect(codeOf(refusal)).toBe("MS_MALFORMED");
    });

    test("squares by the day are granted", async () => {
        const days = { streamGroups: [0, 2], groups: [0, 2], level: 2 };
        expect(codeOf(await openGrant(await grantOf(termsOf(days)), RECIPIENT))).toBe("ok");
    });

    test("a parser refuses what a signer would not write", async () => {
        const bytes = await grantBytes(march);
        const changes: [number, unknown][] = [
            [7, 6],
            [8, 4],
            [19, ""],
            [20, 7],
            [22, 3],
            [25, 0],
            [26, [1, 0]],
            [6, [0, 0]],
            [5, [[0, march.fromUnix]]],
            [18, "fortnight"],
            [23, new Uint8Array(31)],
            [24, new Uint8Array(16)],
            [27, 0],
        ];
        for (const [key, value] of changes) {
            const forged = await resigned(bytes, (map) => map.set(key, value));
            expect(codeOf(parseGrant(forged)), `key ${key}`).toBe("MS_MALFORMED");
        }
        for (const key of [0, 5, 8, 12, 24, 26]) {
            const forged = await resigned(bytes, (map) => map.delete(key));
            expect(codeOf(parseGrant(forged)), `no key ${key}`).toBe("MS_MALFORMED");
        }
    });

    test("a grant beyond the size of a message is refused with what helps", async () => {
        const large = await sealGrant(
            HOUSEHOLD,
            march,
            RECIPIENT.publicKey,
            new Uint8Array(LIMITS.recordBytes),
        );
        expect(codeOf(large)).toBe("MS_TOO_LARGE");
        expect(large.ok ? "" : large.error.message).toContain("shorter range");
    });

    test("more seal epochs than the limit are refused, the limit itself is not", async () => {
        const many = (count: number) =>
            spans(
                Array.from({ length: count }, (_, i): [number, number, number] => [
                    i,
                    march.fromUnix + i * 900,
                    i === count - 1 ? march.toUnix : march.fromUnix + (i + 1) * 900,
                ]),
            );
        for (const [count, code] of [
            [LIMITS.grantSpans, "ok"],
            [LIMITS.grantSpans + 1, "MS_MALFORMED"],
        ] as const) {
            const bytes = await grantBytes({ ...march, spans: many(count) }, bodyOf(march));
            expect(codeOf(parseGrant(bytes))).toBe(code);
        }
    });
});
