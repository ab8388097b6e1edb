import { existsSync } from "node:fs";
import { error, formatInstant, LIMITS, toHex, unwrap } from "@meterseal/core";
import { splitSequence } from "@meterseal/record";
import { type Grant, parseGrant } from "@meterseal/seal";
import { formatScope, grantWords, scopeOfTerms } from "@meterseal/wallet";
import { type Command, textOption } from "../cli/arguments.ts";
import { jsonValue, out } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { readJournal } from "../household/journal-file.ts";
import {
    kindName,
    type OwnGrant,
    ownGrants,
    pickGrant,
    termsJson,
} from "../household/own-grants.ts";

/** `meterseal grant show`: the open terms of a grant; nobody but its recipient opens the rest. */
export const grantShowCommand: Command = {
    name: "grant show",
    positional: "GRANT",
    summary: "prints what a grant says: a file, or with --home the beginning of its hash",
    options: {
        home: { kind: "value", value: "DIR", help: "directory of the household that issued it" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal grant show grant.cbor",
        "meterseal grant show 8f3a60c1 --home home --json",
    ],
    async run(options, [name]) {
        if (name === undefined) throw error("MS_USAGE", { expected: "GRANT: a file or a hash" });
        const home = textOption(options, "home");
        const grants =
            home === undefined
                ? grantsOfFile(name)
                : [pickGrant(await grantsOfHome(home), name).grant];
        for (const grant of grants) {
            if (options.json === true) out(JSON.stringify(termsJson(grant), jsonValue));
            else out(textOf(grant));
        }
        return EXIT.ok;
    },
};

async function grantsOfHome(home: string): Promise<readonly OwnGrant[]> {
    return (await ownGrants(readJournal(home).grants, null)).grants;
}

/** The grants among the messages of a file. */
function grantsOfFile(path: string): Grant[] {
    if (!existsSync(path)) {
        const todo = "For a hash name the household's directory with --home.";
        throw error("MS_NOT_FOUND", { where: path, todo });
    }
    const bytes = readBounded(path, LIMITS.messageBytes * LIMITS.messageRecords);
    const messages = unwrap(splitSequence(bytes, LIMITS.messageRecords));
    const parsed = messages.map((message) => parseGrant(message));
    const grants = parsed.flatMap((grant) => (grant.ok ? grant.value : []));
    const [first] = parsed;
    if (grants.length === 0 && first?.ok === false) throw first.error;
    if (grants.length === 0) throw error("MS_MALFORMED", { where: path, expected: "a grant" });
    return grants;
}

function textOf(grant: Grant): string {
    const at = (unix: number): string => formatInstant(unix, grant.zone);
    const scope = scopeOfTerms(grant);
    const lines: readonly (readonly [string, string])[] = [
        ["grant", toHex(grant.message.hash)],
        ["says", grantWords(grant)],
        ["kind", kindName(grant)],
        ["household", toHex(grant.household)],
        ["recipient", `${toHex(grant.recipient)}, key ${toHex(grant.recipientKeyId)}`],
        ["stream", `${toHex(grant.streamId)}, slots of ${grant.slotSeconds} s`],
        ["seal epochs", grant.spans.map(({ sealEpoch }) => sealEpoch).join(", ")],
        ["from", at(grant.fromUnix)],
        ["to", at(grant.toUnix)],
        ["issued", at(grant.issuedUnix)],
        ...(grant.leaseEndUnix === undefined
            ? []
            : ([["read until", at(grant.leaseEndUnix)]] as const)),
        ...(scope === null ? [] : ([["scope", formatScope(scope)]] as const)),
        ["sealed", `${grant.ciphertext.length} bytes, suite ${grant.hpkeSuite}`],
    ];
    return lines.map(([label, value]) => `${label.padEnd(12)}${value}`).join("\n");
}
