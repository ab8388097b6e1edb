import { fromHex, toHex } from "@meterseal/core";
import { seededRandom, seedOf } from "@meterseal/testkit/random";
import { describe, expect, it } from "vitest";
import { decodeCbor, encodeCbor } from "../src/cbor.ts";
import { attempt } from "../src/parse.ts";
import { codeOf } from "./raw.ts";

const decode = (hex: string) => attempt(() => decodeCbor(fromHex(hex)));

/** RFC 8949 appendix A, the rows whose encoding is deterministic and of kinds that we use. */
const RFC8949: [string, unknown][] = [
    ["00", 0],
    ["01", 1],
    ["0a", 10],
    ["17", 23],
    ["1818", 24],
    ["1819", 25],
    ["1864", 100],
    ["1903e8", 1000],
    ["1a000f4240", 1_000_000],
    ["1b000000e8d4a51000", 1_000_000_000_000],
    ["1bffffffffffffffff", 18_446_744_073_709_551_615n],
    ["3bffffffffffffffff", -18_446_744_073_709_551_616n],
    ["20", -1],
    ["29", -10],
    ["3863", -100],
    ["3903e7", -1000],
    ["40", new Uint8Array(0)],
    ["4401020304", Uint8Array.of(1, 2, 3, 4)],
    ["60", ""],
    ["6161", "a"],
    ["6449455446", "IETF"],
    ["62225c", '"\\'],
    ["62c3bc", "ü"],
    ["63e6b0b4", "水"],
    ["64f0908591", "\u{10151}"],
    ["80", []],
    ["83010203", [1, 2, 3]],
    ["8301820203820405", [1, [2, 3], [4, 5]]],
    ["a0", new Map()],
    [
        "a201020304",
        new Map([
            [1, 2],
            [3, 4],
        ]),
    ],
    [
        "a26161016162820203",
        new Map<unknown, unknown>([
            ["a", 1],
            ["b", [2, 3]],
        ]),
    ],
    ["826161a161626163", ["a", new Map([["b", "c"]])]],
];

describe("deterministic CBOR", () => {
    it.each(RFC8949)("reads and writes RFC 8949 appendix A: %s", (hex, value) => {
        expect(decodeCbor(fromHex(hex))).toEqual(value);
        expect(toHex(encodeCbor(value))).toBe(hex);
    });

    it("orders map keys by their encoded bytes (RFC 8949 section 4.2.1)", () => {
        const keys = [10, 100, -1, "z", "aa"];
        const shuffled = new Map([...keys].reverse().map((key) => [key, 0]));
        expect(toHex(encodeCbor(shuffled))).toBe(
            "a50a00186400200061 7a0062616100".replace(" ", ""),
        );
    });

    it.each([
        ["a number in two bytes that fits in one", "1817"],
        ["… in three that fits in two", "1900ff"],
        ["… in five that fits in three", "1a0000ffff"],
        ["… in nine that fits in five", "1b00000000ffffffff"],
        ["a negative number in two bytes that fits in one", "3817"],
        ["a byte string with a long length", "5801aa"],
        ["a text with a long length", "780161"],
        ["an array with a long length", "980101"],
        ["a map with a long length", "b8010102"],
        ["keys that are not sorted", "a203040102"],
        ["sorted by length first (RFC 7049)", "a2206000180000"],
        ["a key twice", "a201020103"],
        ["a key twice, in two encodings", "a20102180103"],
        ["an array of indefinite length", "9f01ff"],
        ["a map of indefinite length", "bf0102ff"],
        ["a byte string of indefinite length", "5f41aaff"],
        ["a text of indefinite length", "7f6161ff"],
        ["a break alone", "ff"],
        ["trailing bytes", "0000"],
        ["nothing", ""],
        ["a half-precision float", "f93e00"],
        ["a float that is an integer", "f93c00"],
        ["a single-precision float", "fa47c35000"],
        ["a double-precision float", "fb3ff199999999999a"],
        ["infinity", "f97c00"],
        ["not a number", "f97e00"],
        ["minus zero", "f98000"],
        ["a tag", "c11a514b67b0"],
        ["a tagged big number", "c249010000000000000000"],
        ["a float within a map within an array", "81a101f93e00"],
        ["undefined", "f7"],
        ["a simple value", "f0"],
        ["a simple value in two bytes", "f8ff"],
        ["a text that is not UTF-8", "61ff"],
        ["a text with half a surrogate pair", "63eda080"],
        ["a text that begins with a mark of byte order", "64efbbbf61"],
        ["a long text that is not UTF-8", `7821${"61".repeat(32)}ff`],
        ["a key that is not UTF-8", "a161ff00"],
        ["a break as a value of a map", "a101ff"],
        ["a break as a key", "a1ff01"],
        ["an array as a key", "a1810000"],
        ["a map as a key", "a1a000"],
        ["keys that are not sorted, after a map between them", "a302a1000003000100"],
        ["a key again, after an array between", "a2018200000100"],
        ["long keys that differ in their last byte only, not sorted", "a243616263004361626200"],
        ["a map that ends after a key", "a101"],
        ["a negative number in nine bytes that fits in five", "3b00000000ffffffff"],
        ["reserved additional information", "1c"],
        ["a huge byte string", "5affffffff00"],
        ["a byte string beyond any memory", "5bffffffffffffffff00"],
        ["a huge array", "9affffffff00"],
        ["an array beyond any memory", "9bffffffffffffffff00"],
        ["a huge map", "baffffffff00"],
        ["a map beyond any memory", "bbffffffffffffffff00"],
        ["arrays nested nine deep", `${"81".repeat(9)}00`],
        ["maps nested nine deep", `${"a100".repeat(9)}00`],
        ["a depth bomb", "81".repeat(60_000)],
        ["a depth bomb of maps", "a100".repeat(30_000)],
        ["a depth bomb of keys", "a1".repeat(60_000)],
        ["a depth bomb of tags", "c1".repeat(60_000)],
        ["a depth bomb of indefinite arrays", "9f".repeat(60_000)],
    ])("refuses %s", (_, hex) => {
        expect(codeOf(decode(hex))).toBe("MS_MALFORMED");
    });

    it("takes eight levels, however many there are beside one another", () => {
        expect(codeOf(decode(`${"81".repeat(8)}00`))).toBe("ok");
        expect(codeOf(decode(`8a${`${"81".repeat(7)}00`.repeat(10)}`))).toBe("ok");
        expect(codeOf(decode(`a2${`00${"81".repeat(7)}00`}${`01${"81".repeat(7)}00`}`))).toBe("ok");
        expect(codeOf(decode(`82${"81".repeat(8)}0000`))).toBe("MS_MALFORMED");
        expect(codeOf(decode(`83${"80".repeat(3)}`))).toBe("ok");
    });

    it("gives plain bytes, also out of a Buffer", () => {
        const value = decodeCbor(Buffer.from("8143010203", "hex")) as Uint8Array[];
        expect(Buffer.isBuffer(value[0])).toBe(false);
        expect(value).toEqual([Uint8Array.of(1, 2, 3)]);
    });

    it("answers arbitrary bytes with a value or a typed error, and re-encodes what it takes", () => {
        const seed = seedOf(0xc8081);
        const random = seededRandom(seed);
        let taken = 0;
        for (let i = 0; i < 20_000; i++) {
            const bytes = random.bytes(1 + random.below(12));
            const result = attempt(() => decodeCbor(bytes));
            if (!result.ok) expect(result.error.code, `seed ${seed}`).toBe("MS_MALFORMED");
            else {
                taken++;
                expect(encodeCbor(result.value), `seed ${seed}`).toEqual(bytes);
            }
        }
        expect(taken).toBeGreaterThan(100);
    });
});
