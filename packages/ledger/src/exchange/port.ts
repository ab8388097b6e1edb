import type { LogEntry } from "../entry.ts";

/** A vertex on its way between collectors. */
export type SentVertex = {
    /** The whole signed message. */
    readonly bytes: Uint8Array;
    /** Its records back to back. */
    readonly body: Uint8Array;
};

/** Latest vertex of an author that somebody has, in the log or not. */
export type AuthorHead = {
    /** 16 bytes. */
    readonly author: Uint8Array;
    readonly round: number;
    /** 36 bytes. */
    readonly id: Uint8Array;
};

/** How far somebody has come. An author's vertices name one another: the latest stands for all. */
export type Heads = {
    /** Entries of the log that are final there. */
    readonly logSize: number;
    readonly authors: readonly AuthorHead[];
};

/** An entry of a log that is followed. */
export type SentEntry = LogEntry & {
    /** Records of a vertex back to back; empty for any other entry. */
    readonly body: Uint8Array;
    /** Signed checkpoint over the tree that ends with this entry. */
    readonly checkpoint: string;
};

/** Some entries of a log, in order. */
export type LogPage = {
    /** Entries that are final there; more than the page holds where a next one is to be asked for. */
    readonly size: number;
    readonly entries: readonly SentEntry[];
};

/** What became of a vertex that was sent: taken or known, kept until its parents come, or refused. */
export type VertexAnswer = "taken" | "waits" | (string & {});

/**
 * What collectors of one network ask of one another. Whoever answers need not be trusted: a log is
 * checked against its signed checkpoints, a vertex against the keys of the log. Pages are bounded by
 * {@link LIMITS.exchangeBytes}.
 */
export interface Exchange {
    /** Final entries from an index on; none where there is nothing new. */
    logPage(fromIndex: number): Promise<LogPage>;
    heads(): Promise<Heads>;
    /** Vertices behind these heads that the log does not hold, each after its parents. */
    missing(heads: Heads): Promise<readonly SentVertex[]>;
    /** Offers vertices, each after its parents; one answer each, in order. */
    offer(vertices: readonly SentVertex[]): Promise<readonly VertexAnswer[]>;
    /**
     * Offers another message that belongs in the log.
     * @throws MetersealError what it is refused with.
     */
    submit(item: Uint8Array): Promise<unknown>;
}
