import { existsSync, writeFileSync } from "node:fs";
import { concatBytes, error, fromBase64, toHex } from "@meterseal/core";
import { grantWords, type ReadyGrant } from "@meterseal/wallet";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { aloneWithJournal, type HouseholdJournal } from "../household/journal-file.ts";
import { issue, postUnposted } from "../household/post-issued.ts";
import {
    GRANT_OPTIONS,
    type PreparedGrants,
    prepareFromOptions,
} from "../household/prepare-grants.ts";
import type { ServerApi } from "../party/server-api.ts";

/** `meterseal grant create`: lets a provider see sums of the household's registers. */
export const grantCreateCommand: Command = {
    name: "grant create",
    summary: "grants a provider sums of a household: which windows, from when to when",
    options: {
        ...GRANT_OPTIONS,
        override: {
            kind: "flag",
            help: "grants although more follows from it than it says; the ledger will say so",
        },
        out: { kind: "value", value: "FILE", help: "without a server: writes notices and grants" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal grant create --home .meterseal/demo/households/MAC000515 --to 'Bright Energy' --level day --from 2013-01-01 --to-date 2013-02-01 --url http://127.0.0.1:8480",
        "meterseal grant create --home home --to provider/party.json --profile TAF7 --from 2026-01-01 --to-date 2027-01-01 --evidence home.cbor --out grant.cbor",
    ],
    async run(options) {
        const path = requireOneTarget(options);
        const home = requiredOption(options, "home", "DIR");
        const prepared = await aloneWithJournal(home, async (journal) => {
            const made = await prepareFromOptions(options, options.override === true);
            const { ready, server } = made;
            if (server === null) writeOffline(journal, path as string, ready);
            else await send(journal, server.api, ready);
            return made;
        });
        for (const fault of prepared.faults) say(fault);
        report(options, prepared, path);
        return EXIT.ok;
    },
};

/** Either a server or a file takes what is made; the path of the file, or null. */
function requireOneTarget(options: Options): string | null {
    const [url, path] = [textOption(options, "url"), textOption(options, "out")];
    if ((url === undefined) === (path === undefined)) {
        throw error("MS_USAGE", { expected: "either --url URL or --out FILE" });
    }
    if (path !== undefined && existsSync(path)) {
        throw error("MS_USAGE", {
            where: path,
            expected: "--out with a file that is not there yet",
        });
    }
    return path ?? null;
}

/** Sends what an earlier run could not, then these. */
async function send(
    journal: HouseholdJournal,
    api: ServerApi,
    ready: readonly ReadyGrant[],
): Promise<void> {
    const late = await postUnposted(api, journal);
    if (late > 0) say(`Sent ${late} earlier grants that the server did not have.`);
    for (const { issued } of ready) await issue(api, journal, issued);
}

/** Notices and grants as a CBOR sequence, in the order in which a server takes them. */
function writeOffline(journal: HouseholdJournal, path: string, ready: readonly ReadyGrant[]): void {
    for (const { issued } of ready) journal.appendIssued(issued);
    const messages = ready.flatMap(({ issued }) => issued.messages.map(fromBase64));
    writeFileSync(path, concatBytes(...messages), { flush: true, flag: "wx" });
}

function report(options: Options, { ready, recipient }: PreparedGrants, path: string | null): void {
    if (options.json === true) {
        const grants = ready.map(({ grant, judgements }) => ({
            grant: toHex(grant.message.hash),
            recipient: toHex(grant.recipient),
            says: grantWords(grant),
            bytes: grant.message.bytes.length,
            overridden: judgements.length > 0,
        }));
        out(JSON.stringify({ grants, out: path }));
        return;
    }
    for (const { grant } of ready) {
        out(toHex(grant.message.hash));
        const id = toHex(grant.recipient);
        const who = recipient.name === "" ? id : `${recipient.name} (${id})`;
        say(`Granted to ${who}: ${grantWords(grant)}.`);
    }
    say("It can be revoked at any time; what was read before stays known to who read it.");
    if (path !== null) {
        say(
            `Written to ${path}. It counts once a server has it; the next grant with --url sends it.`,
        );
    }
}
