import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../src/bytes.ts";
import * as browser from "../src/crypto/browser.ts";
import type { Crypto } from "../src/crypto/interface.ts";
import * as node from "../src/crypto/node.ts";

const platforms = [
    ["node", node],
    ["browser", browser],
] as const satisfies readonly (readonly [string, Crypto])[];

describe.each(platforms)("primitives of %s", (_, crypto) => {
    const { aes128Blocks, hkdfSha256, openAes128Gcm, sealAes128Gcm, sha256, x25519 } = crypto;

    test("AES-128-GCM: test case 4 of the proposal that SP 800-38D took over", () => {
        const key = fromHex("feffe9928665731c6d6a8f9467308308");
        const nonce = fromHex("cafebabefacedbaddecaf888");
        const aad = fromHex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        const text =
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
        const sealed = sealAes128Gcm(key, nonce, aad, fromHex(text));
        expect(toHex(sealed)).toBe(
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" +
                "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091" +
                "5bc94fbc3221a5db94fae95ae7121a47",
        );
        expect(toHex(openAes128Gcm(key, nonce, aad, sealed) ?? new Uint8Array())).toBe(text);
        for (let at = 0; at < sealed.length; at += 7) {
            const other = sealed.map((byte, i) => (i === at ? byte ^ 1 : byte));
            expect(openAes128Gcm(key, nonce, aad, other)).toBeNull();
        }
        expect(openAes128Gcm(key, nonce, aad, sealed.slice(0, 15))).toBeNull();
        expect(openAes128Gcm(key, nonce, aad.slice(1), sealed)).toBeNull();
    });

    test("AES-128: FIPS 197 appendix C.1", () => {
        const key = fromHex("000102030405060708090a0b0c0d0e0f");
        const plain = fromHex("00112233445566778899aabbccddeeff");
        expect(toHex(aes128Blocks(key, plain))).toBe("69c4e0d86a7b0430d8cdb78070b4c55a");
    });

    test("AES-128 of several blocks: SP 800-38A F.1.1", () => {
        const key = fromHex("2b7e151628aed2a6abf7158809cf4f3c");
        const plain =
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
            "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
        expect(toHex(aes128Blocks(key, fromHex(plain)))).toBe(
            "3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf" +
                "43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4",
        );
    });

    test("X25519: RFC 7748 5.2, and no secret with a key of small order", () => {
        const vectors = [
            [
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ],
            [
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ],
        ];
        for (const [own = "", other = "", shared = ""] of vectors) {
            expect(toHex(x25519(fromHex(own), fromHex(other)) as Uint8Array)).toBe(shared);
        }
        expect(x25519(fromHex("11".repeat(32)), new Uint8Array(32))).toBe(null);
    });

    test("HKDF-SHA256: RFC 5869 A.1 to A.3", () => {
        const bytes = (from: number, to: number): Uint8Array =>
            Uint8Array.from({ length: to - from + 1 }, (_unused, i) => from + i);
        const ikm = new Uint8Array(22).fill(0x0b);
        const none = new Uint8Array(0);
        expect(toHex(hkdfSha256(ikm, bytes(0, 12), bytes(0xf0, 0xf9), 42))).toBe(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        );
        expect(toHex(hkdfSha256(bytes(0, 0x4f), bytes(0x60, 0xaf), bytes(0xb0, 0xff), 82))).toBe(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c" +
                "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71" +
                "cc30c58179ec3e87c14c01d5c1f3434f1d87",
        );
        expect(toHex(hkdfSha256(ikm, none, none, 42))).toBe(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        );
    });

    test("SHA-256: FIPS 180-4 example", () => {
        expect(toHex(sha256(new TextEncoder().encode("abc")))).toBe(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        );
    });
});
