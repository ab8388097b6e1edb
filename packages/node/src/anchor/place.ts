import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
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
import { ANCHOR_FILE_BYTES, anchorProofFiles } from "./proof-files.ts";

const PENDING = "pending.json";

/**
 * The proof of a size in a data directory, or the one of the largest size.
 * @throws MetersealError MS_NOT_FOUND, MS_MALFORMED
 */
export function findProof(dataDir: string, size: number | null): AnchorProof {
    const files = anchorProofFiles(dataDir);
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
    return parseAnchorProof(readBounded(path, ANCHOR_FILE_BYTES).toString("utf8"));
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
            ? parsePending(readBounded(path, ANCHOR_FILE_BYTES).toString("utf8"), path)
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
