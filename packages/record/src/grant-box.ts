/** A grant or policy in a grant box, as its issuer signed it. */
export type BoxMessage = {
    /** Hash of the message, 32 bytes. */
    readonly hash: Uint8Array;
    /** NOTICE_KIND of the notice that goes with it: grant or policy. */
    readonly kind: number;
    /** Household that issued it, 16 bytes. */
    readonly issuer: Uint8Array;
    /** Party that it is for, 16 bytes. */
    readonly recipient: Uint8Array;
    readonly receivedUnix: number;
    /** The whole message. */
    readonly bytes: Uint8Array;
};

/** A message of a list: its content stays in the box. */
export type BoxItem = Omit<BoxMessage, "bytes"> & {
    /** Place in the order of arrival, from 1 on. */
    readonly row: number;
    /** Bytes of the message. */
    readonly size: number;
    /** How often its recipient took it, and when last; null before the first time. */
    readonly reads: number;
    readonly lastReadUnix: number | null;
    /** How often somebody was refused. */
    readonly refusals: number;
};

/** Somebody asked for a message. */
export type BoxAccess = {
    readonly caller: Uint8Array;
    readonly timeUnix: number;
    /** False for a refused attempt. */
    readonly granted: boolean;
    /** What the caller said it is for; empty where it said nothing. */
    readonly purpose: string;
};

/** Durable box of a server for grants and policies: bytes that it cannot open. */
export interface GrantBox {
    /**
     * Keeps a message; resolves once it is durable, with false where its hash was there already.
     * @throws MetersealError MS_BOX_FULL where its issuer has no room left.
     */
    put(message: BoxMessage): Promise<boolean>;
    /** A message by its hash; null where there is none. */
    message(hash: Uint8Array): Promise<BoxMessage | null>;
    /** Messages of a kind issued by a party or for it, by arrival, after a row; at most so many. */
    list(party: Uint8Array, kind: number, afterRow: number, limit: number): Promise<BoxItem[]>;
    /**
     * Notes durably that somebody asked for a message that is here. The latest of each are kept, those
     * that were granted and those that were refused apart: whoever is refused displaces no reader.
     */
    noteAccess(hash: Uint8Array, access: BoxAccess): Promise<void>;
    /** Who asked for a message, newest first. */
    accesses(hash: Uint8Array): Promise<BoxAccess[]>;
    /** Closes the box. */
    close(): Promise<void>;
}
