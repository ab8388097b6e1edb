import { concatBytes, error, fail, LIMITS, type Result } from "@meterseal/core";
import {
    attempt,
    decodeCbor,
    encodeCbor,
    isSummary,
    malformed,
    toArray,
    toBytes,
    toInteger,
} from "@meterseal/record";
import type { CID } from "multiformats/cid";
import type { LogItem } from "../entry.ts";
import type { PruningRange } from "../pruning.ts";
import {
    type CarBlock,
    decodeNode,
    encodedNodeBlock,
    isLink,
    nodeBlock,
    rawBlock,
} from "./blocks.ts";

/** Type in the root block: names the format and its version. */
const CAR_TYPE = "meterseal/ledger-car/v1";
/** As {@link CAR_TYPE}, of a ledger some of whose records were pruned. */
const PRUNED_CAR_TYPE = "meterseal/ledger-car/v2";

/** Links to a signed message and, of a vertex, to what belongs to it. */
export type CarMessage = {
    readonly kind: LogItem["kind"] | "record";
    /** Whole COSE_Sign1, raw. */
    readonly message: CID;
    /** Header of a vertex in dag-cbor: the vertex's id, through which others name it as a parent. */
    readonly vertex?: CID;
    /** Records of a vertex back to back, raw: the hash is the header's `bodyHash`. */
    readonly body?: CID;
    /** In the place of the body where records of it were pruned, raw: see {@link parseRemains}. */
    readonly remains?: CID;
};

/** A log entry: when it was accepted, and its message. */
export type CarEntry = CarMessage & { readonly time: number };

/** A checkpoint with the cosignatures that are on it. */
export type CarCheckpoint = { readonly size: number; readonly note: string };

/** What a consensus engine has agreed on, as the store keeps it. */
export type CarBlockHead = {
    readonly height: number;
    /** 32 bytes. */
    readonly appHash: Uint8Array;
    readonly state: Uint8Array;
    /** What the validators signed, raw: the block behind the genesis; absent where nothing was kept. */
    readonly commits?: CID;
};

/** Root block of an archive: links to pages, in the order in which the file holds them. */
export type CarRoot = {
    /** Genesis, raw: its hash is the network id. */
    readonly genesis: CID;
    /** Number of log entries. */
    readonly size: number;
    /** Pages of log entries. */
    readonly entries: readonly CID[];
    /** Pages of checkpoints, by size. */
    readonly checkpoints: readonly CID[];
    /** Pages of vertices and records that are not in the log yet. */
    readonly waiting: readonly CID[];
    /** Proofs of contradictions, raw. */
    readonly contradictions: readonly CID[];
    /** Proofs of anchors on EVM chains, raw: the last blocks of the file; absent where there are none. */
    readonly anchors?: readonly CID[];
    /** Ranges of the prunings among the entries; absent where there are none. */
    readonly prunings?: readonly PruningRange[];
    /** Absent where the server keeps its log alone. */
    readonly block?: CarBlockHead;
};

/** Entries, checkpoints or messages under one page; readers refuse more. */
export const PAGE_ITEMS = 512;
const PAGES_MAX = 40_000;
const STATE_BYTES_MAX = 65_536;
const ENTRY_KINDS = [
    ...["vertex", "enrolment", "party", "notice", "tariff", "revocation", "pruning"],
];

/** Root block. */
export function rootBlock(root: CarRoot): CarBlock {
    return nodeBlock({ type: root.prunings === undefined ? CAR_TYPE : PRUNED_CAR_TYPE, ...root });
}

/** A page of entries, checkpoints or messages. */
export function pageBlock(
    items: readonly CarEntry[] | readonly CarCheckpoint[] | readonly CarMessage[],
): CarBlock {
    return nodeBlock(items);
}

/** Blocks of a message, the links to them, and of a vertex its header and records in their order. */
export function messageBlocks(
    kind: CarMessage["kind"],
    bytes: Uint8Array,
    vertex?: { readonly header: Uint8Array; readonly records: readonly Uint8Array[] },
): { readonly links: CarMessage; readonly blocks: readonly CarBlock[] } {
    const message = rawBlock(bytes);
    if (vertex === undefined) return { links: { kind, message: message.cid }, blocks: [message] };
    const { records } = vertex;
    const isPruned = records.some(isSummary);
    const header = encodedNodeBlock(vertex.header);
    const body = rawBlock(isPruned ? encodeCbor(records) : concatBytes(...records));
    const links = { kind, message: message.cid, vertex: header.cid };
    return {
        links: { ...links, ...(isPruned ? { remains: body.cid } : { body: body.cid }) },
        blocks: [message, header, body],
    };
}

/** Parses what remains of a body: a CBOR array of records and summaries in its order. */
export function parseRemains(bytes: Uint8Array): Result<Uint8Array[]> {
    return attempt(() =>
        toArray(decodeCbor(bytes), "remains", LIMITS.vertexRecords).map((each) =>
            toBytes(each, "remains", 1, LIMITS.recordBytes),
        ),
    );
}

/** Parses a root block strictly. Fails with MS_ARCHIVE, or MS_VERSION for another type. */
export function parseRoot(bytes: Uint8Array): Result<CarRoot> {
    return parseNode(bytes, "root", (value) => {
        const map = fieldsOf(value, "root");
        const isPruned = map.type === PRUNED_CAR_TYPE;
        if (map.type !== CAR_TYPE && !isPruned)
            throw error("MS_VERSION", { where: "root", expected: CAR_TYPE });
        const known = [
            "type",
            "genesis",
            "size",
            "entries",
            "checkpoints",
            "waiting",
            "contradictions",
            ...(map.anchors === undefined ? [] : ["anchors"]),
            ...(isPruned ? ["prunings"] : []),
        ];
        onlyKeys(map, map.block === undefined ? known : [...known, "block"], "root");
        return {
            genesis: toLink(map.genesis, "raw", "root.genesis"),
            size: toInteger(map.size, "root.size", 0, Number.MAX_SAFE_INTEGER),
            entries: toLinks(map.entries, "root.entries"),
            checkpoints: toLinks(map.checkpoints, "root.checkpoints"),
            waiting: toLinks(map.waiting, "root.waiting"),
            contradictions: toLinks(map.contradictions, "root.contradictions", "raw"),
            ...(map.anchors === undefined
                ? {}
                : { anchors: toLinks(map.anchors, "root.anchors", "raw") }),
            ...(isPruned ? { prunings: parsePrunings(map.prunings) } : {}),
            ...(map.block === undefined ? {} : { block: parseBlockHead(map.block) }),
        };
    });
}

/** Parses a page of log entries strictly. Fails with MS_ARCHIVE. */
export function parseEntryPage(bytes: Uint8Array): Result<CarEntry[]> {
    return parsePage(bytes, (value) => {
        const map = fieldsOf(value, "entry");
        const { time, ...message } = map;
        return {
            ...parseMessage(message, ENTRY_KINDS),
            time: toInteger(time, "entry.time", 0, Number.MAX_SAFE_INTEGER),
        };
    });
}

/** Parses a page of what is not in the log yet strictly. Fails with MS_ARCHIVE. */
export function parseWaitingPage(bytes: Uint8Array): Result<CarMessage[]> {
    return parsePage(bytes, (value) =>
        parseMessage(fieldsOf(value, "waiting"), ["vertex", "record"]),
    );
}

/** Parses a page of checkpoints strictly; the notes are for who knows the log's key. */
export function parseCheckpointPage(bytes: Uint8Array): Result<CarCheckpoint[]> {
    return parsePage(bytes, (value) => {
        const map = fieldsOf(value, "checkpoint");
        onlyKeys(map, ["size", "note"], "checkpoint");
        const { note } = map;
        return {
            size: toInteger(map.size, "checkpoint.size", 0, Number.MAX_SAFE_INTEGER),
            note: typeof note === "string" ? note : malformed("checkpoint.note", "a text"),
        };
    });
}

function parsePrunings(value: unknown): PruningRange[] {
    return toArray(value, "root.prunings", LIMITS.prunings).map((each) => {
        const map = fieldsOf(each, "root.prunings");
        onlyKeys(map, ["beforeUnix", "size"], "root.prunings");
        return {
            beforeUnix: toInteger(map.beforeUnix, "beforeUnix", 0, Number.MAX_SAFE_INTEGER),
            size: toInteger(map.size, "size", 0, Number.MAX_SAFE_INTEGER),
        };
    });
}

type Fields = Record<string, unknown>;

function parseMessage(map: Fields, kinds: readonly string[]): CarMessage {
    const { kind } = map;
    if (typeof kind !== "string" || !kinds.includes(kind))
        malformed("entry.kind", kinds.join(", "));
    const isVertex = kind === "vertex";
    const body = map.remains === undefined ? "body" : "remains";
    onlyKeys(map, isVertex ? ["kind", "message", "vertex", body] : ["kind", "message"], "entry");
    const message = toLink(map.message, "raw", "entry.message");
    if (!isVertex) return { kind: kind as CarMessage["kind"], message };
    const vertex = toLink(map.vertex, "node", "entry.vertex");
    return { kind, message, vertex, [body]: toLink(map[body], "raw", `entry.${body}`) };
}

function parseBlockHead(value: unknown): CarBlockHead {
    const map = fieldsOf(value, "root.block");
    const known = ["height", "appHash", "state"];
    onlyKeys(map, map.commits === undefined ? known : [...known, "commits"], "root.block");
    return {
        height: toInteger(map.height, "root.block.height", 0, Number.MAX_SAFE_INTEGER),
        appHash: toBytes(map.appHash, "root.block.appHash", 32),
        state: toBytes(map.state, "root.block.state", 0, STATE_BYTES_MAX),
        ...(map.commits === undefined
            ? {}
            : { commits: toLink(map.commits, "raw", "root.block.commits") }),
    };
}

function parsePage<T>(bytes: Uint8Array, item: (value: unknown) => T): Result<T[]> {
    return parseNode(bytes, "page", (value) => toArray(value, "page", PAGE_ITEMS).map(item));
}

function parseNode<T>(bytes: Uint8Array, where: string, read: (value: unknown) => T): Result<T> {
    const value = decodeNode(bytes, where);
    if (!value.ok) return value;
    const parsed = attempt(() => read(value.value));
    if (parsed.ok || parsed.error.code === "MS_VERSION") return parsed;
    const { details } = parsed.error;
    return fail(error("MS_ARCHIVE", { ...details, where: details.where ?? where }));
}

function fieldsOf(value: unknown, where: string): Fields {
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMap && !(value instanceof Uint8Array) ? (value as Fields) : malformed(where, "a map");
}

function onlyKeys(map: Fields, keys: readonly string[], where: string): void {
    if (Object.keys(map).every((key) => keys.includes(key))) return;
    malformed(where, `the keys ${keys.join(", ")}`);
}

function toLink(value: unknown, kind: "raw" | "node", where: string): CID {
    return isLink(value, kind) ? value : malformed(where, `a link to ${kind} bytes`);
}

function toLinks(value: unknown, where: string, kind: "raw" | "node" = "node"): CID[] {
    return toArray(value, where, PAGES_MAX).map((link) => toLink(link, kind, where));
}
