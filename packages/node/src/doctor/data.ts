import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { formatInstant, LIMITS } from "@meterseal/core";
import { openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { partialsOf } from "../backup/files.ts";
import { systemClock } from "../clocks.ts";
import { membershipFile } from "../exchange/membership.ts";
import { isOpenToOthers, PLACES, reasonOf, requireDirectory } from "../files.ts";
import { type Check, fault, fine, listed, warning } from "./check.ts";

/** Files of a server that it cannot do without once it has a store. */
const MEMBER_KEYS = ["collector.pem", "collector.id"];
/** Those of a server of its own, besides; in a network of several one of them has these. */
const SERVER_KEYS = ["operator.pem", "log.pem", ...MEMBER_KEYS];
const SECRET = /(?:\.pem|master\.hex|key\.json|\.key(?:\.next)?)$/;
/** No machine that runs this had its clock before. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/** Mark and format of the directory. */
export function checkFormat(dataDir: string): Check {
    const name = "data directory";
    if (!existsSync(dataDir)) return fine(name, `${dataDir} is not there yet; serve makes it`);
    try {
        requireDirectory(dataDir);
        return fine(name, `${dataDir} is ours`);
    } catch (cause) {
        if (readdirSync(dataDir).length === 0) return fine(name, `${dataDir} is empty`);
        return fault(name, reasonOf(cause), "Choose an empty directory, or one of ours.");
    }
}

/** Store and clock: what is in the store must not lie in this machine's future. */
export async function checkStore(dataDir: string): Promise<Check[]> {
    const nowMs = systemClock.nowMs();
    const server = PLACES.server(dataDir);
    if (!existsSync(join(server, SERVER_FILE))) {
        return [fine("store", "none yet"), checkClock(nowMs, null)];
    }
    try {
        const store = await openServerStore(server, { readOnly: true });
        try {
            const { logSize, looseRecords, records } = await store.reader.counts();
            let lastMs: number | null = null;
            for await (const row of store.reader.log(Math.max(0, logSize - 1))) lastMs = row.timeMs;
            const message = `log of ${logSize} entries, ${records} records, ${looseRecords} of them not in the log yet`;
            return [fine("store", message), checkClock(nowMs, lastMs)];
        } finally {
            await store.close();
        }
    } catch (cause) {
        const todo = "Restore a backup into another directory; keep this one to find out why.";
        return [fault("store", reasonOf(cause), todo), checkClock(nowMs, null)];
    }
}

/** The clock against common sense, the log, and itself. */
export function checkClock(nowMs: number, lastEntryMs: number | null): Check {
    const name = "clock";
    const shown = formatInstant(Math.floor(nowMs / 1000), "UTC");
    const todo = "Set the clock and keep it synchronised (NTP).";
    if (nowMs < EARLIEST_MS) return fault(name, `it stands at ${shown}`, todo);
    const aheadMs = lastEntryMs === null ? 0 : lastEntryMs - nowMs;
    if (aheadMs > LIMITS.clockAheadSeconds * 1000) {
        const message = `it stands at ${shown}, ${Math.ceil(aheadMs / 1000)} s before the last log entry`;
        return fault(name, message, todo);
    }
    if (aheadMs > 0) return warning(name, `${shown}: a little before the last log entry`, todo);
    return fine(name, shown);
}

/** Secrets that somebody else may read, and keys of the server that are missing. */
export async function checkKeys(dataDir: string): Promise<Check> {
    const name = "keys";
    const keyDirectory = PLACES.serverKeys(dataDir);
    const hasStore = existsSync(join(PLACES.server(dataDir), SERVER_FILE));
    const isMember = existsSync(membershipFile(dataDir)) || (hasStore && (await isShared(dataDir)));
    const needed = isMember ? MEMBER_KEYS : SERVER_KEYS;
    const missing = needed.filter((file) => !existsSync(join(keyDirectory, file)));
    if (hasStore && missing.length > 0) {
        const todo = "Put them back from a backup: the log takes no others.";
        return fault(name, `missing in server/keys: ${missing.join(", ")}`, todo);
    }
    const secrets = filesBelow(dataDir).filter((path) => SECRET.test(path));
    if (process.platform === "win32") {
        const message = `${secrets.length} files; who may read them was not checked`;
        return warning(name, message, "Allow the directory to the server's account alone.");
    }
    const open = secrets.filter(isOpenToOthers);
    if (open.length === 0) return fine(name, `${secrets.length} secret files, all mode 600`);
    const todo = `Run: chmod -R go= ${dataDir}; and ask who has read them.`;
    const shown = listed(open.map((path) => relative(dataDir, path)));
    return fault(name, `others may read ${shown}`, todo);
}

/** Whether several organisations share the ledger of a store; false where it cannot be read. */
async function isShared(dataDir: string): Promise<boolean> {
    try {
        const store = await openServerStore(PLACES.server(dataDir), { readOnly: true });
        try {
            return (await store.blockHead()) !== null;
        } finally {
            await store.close();
        }
    } catch {
        return false; // what is wrong with it is said of the store
    }
}

/** What a kill or a power cut left: nothing of it is needed. */
export function checkLeftovers(dataDir: string, isServing: boolean): Check {
    const drafts = isServing
        ? []
        : filesBelow(dataDir).filter((path) => /\.new(?:-\w+)?$/.test(path));
    const left = [...partialsOf(dataDir), ...drafts];
    if (left.length === 0) return fine("leftovers", "none");
    const todo = "Delete them if no backup or restore is under way.";
    return warning("leftovers", listed(left), todo);
}

function filesBelow(directory: string): string[] {
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
}
