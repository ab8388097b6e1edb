import {
    constants,
    createPrivateKey,
    generateKeyPairSync,
    type KeyObject,
    privateEncrypt,
    publicDecrypt,
    sign,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { fromHex, utf8 } from "../src/bytes.ts";
import { generatePrivateKeyPem, signerFromPem } from "../src/crypto/signer.ts";
import type { PublicKey, Signer } from "../src/ports.ts";
import { verdict } from "./verdict.ts";

type Published = {
    readonly n: string;
    readonly tests: readonly {
        readonly id: number;
        readonly comment: string;
        readonly message: string;
        readonly signature: string;
        readonly valid: boolean;
    }[];
};
const FILE = new URL("../../../vectors/signature/ps256-wycheproof.json", import.meta.url);
const published: Published = JSON.parse(readFileSync(FILE, "utf8"));
const message = utf8("message");
const integer = (bytes: Uint8Array): bigint => BigInt(`0x${bytes.toHex()}`);
const bytesOf = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(512, "0"));

describe("PS256, as Wycheproof published", () => {
    const key: PublicKey = { algorithm: -37, n: fromHex(published.n) };

    it.each(published.tests.map((test) => [test.id, test.comment, test] as const))(
        "case %i, %s",
        async (_, _comment, { message, signature, valid }) => {
            expect(await verdict(key, fromHex(message), fromHex(signature))).toBe(valid);
        },
    );

    it("has valid and invalid cases", () => {
        const valid = published.tests.filter((test) => test.valid).length;
        expect([valid, published.tests.length - valid]).toEqual([63, 45]);
    });
});

describe("PS256", () => {
    let pem: string;
    let secret: KeyObject;
    let signer: Signer;
    let key: PublicKey & { algorithm: -37 };
    let signature: Uint8Array;
    beforeAll(async () => {
        pem = generatePrivateKeyPem("ps256");
        secret = createPrivateKey(pem);
        signer = signerFromPem(pem);
        key = signer.publicKey as typeof key;
        signature = await signer.sign(message);
    });

    it("signs 256 bytes, each time others, and both fit", async () => {
        const again = await signer.sign(message);
        expect([signature.length, again.length]).toEqual([256, 256]);
        expect(again).not.toEqual(signature);
        expect(Buffer.isBuffer(signature)).toBe(false);
        expect(await verdict(key, message, signature)).toBe(true);
        expect(await verdict(key, message, again)).toBe(true);
    });

    it("refuses another message, another key and each turned bit", async () => {
        expect(await verdict(key, utf8("other"), signature)).toBe(false);
        const other = signerFromPem(generatePrivateKeyPem("ps256")).publicKey;
        expect(await verdict(other, message, signature)).toBe(false);
        for (let bit = 0; bit < 2048; bit += 61) {
            const turned = signature.slice();
            turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
            expect(await verdict(key, message, turned)).toBe(false);
        }
    });

    it("refuses any other padding, salt or digest under the same key", async () => {
        const pss = { key: secret, padding: constants.RSA_PKCS1_PSS_PADDING };
        for (const saltLength of [0, 20, 31, 33, 222]) {
            const other = new Uint8Array(sign("sha256", message, { ...pss, saltLength }));
            expect(await verdict(key, message, other), `salt of ${saltLength}`).toBe(false);
        }
        const sha1 = new Uint8Array(sign("sha1", message, { ...pss, saltLength: 32 }));
        expect(await verdict(key, message, sha1)).toBe(false);
        const pkcs1 = new Uint8Array(sign("sha256", message, secret));
        expect(await verdict(key, message, pkcs1)).toBe(false);
    });

    it("refuses a signature that is not below the modulus: the same number twice over", async () => {
        const n = integer(key.n);
        for (let i = 0; ; i++) {
            const fresh = await signer.sign(utf8(`message ${i}`));
            const twice = integer(fresh) + n;
            if (twice >= 1n << 2048n) continue;
            expect(await verdict(key, utf8(`message ${i}`), fresh)).toBe(true);
            expect(await verdict(key, utf8(`message ${i}`), bytesOf(twice))).toBe(false);
            break;
        }
        expect(await verdict(key, message, key.n)).toBe(false);
        expect(await verdict(key, message, new Uint8Array(256).fill(255))).toBe(false);
    });

    it("refuses every encoding with one bit turned before it was signed", async () => {
        const raw = { key: secret, padding: constants.RSA_NO_PADDING };
        const encoded = new Uint8Array(publicDecrypt(raw, signature));
        expect(encoded.at(-1)).toBe(0xbc);
        const signRaw = (bytes: Uint8Array) => new Uint8Array(privateEncrypt(raw, bytes));
        expect(await verdict(key, message, signRaw(encoded))).toBe(true);
        for (let at = 0; at < encoded.length; at++) {
            const changed = encoded.slice();
            changed[at] = (changed[at] as number) ^ (1 << (at === 0 ? 5 : at % 8));
            if (integer(changed) >= integer(key.n)) continue;
            expect(await verdict(key, message, signRaw(changed)), `byte ${at}`).toBe(false);
        }
        const first = encoded.slice();
        first[0] = (first[0] as number) ^ 0x80;
        if (integer(first) < integer(key.n))
            expect(await verdict(key, message, signRaw(first))).toBe(false);
    });

    it("refuses the numbers whose power everybody knows", async () => {
        for (const value of [0n, 1n, integer(key.n) - 1n])
            expect(await verdict(key, message, bytesOf(value))).toBe(false);
    });

    it.each([0, 1, 64, 255, 257, 512])("refuses a signature of %i bytes", async (length) => {
        expect(await verdict(key, message, new Uint8Array(length))).toBe(false);
        const padded = new Uint8Array(length);
        padded.set(signature.subarray(0, Math.min(256, length)));
        expect(await verdict(key, message, padded)).toBe(false);
    });

    it("refuses keys that are none: short, long, even, or of 2047 bits", async () => {
        const even = key.n.slice();
        even[255] = 0;
        const narrow = key.n.slice();
        narrow[0] = 0x7f;
        const zero = Uint8Array.of(0, ...key.n);
        for (const n of [new Uint8Array(0), new Uint8Array(256), zero, even, narrow])
            expect(await verdict({ algorithm: -37, n }, message, signature)).toBe(false);
    });

    it.each([
        ["3072 bits", { modulusLength: 3072 }],
        ["the exponent 3", { modulusLength: 2048, publicExponent: 3 }],
    ])("signs with no key of %s", (_, options) => {
        const { privateKey } = generateKeyPairSync("rsa", options);
        const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
        expect(() => signerFromPem(other)).toThrow(/no signing key of a known kind: RSA/);
    });

    it("verifies no signature of a valid RSA key that is not of 2048 bits", async () => {
        const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
        const { n = "" } = publicKey.export({ format: "jwk" });
        const modulus = Uint8Array.fromBase64(n, { alphabet: "base64url" });
        const padding = constants.RSA_PKCS1_PSS_PADDING;
        const long = sign("sha256", message, { key: privateKey, padding, saltLength: 32 });
        const bytes = new Uint8Array(long);
        expect(await verdict({ algorithm: -37, n: modulus }, message, bytes)).toBe(false);
    });
});
