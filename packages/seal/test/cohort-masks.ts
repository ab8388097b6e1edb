import { fromHex, unwrap } from "@meterseal/core";
import { masksOf, pairSecrets, parseCohort } from "../src/index.ts";

// What the frozen vectors of cohorts mean, without files: so that a browser computes them, too.

export type CohortVectors = {
    readonly about: string;
    readonly masks: readonly {
        readonly body: string;
        readonly hash: string;
        readonly own: number;
        readonly privateKey: string;
        readonly group: number;
        readonly indices: readonly number[];
        /** u64 in hex, window-major, one per channel. */
        readonly masks: readonly string[];
    }[];
    readonly refused: readonly {
        readonly what: string;
        readonly body: string;
        readonly code: string;
    }[];
};

/** Masks of a member, as the vectors write them. */
export function masksFor(of: Omit<CohortVectors["masks"][0], "masks">): string[] {
    const cohort = unwrap(parseCohort(fromHex(of.body)));
    const key = fromHex(of.privateKey);
    const secrets = unwrap(pairSecrets(cohort, fromHex(of.hash), of.own, key));
    const words = masksOf(cohort, of.group, of.indices, of.own, secrets);
    return Array.from({ length: words.length / 2 }, (_, i) =>
        [...words.subarray(2 * i, 2 * i + 2)]
            .map((word) => word.toString(16).padStart(8, "0"))
            .join(""),
    );
}
