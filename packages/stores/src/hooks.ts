/** Every durable transaction of the stores, by the name of its method. */
export type WritePoint =
    | "initialize"
    | "insertRecords"
    | "insertVertex"
    | "append"
    | "keepStored"
    | "keepFinal";

/**
 * Fault injection for tests: either may throw, and so act as a crash at that point. Called inside
 * the method; what a hook throws comes out of it unchanged.
 */
export type StoreHooks = {
    /** All changes are made and none is durable: an error here must leave nothing behind. */
    readonly beforeCommit?: (point: WritePoint) => void;
    /** The changes are durable and the caller does not know it yet. */
    readonly afterCommit?: (point: WritePoint) => void;
};
