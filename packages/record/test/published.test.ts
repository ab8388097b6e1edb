import {
    concatBytes,
    fromHex,
    isLowS,
    type PublicKey,
    sha256,
    toHex,
    toLowS,
    utf8,
    verifySignature,
} from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { decodeCbor } from "../src/cbor.ts";
import { encodeCoseKey, kidOf } from "../src/cose-key.ts";
import { MESSAGE_TYPE, parseSign1, sigStructure } from "../src/sign1.ts";
import { codeOf } from "./raw.ts";

/** Key "11" of the COSE working group's examples and of RFC 9052 appendix C.7.1. */
const KEY_11: PublicKey = {
    algorithm: -7,
    x: fromHex("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff"),
    y: fromHex("20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e"),
};
const CONTENT = utf8("This is the content.");

/** Message, external data (hex) and the bytes to be signed (hex) where the source gives them. */
const SIGN1: [string, string, string, string | null][] = [
    [
        "RFC 9052 appendix C.2.1",
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36",
        "",
        null,
    ],
    [
        "cose-wg/Examples sign1-tests/sign-pass-02.json",
        "d28443a10126a10442313154546869732069732074686520636f6e74656e742e5840eae868ecc176883766c5dc5ba5b8dca25dab3c2e56a551ce5705b793914348e155388b10c4f1b59a6733eab416870a945111a4b2fbdbef33a77234b1deff2f9b",
        "11aa22bb33cc44dd55006699",
        "846a5369676e61747572653143a101264c11aa22bb33cc44dd5500669954546869732069732074686520636f6e74656e742e",
    ],
];

describe("COSE_Sign1 of others", () => {
    it.each(SIGN1)(
        "%s: the same bytes are signed, and the signature holds",
        (_, message, external, signed) => {
            const [header, unprotected, payload, signature] = decodeCbor(
                fromHex(message).subarray(1),
            ) as [Uint8Array, Map<number, Uint8Array>, Uint8Array, Uint8Array];
            expect(payload).toEqual(CONTENT);
            expect(unprotected.get(4)).toEqual(utf8("11"));
            const toBeSigned = sigStructure(header, fromHex(external), payload);
            if (signed !== null) expect(toHex(toBeSigned)).toBe(signed);
            expect(verifySignature(KEY_11, -7, toBeSigned, toLowS(signature))).toBe(true);
            expect(verifySignature(KEY_11, -7, toBeSigned, signature)).toBe(isLowS(signature));
            expect(
                verifySignature(KEY_11, -7, concatBytes(toBeSigned, utf8(" ")), toLowS(signature)),
            ).toBe(false);
        },
    );

    it.each(SIGN1)("%s: is none of our messages, as its header is not protected", (_, message) => {
        for (const type of Object.values(MESSAGE_TYPE)) {
            expect(codeOf(parseSign1(fromHex(message), type))).toBe("MS_MALFORMED");
        }
    });
});

describe("a thumbprint (RFC 9679 section 6)", () => {
    const key: PublicKey = {
        algorithm: -7,
        x: fromHex("65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"),
        y: fromHex("1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"),
    };

    it("is the hash of the required members, and its first bytes are our kid", () => {
        const thumbprint = sha256(encodeCoseKey(key));
        expect(toHex(thumbprint)).toBe(
            "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec",
        );
        expect(toHex(kidOf(key))).toBe("496bd8afadf307e5");
    });
});
