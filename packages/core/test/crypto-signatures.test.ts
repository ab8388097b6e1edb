import { describe, expect, it } from "vitest";
import { concatBytes, fromHex, toHex, utf8 } from "../src/bytes.ts";
import * as browser from "../src/crypto/browser.ts";
import { isLowS, toDerSignature, toLowS } from "../src/crypto/ecdsa-form.ts";
import { isCanonicalEd25519 } from "../src/crypto/ed25519-form.ts";
import * as node from "../src/crypto/node.ts";
import { generatePrivateKeyPem, signerFromPem } from "../src/crypto/signer.ts";
import type { PublicKey } from "../src/ports.ts";
import { verdict } from "./verdict.ts";

const hex = (value: bigint): string => value.toString(16).padStart(64, "0");
const N = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const P = BigInt("0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff");

describe("SHA-256 (FIPS 180-4, NIST's examples)", () => {
    it.each([
        ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
        ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
        [
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
        ],
        ["a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
    ])("of %.10s", (text, digest) => {
        expect(toHex(node.sha256(utf8(text)))).toBe(digest);
        expect(toHex(browser.sha256(utf8(text)))).toBe(digest);
    });
});

/** Wycheproof, ecdsa_secp256r1_sha256_p1363_test.json, first group, cases 1 to 10 (Apache-2.0). */
const WYCHEPROOF_KEY: PublicKey = {
    algorithm: -7,
    x: fromHex("2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838"),
    y: fromHex("c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e"),
};
const R = BigInt("0x2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18");
const HIGH_S = BigInt("0xb329f479a2bbd0a5c384ee1493b1f5186a87139cac5df4087c134b49156847db");
const LOW_S = BigInt("0x4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76");
const wide = (value: bigint, digits: number): string => value.toString(16).padStart(digits, "0");

describe("ES256", () => {
    const message = utf8("123400");
    const check = (r: string, s: string): Promise<boolean> =>
        verdict(WYCHEPROOF_KEY, message, fromHex(r + s));

    it("takes a valid signature with low s (Wycheproof 1) and refuses its twin", async () => {
        expect(HIGH_S).toBe(N - LOW_S);
        expect(await check(hex(R), hex(LOW_S))).toBe(true);
        expect(await check(hex(R), hex(HIGH_S))).toBe(false);
    });

    it.each<[string, string, string]>([
        ["r + n", wide(R + N, 66), wide(LOW_S, 66)],
        ["r + 256 n", wide(R + 256n * N, 68), wide(LOW_S, 68)],
        ["n − r", hex(N - R), hex(LOW_S)],
        ["r + 2^256", wide(R + (1n << 256n), 66), wide(LOW_S, 66)],
        ["r + 2^320", wide(R + (1n << 320n), 82), wide(LOW_S, 82)],
        ["s + n", wide(R, 66), wide(LOW_S + N, 66)],
        ["s + 256 n", wide(R, 68), wide(LOW_S + 256n * N, 68)],
        ["s + 2^256", wide(R, 66), wide(LOW_S + (1n << 256n), 66)],
        ["s + 2^320", wide(R, 82), wide(LOW_S + (1n << 320n), 82)],
        ["a leading zero byte each", wide(R, 66), wide(LOW_S, 66)],
    ])("refuses %s (Wycheproof 2 to 10)", async (_, r, s) => {
        expect(await check(r, s)).toBe(false);
    });

    const special = { 0: 0n, 1: 1n, n: N, "n − 1": N - 1n, "n + 1": N + 1n, p: P, "p + 1": P + 1n };
    const half = { ...special, "n / 2": N / 2n, "n / 2 + 1": N / 2n + 1n };
    it.each(Object.keys(half))(
        "refuses s = %s with each special r (Wycheproof 11 on)",
        async (name) => {
            for (const r of Object.values(special)) {
                expect(await check(hex(r), hex(half[name as keyof typeof half]))).toBe(false);
            }
        },
    );

    it.each([0, 1, 32, 63, 65, 72, 128])("refuses a signature of %i bytes", async (length) => {
        const whole = concatBytes(fromHex(hex(R) + hex(LOW_S)), new Uint8Array(64));
        expect(await verdict(WYCHEPROOF_KEY, message, whole.slice(0, length))).toBe(false);
    });

    it.each<[string, Partial<PublicKey & { algorithm: -7 }>]>([
        ["that is not on the curve", { y: fromHex(hex(1n)) }],
        ["of zeros", { x: new Uint8Array(32), y: new Uint8Array(32) }],
        ["beyond the field", { x: fromHex(hex(P)), y: fromHex(hex(P)) }],
        ["that is too short", { x: new Uint8Array(31) }],
        ["that is too long", { x: new Uint8Array(33) }],
        ["that is empty", { x: new Uint8Array(0), y: new Uint8Array(0) }],
        [
            "with a zero byte in front",
            { x: concatBytes(new Uint8Array(1), WYCHEPROOF_KEY.x as Uint8Array) },
        ],
    ])("refuses a key %s", async (_, changes) => {
        const key = { ...WYCHEPROOF_KEY, ...changes } as PublicKey;
        expect(await verdict(key, message, fromHex(hex(R) + hex(LOW_S)))).toBe(false);
    });

    it("brings s down and makes DER", () => {
        const high = fromHex(hex(R) + hex(HIGH_S));
        expect(isLowS(high)).toBe(false);
        expect(toHex(toLowS(high))).toBe(hex(R) + hex(LOW_S));
        expect(toLowS(toLowS(high))).toEqual(toLowS(high));
        expect(isLowS(fromHex(hex(1n) + hex(N / 2n)))).toBe(true);
        expect(isLowS(fromHex(hex(1n) + hex(N / 2n + 1n)))).toBe(false);
        expect(toHex(toDerSignature(fromHex(hex(1n) + hex(128n))))).toBe("300702010102020080");
        expect(toHex(toDerSignature(fromHex(hex(0n) + hex(127n))))).toBe("300602010002017f");
    });

    it("takes what our own signer makes, always with low s", async () => {
        const signer = signerFromPem(generatePrivateKeyPem("es256"));
        for (let i = 0; i < 40; i++) {
            const signature = await signer.sign(Uint8Array.of(i));
            expect(signature.length).toBe(64);
            expect(isLowS(signature)).toBe(true);
            expect(await verdict(signer.publicKey, Uint8Array.of(i), signature)).toBe(true);
            expect(await verdict(signer.publicKey, Uint8Array.of(i + 1), signature)).toBe(false);
        }
    });
});

describe("EdDSA", () => {
    /** RFC 8032 section 7.1, tests 1 to 3. */
    const RFC8032: [string, string, string][] = [
        [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];
    const L = (1n << 252n) + 27742317777372353535851937790883648493n;
    const littleEndian = (value: bigint): string => toHex(fromHex(hex(value)).reverse());
    const key = (x: string): PublicKey => ({ algorithm: -8, x: fromHex(x) });
    const [publicHex, , signatureHex] = RFC8032[0] as [string, string, string];
    const rHex = signatureHex.slice(0, 64);
    const s = BigInt(`0x${toHex(fromHex(signatureHex.slice(64)).reverse())}`);

    it.each(RFC8032)("takes RFC 8032's %.8s", async (x, message, signature) => {
        expect(await verdict(key(x), fromHex(message), fromHex(signature))).toBe(true);
        expect(await verdict(key(x), fromHex(`${message}00`), fromHex(signature))).toBe(false);
    });

    it.each<[string, bigint]>([
        ["S + L", s + L],
        ["S + 2 L", s + 2n * L],
        ["L", L],
        ["L − 1", L - 1n],
        ["0", 0n],
        ["2^256 − 1", (1n << 256n) - 1n],
    ])("refuses S = %s", async (_, value) => {
        const signature = fromHex(rHex + littleEndian(value));
        expect(await verdict(key(publicHex), new Uint8Array(0), signature)).toBe(false);
    });

    const SMALL = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    it.each(SMALL)(
        "refuses a key or an R of small order or beyond the field: %s",
        async (point) => {
            // With a key of small order, (R, S) = (point, 0) satisfies the equation for many messages.
            for (const message of [0, 1, 2, 3, 4, 5, 6, 7].map((byte) => Uint8Array.of(byte))) {
                for (const r of [point, SMALL[2] as string, rHex]) {
                    const forged = fromHex(r + littleEndian(0n));
                    expect(await verdict(key(point), message, forged)).toBe(false);
                }
                expect(
                    await verdict(key(publicHex), message, fromHex(point + littleEndian(s))),
                ).toBe(false);
            }
        },
    );

    it("knows the one encoding that it takes before any library looks at it", () => {
        const x = fromHex(publicHex);
        expect(isCanonicalEd25519(x, fromHex(signatureHex))).toBe(true);
        expect(isCanonicalEd25519(x, fromHex(rHex + littleEndian(L - 1n)))).toBe(true);
        expect(isCanonicalEd25519(x, fromHex(rHex + littleEndian(L)))).toBe(false);
        for (const point of SMALL) {
            expect(isCanonicalEd25519(fromHex(point), fromHex(signatureHex)), point).toBe(false);
            expect(isCanonicalEd25519(x, fromHex(point + littleEndian(s))), point).toBe(false);
        }
    });

    it.each([0, 32, 63, 65])("refuses a signature of %i bytes", async (length) => {
        const whole = fromHex(`${signatureHex}00`);
        expect(await verdict(key(publicHex), new Uint8Array(0), whole.slice(0, length))).toBe(
            false,
        );
    });

    it.each([0, 31, 33])("refuses a key of %i bytes", async (length) => {
        const x = concatBytes(fromHex(publicHex), new Uint8Array(1)).slice(0, length);
        expect(await verdict({ algorithm: -8, x }, new Uint8Array(0), fromHex(signatureHex))).toBe(
            false,
        );
    });

    it("refuses every signature with one bit turned", async () => {
        for (let bit = 0; bit < 512; bit += 3) {
            const signature = fromHex(signatureHex);
            signature[bit >> 3] = (signature[bit >> 3] as number) ^ (1 << (bit & 7));
            expect(await verdict(key(publicHex), new Uint8Array(0), signature)).toBe(false);
        }
    });
});

describe("a check", () => {
    it("leaves key and signature as they are, also in a Buffer, and a signer gives plain bytes", async () => {
        for (const kind of ["es256", "ps256", "edDsa"] as const) {
            const signer = signerFromPem(generatePrivateKeyPem(kind));
            const signature = await signer.sign(utf8("x"));
            expect(Buffer.isBuffer(signature)).toBe(false);
            const { publicKey } = signer;
            const inBuffer: PublicKey =
                publicKey.algorithm === -37
                    ? { ...publicKey, n: Buffer.from(publicKey.n) }
                    : { ...publicKey, x: Buffer.from(publicKey.x) };
            const buffer = Buffer.from(signature);
            for (let i = 0; i < 3; i++)
                expect(await verdict(inBuffer, utf8("x"), buffer)).toBe(true);
            expect(toHex(buffer)).toBe(toHex(signature));
            const high = Buffer.from(fromHex(hex(1n) + hex(N - 1n)));
            expect(toHex(toLowS(high))).toBe(hex(1n) + hex(1n));
            expect(toHex(high)).toBe(hex(1n) + hex(N - 1n));
        }
    });
});

describe("a key", () => {
    it("verifies nothing under another algorithm than its own", async () => {
        for (const kind of ["es256", "ps256", "edDsa"] as const) {
            const signer = signerFromPem(generatePrivateKeyPem(kind));
            const signature = await signer.sign(utf8("x"));
            for (const algorithm of [-7, -8, -37] as const) {
                const fits = algorithm === signer.publicKey.algorithm;
                expect(await verdict(signer.publicKey, utf8("x"), signature, algorithm)).toBe(fits);
            }
        }
    });
});
