/** Every durable transaction of the stores, by the name of its method. */
export type WritePoint =
    | "initialize"
    | "insertRecords"
    | "insertVertex"
    | "append"
    | "appendBlock"
    | "followLog"
    | "takeVertices"
    | "keepCheckpoint"
    | "keepCosigned"
    | "keepCommits"
    | "keepStored"
    | "keepFinal"
    | "prune"
    | "put"
    | "noteAccess";

/**
 * Called around each durable transaction, for measurement, and for fault injection in tests: either
 * may throw, and so act as a crash at that point. What a hook throws comes out of the method
 * unchanged.
 */
export type StoreHooks = {
    /** All changes are made and none is durable: an error here must leave nothing behind. */
    readonly beforeCommit?: (point: WritePoint) => void;
    /** The changes are durable and the caller does not know it yet. */
    readonly afterCommit?: (point: WritePoint) => void;
};
