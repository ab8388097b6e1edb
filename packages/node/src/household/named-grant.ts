import { error } from "@meterseal/core";
import { type OptionSpec, type Options, requiredOption } from "../cli/arguments.ts";
import { say } from "../console.ts";
import { type OwnParty, openParty } from "../party/party.ts";
import { type ServerApi, serverAs } from "../party/server-api.ts";
import { readJournal } from "./journal-file.ts";
import { type OwnGrant, ownGrants, pickGrant } from "./own-grants.ts";

/** Options of a command for one grant, which its positional HASH names. */
export const NAMED_GRANT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    home: { kind: "value", value: "DIR", help: "directory of the household" },
    url: { kind: "value", value: "URL", help: "server that has the grant" },
    json: { kind: "flag", help: "prints JSON" },
};

/** A household's grant at hand, and who asks which server about it. */
export type NamedGrant = {
    readonly api: ServerApi;
    readonly own: OwnParty;
    readonly found: OwnGrant;
};

/**
 * The grant that a command names, as the household and its server know it.
 * @param name - the hash or its beginning; undefined where the command line has none.
 * @throws MetersealError MS_USAGE, MS_NOT_FOUND, MS_JOURNAL, and those of the server.
 */
export async function namedGrant(options: Options, name: string | undefined): Promise<NamedGrant> {
    if (name === undefined) throw error("MS_USAGE", { expected: "HASH: its beginning is enough" });
    const home = requiredOption(options, "home", "DIR");
    const own = openParty(home);
    const api = serverAs(own, requiredOption(options, "url", "URL"));
    const { faults, grants } = await ownGrants(readJournal(home).grants, { own, api });
    for (const fault of faults) say(fault);
    return { api, own, found: pickGrant(grants, name) };
}
