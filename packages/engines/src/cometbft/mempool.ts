import { error, LIMITS, type MetersealError, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { attaches, noteVertex } from "./screen.ts";
import type { ReadTx } from "./tx-reader.ts";

/**
 * The vertices in the node's mempool, since the last block. Those that no block can take yet, for nobody
 * has their parents, are bounded: CometBFT reaps what came first, and they would leave no room for others.
 * The node asks of each one again after a block, so that nothing here outlives it there.
 */
export class MempoolVertices {
    /** Ids of those that a block can take: each parent is in the ledger, or among them. */
    readonly #attached = new Set<string>();
    /** The others by the hash of their transaction: a vertex may come with several bodies. */
    readonly #orphans = new Map<string, ReadTx>();

    /** Forgets all of them, which the node names again. */
    clear(): void {
        this.#attached.clear();
        this.#orphans.clear();
    }

    /** Notes a transaction; MS_BUSY where there is no room for a vertex whose parents are unknown. */
    admit(state: LedgerState, read: ReadTx): MetersealError | null {
        if (read.tx.entry.kind !== "vertex" || this.#orphans.has(read.hash)) return null;
        const isAttached = attaches(state, this.#attached, read);
        const hasRoom = isAttached
            ? this.#attached.size < LIMITS.mempoolTransactions
            : this.#hasRoomFor(read);
        if (!hasRoom) return error("MS_BUSY", { where: `vertex ${read.tx.entry.vertex.id}` });
        if (isAttached) this.#attach(state, read);
        else this.#orphans.set(read.hash, read);
        return null;
    }

    /** Notes one that a block can take, and with it those that waited for it. */
    #attach(state: LedgerState, read: ReadTx): void {
        noteVertex(this.#attached, read);
        for (let isDone = false; !isDone; ) {
            isDone = true;
            for (const [hash, orphan] of this.#orphans) {
                if (!attaches(state, this.#attached, orphan)) continue;
                this.#orphans.delete(hash);
                noteVertex(this.#attached, orphan);
                isDone = false;
            }
        }
    }

    #hasRoomFor(read: ReadTx): boolean {
        const all = [...this.#orphans.values(), read];
        const author = authorOf(read);
        const own = all.filter((orphan) => authorOf(orphan) === author);
        return (
            all.length <= LIMITS.orphanVertices &&
            own.length <= LIMITS.orphanVerticesPerAuthor &&
            bytesOf(all) <= LIMITS.mempoolOrphanBytes &&
            bytesOf(own) <= LIMITS.mempoolOrphanBytesPerAuthor
        );
    }
}

function authorOf({ tx: { entry } }: ReadTx): string | null {
    return entry.kind === "vertex" ? toHex(entry.vertex.author) : null;
}

function bytesOf(txs: readonly ReadTx[]): number {
    return txs.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
