import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { error, type MetersealError, type Result } from "@meterseal/core";
import { checkDoubleVote } from "@meterseal/engines/cometbft";
import {
    type Contradiction,
    CULPRIT,
    checkContradiction,
    decodeContradiction,
    encodeContradiction,
    type ProvenContradiction,
} from "@meterseal/ledger";
import { syncDirectory } from "@meterseal/stores";
import { readBounded } from "../files.ts";

/** Bytes of a file: two statements, an enrolment, a genesis and eight headers. */
const FILE_BYTES = 1_048_576;
const NAME = /^[a-z]+-[0-9a-f]{1,64}-\d+\.contradiction$/;

/** A file of a contradiction, and what became of checking it. */
export type CheckedFile = { readonly file: string } & (
    | { readonly proven: ProvenContradiction; readonly fault: null }
    | { readonly proven: null; readonly fault: MetersealError }
);

/** Name of the file of a signer and epoch: the first proof of each is kept, and more say nothing new. */
export function fileNameOf({ culprit, epoch, id }: ProvenContradiction): string {
    return `${culprit}-${id}-${epoch}.contradiction`;
}

/**
 * Reads a file and checks it with the network's id (32 bytes) alone.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, or why it proves nothing.
 */
export function readContradiction(
    path: string,
    networkId: Uint8Array,
): { readonly bytes: Uint8Array; readonly proven: ProvenContradiction } {
    const bytes = new Uint8Array(readBounded(path, FILE_BYTES));
    const { fault, proven } = checkFile(path, bytes, networkId);
    if (fault !== null) throw fault;
    return { bytes, proven };
}

/** Checks a contradiction of whomever: votes are for the engine that they belong to. */
function checkAny(
    contradiction: Contradiction,
    networkId: Uint8Array,
): Result<ProvenContradiction> {
    const isVote = contradiction.culprit === CULPRIT.validator;
    return (isVote ? checkDoubleVote : checkContradiction)(contradiction, networkId);
}

/** Checks the bytes of a file. */
export function checkFile(file: string, bytes: Uint8Array, networkId: Uint8Array): CheckedFile {
    const read = decodeContradiction(bytes);
    const checked = read.ok ? checkAny(read.value, networkId) : read;
    return checked.ok
        ? { file, proven: checked.value, fault: null }
        : { file, proven: null, fault: checked.error };
}

/** Names of the files in a directory, sorted; none where there is no directory. */
export function contradictionNames(dir: string): string[] {
    if (!existsSync(dir)) return [];
    return readdirSync(dir)
        .filter((name) => NAME.test(name))
        .sort();
}

/** Contradictions that a server has found, one small file each in a directory of their own. */
export class ContradictionFiles {
    readonly #dir: string;
    readonly #networkId: Uint8Array;

    /** @param networkId - 32 bytes: what is kept must hold under it. */
    constructor(dir: string, networkId: Uint8Array) {
        this.#dir = dir;
        this.#networkId = networkId;
    }

    /** Names of the files, sorted. */
    names(): string[] {
        return contradictionNames(this.#dir);
    }

    /** Whether the first proof against a signer in an epoch is there. */
    has(proven: Pick<ProvenContradiction, "culprit" | "id" | "epoch">): boolean {
        return existsSync(join(this.#dir, fileNameOf({ ...proven, where: "" })));
    }

    /** Every file, checked. */
    list(): CheckedFile[] {
        return this.names().map((file) => {
            try {
                return { file, proven: this.read(file).proven, fault: null };
            } catch (cause) {
                return { file, proven: null, fault: cause as MetersealError };
            }
        });
    }

    /** @throws MetersealError MS_NOT_FOUND, or why the file proves nothing. */
    read(file: string): ReturnType<typeof readContradiction> {
        if (!NAME.test(file)) throw error("MS_NOT_FOUND", { where: file });
        return readContradiction(join(this.#dir, file), this.#networkId);
    }

    /**
     * Keeps a contradiction, on disk when it returns; the first of its signer and epoch stays.
     * @returns what it proves where it is new; null where there is one.
     * @throws MetersealError why it proves nothing.
     */
    keep(contradiction: Contradiction): ProvenContradiction | null {
        const proven = checkAny(contradiction, this.#networkId);
        if (!proven.ok) throw proven.error;
        if (this.has(proven.value)) return null;
        mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
        const path = join(this.#dir, fileNameOf(proven.value));
        writeFileSync(`${path}.new`, encodeContradiction(contradiction), { flush: true });
        renameSync(`${path}.new`, path);
        syncDirectory(this.#dir);
        return proven.value;
    }
}
