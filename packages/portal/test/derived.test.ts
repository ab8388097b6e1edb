import { createLadder, unwrap } from "@meterseal/core";
import type { Party } from "@meterseal/record";
import type { IssuedGrant, Released } from "@meterseal/wallet";
import { describe, expect, it } from "vitest";
import { localWords, nameOf, togetherWords } from "../src/household/vault/sharing/view.ts";
import { ZONE } from "./series.ts";

const A = "0a".repeat(16);
const B = "0b".repeat(16);
const named = (idHex: string, name: string) => ({ idHex, party: { name } as Party });

describe("sentences about what follows from grants", () => {
    it("say instants as people of the zone write them", () => {
        const sentence =
            "from 2013-03-31T00:00:00+00:00 to 2013-04-01T00:00:00+01:00 (23 hours), 2013 in all";
        expect(localWords(sentence, "Europe/London")).toBe(
            "from 31 Mar 2013, 00:00 to 1 Apr 2013, 00:00 (23 hours), 2013 in all",
        );
        expect(localWords("at 2013-01-01T08:00:00Z.", "America/Los_Angeles")).toBe(
            "at 1 Jan 2013, 00:00.",
        );
    });

    it("name recipients, one or several together, and an id where there is no name", () => {
        const recipients = [named(A, "Example Energy"), { idHex: B, party: null }];
        expect(nameOf([A], recipients)).toBe("Example Energy");
        expect(nameOf([B], recipients)).toBe("0b0b0b0b…");
        expect(nameOf([A, B], recipients)).toBe("Example Energy and 0b0b0b0b… together");
        expect(nameOf([A, B, A], recipients)).toBe(
            "Example Energy, 0b0b0b0b… and Example Energy together",
        );
    });

    it("count together who has something of this home, and not who adds up a neighbourhood", () => {
        const ladder = unwrap(createLadder(ZONE, 1800));
        const household = { household: "0c".repeat(16), ladder, epochs: [], zone: ZONE };
        const recipients = [named(A, "Example Energy"), named(B, "Example Advice")];
        const day = (fromSlot: number): Released => ({
            kind: "own",
            holding: {
                groups: [0],
                known: {
                    kind: "keys",
                    level: 2,
                    spans: [{ sealEpoch: 0, fromSlot, toSlot: fromSlot + 48 }],
                },
            },
        });
        const grant = (recipient: string, released: Released): IssuedGrant => ({
            ...{ recipient, released, hash: "", stream: "", issuedUnix: 0, messages: [] },
        });
        const cohort: Released = {
            kind: "cohort",
            cohort: {
                ...{ hash: "", month: 156, level: 0, groups: [0], members: [A, B] },
                ...{ fromSlot: 96, toSlot: 144 },
            },
        };
        const words = (other: Released) =>
            togetherWords([grant(A, day(0)), grant(B, other)], recipients, household);
        expect(words(day(96))).toEqual([
            expect.stringMatching(/Example Advice and Example Energy together/),
        ]);
        expect(words(cohort)).toEqual([]);
    });
});
