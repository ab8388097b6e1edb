import { describe, expect, it } from "vitest";
import {
    bytesEqual,
    compareBytes,
    concatBytes,
    fromBase64,
    fromHex,
    plainBytes,
    toBase64,
    toHex,
    u32be,
    utf8,
} from "../src/bytes.ts";

const of = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes);

describe("byte helpers", () => {
    it("compare like a dictionary, shorter first", () => {
        const sorted = [of(), of(0), of(0, 0), of(0, 255), of(1), of(127), of(128), of(255)];
        for (const [i, a] of sorted.entries()) {
            for (const [j, b] of sorted.entries()) {
                expect(Math.sign(compareBytes(a, b))).toBe(Math.sign(i - j));
                expect(bytesEqual(a, b)).toBe(i === j);
            }
        }
        expect([...sorted].reverse().sort(compareBytes)).toEqual(sorted);
    });

    it("join into new memory", () => {
        const part = of(1, 2);
        const joined = concatBytes(part, of(), of(3));
        expect(joined).toEqual(of(1, 2, 3));
        joined[0] = 9;
        expect(part[0]).toBe(1);
        expect(concatBytes()).toEqual(of());
    });

    it("write and read hexadecimal, and nothing else", () => {
        expect(toHex(of(0, 15, 255))).toBe("000fff");
        expect(fromHex("000fFF")).toEqual(of(0, 15, 255));
        for (const text of ["0", "0g", " 00", "0x00", "00 "])
            expect(() => fromHex(text)).toThrow(SyntaxError);
    });

    it("write and read padded base64, and nothing else", () => {
        // RFC 4648 section 10
        const rows = [
            ["", ""],
            ["f", "Zg=="],
            ["fo", "Zm8="],
            ["foo", "Zm9v"],
            ["foobar", "Zm9vYmFy"],
        ];
        for (const [text, base64] of rows as [string, string][]) {
            expect(toBase64(utf8(text))).toBe(base64);
            expect(fromBase64(base64)).toEqual(utf8(text));
        }
        for (const text of ["Zg", "Zg=", "Zh==", "Zg==Zg==", "Z-==", "_w=="]) {
            expect(() => fromBase64(text)).toThrow(SyntaxError);
        }
    });

    it("write 32 bits in network order", () => {
        expect(u32be(0)).toEqual(of(0, 0, 0, 0));
        expect(u32be(0x01020304)).toEqual(of(1, 2, 3, 4));
        expect(u32be(0xffff_ffff)).toEqual(of(255, 255, 255, 255));
    });

    it("turn a Buffer into plain bytes of the same memory", () => {
        const buffer = Buffer.from([0, 1, 2, 3]).subarray(1, 3);
        const plain = plainBytes(buffer);
        expect(Buffer.isBuffer(plain)).toBe(false);
        expect(plain).toEqual(of(1, 2));
        buffer[0] = 7;
        expect(plain[0]).toBe(7);
        const copy = plain.slice();
        buffer[0] = 8;
        expect(copy[0]).toBe(7);
    });
});
