import { readFileSync } from "node:fs";
import { type Result, unwrap, utf8 } from "@meterseal/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCheckpointText, verifyCheckpoint } from "../src/checkpoint/checkpoint.ts";
import { formatNote, parseNote } from "../src/checkpoint/note.ts";
import { parseVerifierKey } from "../src/checkpoint/note-key.ts";
import { formatTlogProof, parseTlogProof, verifyTlogProof } from "../src/checkpoint/tlog-proof.ts";
import { leafHash } from "../src/merkle/hash.ts";

const { ours } = JSON.parse(
    readFileSync(new URL("../../../vectors/checkpoint/checkpoints.json", import.meta.url), "utf8"),
);
const tree = JSON.parse(
    readFileSync(
        new URL("../../../vectors/merkle/rfc6962-reference.json", import.meta.url),
        "utf8",
    ),
);
const trust = {
    origin: ours.origin as string,
    publicKey: unwrap(parseVerifierKey(ours.verifierKey)).publicKey,
};
const proofTrust = { ...trust, leafHash: leafHash(Uint8Array.fromHex(tree.leaves[5])) };
const proof = formatTlogProof({
    index: 5,
    path: tree.inclusion
        .find((entry: { index: number; size: number }) => entry.index === 5 && entry.size === 8)
        .path.map((hex: string) => Uint8Array.fromHex(hex)),
    checkpoint: ours.note,
});

/** Text made of the pieces that matter to the parsers, so that some of it gets far. */
const piece = fc.constantFrom(
    "\n",
    "\n\n",
    "\u2014 ",
    " ",
    "+",
    "=",
    "AAAA",
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFup",
    "0",
    "17",
    "origin",
    "index ",
    "extra ",
    "c2sp.org/tlog-proof@v1\n",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    ours.verifierKey as string,
    ours.note as string,
    proof,
);
const junk = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
        .array(fc.oneof(piece, piece, fc.string({ maxLength: 3 })), { maxLength: 30 })
        .map((parts) => parts.join("")),
    fc.uint8Array({ maxLength: 200 }),
);
const refusedWith = (result: Result<unknown>, ...codes: string[]): void => {
    if (!result.ok) expect(codes).toContain(result.error.code);
};
const asText = (input: string | Uint8Array): string =>
    typeof input === "string" ? input : new TextDecoder("utf-8", { ignoreBOM: true }).decode(input);

describe("anything at all", () => {
    it("is refused with a typed error, or written back byte for byte", () => {
        fc.assert(
            fc.property(junk, (input) => {
                const note = parseNote(input);
                refusedWith(note, "MS_CHECKPOINT");
                if (note.ok) expect(formatNote(note.value)).toBe(asText(input));
                const text = parseTlogProof(input);
                refusedWith(text, "MS_PROOF");
                if (text.ok) expect(formatTlogProof(text.value)).toBe(asText(input));
                refusedWith(parseCheckpointText(asText(input)), "MS_CHECKPOINT");
                refusedWith(parseVerifierKey(asText(input)), "MS_CHECKPOINT");
            }),
            { numRuns: 3_000 },
        );
    });
    it("never verifies, unless it is the signed text itself", () => {
        fc.assert(
            fc.property(junk, (input) => {
                const head = verifyCheckpoint(input, trust);
                refusedWith(head, "MS_CHECKPOINT");
                if (head.ok) expect(head.value.size).toBe(8);
                const verified = verifyTlogProof(input, proofTrust);
                refusedWith(verified, "MS_PROOF", "MS_CHECKPOINT");
                if (verified.ok) expect(verified.value.index).toBe(5);
            }),
            { numRuns: 3_000 },
        );
    });
});

describe("every flipped bit", () => {
    const flips = (whole: Uint8Array): Uint8Array[] =>
        Array.from({ length: whole.length * 8 }, (_, bit) => {
            const copy = whole.slice();
            copy[bit >> 3]! ^= 1 << (bit & 7);
            return copy;
        });

    it("spoils a checkpoint", () => {
        const whole = utf8(ours.note);
        expect(verifyCheckpoint(whole, trust).ok).toBe(true);
        for (const flipped of flips(whole)) {
            const result = verifyCheckpoint(flipped, trust);
            expect(result.ok ? "ok" : result.error.code).toBe("MS_CHECKPOINT");
        }
    });
    it("spoils a proof", () => {
        const whole = utf8(proof);
        expect(verifyTlogProof(whole, proofTrust).ok).toBe(true);
        for (const flipped of flips(whole)) {
            const result = verifyTlogProof(flipped, proofTrust);
            expect(["MS_PROOF", "MS_CHECKPOINT"]).toContain(result.ok ? "ok" : result.error.code);
        }
    });
    it("and every cut, insertion and deletion", () => {
        fc.assert(
            fc.property(
                fc.nat(),
                fc.nat(5),
                fc.string({ unit: "binary", maxLength: 5 }),
                (pick, drop, add) => {
                    for (const whole of [ours.note as string, proof]) {
                        const at = pick % whole.length;
                        const changed = whole.slice(0, at) + add + whole.slice(at + drop);
                        if (changed === whole) continue;
                        const isProof = whole === proof;
                        const result = isProof
                            ? verifyTlogProof(changed, proofTrust)
                            : verifyCheckpoint(changed, trust);
                        expect(result.ok).toBe(false);
                    }
                },
            ),
            { numRuns: 3_000 },
        );
    });
});
