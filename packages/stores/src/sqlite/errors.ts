import { type ErrorCode, error, MetersealError } from "@meterseal/core";

/** Primary result codes of SQLite (sqlite.org/rescode.html) that have a meaning of their own here. */
const SQLITE = {
    perm: 3,
    busy: 5,
    locked: 6,
    readOnly: 8,
    ioError: 10,
    corrupt: 11,
    full: 13,
    cannotOpen: 14,
    notADatabase: 26,
} as const;

/** SQLITE_IOERR_SHMSIZE: the index of the write-ahead log could not grow, because the disk has no room. */
const NO_ROOM_FOR_INDEX = 4874;

const FULL = "The disk is full: make room.";
const PERMISSIONS = "Check the permissions of the file and its directory.";
const OTHER_WRITER = "Stop the other program that uses this file.";

const CODES: ReadonlyMap<number, readonly [code: ErrorCode, todo: string]> = new Map([
    [SQLITE.perm, ["MS_STORE_UNWRITABLE", PERMISSIONS]],
    [SQLITE.busy, ["MS_STORE_LOCKED", OTHER_WRITER]],
    [SQLITE.locked, ["MS_STORE_LOCKED", OTHER_WRITER]],
    [SQLITE.readOnly, ["MS_STORE_UNWRITABLE", PERMISSIONS]],
    [SQLITE.ioError, ["MS_STORE_UNWRITABLE", "The disk failed: check it, then start again."]],
    [NO_ROOM_FOR_INDEX, ["MS_STORE_UNWRITABLE", FULL]],
    [SQLITE.corrupt, ["MS_STORE_FORMAT", "The file is damaged: restore it from a copy."]],
    [SQLITE.full, ["MS_STORE_UNWRITABLE", FULL]],
    [SQLITE.cannotOpen, ["MS_STORE_UNWRITABLE", PERMISSIONS]],
    [SQLITE.notADatabase, ["MS_STORE_FORMAT", "This is not a store of Meterseal."]],
]);

/**
 * Error of the driver as one of ours; anything that is no driver error passes unchanged, so that a
 * broken assertion stays one.
 *
 * @param where the file that was in use.
 */
export function storeError(cause: unknown, where: string): unknown {
    if (cause instanceof MetersealError || !(cause instanceof Error)) return cause;
    if (isOutOfRange(cause)) {
        return error("MS_STORE_COLUMN", { where, got: "an integer beyond 2^53", cause });
    }
    const result = resultCode(cause);
    if (result === null) return cause;
    const known = CODES.get(result) ?? CODES.get(result & 0xff);
    if (known === undefined) return error("MS_INTERNAL", { where, got: cause.message, cause });
    const [code, todo] = known;
    return error(code, { where, got: cause.message, todo, cause });
}

/** True for a failed read, write or fsync: what the disk holds is unknown from then on. */
export function isIoError(cause: unknown): boolean {
    const result = resultCode(cause);
    return result !== null && (result & 0xff) === SQLITE.ioError;
}

/** Extended result code of an error of `node:sqlite`; null for any other error. */
function resultCode(cause: unknown): number | null {
    if (!(cause instanceof Error) || !("errcode" in cause)) return null;
    return typeof cause.errcode === "number" ? cause.errcode : null;
}

function isOutOfRange(cause: Error): boolean {
    return "code" in cause && cause.code === "ERR_OUT_OF_RANGE";
}
