import type { CheckpointRow, LogRow, RecordRow, StoreReader } from "@meterseal/stores/sqlite";

type Rows<T> = AsyncIterable<T> | Iterable<T>;

/** A ledger that can be checked: a server's store, or an archive of it. */
export type LedgerSource = Pick<StoreReader, "vertex" | "bodyOf"> & {
    /** Log entries in order. */
    log(fromIndex: number): Rows<LogRow>;
    /** Checkpoints by size. */
    checkpoints(afterSize: number): Rows<CheckpointRow>;
    /** Records of a meter in chain order, 16 bytes. */
    recordsOf(subject: Uint8Array): Rows<RecordRow>;
};
