import { readFileSync } from "node:fs";
import { unwrap } from "@meterseal/core";
import { encodeCohort, parseCohort } from "@meterseal/seal";
import { formatIssued, formatPosted, parseJournal, parsePolicy } from "@meterseal/wallet";
import { bytesTarget, textTarget } from "./make-target.ts";
import { type FuzzTarget, type FuzzVerdict, requireSame, verdictOf } from "./target.ts";

type Vectors = { readonly [Name in "masks" | "refused"]: readonly { readonly body: string }[] };

function bodies(): Uint8Array[] {
    const path = new URL("../../vectors/seal/cohort.json", import.meta.url);
    const { masks, refused } = JSON.parse(readFileSync(path, "utf8")) as Vectors;
    return [...masks, ...refused].map(({ body }) => Uint8Array.fromHex(body));
}

function takeCohort(bytes: Uint8Array): FuzzVerdict {
    const cohort = parseCohort(bytes);
    if (cohort.ok) requireSame(unwrap(encodeCohort(cohort.value)), bytes);
    return verdictOf(cohort);
}

function journals(): string[] {
    const [hash, recipient, stream] = ["a".repeat(64), "b".repeat(32), "c".repeat(32)];
    const spans = [{ sealEpoch: 0, fromSlot: 1, toSlot: 9 }];
    const known = { kind: "keys", level: 1, spans } as const;
    const own = { kind: "own", holding: { groups: [0], known } } as const;
    const span = { month: 156, level: 0, fromSlot: 1, toSlot: 9 };
    const part = { ...span, hash, groups: [0], members: [recipient, stream] };
    const common = { hash, recipient, stream, issuedUnix: 1, messages: ["AA=="] };
    const lines = [own, { kind: "cohort", cohort: part } as const].map((released) =>
        unwrap(formatIssued({ ...common, released })),
    );
    return [...lines, lines.join("") + unwrap(formatPosted(hash))];
}

const POLICY = JSON.stringify({
    format: "meterseal-policy/v1",
    minimum: "day",
    recipients: { ["b".repeat(32)]: "hour" },
    coalitions: [["b".repeat(32), "c".repeat(32)]],
});

/** Cohorts as a member reads them, and the files that a wallet keeps for itself. */
export const COHORTS: readonly FuzzTarget[] = [
    bytesTarget("cohort", 20_000, bodies, takeCohort),
    textTarget("journal", 10_000, journals, (text) => verdictOf(parseJournal(text))),
    textTarget(
        "policy",
        10_000,
        () => [POLICY],
        (text) => verdictOf(parsePolicy(text)),
    ),
];
