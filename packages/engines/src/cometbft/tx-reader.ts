import { LIMITS, ok, type Result, sha256, toHex } from "@meterseal/core";
import { parseTx, type Tx } from "./tx.ts";

/** A transaction that was read, by the hash that CometBFT gives it. */
export type ReadTx = { readonly hash: string; readonly bytes: Uint8Array; readonly tx: Tx };

/**
 * Reads transactions, each once: mempool, proposal, vote and block ask for the same ones, and a parsed
 * record keeps the verdict on its signature, too.
 */
export class TxReader {
    readonly #kept = new Map<string, ReadTx>();
    readonly #keptBytes: number;
    #bytes = 0;

    /** @param keptBytes - transactions of so many bytes together stay parsed; the oldest go first. */
    constructor(keptBytes: number = LIMITS.mempoolBytes) {
        this.#keptBytes = keptBytes;
    }

    /** A transaction; MS_TOO_LARGE, MS_MALFORMED or MS_VERSION for anything else. */
    read(bytes: Uint8Array): Result<ReadTx> {
        const hash = toHex(sha256(bytes));
        const known = this.#kept.get(hash);
        if (known !== undefined) return ok(known);
        const own = bytes.slice(); // the buffer of a request holds other transactions, too
        const tx = parseTx(own);
        if (!tx.ok) return tx;
        const read = { hash, bytes: own, tx: tx.value };
        this.#keep(read);
        return ok(read);
    }

    /** Transactions of a block; null stands for each that is none. */
    readAll(txs: readonly Uint8Array[]): (ReadTx | null)[] {
        return txs.map((bytes) => {
            const read = this.read(bytes);
            return read.ok ? read.value : null;
        });
    }

    /** Forgets one that is in a block. */
    forget({ hash }: ReadTx): void {
        const known = this.#kept.get(hash);
        if (known === undefined) return;
        this.#kept.delete(hash);
        this.#bytes -= known.bytes.length;
    }

    #keep(read: ReadTx): void {
        this.#kept.set(read.hash, read);
        this.#bytes += read.bytes.length;
        for (const oldest of this.#kept.values()) {
            if (this.#bytes <= this.#keptBytes) return;
            this.forget(oldest);
        }
    }
}
