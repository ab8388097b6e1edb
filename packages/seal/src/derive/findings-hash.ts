import { sha256 } from "@meterseal/core";
import { encodeCbor } from "@meterseal/record";
import type { Finding, FindingCode } from "./judge.ts";

/** Numbers of the codes in what is hashed; never used again for another meaning. */
const NUMBERS = {
    short: 1,
    squares: 2,
    gap: 3,
    refinement: 4,
    weights: 5,
    "second-tariff": 6,
    crowd: 7,
    "monitor-grant": 8,
    undecided: 9,
    parts: 10,
} as const satisfies Record<FindingCode, number>;

/**
 * SHA-256 (32 bytes) of findings in canonical CBOR, sorted: what an override on the ledger names,
 * so that the household cannot say later that it was told something else.
 */
export function findingsHash(findings: readonly Finding[]): Uint8Array {
    const rows = findings.map(({ code, group, fromUnix, toUnix, count }) => [
        NUMBERS[code],
        group,
        fromUnix,
        toUnix,
        count,
    ]);
    rows.sort((a, b) => {
        const at = a.findIndex((value, i) => value !== b[i]);
        return at === -1 ? 0 : (a[at] as number) - (b[at] as number);
    });
    return sha256(encodeCbor(rows));
}
