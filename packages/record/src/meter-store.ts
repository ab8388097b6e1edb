/** A record in a meter's outbox. */
export type OutboxRecord = {
    readonly chainEpoch: number;
    readonly seq: number;
    /** 32 bytes. */
    readonly hash: Uint8Array;
    /** The signed message, exactly as first sent. */
    readonly bytes: Uint8Array;
};

/** Durable memory of one meter: its state, its outbox, and the receipts it holds. */
export interface MeterStore {
    /** The state that was last written; null for a new meter. */
    state(): Promise<Uint8Array | null>;
    /**
     * Writes the meter's new state and, with it, a new record, in one durable transaction. A record
     * is sent only after this resolved, so no crash can make the meter seal a boundary twice.
     */
    append(state: Uint8Array, record: OutboxRecord | null): Promise<void>;
    /** Records that are not final, by chain epoch and sequence number. */
    outbox(): Promise<OutboxRecord[]>;
    /** Keeps the latest `stored` receipt (whole message). */
    keepStored(receipt: Uint8Array): Promise<void>;
    /** Keeps the latest `final` receipt and deletes the records it covers, in one transaction. */
    keepFinal(receipt: Uint8Array, chainEpoch: number, seq: number): Promise<void>;
    /** The latest receipts, whole messages. */
    receipts(): Promise<{ readonly stored: Uint8Array | null; readonly final: Uint8Array | null }>;
    /** Closes the store. */
    close(): Promise<void>;
}
