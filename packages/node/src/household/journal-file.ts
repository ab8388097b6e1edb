import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { error, LIMITS, MetersealError, unwrap } from "@meterseal/core";
import { type DirectoryLock, lockDirectory, syncDirectory } from "@meterseal/stores";
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
import { steadyClock } from "../clocks.ts";
import { say } from "../console.ts";
import { writeDurably } from "../durable-lines.ts";
import { reasonOf } from "../files.ts";

/** Name of the file in a household's directory that lists every grant it made. */
const JOURNAL_FILE = "issued.jsonl";
/**
 * Directory in a household's whose lock says who writes the journal. The household's own may be that of
 * its meter, which is in use as long as that measures.
 */
const LOCK_DIRECTORY = "issued.lock";
const LOCK_POLL_MS = 50;
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
 * The journal of a household while this process alone writes it: what is judged by its lines is true
 * until the next one is on disk. {@link aloneWithJournal} gives it.
 */
export class HouseholdJournal {
    /** Directory of the household. */
    readonly home: string;

    constructor(home: string) {
        this.home = home;
    }

    /** All of it, as it is on disk now; see {@link readJournal}. */
    read(): Journal {
        return readJournal(this.home);
    }

    /**
     * Writes a grant down. Returns when it is on disk: **only then may the grant leave the wallet**.
     * @throws MetersealError MS_TOO_LARGE, MS_JOURNAL, MS_STORE_UNWRITABLE; then nothing was written.
     */
    appendIssued(grant: IssuedGrant): void {
        append(this.home, unwrap(formatIssued(grant)));
    }

    /** Writes down that the server has a grant; as {@link appendIssued}. */
    appendPosted(hash: string): void {
        append(this.home, unwrap(formatPosted(hash)));
    }
}

/**
 * Runs something that judges and issues grants, while no other process does that for the same home.
 * Others wait meanwhile; the lock ends with the process, however that ends.
 * @param waitMs - longest wait for another process.
 * @throws MetersealError MS_NOT_FOUND where there is no such directory; MS_STORE_LOCKED after the wait;
 * MS_STORE_UNWRITABLE.
 */
export async function aloneWithJournal<T>(
    householdDir: string,
    body: (journal: HouseholdJournal) => Promise<T>,
    waitMs: number = LIMITS.journalWaitMs,
): Promise<T> {
    if (!existsSync(householdDir)) throw error("MS_NOT_FOUND", { where: householdDir });
    const lock = await lockPatiently(householdDir, waitMs);
    try {
        return await body(new HouseholdJournal(householdDir));
    } finally {
        lock.release();
    }
}

async function lockPatiently(householdDir: string, waitMs: number): Promise<DirectoryLock> {
    const lastMs = steadyClock.nowMs() + waitMs;
    for (let isSaid = false; ; isSaid = true) {
        try {
            return lockDirectory(join(householdDir, LOCK_DIRECTORY));
        } catch (cause) {
            if (!(cause instanceof MetersealError) || cause.code !== "MS_STORE_LOCKED") throw cause;
            const { got = "another process" } = cause.details;
            if (steadyClock.nowMs() >= lastMs) {
                const todo = "Repeat this when that process is done with the home.";
                throw error("MS_STORE_LOCKED", { where: householdDir, got, todo, cause });
            }
            if (!isSaid) say(`Waits for ${got}, which issues grants of this home.`);
        }
        await sleep(LOCK_POLL_MS);
    }
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
