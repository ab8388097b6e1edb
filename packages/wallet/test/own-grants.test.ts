import {
    error,
    generateHpkeKeyPair,
    recipientKeyId,
    type Signer,
    toHex,
    unwrap,
} from "@meterseal/core";
import { createNotice, kidOf, NOTICE_KIND, parseNotice } from "@meterseal/record";
import { GRANT_KIND, type Grant, type GrantTerms, parseGrant, sealGrant } from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { beforeAll, describe, expect, test } from "vitest";
import { checkOwnGrant, OwnKeys, type OwnLedger, unseenGrants } from "../src/index.ts";

const network = testBytes("network", 32);
const household = testBytes("household", 16);
const present = testSigner("present key");
const earlier = testSigner("earlier key");
const stranger = testSigner("somebody else");
let recipientKey: Uint8Array;

beforeAll(async () => {
    recipientKey = unwrap(await generateHpkeKeyPair(1)).publicKey;
});

async function grantBy(signer: Signer, of: Partial<GrantTerms> = {}): Promise<Grant> {
    const terms: GrantTerms = {
        ...{ network, household, grantId: testBytes("grant", 16), subject: testBytes("m", 16) },
        ...{ streamId: testBytes("stream", 16), groups: [0], kind: GRANT_KIND.K, level: 0 },
        ...{ spans: [{ sealEpoch: 0, fromUnix: 0, toUnix: 86_400 }], fromUnix: 0, toUnix: 86_400 },
        ...{ recipient: testBytes("provider", 16), recipientKeyId: recipientKeyId(recipientKey) },
        ...{ issuedUnix: 1, zone: "Etc/UTC", slotSeconds: 900, scale: 0 },
        ...{ hpkeSuite: 1, sealSuite: 1, streamGroups: [0], ...of },
    };
    return unwrap(
        parseGrant(unwrap(await sealGrant(signer, terms, recipientKey, new Uint8Array([0x80])))),
    );
}

/** A ledger with notices about a grant, each signed by the key that is named. */
async function ledgerOf(
    { message }: Grant,
    notices: readonly {
        readonly signer: Signer;
        readonly kind: 1 | 2;
        readonly about?: Uint8Array;
    }[],
    changes: Partial<OwnLedger> = {},
): Promise<OwnLedger> {
    const stored = await Promise.all(
        notices.map(async ({ about, kind, signer }) => {
            const said = {
                network,
                party: household,
                timeUnix: 1,
                kind,
                hash: about ?? message.hash,
            };
            return unwrap(parseNotice(await createNotice(signer, said)));
        }),
    );
    const byHash = new Map(stored.map((notice) => [toHex(notice.message.hash), notice]));
    return {
        ...{ network, household },
        keys: new OwnKeys(present.publicKey, (kid) =>
            toHex(kid) === toHex(kidOf(earlier.publicKey))
                ? Promise.resolve(earlier.publicKey)
                : Promise.reject(error("MS_NOT_FOUND")),
        ),
        // What the server lists: of this grant, whatever the notice is about.
        notices: stored.map(({ kind, message: { hash } }) => ({
            ...{ hash: toHex(hash), kind, topic: toHex(message.hash) },
        })),
        proven(hash) {
            const notice = byHash.get(hash);
            if (notice === undefined) return Promise.reject(error("MS_PROOF"));
            return Promise.resolve({ bytes: notice.message.bytes, leafIndex: 7 });
        },
        ...changes,
    };
}

async function codeOf(ledger: OwnLedger, grant: Grant, hash = toHex(grant.message.hash)) {
    const checked = await checkOwnGrant(ledger, hash, grant.message.bytes);
    return checked.ok ? "ok" : checked.error.code;
}

describe("a grant that a server lists as the household's own", () => {
    const announced = { kind: NOTICE_KIND.grant, signer: present } as const;

    test("holds by the present key, announced, revoked, or not announced yet", async () => {
        const grant = await grantBy(present);
        const revoked = { kind: NOTICE_KIND.revocation, signer: present } as const;
        expect(await codeOf(await ledgerOf(grant, []), grant)).toBe("ok");
        const ledger = await ledgerOf(grant, [announced, revoked]);
        const checked = await checkOwnGrant(ledger, toHex(grant.message.hash), grant.message.bytes);
        expect(checked).toMatchObject({
            ok: true,
            value: { notice: { leafIndex: 7 }, revocation: { notice: { kind: 2 } } },
        });
    });

    test("by an earlier key holds where a notice of that time names it", async () => {
        const grant = await grantBy(earlier);
        const then = { kind: NOTICE_KIND.grant, signer: earlier } as const;
        expect(await codeOf(await ledgerOf(grant, [then]), grant)).toBe("ok");
        // Who has the key that was given up makes nothing of it.
        expect(await codeOf(await ledgerOf(grant, []), grant)).toBe("MS_SIGNATURE_BAD");
        expect(await codeOf(await ledgerOf(grant, [announced]), grant)).toBe("MS_SIGNATURE_BAD");
    });

    test("holds not by another key, hash, network or household", async () => {
        const grant = await grantBy(present);
        const ledger = await ledgerOf(grant, [announced]);
        expect(await codeOf(ledger, await grantBy(stranger))).toBe("MS_SIGNATURE_BAD");
        expect(await codeOf(ledger, grant, "11".repeat(32))).toBe("MS_SIGNATURE_BAD");
        const elsewhere = await grantBy(present, { network: testBytes("another", 32) });
        expect(await codeOf(ledger, elsewhere)).toBe("MS_SIGNATURE_BAD");
        const neighbour = await grantBy(present, { household: testBytes("neighbour", 16) });
        expect(await codeOf(ledger, neighbour)).toBe("MS_SIGNATURE_BAD");
        const none = await checkOwnGrant(ledger, "00".repeat(32), new Uint8Array([1]));
        expect(none.ok).toBe(false);
    });

    test("holds not with a notice that is not proven, another's, or about something else", async () => {
        const grant = await grantBy(present);
        const proven = () => Promise.reject(error("MS_PROOF"));
        expect(await codeOf(await ledgerOf(grant, [announced], { proven }), grant)).toBe(
            "MS_PROOF",
        );
        const foreign = await ledgerOf(grant, [{ ...announced, signer: stranger }]);
        expect(await codeOf(foreign, grant)).toBe("MS_PROOF");
        const other = await ledgerOf(grant, [{ ...announced, about: testBytes("other", 32) }]);
        expect(await codeOf(other, grant)).toBe("MS_PROOF");
    });

    test("is neither where nobody answers", async () => {
        const grant = await grantBy(present);
        const proven = () => Promise.reject(error("MS_LINK"));
        const ledger = await ledgerOf(grant, [announced], { proven });
        await expect(codeOf(ledger, grant)).rejects.toMatchObject({ code: "MS_LINK" });
        const keys = new OwnKeys(present.publicKey, () => Promise.reject(error("MS_BUSY")));
        const old = await grantBy(earlier);
        await expect(codeOf(await ledgerOf(old, [], { keys }), old)).rejects.toMatchObject({
            code: "MS_BUSY",
        });
    });
});

test("a grant that the ledger names and nobody shows is unseen, once", () => {
    const row = (topic: string, kind: number) => ({ hash: `${topic}${kind}`, kind, topic });
    const notices = [row("a", 1), row("b", 1), row("b", 1), row("b", 2), row("c", 4)];
    expect(unseenGrants(notices, new Set(["a"]))).toEqual(["b"]);
});
