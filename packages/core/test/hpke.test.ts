import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Aes128Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import fc from "fast-check";
import { KEM_MLKEM768_X25519 } from "hpke";
import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "../src/bytes.ts";
import {
    generateHpkeKeyPair,
    HPKE_ENC_BYTES,
    HPKE_PRIVATE_KEY_BYTES,
    HPKE_PUBLIC_KEY_BYTES,
    HPKE_SUITE,
    HPKE_TAG_BYTES,
    openHpke,
    recipientKeyId,
    sealHpke,
} from "../src/crypto/hpke.ts";
import { type Result, unwrap } from "../src/result.ts";

const path = fileURLToPath(new URL("../../../vectors/hpke/published.json", import.meta.url));
const { hybrid, rfc9180 } = JSON.parse(readFileSync(path, "utf8")) as Record<
    "hybrid" | "rfc9180",
    Record<string, string>
>;
const bytes = (hex: string | undefined): Uint8Array => fromHex(hex ?? "none");
const context = { info: utf8("info"), aad: utf8("aad") };
const codeOf = (result: Result<unknown>): string => (result.ok ? "ok" : result.error.code);

/** The same suite by another author. */
const other = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes128Gcm(),
});
const buffer = (of: Uint8Array): ArrayBuffer => new Uint8Array(of).buffer;

test("RFC 9180 A.1.1 opens", async () => {
    const { aad, ct, enc, info, pkRm, pt, skRm } = rfc9180;
    const opened = await openHpke(
        { suite: HPKE_SUITE.x25519, privateKey: bytes(skRm), publicKey: bytes(pkRm) },
        { info: bytes(info), aad: bytes(aad) },
        { enc: bytes(enc), ciphertext: bytes(ct) },
    );
    expect(toHex(unwrap(opened))).toBe(pt);
});

test("the hybrid's published vector: the private key's seed opens to the shared secret", async () => {
    const kem = KEM_MLKEM768_X25519();
    const key = await kem.DeserializePrivateKey(bytes(hybrid.seed), false);
    expect(toHex(await kem.Decap(bytes(hybrid.ct), key, undefined))).toBe(hybrid.ss);
});

test("what this seals the other library opens, and the other way round", async () => {
    const own = unwrap(await generateHpkeKeyPair(HPKE_SUITE.x25519));
    const key = await other.kem.importKey("raw", buffer(own.privateKey), false);
    const text = utf8("a grant");
    const sealed = unwrap(await sealHpke(1, own.publicKey, context, text));
    const opened = await other.open(
        { recipientKey: key, enc: buffer(sealed.enc), info: buffer(context.info) },
        buffer(sealed.ciphertext),
        buffer(context.aad),
    );
    expect(new Uint8Array(opened)).toEqual(text);

    const publicKey = await other.kem.importKey("raw", buffer(own.publicKey), true);
    const theirs = await other.seal(
        { recipientPublicKey: publicKey, info: buffer(context.info) },
        buffer(text),
        buffer(context.aad),
    );
    const ours = { enc: new Uint8Array(theirs.enc), ciphertext: new Uint8Array(theirs.ct) };
    expect(unwrap(await openHpke(own, context, ours))).toEqual(text);
});

describe.each(Object.entries(HPKE_SUITE))("suite %s", (_, suite) => {
    test("seals and opens, with the stated lengths", async () => {
        const pair = unwrap(await generateHpkeKeyPair(suite));
        expect(pair.publicKey.length).toBe(HPKE_PUBLIC_KEY_BYTES[suite]);
        expect(pair.privateKey.length).toBe(HPKE_PRIVATE_KEY_BYTES);
        await fc.assert(
            fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (text) => {
                const sealed = unwrap(await sealHpke(suite, pair.publicKey, context, text));
                expect(sealed.enc.length).toBe(HPKE_ENC_BYTES[suite]);
                expect(sealed.ciphertext.length).toBe(text.length + HPKE_TAG_BYTES);
                expect(unwrap(await openHpke(pair, context, sealed))).toEqual(new Uint8Array(text));
            }),
            { numRuns: 20 },
        );
    });

    test("another key, info, associated data or byte does not open", async () => {
        const pair = unwrap(await generateHpkeKeyPair(suite));
        const sealed = unwrap(await sealHpke(suite, pair.publicKey, context, utf8("text")));
        const open = (changes: {
            privateKey?: Uint8Array;
            publicKey?: Uint8Array;
            info?: Uint8Array;
            aad?: Uint8Array;
            enc?: Uint8Array;
            ciphertext?: Uint8Array;
        }) => {
            const all = { ...pair, ...context, ...sealed, ...changes };
            return openHpke(all, all, all);
        };
        const flip = (of: Uint8Array, at: number): Uint8Array => {
            return of.map((byte, i) => (i === at ? byte ^ 1 : byte));
        };
        const foreign = unwrap(await generateHpkeKeyPair(suite));
        expect(codeOf(await open({}))).toBe("ok");
        expect(codeOf(await open({ privateKey: foreign.privateKey }))).toBe("MS_UNSEAL");
        expect(codeOf(await open({ info: utf8("other") }))).toBe("MS_UNSEAL");
        expect(codeOf(await open({ aad: utf8("other") }))).toBe("MS_UNSEAL");
        for (let at = 0; at < sealed.ciphertext.length; at++) {
            const ciphertext = flip(sealed.ciphertext, at);
            expect(codeOf(await open({ ciphertext })), `byte ${at}`).toBe("MS_UNSEAL");
        }
        // The top bit of an X25519 coordinate is ignored by RFC 7748, but the key id binds it.
        for (const at of [0, 1, sealed.enc.length - 2, sealed.enc.length - 1]) {
            expect(codeOf(await open({ enc: flip(sealed.enc, at) })), `enc ${at}`).toBe(
                "MS_UNSEAL",
            );
        }
        expect(codeOf(await open({ enc: sealed.enc.slice(1) }))).toBe("MS_UNSEAL");
        expect(codeOf(await open({ ciphertext: sealed.ciphertext.slice(0, 15) }))).toBe(
            "MS_UNSEAL",
        );
        expect(codeOf(await open({ privateKey: pair.privateKey.slice(1) }))).toBe("MS_UNSEAL");
    });

    test("bytes that are no public key are refused", async () => {
        for (const length of [0, 31, 33, 1215, 1217]) {
            const sealed = await sealHpke(suite, new Uint8Array(length), context, utf8("text"));
            expect(codeOf(sealed), `${length} bytes`).toBe("MS_UNSEAL");
        }
    });
});

test("a point of small order seals nothing", async () => {
    const zero = await sealHpke(HPKE_SUITE.x25519, new Uint8Array(32), context, utf8("text"));
    expect(codeOf(zero)).toBe("MS_UNSEAL");
});

test("an unknown suite is a version", async () => {
    for (const suite of [0, 3, 32]) {
        expect(codeOf(await generateHpkeKeyPair(suite))).toBe("MS_VERSION");
        expect(codeOf(await sealHpke(suite, new Uint8Array(32), context, utf8("")))).toBe(
            "MS_VERSION",
        );
    }
});

test("a key's id is the beginning of its hash", () => {
    expect(toHex(recipientKeyId(utf8("abc")))).toBe("ba7816bf8f01cfea");
});
