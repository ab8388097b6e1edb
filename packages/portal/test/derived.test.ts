import { fromHex } from "@meterseal/core";
import type { Party } from "@meterseal/record";
import { describe, expect, it } from "vitest";
import { localWords, nameOf, togetherPolicy } from "../src/household/vault/sharing/view.ts";

const A = "0a".repeat(16);
const B = "0b".repeat(16);
const party = (id: string, name: string) => ({ id: fromHex(id), name }) as Party;

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
        const parties = [party(A, "Example Energy"), party(B, "")];
        expect(nameOf([A], parties)).toBe("Example Energy");
        expect(nameOf([B], parties)).toBe("0b0b0b0b…");
        expect(nameOf([A, B], parties)).toBe("Example Energy and 0b0b0b0b… together");
        expect(nameOf([A, B, A], parties)).toBe(
            "Example Energy, 0b0b0b0b… and Example Energy together",
        );
    });

    it("count recipients together only where there are several", () => {
        expect(togetherPolicy([[A], [B]]).coalitions).toEqual([]);
        expect(togetherPolicy([[A, B], []]).coalitions).toEqual([[A, B]]);
    });
});
