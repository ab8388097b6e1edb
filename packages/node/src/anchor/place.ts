import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { error, toHex } from "@meterseal/core";
import {
    type AnchorPlace,
    type AnchorProof,
    formatAnchorProof,
    formatPending,
    type PendingStore,
    parseAnchorProof,
    parsePending,
} from "@meterseal/engines/evm";
import { type DirectoryLock, lockDirectory, syncDirectory } from "@meterseal/stores";
import { PLACES, readBounded, writeWhole } from "../files.ts";

const PENDING = "pending.json";
const PROOF = /^anchor-(\d+)\.json$/;
/** Bytes of a file of ours: a proof of two tries, some twenty kilobytes. */
const FILE_BYTES = 1_048_576;

/** Directories of anchors in a data directory, one for each contract; none where it has none. */
export function anchorDirectories(dataDir: string): string[] {
    const parent = PLACES.anchors(dataDir);
    return existsSync(parent)
        ? readdirSync(parent)
              .sort()
              .map((name) => join(parent, name))
        : [];
}

/** Sizes of the anchors in a directory that have a proof, smallest first, and their files. */
export function proofFiles(directory: string): { readonly size: number; readonly path: string }[] {
    return readdirSync(directory)
        .flatMap((name) => {
            const [, size] = PROOF.exec(name) ?? [];
            return size === undefined ? [] : [{ size: Number(size), path: join(directory, name) }];
        })
        .sort((a, b) => a.size - b.size);
}

/**
 * The proof of a size in a data directory, or the one of the largest size.
 * @throws MetersealError MS_NOT_FOUND, MS_MALFORMED
 */
export function findProof(dataDir: string, size: number | null): AnchorProof {
    const files = anchorDirectories(dataDir).flatMap(proofFiles);
    const fitting = files.filter((file) => size === null || file.size === size);
    const [last] = fitting.sort((a, b) => b.size - a.size);
    if (last !== undefined) return readProof(last.path);
    const expected = size === null ? "an anchor" : `an anchor of ${size} entries`;
    throw error("MS_NOT_FOUND", { where: dataDir, expected });
}

/**
 * Reads a proof file.
 * @throws MetersealError MS_NOT_FOUND, MS_TOO_LARGE, MS_MALFORMED
 */
export function readProof(path: string): AnchorProof {
    return parseAnchorProof(readBounded(path, FILE_BYTES).toString("utf8"));
}

/**
 * What one process keeps of the anchors of one log at one contract: the transaction that is under way
 * and the proofs. Each file is whole and on disk before the call returns; one process at a time.
 */
export class AnchorDirectory implements PendingStore {
    readonly path: string;
    readonly #lock: DirectoryLock;

    /** @throws MetersealError MS_STORE_LOCKED where another process writes anchors to this contract. */
    constructor(dataDir: string, { chainId, contract }: Omit<AnchorPlace, "origin">) {
        this.path = join(PLACES.anchors(dataDir), `${chainId}-${contract.slice(2)}`);
        mkdirSync(this.path, { recursive: true, mode: 0o700 });
        this.#lock = lockDirectory(this.path);
    }

    close(): void {
        this.#lock.release();
    }

    load(): ReturnType<PendingStore["load"]> {
        const path = join(this.path, PENDING);
        return existsSync(path)
            ? parsePending(readBounded(path, FILE_BYTES).toString("utf8"), path)
            : null;
    }

    save(pending: Parameters<PendingStore["save"]>[0]): void {
        const path = join(this.path, PENDING);
        if (pending === null) rmSync(path, { force: true });
        else writeWhole(path, formatPending(pending));
        syncDirectory(this.path);
    }

    /** Proof of the anchor of a size; null where there is none. */
    proofOf(size: number): AnchorProof | null {
        const path = this.#proofPath(size);
        return existsSync(path) ? readProof(path) : null;
    }

    /** Keeps a proof; returns its path. */
    keepProof(proof: AnchorProof): string {
        const path = this.#proofPath(proof.size);
        writeWhole(path, formatAnchorProof(proof));
        syncDirectory(this.path);
        return path;
    }

    /**
     * Pins the network whose log is anchored here: the first one that was seen, and no other later.
     * @throws MetersealError MS_NETWORK
     */
    pinNetwork(networkId: Uint8Array): void {
        const path = join(this.path, "network.txt");
        const text = `${toHex(networkId)}\n`;
        if (!existsSync(path)) {
            writeWhole(path, text);
            syncDirectory(this.path);
        }
        const known = readFileSync(path, "utf8");
        if (known === text) return;
        throw error("MS_NETWORK", { where: path, expected: known.trim(), got: text.trim() });
    }

    #proofPath(size: number): string {
        return join(this.path, `anchor-${size}.json`);
    }
}
