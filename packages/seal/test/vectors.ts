import { readFileSync, writeFileSync } from "node:fs";
import { TREE_DEPTH, type Tree } from "../src/index.ts";
import {
    type Case,
    type CoverCase,
    compute,
    type LeafCase,
    type SealCase,
    type StreamText,
    type Vector,
    type VectorFile,
} from "./vector-case.ts";

/**
 * The frozen vectors of this package and how they are computed. The test compares; to freeze new
 * ones after a change of format (a new version number!), run this file with --write. With --check
 * it compares on its own, which the test does under the browser condition.
 */

const MASTER = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const ONE: StreamText = {
    streamId: "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
    sealEpoch: 0,
    suite: 1,
    slotSeconds: 900,
    groups: [
        [0, 1],
        [1, 1],
    ],
};
const OTHER: StreamText = {
    streamId: "00112233445566778899aabbccddeeff",
    sealEpoch: 4_294_967_295,
    suite: 1,
    slotSeconds: 1800,
    groups: [
        [0, 1],
        [2, 1],
        [15, 2],
    ],
};

function leaf(stream: StreamText, group: number, tree: Tree, index: number): LeafCase {
    return { kind: "leaf", master: MASTER, stream, group, tree, index };
}

function cover(group: number, tree: Tree, first: number, last: number): CoverCase {
    return { kind: "cover", master: MASTER, stream: ONE, group, tree, first, last };
}

function keyTreeCases(): Case[] {
    const cases: Case[] = [];
    for (const tree of [0, 1, 2, 3, 4] as const) {
        cases.push(leaf(ONE, 0, tree, 0), leaf(OTHER, 15, tree, 2 ** TREE_DEPTH[tree] - 1));
    }
    cases.push(leaf(ONE, 1, 0, 920_344), leaf({ ...ONE, sealEpoch: 1 }, 1, 0, 920_344));
    cases.push(leaf(ONE, 0, 2, 2 ** 18), leaf(ONE, 7, 2, 0), leaf({ ...ONE, suite: 0 }, 0, 0, 0));
    cases.push(cover(0, 0, 920_344, 923_316), cover(1, 2, 9587, 9616), cover(0, 3, 312, 323));
    cases.push(cover(0, 1, 5, 5), cover(0, 3, 0, 2 ** 14 - 1), cover(0, 3, 1, 2 ** 14 - 2));
    return cases;
}

function seal(about: string, changes: Partial<SealCase>): SealCase {
    const addresses = [
        [0, 920_343],
        [3, 315],
        [0, 920_345],
    ] as const;
    const registers = ["1000", "0", "1037", "0", "1051", "2"];
    return { kind: "seal", about, master: MASTER, stream: ONE, addresses, registers, ...changes };
}

function sealedBoundariesCases(): Case[] {
    const two = [
        [0, 1],
        [0, 2],
    ] as const;
    const top = String(2n ** 61n - 1n);
    return [
        seal("a slot, the first of April 2026 in Berlin, a slot", {}),
        seal("all levels and an event", {
            addresses: [
                [0, 1],
                [1, 274_658],
                [2, 9587],
                [3, 316],
                [4, 0],
            ],
            registers: ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        }),
        seal("four channels, largest registers", {
            stream: OTHER,
            addresses: two,
            registers: [top, top, top, top, top, top, top, top],
        }),
        seal("growth of the cap", { addresses: two, registers: ["0", "0", "1048575", "0"] }),
        seal("growth beyond the cap", { addresses: two, registers: ["0", "0", "1048576", "0"] }),
        seal("growth beyond the cap after the previous record", {
            addresses: two,
            registers: ["1048576", "0", "1048576", "0"],
            previous: ["0", "0"],
        }),
        seal("growth of a sum of squares", {
            stream: OTHER,
            addresses: two,
            registers: ["0", "0", "0", "0", "0", "1099509530625", "0", "0"],
        }),
        seal("a register of 2^61", {
            addresses: two,
            registers: ["0", "0", "0", String(2n ** 61n)],
        }),
        seal("a register that runs backwards", { addresses: two, registers: ["2", "0", "1", "0"] }),
        seal("one leaf twice", { addresses: [two[0], two[0]], registers: ["1", "0", "1", "0"] }),
        seal("no such leaf", { addresses: [[3, 16_384]], registers: ["1", "0"] }),
        seal("a register too few", { addresses: two, registers: ["1", "0", "1"] }),
        seal("a suite that is not for streams", { stream: { ...ONE, suite: 0 } }),
    ];
}

function commitmentsCases(): Case[] {
    const { kind: _, ...all } = seal("import and export at all levels and an event", {
        addresses: [
            [0, 920_343],
            [1, 274_658],
            [2, 9587],
            [3, 316],
            [4, 0],
        ],
        registers: ["1000", "0", "1037", "0", "1051", "2", "1051", "2", "1052", "7"],
    });
    const two = [
        [0, 1],
        [0, 2],
    ] as const;
    const top = String(2n ** 61n - 1n);
    const mixed = {
        ...all,
        about: "two channels in one commitment: plus minus minus, above and below zero",
        stream: OTHER,
        addresses: two,
        registers: [top, "0", top, "0", "5", "6", "0", top],
    };
    return [
        { ...all, kind: "commit", committed: 2 },
        { ...all, kind: "commit", committed: 1, about: "import alone" },
        { ...mixed, kind: "commit", committed: 3 },
        { ...mixed, kind: "commit", committed: 4, about: "more than there are groups" },
        { ...mixed, kind: "commit", committed: 1, about: "one too few", registers: ["1", "2"] },
    ];
}

const DIRECTORY = new URL("../../../vectors/seal/", import.meta.url);
export const VECTOR_FILES = [
    "key-tree.json",
    "sealed-boundaries.json",
    "commitments.json",
] as const;

/** All vector files as they would be written now. */
export function generate(): Record<(typeof VECTOR_FILES)[number], VectorFile> {
    const withExpected = (cases: Case[]): Vector[] =>
        cases.map((input) => ({ ...input, expected: compute(input) }));
    return {
        "key-tree.json": {
            about: "Key trees of suite 1: roots, tree keys, leaves, covers. Bytes as hexadecimal text, 64-bit numbers as decimal text.",
            vectors: withExpected(keyTreeCases()),
        },
        "sealed-boundaries.json": {
            about: "Sealed registers: bytes, or the error that refuses them. Addresses are [level, index].",
            vectors: withExpected(sealedBoundariesCases()),
        },
        "commitments.json": {
            about: "Commitments to registers on ristretto255, one list for each of the first groups, and their blinds as decimal text; or the error that refuses them.",
            vectors: withExpected(commitmentsCases()),
        },
    };
}

export function readVectors(name: (typeof VECTOR_FILES)[number]): VectorFile {
    return JSON.parse(readFileSync(new URL(name, DIRECTORY), "utf8")) as VectorFile;
}

if (import.meta.main && process.argv.includes("--write")) {
    for (const [name, content] of Object.entries(generate())) {
        writeFileSync(new URL(name, DIRECTORY), `${JSON.stringify(content, null, 4)}\n`);
    }
}
if (import.meta.main && process.argv.includes("--check")) {
    let wrong = 0;
    for (const { vectors } of VECTOR_FILES.map(readVectors)) {
        for (const { expected, ...input } of vectors) {
            if (JSON.stringify(compute(input)) !== JSON.stringify(expected)) wrong++;
        }
    }
    console.log(`${wrong} wrong`);
    process.exitCode = wrong === 0 ? 0 : 1;
}
