import { concatBytes, fromHex, toHex, unwrap, utf8 } from "@meterseal/core";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { encodeCbor } from "../src/cbor.ts";
import { kidOf } from "../src/cose-key.ts";
import { parseRecord } from "../src/record.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, splitSequence, verifySign1 } from "../src/sign1.ts";
import { cborMap, codeOf, rawSign1, replaceHex } from "./raw.ts";

const signer = testSigner("raw");
const subject = testBytes("subject raw", 16);
const FIELDS: [number, unknown][] = [
    [0, 5],
    [1, 1],
    [2, 1_356_998_400],
    [3, 1],
    [4, 0],
    [5, new Uint8Array(32)],
    [8, subject],
];
/** Payload with fields set anew; undefined leaves a field out. */
function payloadWith(...changes: [number, unknown][]): Uint8Array {
    const map = new Map([...FIELDS, ...changes]);
    for (const [key, value] of changes) if (value === undefined) map.delete(key);
    return encodeCbor(map);
}

describe("the envelope", () => {
    const payload = payloadWith();
    const header = (...pairs: [unknown, unknown][]): Uint8Array => encodeCbor(cborMap(...pairs));
    const kid = kidOf(signer.publicKey);
    const type = "meterseal/record/v2";
    const es256 = header([1, -7], [4, kid], [16, type]);

    it.each<[string, Parameters<typeof rawSign1>[0], string]>([
        ["no tag", { payload, tag: "" }, "MS_MALFORMED"],
        ["the tag of COSE_Sign", { payload, tag: "d862" }, "MS_MALFORMED"],
        ["the tag of COSE_Mac0", { payload, tag: "d1" }, "MS_MALFORMED"],
        ["tag 18 in a long form", { payload, tag: "d812" }, "MS_MALFORMED"],
        ["tag 18 twice", { payload, tag: "d2d2" }, "MS_MALFORMED"],
        ["the tag for CBOR in front", { payload, tag: "d9d9f7d2" }, "MS_MALFORMED"],
        ["an unprotected label", { payload, unprotected: "a10443616263" }, "MS_MALFORMED"],
        ["an array as unprotected header", { payload, unprotected: "80" }, "MS_MALFORMED"],
        ["null as unprotected header", { payload, unprotected: "f6" }, "MS_MALFORMED"],
        ["another type", { payload, type: "meterseal/vertex/v1" }, "MS_VERSION"],
        ["the version before", { payload, type: "meterseal/record/v1" }, "MS_VERSION"],
        ["a later version", { payload, type: "meterseal/record/v3" }, "MS_VERSION"],
        ["the type in other letters", { payload, type: "Meterseal/record/v2" }, "MS_VERSION"],
        ["a type as bytes", { payload, type: utf8(type) }, "MS_VERSION"],
        ["a type of another kind", { payload, type: 1 }, "MS_VERSION"],
        ["an unknown algorithm", { payload, algorithm: -35 }, "MS_VERSION"],
        ["algorithm none", { payload, algorithm: 0 }, "MS_VERSION"],
        ["an algorithm as text", { payload, algorithm: "ES256" }, "MS_VERSION"],
        ["a short kid", { payload, kid: kid.slice(1) }, "MS_MALFORMED"],
        ["a long kid", { payload, kid: new Uint8Array(9) }, "MS_MALFORMED"],
        ["a kid as text", { payload, kid: "abcdefgh" }, "MS_MALFORMED"],
        ["no label 1", { payload, header: header([4, kid], [16, type]) }, "MS_MALFORMED"],
        ["no label 4", { payload, header: header([1, -7], [16, type]) }, "MS_MALFORMED"],
        ["no label 16", { payload, header: header([1, -7], [4, kid]) }, "MS_MALFORMED"],
        [
            "a further label",
            { payload, header: header([1, -7], [3, 0], [4, kid], [16, type]) },
            "MS_MALFORMED",
        ],
        [
            "critical labels instead",
            { payload, header: header([1, -7], [2, [16]], [16, type]) },
            "MS_MALFORMED",
        ],
        ["an empty protected header", { payload, header: new Uint8Array(0) }, "MS_MALFORMED"],
        ["an empty map as protected header", { payload, header: header() }, "MS_MALFORMED"],
        [
            "an array as protected header",
            { payload, header: encodeCbor([1, 2, 3]) },
            "MS_MALFORMED",
        ],
        [
            "bytes after the protected header",
            { payload, header: concatBytes(es256, fromHex("00")) },
            "MS_MALFORMED",
        ],
        [
            "protected labels out of order",
            {
                payload,
                header: replaceHex(es256, `a301260448${toHex(kid)}`, `a30448${toHex(kid)}0126`),
            },
            "MS_MALFORMED",
        ],
        [
            "an algorithm in a long form",
            { payload, header: replaceHex(es256, "a30126", "a3013806") },
            "MS_MALFORMED",
        ],
        [
            "a protected header of 129 bytes",
            { payload, header: header([1, -7], [4, kid], [16, "x".repeat(113)]) },
            "MS_MALFORMED",
        ],
        ["an empty payload", { payload: new Uint8Array(0) }, "MS_MALFORMED"],
    ])("with %s is refused", async (_, parts, code) => {
        expect(codeOf(parseRecord(await rawSign1(parts)))).toBe(code);
    });

    it.each<[string, (hex: string) => string]>([
        ["three parts", (hex) => hex.replace(/^d284/, "d283").slice(0, -132)],
        ["five parts", (hex) => `${hex.replace(/^d284/, "d285")}00`],
        ["an array of indefinite length", (hex) => `${hex.replace(/^d284/, "d29f")}ff`],
        ["a map instead of the array", (hex) => hex.replace(/^d284/, "d2a2")],
        ["a detached payload", (hex) => hex.replace(/a058..a7.*5840/, "a0f65840")],
        ["a signature of 63 bytes", (hex) => hex.replace(/5840(..)((?:..){63})$/, "583f$2")],
        ["a signature of 65 bytes", (hex) => hex.replace(/5840((?:..){64})$/, "584100$1")],
        ["no signature", (hex) => hex.replace(/5840(?:..){64}$/, "40")],
        ["a signature in DER", (hex) => hex.replace(/5840(?:..){64}$/, `5846${"30".repeat(70)}`)],
        ["a signature as text", (hex) => hex.replace(/5840(?:..){64}$/, `7840${"61".repeat(64)}`)],
        [
            "a length of the payload in a long form",
            (hex) => hex.replace(/a058(..)a7/, "a05900$1a7"),
        ],
    ])("with %s is refused", async (_, change) => {
        const hex = toHex(await rawSign1({ payload }));
        expect(change(hex)).not.toBe(hex);
        expect(codeOf(parseRecord(fromHex(change(hex))))).toBe("MS_MALFORMED");
    });

    it("binds the type by the external data too", async () => {
        const other = unwrap(parseRecord(await rawSign1({ payload, aad: "meterseal/receipt/v1" })));
        expect(verifySign1(other.message, signer.publicKey)).toBe(false);
        const fine = unwrap(parseRecord(await rawSign1({ payload })));
        expect(verifySign1(fine.message, signer.publicKey)).toBe(true);
    });

    it("refuses the other of the two ECDSA signatures (high s)", async () => {
        const bytes = await rawSign1({ payload });
        const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        const s = BigInt(`0x${toHex(bytes.slice(-32))}`);
        const high = concatBytes(
            bytes.slice(0, -32),
            fromHex((order - s).toString(16).padStart(64, "0")),
        );
        const { message } = unwrap(parseRecord(high));
        expect(verifySign1(message, signer.publicKey)).toBe(false);
    });

    it("does not verify under a key of another algorithm or another kid", async () => {
        const edDsa = testSigner("raw", "edDsa");
        const message = unwrap(parseRecord(await rawSign1({ payload, signer: edDsa }))).message;
        expect(verifySign1(message, edDsa.publicKey)).toBe(true);
        expect(verifySign1(message, signer.publicKey)).toBe(false);
        const claimed = await rawSign1({ payload, algorithm: -8 });
        expect(verifySign1(unwrap(parseRecord(claimed)).message, signer.publicKey)).toBe(false);
        const foreign = await rawSign1({ payload, kid: new Uint8Array(8) });
        expect(verifySign1(unwrap(parseRecord(foreign)).message, signer.publicKey)).toBe(false);
        const long = await rawSign1({ payload, algorithm: -37 });
        expect(codeOf(parseRecord(long))).toBe("MS_MALFORMED");
    });

    it("keeps every type apart from every other", async () => {
        for (const one of Object.values(MESSAGE_TYPE)) {
            const bytes = await createSign1(signer, one, payload);
            for (const other of Object.values(MESSAGE_TYPE)) {
                expect(codeOf(parseSign1(bytes, other))).toBe(one === other ? "ok" : "MS_VERSION");
            }
        }
    });
});

describe("a sequence of messages", () => {
    it("splits into what it was made of", async () => {
        const sizes = [1, 23, 24, 200, 255, 256, 1000, 65_000];
        const items = await Promise.all(
            sizes.map((size) => rawSign1({ payload: payloadWith([3, new Uint8Array(size)]) })),
        );
        expect(unwrap(splitSequence(concatBytes(...items), 8)).map(toHex)).toEqual(
            items.map(toHex),
        );
        expect(codeOf(splitSequence(concatBytes(...items), 7))).toBe("MS_TOO_LARGE");
        expect(unwrap(splitSequence(new Uint8Array(0), 0))).toEqual([]);
    });

    it("is refused where it does not split, at every cut", async () => {
        const item = await rawSign1({ payload: payloadWith() });
        for (let length = 1; length < item.length; length++) {
            const cut = concatBytes(item, item.subarray(0, length));
            expect(codeOf(splitSequence(cut, 9)), `cut at ${length}`).toBe("MS_MALFORMED");
        }
        for (const hex of [
            "00",
            "d2",
            "d284",
            "d2845b",
            "d2845affffffff",
            "d28440a1",
            "d28440a05f",
        ]) {
            expect(codeOf(splitSequence(fromHex(hex), 9)), hex).toBe("MS_MALFORMED");
        }
    });

    it("never throws, and gives back every byte that it takes", () => {
        const random = seededRandom(seedOf(77));
        for (let i = 0; i < 5000; i++) {
            const tail = random.bytes(random.below(12));
            const bytes = concatBytes(fromHex("d284"), tail);
            const split = splitSequence(bytes, 4);
            if (split.ok) expect(concatBytes(...split.value)).toEqual(bytes);
        }
    });
});
