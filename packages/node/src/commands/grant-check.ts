import { toHex } from "@meterseal/core";
import { findingsHash, findingWords } from "@meterseal/seal";
import { grantWords } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import {
    GRANT_OPTIONS,
    type PreparedGrants,
    prepareFromOptions,
} from "../household/prepare-grants.ts";

/** `meterseal grant check`: what would follow from a grant, before there is one. */
export const grantCheckCommand: Command = {
    name: "grant check",
    summary: "says what a provider could compute with a grant beside what it holds; issues nothing",
    options: { ...GRANT_OPTIONS, json: { kind: "flag", help: "prints JSON" } },
    examples: [
        "meterseal grant check --home home --to 'Bright Energy' --level hour --from 2013-03-01 --to-date 2013-04-01 --url http://127.0.0.1:8480",
    ],
    async run(options) {
        const prepared = await prepareFromOptions(options, true);
        const found = prepared.ready.flatMap(({ judgements }) => judgements);
        const { faults } = prepared;
        if (options.json === true) out(JSON.stringify({ grants: describe(prepared), faults }));
        else tell(prepared);
        return found.length === 0 ? EXIT.ok : EXIT.fault;
    },
};

/** Sentences and codes of what was found, grant by grant. */
function describe({ key, ready, recipient }: PreparedGrants) {
    const name = recipient.name || toHex(recipient.id);
    return ready.map(({ grant, judgements }) => ({
        says: grantWords(grant),
        findings: judgements.flatMap(({ findings, who }) => {
            const reader = who.length === 1 ? name : `${name} with those it may talk to`;
            return findings.map((finding) => ({
                ...finding,
                who,
                words: findingWords(finding, reader, key.zone),
            }));
        }),
        hash: toHex(findingsHash(judgements.flatMap(({ findings }) => findings))),
    }));
}

function tell(prepared: PreparedGrants): void {
    for (const { findings, says } of describe(prepared)) {
        out(`${says}: ${findings.length === 0 ? "nothing more follows" : "more follows"}`);
        for (const { code, words } of findings) out(`  ${code.padEnd(13)} ${words}`);
    }
    for (const fault of prepared.faults) say(fault);
    say("Nothing was issued.");
}
