import { fromHex, openHpke, toHex, unwrap } from "@meterseal/core";
import { cohortHash, openGrant, parseCohort, parseGrant, parseGrantBody } from "../src/index.ts";
import { type CohortVectors, masksFor } from "./cohort-masks.ts";
import { type GrantVectors, readVector } from "./grant-reading.ts";
import { compute, type VectorFile } from "./vector-case.ts";

// Bundled for a browser by test/browser: holds the frozen vectors against what the page itself computes.

type Files = {
    readonly sealed: readonly VectorFile[];
    readonly grants: GrantVectors;
    readonly cohort: CohortVectors;
    /** RFC 9180, A.1.1. */
    readonly rfc9180: Readonly<Record<string, string>>;
};

/** How many vectors were computed, and which of them came out otherwise. */
type Outcome = { readonly checked: number; readonly wrong: readonly string[] };

class Tally {
    checked = 0;
    readonly wrong: string[] = [];

    take(name: string, got: unknown, expected: unknown): void {
        this.checked++;
        if (canonical(got) !== canonical(expected)) this.wrong.push(name);
    }
}

/** JSON that does not depend on the order in which fields were set. */
function canonical(value: unknown): string {
    return JSON.stringify(value, (_, part) =>
        typeof part === "object" && part !== null && !Array.isArray(part)
            ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
            : part,
    );
}

async function checkVectors(files: Files): Promise<Outcome> {
    const tally = new Tally();
    for (const { about, vectors } of files.sealed) {
        for (const [i, { expected, ...input }] of vectors.entries()) {
            tally.take(`${about} ${i}`, compute(input), expected);
        }
    }
    await checkGrants(files.grants, tally);
    for (const { masks, ...of } of files.cohort.masks) {
        tally.take("cohort hash", toHex(cohortHash(fromHex(of.body))), of.hash);
        tally.take("cohort masks", masksFor(of), masks);
    }
    for (const { body, code, what } of files.cohort.refused) {
        const parsed = parseCohort(fromHex(body));
        tally.take(what, parsed.ok ? "ok" : parsed.error.code, code);
    }
    const hex = (name: string): Uint8Array => fromHex(files.rfc9180[name] ?? "");
    const opened = await openHpke(
        { suite: 1, privateKey: hex("skRm"), publicKey: hex("pkRm") },
        { info: hex("info"), aad: hex("aad") },
        { enc: hex("enc"), ciphertext: hex("ct") },
    );
    tally.take("RFC 9180 A.1.1", toHex(unwrap(opened)), files.rfc9180.pt);
    return tally;
}

async function checkGrants(file: GrantVectors, tally: Tally): Promise<void> {
    for (const vector of file.grants) {
        const read = await readVector(vector, file);
        tally.take(vector.name, read, { ...vector, isSigned: true, isSealed: true });
        const grant = unwrap(parseGrant(fromHex(vector.hex)));
        const found = file.recipients.find(({ suite }) => suite === grant.hpkeSuite);
        const opened = await openGrant(grant, {
            suite: grant.hpkeSuite,
            privateKey: fromHex(found?.privateKey ?? ""),
            publicKey: fromHex(found?.publicKey ?? ""),
        });
        tally.take(`${vector.name}, opened`, opened.ok, true);
    }
    for (const { code, hex, name } of file.refused) {
        const parsed = parseGrant(fromHex(hex));
        tally.take(name, parsed.ok ? "ok" : parsed.error.code, code);
    }
    for (const { body, code, name, of } of file.refusedBodies) {
        const terms = file.grants.find((grant) => grant.name === of)?.hex ?? "";
        const parsed = parseGrantBody(unwrap(parseGrant(fromHex(terms))), fromHex(body));
        tally.take(name, parsed.ok ? "ok" : parsed.error.code, code);
    }
}

Object.assign(globalThis, { checkVectors });
