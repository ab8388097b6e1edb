import { bytesEqual, toHex } from "@meterseal/core";
import type { Enrolment, Party, StreamDescriptor } from "@meterseal/record";
import type { Genesis } from "../genesis.ts";
import { ByteHeap } from "../packed/byte-heap.ts";
import { ChainTable } from "../packed/chain-table.ts";
import { Enrolments, EnrolmentTable } from "../packed/enrolment-table.ts";
import { KeyIndex } from "../packed/key-index.ts";
import { StreamTable } from "../packed/stream-table.ts";
import type { Table } from "../packed/table.ts";
import { StateFacts } from "./state-facts.ts";

/** A record that waits for an earlier one. */
export type PendingRecord = {
    /** Name of the record, 32 bytes. */
    readonly hash: Uint8Array;
    /** The whole message as it came first. */
    readonly bytes: Uint8Array;
};

/** Hashes of accepted records in the table of chains. */
export type AcceptedHashes = {
    readonly length: number;
    /** Where the table has the last of them. */
    readonly block: number;
    /** Copy of the hash at an index. */
    readonly at: (index: number) => Uint8Array;
};

/** Where one chain (subject, chain epoch) stands. */
export type Chain = {
    readonly subject: Uint8Array;
    readonly epoch: number;
    /** Hash of the enrolment of the key that writes this chain: `prev` of the first record. */
    readonly anchor: Uint8Array;
    /** Sequence number and hash of the last accepted record; 0 and {@link anchor} at first. */
    headSeq: number;
    headHash: Uint8Array;
    /** Hashes of the accepted records, by seq − 1. */
    readonly hashes: AcceptedHashes;
    /** Hashes accepted in an open draft, after those of {@link hashes}. */
    appended: Uint8Array[];
    /** Records that wait for an earlier one, by place; the one that ends the chain among them. */
    pending: Map<number, PendingRecord>;
    /** First place in dispute; records from here on are not accepted. */
    frozenAt: number | null;
    /** True when the next chain epoch has begun. */
    closed: boolean;
    /** Hash of the epoch record that took the place after the head; null while not closed. */
    closedBy: Uint8Array | null;
};

/** What the rules must remember of one stream and seal epoch. */
export type StreamState = {
    readonly descriptor: StreamDescriptor;
    readonly subject: Uint8Array;
    lastSlot: number;
    /** Largest index used in each tree, hour to month (index 1 … 3). */
    lastIndex: readonly [number, number, number, number];
    /** Last registers of an open stream, one a channel; empty before the first. */
    registers: readonly bigint[];
    /** Largest index used in the event tree; −1 before the first event. */
    lastEvent: number;
    /** Instant of the opening event, seconds since 1970: no boundary lies before it; 0 without one. */
    openedUnix: number;
    /** True after the closing event of the seal epoch: nothing may follow. */
    closed: boolean;
    /** True after its chain was frozen: only a new seal epoch may go on. */
    frozen: boolean;
};

/** What the rules must remember of one collector. */
export type AuthorState = {
    readonly enrolment: Enrolment;
    lastVertex: string | null;
    round: number;
};

/** What the ledger remembers of a notice, beside who said what of which kind. */
export type NoticeState = {
    /** Hash of the message, 32 bytes. */
    readonly hash: Uint8Array;
    readonly timeUnix: number;
};

/** What the ledger remembers of a tariff, beside its hash. */
export type TariffState = {
    /** The provider, 16 bytes. */
    readonly party: Uint8Array;
    readonly timeUnix: number;
};

/** Committed state of a ledger: a function of the accepted entries alone. */
export type LedgerState = {
    readonly genesis: Genesis;
    readonly networkId: Uint8Array;
    /** Where the enrolments of {@link keys} and {@link subjects} are. */
    readonly enrolments: Enrolments;
    /** Enrolments by key id. */
    readonly keys: EnrolmentTable;
    /** By key id of a key that was replaced: first chain epoch that it may not sign. */
    readonly keyEnds: Map<string, number>;
    /** Latest enrolment of each subject. */
    readonly subjects: EnrolmentTable;
    readonly chains: ChainTable;
    readonly streams: StreamTable;
    readonly authors: Map<string, AuthorState>;
    /** Round of every accepted vertex by id. */
    readonly vertices: Map<string, number>;
    /** Ids of all enrolled streams, of whichever seal epoch. */
    readonly streamIds: KeyIndex;
    /** Ids (hexadecimal) of meters and collectors that were removed for cause. */
    readonly revoked: Set<string>;
    /** Present state of each party by its id (hexadecimal). */
    readonly parties: Map<string, Party>;
    /** Latest message of each key of a party, keys that it gave up too, by key id (hexadecimal). */
    readonly partyKeys: Map<string, Party>;
    /** Household (party id) that owns a stream, both hexadecimal. */
    readonly owners: Map<string, string>;
    /** By {@link noticeKey}. */
    readonly notices: Map<string, NoticeState>;
    /** By the hash of the message, hexadecimal. */
    readonly tariffs: Map<string, TariffState>;
    /** Hashes (hexadecimal) of the messages by which old records were pruned: no facts, each counts once. */
    readonly prunings: Set<string>;
    lastTimeMs: number;
    /** Entries that were accepted: of a state that follows a log, the size of the log. */
    size: number;
    /** What the state root is made of; whoever changes a map above says so here. */
    readonly facts: StateFacts;
};

/** What the rules of records read and change of a state; a collector has one that is ahead of the log. */
export type RecordState = Pick<LedgerState, "keys" | "keyEnds" | "revoked"> & {
    readonly chains: Pick<Table<Chain>, "get" | "set">;
    readonly streams: Pick<Table<StreamState>, "get" | "set">;
    readonly facts: Pick<StateFacts, "touch">;
};

const KID_BYTES = 8;
const ID_BYTES = 16;

/** State before the first entry. */
export function initialState(
    genesis: Genesis,
    networkId: Uint8Array,
    genesisVertices: readonly string[],
): LedgerState {
    const enrolments = new Enrolments(new ByteHeap());
    const subjects = new EnrolmentTable(enrolments, ID_BYTES);
    return {
        genesis,
        networkId,
        enrolments,
        keys: new EnrolmentTable(enrolments, KID_BYTES),
        keyEnds: new Map(),
        subjects,
        chains: new ChainTable(),
        streams: new StreamTable(enrolments, subjects),
        authors: new Map(),
        vertices: new Map(genesisVertices.map((id) => [id, 0])),
        streamIds: new KeyIndex(ID_BYTES),
        parties: new Map(),
        revoked: new Set(),
        partyKeys: new Map(),
        owners: new Map(),
        notices: new Map(),
        tariffs: new Map(),
        prunings: new Set(),
        lastTimeMs: 0,
        size: 0,
        facts: new StateFacts(),
    };
}

/** Key of a chain in the state. */
export function chainKey(subject: Uint8Array, epoch: number): string {
    return `${toHex(subject)}/${epoch}`;
}

/** Key of a stream in the state. */
export function streamKey(stream: Uint8Array, sealEpoch: number): string {
    return `${toHex(stream)}/${sealEpoch}`;
}

/** Key of a notice in the state: a party says each thing (`topicOf`) once for each kind. */
export function noticeKey(party: Uint8Array, kind: number, topic: Uint8Array): string {
    return `${toHex(party)}/${kind}/${toHex(topic)}`;
}

/** Hash of the accepted record with a sequence number; undefined when there is none. */
export function hashAt(chain: Chain, seq: number): Uint8Array | undefined {
    if (seq < 1 || seq > chain.headSeq) return undefined;
    const index = seq - 1;
    return index < chain.hashes.length
        ? chain.hashes.at(index)
        : chain.appended[index - chain.hashes.length];
}

/** True when the accepted record at a sequence number has this hash. */
export function isAccepted(chain: Chain, seq: number, hash: Uint8Array): boolean {
    const accepted = hashAt(chain, seq);
    return accepted !== undefined && bytesEqual(accepted, hash);
}
