import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { error, type Result, unwrap } from "@meterseal/core";
import { PLACES, writeJson } from "../files.ts";
import { hexField, readJson, stringField } from "../json-fields.ts";

/** What a branch remembers of the network that it joined; not secret. */
export type Membership = {
    /** Address of the server that writes the log. */
    readonly sequencer: string;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Certificates to trust instead of the well-known ones, PEM; null for those. */
    readonly ca: string | null;
};

const FORMAT = "meterseal-membership/v1";
const CHARACTERS = 65_536;

/** Name of the file in the server's directory. */
export const MEMBERSHIP_FILE = "membership.json";

/** Where the membership of a data directory is; there only where its server is a branch. */
export function membershipFile(dataDir: string): string {
    return join(PLACES.server(dataDir), MEMBERSHIP_FILE);
}

/** Membership of a data directory; null where its server is no branch. */
export function readMembership(dataDir: string): Membership | null {
    const path = membershipFile(dataDir);
    if (!existsSync(path)) return null;
    const text = readFileSync(path, "utf8");
    return unwrap(parse(text, path));
}

function parse(text: string, where: string): Result<Membership> {
    return readJson(text, { format: FORMAT, max: CHARACTERS, where }, (fields) => ({
        sequencer: stringField(fields, "sequencer"),
        network: hexField(fields, "network", 32),
        ca: fields.ca === null ? null : stringField(fields, "ca"),
    }));
}

/** Keeps a membership. */
export function writeMembership(dataDir: string, { ca, network, sequencer }: Membership): void {
    writeJson(membershipFile(dataDir), { format: FORMAT, sequencer, network: network.toHex(), ca });
}

/**
 * Refuses a directory whose server writes a log of its own.
 * @throws MetersealError MS_USAGE
 */
export function requireNoOwnLog(dataDir: string): void {
    const keys = PLACES.serverKeys(dataDir);
    const own = ["log.pem", "operator.pem"].find((name) => existsSync(join(keys, name)));
    if (own === undefined) return;
    const todo = "Choose another data directory for the branch.";
    throw error("MS_USAGE", { where: dataDir, got: `server/keys/${own}: its own network`, todo });
}
