import { bytesEqual, error, toHex } from "@meterseal/core";
import type { EmbeddedEngine } from "@meterseal/engines/embedded";
import {
    type Evidence,
    encodeEntry,
    type LogEntry,
    type LogLeaf,
    leafHash,
    MerkleLog,
    type RecordLeaf,
} from "@meterseal/ledger";
import { ROLE } from "@meterseal/record";
import type { LogRow, StoreReader } from "@meterseal/stores/sqlite";
import type { Facts } from "./facts.ts";

/** Puts together what proves the records of one meter. */
export class EvidenceBuilder {
    readonly #reader: StoreReader;
    readonly #engine: EmbeddedEngine;
    readonly #facts: Facts;
    readonly #genesis: Uint8Array;

    constructor(reader: StoreReader, engine: EmbeddedEngine, facts: Facts, genesis: Uint8Array) {
        this.#reader = reader;
        this.#facts = facts;
        this.#engine = engine;
        this.#genesis = genesis;
    }

    /**
     * Everything that proves the final records of a subject, up to the latest checkpoint.
     * @throws MetersealError MS_NOT_FOUND for an unknown subject.
     */
    async evidenceOf(subject: Uint8Array): Promise<Evidence> {
        if (!this.#engine.state.subjects.has(toHex(subject))) {
            throw error("MS_NOT_FOUND", { where: `meter ${toHex(subject)}` });
        }
        const checkpoint = await this.#latestCheckpoint();
        const enrolments = await this.#enrolments(subject, checkpoint.size);
        const vertices: LogLeaf[] = [];
        const records: RecordLeaf[] = [];
        const places = new Map<number, VertexPlace | null>();
        for await (const row of this.#reader.recordsOf(subject)) {
            if (row.vertex === null) continue;
            let place = places.get(row.vertex);
            if (place === undefined) {
                place = await this.#placeVertex(row.vertex, checkpoint.size, vertices);
                places.set(row.vertex, place);
            }
            if (place === null) continue;
            const position = place.positions.get(row.n) ?? 0;
            const path = place.tree.inclusionPath(position);
            records.push({ bytes: row.bytes, vertex: place.vertex, position, path });
        }
        return {
            genesis: this.#genesis,
            checkpoint: checkpoint.note,
            enrolments,
            vertices,
            records,
        };
    }

    async #latestCheckpoint(): Promise<{ size: number; note: string }> {
        const row = await this.#reader.checkpoint(this.#engine.head().size);
        if (row === null) throw error("MS_NOT_FOUND", { where: "checkpoint" });
        return row;
    }

    /** All enrolments of the subject and of the collectors, ended ones too: they signed what is old. */
    async #enrolments(subject: Uint8Array, size: number): Promise<LogLeaf[]> {
        const wanted = [...this.#engine.state.keys.values()].filter(
            ({ id, role }) => role === ROLE.collector || bytesEqual(id, subject),
        );
        const leaves: LogLeaf[] = [];
        for (const { message } of wanted) {
            const index = this.#facts.leaves.get(toHex(message.hash));
            if (index === undefined || index >= size) continue;
            for await (const row of this.#reader.log(index)) {
                leaves.push(this.#leaf(row, message.bytes, size));
                break;
            }
        }
        return leaves;
    }

    async #placeVertex(n: number, size: number, vertices: LogLeaf[]): Promise<VertexPlace | null> {
        const row = await this.#reader.logOfVertex(n);
        if (row === null || row.index >= size) return null; // not final yet
        const { bytes } = await this.#reader.vertex(n);
        const body = await this.#reader.bodyOf(n);
        vertices.push(this.#leaf(row, bytes, size));
        return {
            vertex: vertices.length - 1,
            positions: new Map(body.map((record, position) => [record.n, position])),
            tree: MerkleLog.of(body.map((record) => leafHash(record.bytes))),
        };
    }

    #leaf(row: LogRow, item: Uint8Array, size: number): LogLeaf {
        const entry: LogEntry = { timeMs: row.timeMs, item };
        const path = this.#engine.log.inclusionPath(row.index, size);
        return { index: row.index, entry: encodeEntry(entry), path };
    }
}

type VertexPlace = {
    /** Position in the evidence's list of vertices. */
    readonly vertex: number;
    /** Leaf index in the vertex by record row. */
    readonly positions: ReadonlyMap<number, number>;
    readonly tree: MerkleLog;
};
