import { bytesEqual, error, type Result, sha256, unwrap } from "@meterseal/core";
import { accept, type BlockStore, entryLeafHash, parseEntry } from "@meterseal/ledger";
import { attempt, decodeCbor, encodeCbor, toArray, toBytes, toInteger } from "@meterseal/record";
import type {
    RequestApplySnapshotChunk,
    RequestLoadSnapshotChunk,
    RequestOfferSnapshot,
    ResponseApplySnapshotChunk,
    Snapshot,
} from "cosmjs-types/tendermint/abci/types";
import type { Application } from "./application.ts";
import { decodeEngineState } from "./engine-state.ts";
import { BlockLedger, type TakenEntry } from "./ledger.ts";

/** Form of our snapshots: the log itself, from which the state follows. */
const FORMAT = 1;
/** Snapshots that are offered at one time. */
const OFFERED = 4;
/** Entries in one chunk: with vertices of the largest size below the 16 MB that CometBFT carries. */
const CHUNK_ENTRIES = 32;
const ENTRY_BYTES = 65_536;
const RECORDS = 500;
const ACCEPT = 1;
const REJECT = 3;
const REJECT_FORMAT = 4;
const REJECT_SNAPSHOT = 5;

/** A state that may be offered: the log up to a size. */
type Offer = { readonly snapshot: Snapshot; readonly size: number };

/** A snapshot that is being taken in. */
type Restoring = {
    readonly height: number;
    /** From a header that CometBFT's light client has verified. */
    readonly appHash: Uint8Array;
    readonly size: number;
    readonly genesis: Uint8Array;
    readonly engineState: Uint8Array;
    readonly ledger: BlockLedger;
    readonly taken: TakenEntry[];
};

/**
 * State sync: a new validator takes the log from its peers in chunks, replays it by the ledger's rule,
 * and compares the outcome with the hash that the light client has verified. A lying peer costs time.
 */
export class Snapshots {
    readonly #app: Application;
    readonly #store: BlockStore;
    readonly #interval: number;
    #offers: Offer[] = [];
    #restoring: Restoring | null = null;

    /** @param interval - a snapshot is offered at each height that it divides. */
    constructor(app: Application, store: BlockStore, interval: number) {
        this.#app = app;
        this.#store = store;
        this.#interval = interval;
    }

    /** Notes a committed block: its state may be offered. */
    async noteBlock(): Promise<void> {
        const { ledger } = this.#app;
        const head = await this.#store.blockHead();
        if (ledger === null || head === null || head.height % this.#interval !== 0) return;
        if (this.#offers.at(-1)?.snapshot.height === BigInt(head.height)) return;
        const genesis = await this.#store.genesis();
        const { size } = ledger.log;
        const metadata = encodeCbor([size, genesis, head.engineState]);
        const snapshot: Snapshot = {
            height: BigInt(head.height),
            format: FORMAT,
            chunks: Math.max(1, Math.ceil(size / CHUNK_ENTRIES)),
            hash: sha256(metadata),
            metadata,
        };
        this.#offers = [...this.#offers, { snapshot, size }].slice(-OFFERED);
    }

    /** Snapshots that this node can serve. */
    list(): Snapshot[] {
        return this.#offers.map(({ snapshot }) => snapshot);
    }

    /** A chunk of one of them: CBOR of its entries. Empty where it is not served. */
    async load({ chunk, format, height }: RequestLoadSnapshotChunk): Promise<Uint8Array> {
        const offer = this.#offers.find(({ snapshot }) => snapshot.height === height);
        if (offer === undefined || format !== FORMAT) return new Uint8Array();
        const end = Math.min(offer.size, (chunk + 1) * CHUNK_ENTRIES);
        const entries: unknown[] = [];
        for await (const { body, index, item, timeMs } of this.#store.entries(
            chunk * CHUNK_ENTRIES,
        )) {
            if (index >= end) break;
            entries.push([timeMs, item, body]);
        }
        return encodeCbor(entries);
    }

    /** Begins to take in a snapshot; only an application without a ledger may. */
    offer({ appHash, snapshot }: RequestOfferSnapshot): number {
        if (snapshot === undefined || this.#app.ledger !== null) return REJECT;
        if (snapshot.format !== FORMAT) return REJECT_FORMAT;
        const parsed = parseMetadata(snapshot.metadata);
        const isWhole = bytesEqual(sha256(snapshot.metadata), snapshot.hash);
        if (!parsed.ok || !isWhole) return REJECT;
        try {
            const ledger = new BlockLedger(parsed.value.genesis);
            const height = Number(snapshot.height);
            this.#restoring = { height, appHash, ...parsed.value, ledger, taken: [] };
            return ACCEPT;
        } catch {
            return REJECT;
        }
    }

    /** Takes in the next chunk; the last one decides. */
    async apply({ chunk, index }: RequestApplySnapshotChunk): Promise<ResponseApplySnapshotChunk> {
        const answer = (result: number): ResponseApplySnapshotChunk => ({
            result,
            refetchChunks: [],
            rejectSenders: [],
        });
        const restoring = this.#restoring;
        if (restoring === null || index * CHUNK_ENTRIES !== restoring.taken.length) {
            return answer(REJECT_SNAPSHOT);
        }
        if (!replayChunk(restoring, chunk).ok) return answer(REJECT_SNAPSHOT);
        if (restoring.taken.length < restoring.size) return answer(ACCEPT);
        const state = decodeEngineState(restoring.engineState);
        if (!state.ok) return answer(REJECT_SNAPSHOT);
        for (const validator of state.value.validators) restoring.ledger.validators.set(validator);
        if (!bytesEqual(restoring.ledger.appHash(), restoring.appHash))
            return answer(REJECT_SNAPSHOT);
        this.#restoring = null;
        await this.#app.adopt(restoring);
        return answer(ACCEPT);
    }
}

function parseMetadata(
    bytes: Uint8Array,
): Result<{ size: number; genesis: Uint8Array; engineState: Uint8Array }> {
    return attempt(() => {
        const [size, genesis, engineState] = toArray(decodeCbor(bytes), "snapshot", 3);
        return {
            size: toInteger(size, "size", 0, Number.MAX_SAFE_INTEGER),
            genesis: toBytes(genesis, "genesis", 1, 4096),
            engineState: toBytes(engineState, "engine state", 1, ENTRY_BYTES),
        };
    });
}

/** Signatures are not checked here: the hash that is compared at the end covers every byte. */
function replayChunk({ ledger, size, taken }: Restoring, chunk: Uint8Array): Result<void> {
    return attempt(() => {
        const entries = toArray(decodeCbor(chunk), "chunk", CHUNK_ENTRIES);
        const wanted = Math.min(CHUNK_ENTRIES, size - taken.length);
        if (entries.length !== wanted) throw error("MS_MALFORMED", { where: "chunk" });
        for (const value of entries) {
            const [time, item, body] = toArray(value, "entry", 3);
            const timeMs = toInteger(time, "time", 0, Number.MAX_SAFE_INTEGER);
            const bytes = toBytes(item, "item", 1, ENTRY_BYTES);
            const records = toArray(body, "body", RECORDS).map((record) =>
                toBytes(record, "record", 1, ENTRY_BYTES),
            );
            const entry = unwrap(parseEntry(bytes, records));
            const { outcomes } = unwrap(accept(ledger.state, entry, timeMs, () => true));
            const logged = { timeMs, item: bytes };
            const leafIndex = ledger.log.append(entryLeafHash(logged));
            taken.push({ entry, timeMs, leafIndex, logged, outcomes, txHash: null });
        }
    });
}
