import { readFileSync, writeFileSync } from "node:fs";
import { fromHex, toHex, unwrap } from "@meterseal/core";
import { describe, expect, test } from "vitest";
import { cohortHash, encodeCohort, parseCohort } from "../src/index.ts";
import { type CohortVectors, masksFor } from "./cohort-masks.ts";
import { cohortOf } from "./cohort-members.ts";
import { codeOf } from "./fixtures.ts";

const FILE = new URL("../../../vectors/seal/cohort.json", import.meta.url);
const FIRST_INDEX = 113_952;

function make(): CohortVectors {
    const { cohort, members } = cohortOf(8, { groups: [0, 15] });
    const body = unwrap(encodeCohort(cohort));
    const masks = [0, 3, 7].flatMap((own) =>
        [0, 15].map((group) => {
            const privateKey = toHex(members[own]?.privateKey as Uint8Array);
            const indices = [FIRST_INDEX, FIRST_INDEX + 1];
            const common = { body: toHex(body), hash: toHex(cohortHash(body)) };
            const made = { ...common, own, privateKey, group, indices };
            return { ...made, masks: masksFor(made) };
        }),
    );
    const hex = toHex(body);
    const swapped = hex.replace(
        toHex(cohort.members[0]?.party as Uint8Array),
        toHex(cohort.members[7]?.party as Uint8Array),
    );
    // Key 9, the minimum: 8 becomes 7.
    const minimum = hex.replace("08000908", "08000907");
    return {
        about: "Bodies of cohorts and masks of members; private keys are X25519. See formats.cddl.",
        masks,
        refused: [
            { what: "a party twice", body: swapped, code: "MS_COHORT" },
            { what: "a minimum of seven", body: minimum, code: "MS_COHORT" },
            { what: "a byte behind the body", body: `${hex}00`, code: "MS_MALFORMED" },
            { what: "a body that is cut", body: hex.slice(0, -2), code: "MS_MALFORMED" },
        ],
    };
}

if (process.env.METERSEAL_WRITE_VECTORS === "1") {
    writeFileSync(FILE, `${JSON.stringify(make(), null, 4)}\n`);
}

describe("frozen vectors of cohorts", () => {
    const vectors = JSON.parse(readFileSync(FILE, "utf8")) as CohortVectors;

    test("are what these sources make", () => {
        expect(make()).toEqual(vectors);
    });

    test("give the masks", () => {
        for (const { masks, ...of } of vectors.masks) {
            expect(toHex(cohortHash(fromHex(of.body)))).toBe(of.hash);
            expect(masksFor(of)).toEqual(masks);
        }
    });

    test("are refused where they say so", () => {
        for (const { body, code, what } of vectors.refused) {
            expect(codeOf(parseCohort(fromHex(body))), what).toBe(code);
        }
    });
});
