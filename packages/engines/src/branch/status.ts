import { toHex } from "@meterseal/core";
import type { AuthorHead, TreeHead, VertexAnswer } from "@meterseal/ledger";
import type { Inbox } from "./inbox.ts";
import type { Connection } from "./loop.ts";
import type { PendingDag } from "./pending.ts";
import type { Sender } from "./sender.ts";

/** How things stand with a branch; plain data for people and programs. */
export type BranchStatus = {
    readonly sequencer: Connection & {
        /** Entries that its log had when it was last asked. */
        readonly logSize: number;
    };
    readonly peers: readonly (Connection & { readonly name: string })[];
    /** Latest vertex of each author here, in the log or not. */
    readonly heads: readonly {
        readonly author: string;
        readonly round: number;
        /** Hexadecimal. */
        readonly id: string;
    }[];
    /** The log up to the last checkpoint that was checked, and when its last entry was accepted. */
    readonly log: { readonly size: number; readonly root: string; readonly lastEntryMs: number };
    /** Vertices that the log does not hold yet. */
    readonly waiting: {
        readonly own: number;
        readonly foreign: number;
        /** Of others, whose parents have not come. */
        readonly orphans: number;
        /** Orphans that were dropped for want of room. */
        readonly evicted: number;
        /** Of those that were offered to the sequencer: how many it answered with which code. */
        readonly refused: Readonly<Record<string, number>>;
    };
    /** Vertices of others that were refused here, by code. */
    readonly refusedHere: Readonly<Record<string, number>>;
    /** Things kept that show somebody's fault. */
    readonly evidence: number;
};

/** What a status is made of. */
export type StatusParts = {
    readonly pending: PendingDag;
    readonly inbox: Inbox;
    readonly sender: Sender;
    readonly head: TreeHead;
    /** Milliseconds since 1970; 0 before the first entry. */
    readonly lastEntryMs: number;
    readonly sequencerSize: number;
    readonly sequencer: Connection;
    readonly peers: BranchStatus["peers"];
    readonly evidence: number;
};

/** Puts the status of a branch together. */
export function statusOf(parts: StatusParts): BranchStatus {
    const { evidence, head, inbox, lastEntryMs, peers, pending, sender } = parts;
    const { sequencer, sequencerSize } = parts;
    return {
        sequencer: { ...sequencer, logSize: sequencerSize },
        peers,
        heads: pending.heads().map(plainHead),
        log: { size: head.size, root: toHex(head.root), lastEntryMs },
        waiting: {
            ...pending.counts,
            orphans: inbox.orphans,
            evicted: [...inbox.evicted.values()].reduce((sum, count) => sum + count, 0),
            refused: countsOf(sender.refused().values()),
        },
        refusedHere: Object.fromEntries(inbox.refused),
        evidence,
    };
}

function plainHead({ author, id, round }: AuthorHead): BranchStatus["heads"][number] {
    return { author: toHex(author), round, id: toHex(id) };
}

function countsOf(answers: Iterable<VertexAnswer>): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
    return counts;
}
