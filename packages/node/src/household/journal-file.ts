import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { error, MetersealError, unwrap } from "@meterseal/core";
import { syncDirectory } from "@meterseal/stores";
import {
    formatIssued,
    formatPosted,
    type IssuedGrant,
    type Journal,
    NO_POLICY,
    type Policy,
    parseJournal,
    parsePolicy,
} from "@meterseal/wallet";
import { writeDurably } from "../durable-lines.ts";
import { reasonOf } from "../files.ts";

/** Name of the file in a household's directory that lists every grant it made. */
const JOURNAL_FILE = "issued.jsonl";
/** Name of the file in a household's directory that says what it agrees to. */
const POLICY_FILE = "policy.json";

/**
 * The grants that a household made before, from its directory; none where there is no journal.
 * @throws MetersealError MS_NOT_FOUND where there is no such directory: a mistyped path is no household
 * without grants; MS_JOURNAL where the file is damaged.
 */
export function readJournal(householdDir: string): Journal {
    if (!existsSync(householdDir)) throw error("MS_NOT_FOUND", { where: householdDir });
    const path = join(householdDir, JOURNAL_FILE);
    const content = existsSync(path) ? readFileSync(path, "utf8") : "";
    return unwrap(parseJournal(content));
}

/**
 * The household's policy, from its directory; one that forbids nothing where there is none.
 * @throws MetersealError MS_CONFIG.
 */
export function readPolicy(householdDir: string): Policy {
    const path = join(householdDir, POLICY_FILE);
    return existsSync(path) ? unwrap(parsePolicy(readFileSync(path, "utf8"))) : NO_POLICY;
}

/**
 * Writes a grant down. Returns when it is on disk: **only then may the grant leave the wallet**.
 * @throws MetersealError MS_TOO_LARGE, MS_JOURNAL, MS_STORE_UNWRITABLE; then nothing was written.
 */
export function appendIssued(householdDir: string, grant: IssuedGrant): void {
    append(householdDir, unwrap(formatIssued(grant)));
}

/** Writes down that the server has a grant; see {@link appendIssued}. */
export function appendPosted(householdDir: string, hash: string): void {
    append(householdDir, unwrap(formatPosted(hash)));
}

/** Appends behind the last whole line, over what a crash left. */
function append(householdDir: string, line: string): void {
    const { bytes } = readJournal(householdDir);
    const path = join(householdDir, JOURNAL_FILE);
    try {
        const isNew = !existsSync(path);
        const file = openSync(path, isNew ? "wx" : "r+", 0o600);
        try {
            writeDurably(file, line, bytes);
        } finally {
            closeSync(file);
        }
        if (isNew) syncDirectory(dirname(path));
    } catch (cause) {
        if (cause instanceof MetersealError) throw cause;
        throw error("MS_STORE_UNWRITABLE", { where: path, got: reasonOf(cause), cause });
    }
}
