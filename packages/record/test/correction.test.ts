import { LIMITS, unwrap } from "@meterseal/core";
import { testBytes } from "@meterseal/testkit/keys";
import { expect, it } from "vitest";
import {
    type Correction,
    decodeCbor,
    decodeCorrection,
    decodeCorrectionNote,
    decodeWarning,
    encodeCbor,
    encodeCorrection,
    encodeCorrectionNote,
} from "../src/index.ts";

const note = {
    plus: 0n,
    minus: 1_250n,
    fromUnix: 1_357_000_000,
    toUnix: 1_357_086_400,
    reason: "transformer ratio 21 instead of 20",
};
const place = { stream: testBytes("stream", 16), sealEpoch: 3, fromSlot: 455_904 };
const sealed: Correction = {
    ...place,
    values: { mode: "sealed", index: 7, bytes: testBytes("note", 64) },
};
const open: Correction = { ...place, values: { mode: "open", note } };

it.each([
    ["a sealed correction", sealed],
    ["an open one", open],
])("%s comes back as it was, and is no warning", (_, correction) => {
    const body = decodeCbor(encodeCbor(encodeCorrection(correction)));
    expect(unwrap(decodeCorrection(body))).toEqual(correction);
    expect(decodeWarning(body).ok).toBe(false);
});

it("the note comes back as it was", () => {
    expect(unwrap(decodeCorrectionNote(encodeCorrectionNote(note)))).toEqual(note);
    const longest = { ...note, reason: "x".repeat(LIMITS.correctionCharacters) };
    expect(unwrap(decodeCorrectionNote(encodeCorrectionNote(longest)))).toEqual(longest);
});

const changed = (correction: Correction, ...fields: [number, unknown][]) =>
    new Map([...encodeCorrection(correction), ...fields]);

it.each<[string, unknown]>([
    ["a text", "free"],
    ["another kind", changed(sealed, [2, 2])],
    ["a short stream", changed(sealed, [0, new Uint8Array(15)])],
    ["a leaf beyond the tree", changed(sealed, [4, 2 ** 24])],
    ["a note too short to have a tag", changed(sealed, [5, new Uint8Array(27)])],
    ["a note beyond its limit", changed(sealed, [5, new Uint8Array(881)])],
    ["a sealed and an open note", changed(sealed, [6, open])],
    ["a field more", changed(sealed, [7, 1])],
    ["no note", new Map([...encodeCorrection(sealed)].slice(0, 4))],
])("%s is no correction", (_, body) => {
    expect(decodeCorrection(body)).toMatchObject({ ok: false, error: { code: "MS_MALFORMED" } });
});

it.each<[string, Partial<typeof note>]>([
    ["no reason", { reason: "" }],
    ["a blank reason", { reason: "  " }],
    ["a reason of two lines", { reason: "a\nb" }],
    ["a reason beyond its limit", { reason: "x".repeat(LIMITS.correctionCharacters + 1) }],
    ["no amount", { minus: 0n }],
    ["an interval that ends where it begins", { toUnix: note.fromUnix }],
])("a note with %s is refused, sealed or open", (_, changes) => {
    const other = { ...note, ...changes };
    const refusal = { ok: false, error: { code: "MS_MALFORMED" } };
    expect(decodeCorrectionNote(encodeCorrectionNote(other))).toMatchObject(refusal);
    const body = encodeCorrection({ ...place, values: { mode: "open", note: other } });
    expect(decodeCorrection(body)).toMatchObject(refusal);
});
