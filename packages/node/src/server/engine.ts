import type { MetersealError } from "@meterseal/core";
import type { Engine, MerkleLog } from "@meterseal/ledger";

/** What a server needs of the engine that orders its entries, whichever it is. */
export type ServerEngine = Engine & {
    /** The tree of the log; its head may be ahead of what is final. */
    readonly log: MerkleLog;
    /** Origin of the network's checkpoints. */
    readonly origin: string;
    /** Why it takes nothing more until the next start; null while it does, absent where nobody can say. */
    readonly failure?: MetersealError | null;
    /**
     * Resolves once all that the state holds now is final: the state may be ahead of that, and of the disk.
     * @throws MetersealError where it does not become so.
     */
    settled(): Promise<void>;
    /** Writes what the next start may go on from; absent where it replays all. */
    saveImage?(): Promise<void>;
    /** Takes no more entries; resolves when nothing of the engine runs any more. */
    close(): Promise<void> | void;
};
