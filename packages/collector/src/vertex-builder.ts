import { LIMITS, type Signer, type Timers } from "@meterseal/core";
import {
    compareRecords,
    createVertex,
    type Engine,
    genesisVertexIds,
    parseVertex,
    type RecordStore,
    soloParents,
    summarizeBody,
    type Vertex,
} from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";

/** What a vertex builder works with. */
export type VertexBuilderOptions = {
    readonly store: RecordStore;
    readonly timers: Timers;
    readonly signer: Signer;
    /** Author id of this collector, 16 bytes. */
    readonly author: Uint8Array;
    readonly keyEpoch: number;
    /** Called once when a vertex could not be written or was refused: the collector must stop. */
    readonly onFailure: (cause: unknown) => void;
};

/**
 * Puts stored records into vertices and hands those to the engine. A vertex closes at
 * {@link LIMITS.vertexBytes}, {@link LIMITS.vertexRecords} or {@link LIMITS.vertexAgeMs} after its
 * first record; it is on disk before it leaves (formats 1, 6).
 */
export class VertexBuilder {
    readonly #options: VertexBuilderOptions;
    readonly #engine: Engine;
    readonly #own: Vertex[] = [];
    #records: MeterRecord[] = [];
    #bytes = 0;
    #cancelTimer: (() => void) | null = null;
    #closing: Promise<void> = Promise.resolve();

    /** @param own this author's vertices so far, oldest first. */
    constructor(engine: Engine, own: readonly Vertex[], options: VertexBuilderOptions) {
        this.#engine = engine;
        this.#options = options;
        this.#own.push(...own.slice(-2));
    }

    /** Adds stored records to the vertex that is being filled. */
    add(records: readonly MeterRecord[]): void {
        for (const record of records) {
            const size = record.message.bytes.length;
            const full =
                this.#records.length >= LIMITS.vertexRecords ||
                this.#bytes + size > LIMITS.vertexBytes;
            if (full) this.#close();
            this.#records.push(record);
            this.#bytes += size;
        }
        if (this.#records.length >= LIMITS.vertexRecords) this.#close();
        if (this.#records.length > 0) {
            this.#cancelTimer ??= this.#options.timers.after(LIMITS.vertexAgeMs, () =>
                this.#close(),
            );
        }
    }

    /** Closes the vertex that is being filled and waits until every one is final. */
    async flush(): Promise<void> {
        this.#close();
        await this.#closing;
    }

    #close(): void {
        this.#cancelTimer?.();
        this.#cancelTimer = null;
        const records = this.#records.sort(compareRecords);
        this.#records = [];
        this.#bytes = 0;
        if (records.length === 0) return;
        this.#closing = this.#closing
            .then(() => this.#seal(records))
            .catch((cause: unknown) => this.#options.onFailure(cause));
    }

    async #seal(records: readonly MeterRecord[]): Promise<void> {
        const { author, keyEpoch, signer, store } = this.#options;
        const { networkId } = this.#engine.state;
        const newestFirst = [...this.#own].reverse();
        const bytes = await createVertex(signer, {
            net: networkId,
            author,
            keyEpoch,
            round: (newestFirst[0]?.round ?? 0) + 1,
            parents: soloParents(
                newestFirst.map((vertex) => vertex.id),
                genesisVertexIds(networkId),
            ),
            seen: this.#engine.head(),
            ...summarizeBody(records),
        });
        const vertex = parseVertex(bytes);
        if (!vertex.ok) throw vertex.error;
        await store.insertVertex(vertex.value.id.bytes, bytes, records);
        this.#own.push(vertex.value);
        if (this.#own.length > 2) this.#own.shift();
        await this.#engine.submit(bytes, records);
    }
}
