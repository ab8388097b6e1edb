import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import {
    chainKey,
    type EngineObserver,
    type Entry,
    type Finality,
    hashAt,
    type LedgerState,
    parseStoredRecord,
    type RecordOutcome,
    streamKey,
    type TreeHead,
} from "@meterseal/ledger";
import type { MeterRecord, StreamDescriptor } from "@meterseal/record";
import type { RecordRow, StoreReader } from "@meterseal/stores/sqlite";
import { IndexedStream, registersOf } from "./indexed-stream.ts";

/** Where the index looks up what it does not hold. */
export type StreamSource = {
    readonly state: LedgerState;
    /** Tree head up to which everything is final. */
    readonly head: () => TreeHead;
    readonly reader: Pick<StoreReader, "recordsOf" | "logOfVertex">;
};

/** Streams that stay in memory, some hundred bytes each; the one that was asked for first goes first. */
const STREAMS_MAX = 4_096;

/**
 * Where the boundaries of streams are and how they are flagged. A stream is read from the store when it
 * is asked for, and kept up from then on while the log grows.
 */
export class StreamIndex implements EngineObserver {
    readonly #held = new Map<string, HeldStream>();
    /** Seal epochs of streams but for epoch 0, ascending; few streams have another. */
    readonly #later = new Map<string, number[]>();
    #source: StreamSource | null = null;

    /** Begins to answer, from an engine that is open. */
    attach(source: StreamSource): void {
        this.#source = source;
        for (const name of source.state.streams.keys()) {
            const [stream = "", epoch] = name.split("/");
            this.#addEpoch(stream, Number(epoch));
        }
    }

    /** Takes in an entry of the log: new streams, and the records that were accepted. */
    entryFinal(
        entry: Entry,
        _timeMs: number,
        _finality: Finality,
        outcomes: readonly RecordOutcome[],
    ): void {
        if (this.#source === null) return; // at start: what is asked for later is read then
        if (entry.kind === "enrolment") {
            for (const { sealEpoch, stream } of entry.enrolment.streams) {
                this.#addEpoch(toHex(stream), sealEpoch);
                this.#held.delete(toHex(stream));
            }
        }
        if (entry.kind !== "vertex" || this.#held.size === 0) return;
        for (const [i, record] of entry.records.entries()) {
            const outcome = outcomes[i];
            if (outcome?.kind !== "accepted") continue;
            for (const each of [record, ...outcome.released]) this.#add(each);
        }
    }

    /** A stream by its id; null where there is none. */
    find(stream: Uint8Array): Promise<IndexedStream | null> {
        const name = toHex(stream);
        const held = this.#held.get(name) ?? new HeldStream(this.#read(name, stream));
        this.#held.delete(name);
        this.#held.set(name, held); // the one that was asked for last
        const [oldest] = this.#held.keys();
        if (this.#held.size > STREAMS_MAX && oldest !== undefined) this.#held.delete(oldest);
        held.read.catch(() => this.#held.delete(name));
        return held.read;
    }

    /**
     * A stream by its id.
     * @throws MetersealError MS_NOT_FOUND.
     */
    async get(stream: Uint8Array): Promise<IndexedStream> {
        const found = await this.find(stream);
        if (found === null) throw error("MS_NOT_FOUND", { where: `stream ${toHex(stream)}` });
        return found;
    }

    #addEpoch(name: string, sealEpoch: number): void {
        if (sealEpoch === 0) return;
        const epochs = new Set([...(this.#later.get(name) ?? []), sealEpoch]);
        this.#later.set(
            name,
            [...epochs].sort((a, b) => a - b),
        );
    }

    #add(record: MeterRecord): void {
        const body = registersOf(record);
        if (body !== null) this.#held.get(toHex(body.stream))?.add(record);
    }

    async #read(name: string, stream: Uint8Array): Promise<IndexedStream | null> {
        const source = this.#source;
        if (source === null) throw error("MS_BUSY", { expected: "a started server" });
        const descriptors: StreamDescriptor[] = [];
        let subject: Uint8Array | null = null;
        for (const sealEpoch of [0, ...(this.#later.get(name) ?? [])]) {
            const state = source.state.streams.get(streamKey(stream, sealEpoch));
            if (state === undefined) continue;
            descriptors.push(state.descriptor);
            subject = state.subject;
        }
        const [first, ...more] = descriptors;
        if (first === undefined || subject === null) return null;
        const indexed = new IndexedStream(subject, [first, ...more]);
        let missing: RecordRow | null = null;
        for await (const row of source.reader.recordsOf(subject)) {
            const isNext = missing?.seq !== row.seq || missing.chainEpoch !== row.chainEpoch;
            if (missing !== null && isNext) break; // what is behind it is told when it is final
            const record = unwrap(parseStoredRecord(row.bytes));
            if (indexed.has(record) || !isAccepted(source.state, record)) continue;
            if (await isFinal(source, row)) {
                indexed.add(record);
                missing = null;
            } else missing = row;
        }
        return indexed;
    }
}

/** A stream that is held; what becomes final while it is read waits until it is. */
class HeldStream {
    readonly read: Promise<IndexedStream | null>;
    #stream: IndexedStream | null = null;
    readonly #waiting: MeterRecord[] = [];

    constructor(read: Promise<IndexedStream | null>) {
        this.read = read.then((stream) => {
            for (const record of this.#waiting.splice(0)) stream?.add(record);
            this.#stream = stream;
            return stream;
        });
    }

    add(record: MeterRecord): void {
        if (this.#stream === null) this.#waiting.push(record);
        else this.#stream.add(record);
    }
}

function isAccepted(
    state: LedgerState,
    { chainEpoch, message, seq, subject }: MeterRecord,
): boolean {
    const chain = state.chains.get(chainKey(subject, chainEpoch));
    const accepted = chain === undefined ? undefined : hashAt(chain, seq);
    return accepted !== undefined && bytesEqual(accepted, message.hash);
}

async function isFinal({ head, reader }: StreamSource, { vertex }: RecordRow): Promise<boolean> {
    const entry = vertex === null ? null : await reader.logOfVertex(vertex);
    return entry !== null && entry.index < head().size;
}
