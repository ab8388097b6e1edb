import { toHex, unwrap } from "@meterseal/core";
import { describe, expect, test } from "vitest";
import { openNote, sealNote } from "../src/index.ts";
import { codeOf, MASTER, MIXED, ownerOf } from "./fixtures.ts";

const note = {
    plus: 40n,
    minus: 0n,
    fromUnix: 1_357_000_000,
    toUnix: 1_357_086_400,
    reason: "cover opened for repair",
};
const place = { index: 3, fromSlot: 920_000 };

describe("the note of a correction", () => {
    const owner = ownerOf({ groups: MIXED });

    test("opens with the household's key, and is the same bytes each time", () => {
        const sealed = unwrap(sealNote(owner, place, note));
        expect(unwrap(openNote(owner, place, sealed))).toEqual(note);
        expect(sealed).toEqual(unwrap(sealNote(ownerOf({ groups: MIXED }), place, note)));
    });

    // Worked out in Python, with hmac and AES-GCM of its own, from the text of formats.cddl.
    test("is sealed as the formats say", () => {
        expect(toHex(unwrap(sealNote(owner, place, note)))).toBe(
            "e1257aa309527e446d2c93b777dd39638107ff43fea441b2672ce0967aefea80" +
                "4dcf2026263dff8bb7b50c8a1da06a393115c5fb3a2fde25d90389",
        );
    });

    test("opens under no other key, leaf, slot, seal epoch or stream, and not with a bit changed", () => {
        const sealed = unwrap(sealNote(owner, place, note));
        const others = [
            openNote(ownerOf({ groups: MIXED }, MASTER.toReversed()), place, sealed),
            openNote(ownerOf({ groups: MIXED, sealEpoch: 1 }), place, sealed),
            openNote(ownerOf({ groups: MIXED, streamId: new Uint8Array(16) }), place, sealed),
            openNote(owner, { ...place, index: 4 }, sealed),
            openNote(owner, { ...place, fromSlot: 920_001 }, sealed),
            openNote(
                owner,
                place,
                sealed.map((byte, i) => (i === 5 ? byte ^ 1 : byte)),
            ),
        ];
        for (const other of others) expect(codeOf(other)).toBe("MS_UNSEAL");
    });

    test("needs a stream with adjustments", () => {
        expect(codeOf(sealNote(ownerOf(), place, note))).toBe("MS_NOT_ALLOWED");
    });
});
