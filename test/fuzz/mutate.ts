import { concatBytes, utf8 } from "@meterseal/core";
import type { SeededRandom } from "@meterseal/testkit/random";

/** Bytes that sit at the edges of CBOR heads, MQTT headers, text and lengths. */
const EDGE_BYTES = [0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x40, 0x58, 0x5b, 0x5f, 0x7f];
const HIGH_BYTES = [0x80, 0x84, 0x9f, 0xa0, 0xbf, 0xc0, 0xd2, 0xf6, 0xf7, 0xf9, 0xfb, 0xfe, 0xff];
/** CBOR heads that promise more than follows: huge strings, arrays, maps; endless ones; deep tags. */
const LYING_HEADS = [
    "5affffffff",
    "5bffffffffffffffff",
    "9affffffff",
    "9b7fffffffffffffff",
    "baffffffff",
    "7bffffffffffffffff",
    "5fff",
    "9f",
    "bf",
    "1bffffffffffffffff",
    "3bffffffffffffffff",
    "fb7ff8000000000000",
    "f97e00",
    "c249ffffffffffffffffff",
    "8181818181818181818181",
    "d8d2d8d2d8d2d2d2",
].map((hex) => Uint8Array.fromHex(hex));
/** Longest input; a few go beyond every limit of the formats. */
const LENGTH_MAX = 70_000;

/** How much is changed: one thing in half of the inputs, which then get farther than others. */
function changes(random: SeededRandom): number {
    return random.chance(0.5) ? 1 : 2 + random.below(3);
}

/** One changed copy of some bytes: flips, edges, cuts, copies, pieces of others, lying heads. */
export function mutateBytes(
    random: SeededRandom,
    bytes: Uint8Array,
    pool: readonly Uint8Array[],
): Uint8Array {
    let out: Uint8Array = new Uint8Array(bytes); // a copy, also of a Buffer, whose slice is none
    for (let i = changes(random); i > 0; i--) out = changeOnce(random, out, pool);
    return out.length > LENGTH_MAX ? out.slice(0, LENGTH_MAX) : out;
}

function changeOnce(
    random: SeededRandom,
    bytes: Uint8Array,
    pool: readonly Uint8Array[],
): Uint8Array {
    const at = random.below(bytes.length + 1);
    const length = 1 + random.below(random.pick([2, 9, 40, bytes.length + 1]));
    const set = (value: number): Uint8Array => {
        const place = Math.min(at, bytes.length - 1);
        if (place >= 0) bytes[place] = value;
        return bytes;
    };
    const insert = (piece: Uint8Array): Uint8Array =>
        concatBytes(bytes.subarray(0, at), piece, bytes.subarray(at));
    switch (random.below(10)) {
        case 0:
        case 1:
            return set((bytes[Math.min(at, bytes.length - 1)] ?? 0) ^ (1 << random.below(8)));
        case 2:
            return set(random.pick(random.chance(0.5) ? EDGE_BYTES : HIGH_BYTES));
        case 3:
            return set((bytes[Math.min(at, bytes.length - 1)] ?? 0) + random.pick([1, 255, 128]));
        case 4:
            return concatBytes(bytes.subarray(0, at), bytes.subarray(at + length));
        case 5:
            return bytes.slice(0, at);
        case 6:
            return insert(bytes.subarray(at, at + length));
        case 7: {
            const other = random.pick(pool);
            const from = random.below(other.length + 1);
            return insert(other.subarray(from, from + length));
        }
        case 8:
            return insert(random.pick(LYING_HEADS));
        default:
            return insert(random.bytes(Math.min(length, 64)));
    }
}

/** Pieces of text that matter to parsers of notes, JSON, numbers, paths and tables. */
const PIECES = [
    "\n",
    "\r\n",
    "\n\n",
    "\u2014 ",
    ",",
    ",,",
    '"',
    "\\u0000",
    "\ufeff",
    "{",
    "[[[[",
    "null",
    "-1",
    "-0",
    "1e309",
    "0x10",
    "9007199254740993",
    "18446744073709551616",
    "0.00000001",
    "NaN",
    "__proto__",
    "constructor",
    "%00",
    "%ff",
    "../",
    "==",
    "\ud800",
    "9".repeat(400),
];

/** One changed copy of a text: as bytes, by whole lines, or with pieces that parsers look for. */
export function mutateText(random: SeededRandom, text: string, pool: readonly string[]): string {
    let out = text;
    for (let i = changes(random); i > 0; i--) {
        const at = random.below(out.length + 1);
        const length = 1 + random.below(random.pick([2, 9, 40]));
        const other = random.pick(pool);
        const from = random.below(other.length + 1);
        const lines = out.split("\n");
        switch (random.below(6)) {
            case 0:
                out = `${out.slice(0, at)}${random.pick(PIECES)}${out.slice(at)}`;
                break;
            case 1:
                out = out.slice(0, at) + out.slice(at + length);
                break;
            case 2:
                out = `${out.slice(0, at)}${other.slice(from, from + length)}${out.slice(at)}`;
                break;
            case 3:
                out = random.shuffle(lines.slice(0, 50)).join("\n");
                break;
            case 4:
                lines.splice(random.below(lines.length), random.below(3), random.pick(lines));
                out = lines.join("\n");
                break;
            default:
                out = new TextDecoder().decode(mutateBytes(random, utf8(out), [utf8(other)]));
        }
        if (out.length > LENGTH_MAX) out = out.slice(0, LENGTH_MAX);
    }
    return out;
}

/** Values that a reader of JSON may not expect where it finds them. */
const JSON_VALUES: readonly unknown[] = [
    null,
    true,
    -1,
    0.5,
    1e300,
    2 ** 32,
    2 ** 53,
    "",
    "\u0000",
    "0",
    "-1",
    "zz".repeat(16),
    "00".repeat(16),
    "A".repeat(600),
    "AAAA",
    "Europe/Nowhere",
    [],
    {},
    [null],
    [[0, 1], 2],
    Array.from({ length: 400 }, (_, i) => i),
    { toString: null, length: -1 },
];

/** A changed copy of a JSON text that is JSON still: values replaced, left out, repeated, or moved. */
export function mutateJson(random: SeededRandom, text: string): string {
    const root = JSON.parse(text) as unknown;
    for (let i = changes(random); i > 0; i--) changeJson(random, root);
    return JSON.stringify(root);
}

function changeJson(random: SeededRandom, root: unknown): void {
    let place = root as Record<string, unknown>;
    for (;;) {
        const names = Object.keys(place);
        if (names.length === 0) return;
        const name = random.pick(names);
        const inner = place[name];
        if (typeof inner === "object" && inner !== null && random.chance(0.8)) {
            place = inner as Record<string, unknown>;
            continue;
        }
        const other = random.chance(0.8) ? random.pick(JSON_VALUES) : place[random.pick(names)];
        const value = structuredClone(other); // a later change must not reach into the list
        const how = random.below(10);
        if (how === 0) delete place[name];
        else if (how === 1) place[`${name}2`] = value;
        else if (how < 6 && typeof inner === "number")
            place[name] = inner + random.pick([1, -1, 0.5]);
        else place[name] = value;
        return;
    }
}
