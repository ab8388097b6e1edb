import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { error, type MetersealError, toHex, unwrap } from "@meterseal/core";
import { originOf, stateOfGenesis, verifyCheckpoint } from "@meterseal/ledger";
import { lockDirectory } from "@meterseal/stores";
import { BOX_FILE, copyServerFile, openServerStore, SERVER_FILE } from "@meterseal/stores/sqlite";
import { systemClock } from "../clocks.ts";
import { contradictionNames } from "../contradictions/files.ts";
import { MEMBERSHIP_FILE, membershipFile } from "../exchange/membership.ts";
import { countEntries, PLACES, requireDirectory } from "../files.ts";
import { softwareVersion } from "../version.ts";
import { copyFile, digestFile, makeDirectory, requireWanted } from "./files.ts";
import { type Manifest, writeManifest } from "./manifest.ts";

/** A backup that was made. */
export type Backup = {
    readonly manifest: Manifest;
    /** Records stored and not in the log yet. */
    readonly looseRecords: number;
    /** Whether a server had the directory open. */
    readonly running: boolean;
    /** Meters and households of the data directory, which no backup holds. */
    readonly left: { readonly meters: number; readonly households: number };
};

/** How to make a backup. */
export type BackupOptions = {
    readonly dataDir: string;
    readonly to: string;
    /** Ends the work and removes what was made of it. */
    readonly signal: AbortSignal;
    readonly onProgress: (done: number, text: string) => void;
};

/**
 * Copies the server's part of a data directory, store and keys, also while a server uses it.
 * @throws MetersealError MS_NOT_FOUND or MS_STORE_FORMAT for the source, MS_STORE_UNWRITABLE for the
 * target, MS_BACKUP when the copy does not hold.
 */
export async function makeBackup(options: BackupOptions): Promise<Backup> {
    const { dataDir, to } = options;
    requireDirectory(dataDir);
    const server = PLACES.server(dataDir);
    if (!existsSync(join(server, SERVER_FILE))) {
        const expected = "the data of a server, from its first start on";
        throw error("MS_NOT_FOUND", { where: server, expected });
    }
    const time = new Date(systemClock.nowMs()).toISOString();
    const release = lockUnlessUsed(server);
    try {
        return await makeDirectory(to, (draft) => fill(options, draft, time, release === null));
    } finally {
        release?.();
    }
}

/** Keeps a server from starting on the store while it is copied; null where one has it already. */
function lockUnlessUsed(server: string): (() => void) | null {
    try {
        return lockDirectory(server).release;
    } catch (cause) {
        const { code } = cause as Partial<MetersealError>;
        // Whoever may only read cannot lock; then the store is read as if it were in use.
        if (code === "MS_STORE_LOCKED" || code === "MS_STORE_UNWRITABLE") return null;
        throw cause;
    }
}

async function fill(
    { dataDir, onProgress, signal }: BackupOptions,
    draft: string,
    time: string,
    inUse: boolean,
): Promise<Backup> {
    mkdirSync(PLACES.serverKeys(draft), { recursive: true, mode: 0o700 });
    const files: Manifest["files"][number][] = [];
    // The box first: the store that is copied after it holds the notice of each of its messages.
    for (const name of [BOX_FILE, SERVER_FILE] as const) {
        if (!existsSync(join(PLACES.server(dataDir), name))) continue; // of before there was a box
        const copy = join(PLACES.server(draft), name);
        await copyServerFile(PLACES.server(dataDir), name, copy, {
            inUse,
            onProgress: (done) => {
                requireWanted(signal);
                onProgress(done * 0.8, name === BOX_FILE ? "grant box" : "store");
            },
        });
        files.push({ path: `server/${name}`, ...digestFile(copy) });
    }
    for (const name of readdirSync(PLACES.serverKeys(dataDir)).sort()) {
        if (!/^[a-z]+\.(?:pem|id)$/.test(name)) continue; // a draft of a key
        const [from, copy] = [PLACES.serverKeys(dataDir), PLACES.serverKeys(draft)];
        files.push({
            path: `server/keys/${name}`,
            ...copyFile(join(from, name), join(copy, name)),
        });
    }
    if (existsSync(membershipFile(dataDir))) {
        const copy = copyFile(membershipFile(dataDir), membershipFile(draft));
        files.push({ path: `server/${MEMBERSHIP_FILE}`, ...copy });
    }
    files.push(...copyContradictions(dataDir, draft));
    onProgress(0.9, "checking the copy");
    const { looseRecords, ...head } = await headOf(PLACES.server(draft));
    const manifest = { version: softwareVersion(), time, ...head, files };
    requireWanted(signal);
    writeManifest(draft, manifest);
    const left = {
        meters: countEntries(PLACES.meters(dataDir)),
        households: countEntries(PLACES.households(dataDir)),
    };
    return { manifest, looseRecords, running: inUse, left };
}

/** Proofs against signers, which the log alone does not give back. */
function copyContradictions(dataDir: string, draft: string): Manifest["files"][number][] {
    const [from, copy] = [PLACES.contradictions(dataDir), PLACES.contradictions(draft)];
    const names = contradictionNames(from);
    if (names.length > 0) mkdirSync(copy, { mode: 0o700 });
    return names.map((name) => ({
        path: `server/contradictions/${name}`,
        ...copyFile(join(from, name), join(copy, name)),
    }));
}

/** Reads the copy as a file and by its last signed checkpoint. */
async function headOf(
    server: string,
): Promise<Pick<Manifest, "log" | "network"> & { looseRecords: number }> {
    const store = await openServerStore(server, { readOnly: true });
    const { reader } = store;
    try {
        const fault = (await reader.fileFaults())[0];
        if (fault !== undefined) throw error("MS_BACKUP", { where: SERVER_FILE, got: fault });
        const { logSize, looseRecords } = await reader.counts();
        const genesis = await store.genesis();
        // Whoever shares a log gets its checkpoints later; what is behind the last one, the blocks say.
        const isShared = (await store.blockHead()) !== null;
        const row = await (isShared ? reader.checkpointUpTo(logSize) : reader.checkpoint(logSize));
        const note = row?.note;
        if (genesis === null || note === undefined) {
            const todo = "Start the server once, so that it finishes its set-up, then try again.";
            throw error("MS_BACKUP", {
                where: SERVER_FILE,
                expected: "a log and checkpoint",
                todo,
            });
        }
        const state = unwrap(stateOfGenesis(genesis));
        const trust = { origin: originOf(state.networkId), publicKey: state.genesis.logKey };
        const { root, size } = unwrap(verifyCheckpoint(note, trust));
        const log = { size, root: toHex(root) };
        return { network: toHex(state.networkId), log, looseRecords };
    } finally {
        await store.close();
    }
}
