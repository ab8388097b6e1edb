import { bytesEqual, error, fromHex, toHex } from "@meterseal/core";
import {
    type Evidence,
    encodeEntry,
    type LogEntry,
    type LogLeaf,
    MerkleLog,
    noticeKey,
    parseStoredRecord,
    type RecordLeaf,
    storedLeafHash,
} from "@meterseal/ledger";
import { isSummary, NOTICE_KIND, parseRevocation, ROLE } from "@meterseal/record";
import type { LogRow, RecordRow, StoreReader } from "@meterseal/stores/sqlite";
import { distinctRecords } from "../distinct-records.ts";
import type { ServerEngine } from "./engine.ts";
import type { Facts } from "./facts.ts";

/** Puts together what proves the records of one meter. */
export class EvidenceBuilder {
    readonly #reader: StoreReader;
    readonly #engine: ServerEngine;
    readonly #facts: Facts;
    readonly #genesis: Uint8Array;

    constructor(reader: StoreReader, engine: ServerEngine, facts: Facts, genesis: Uint8Array) {
        this.#reader = reader;
        this.#facts = facts;
        this.#engine = engine;
        this.#genesis = genesis;
    }

    /**
     * Everything that proves the final records of a subject, up to the latest checkpoint: where records
     * were pruned those after the last of them, with the entry by which they were.
     * @throws MetersealError MS_NOT_FOUND for an unknown subject.
     */
    async evidenceOf(subject: Uint8Array): Promise<Evidence> {
        if (!this.#engine.state.subjects.has(toHex(subject))) {
            throw error("MS_NOT_FOUND", { where: `meter ${toHex(subject)}` });
        }
        const pruned = await this.#reader.lastPruned(subject);
        if (pruned === null) return await this.#assemble(subject, this.#reader.recordsOf(subject));
        const from = { chainEpoch: pruned.chainEpoch, seq: pruned.seq + 1 };
        const evidence = await this.#assemble(subject, this.#reader.recordsOf(subject, from));
        const pruning = await this.#pruning(evidence.size);
        return { ...evidence, statements: [...(evidence.statements ?? []), ...pruning] };
    }

    /**
     * What proves some records of a subject, up to the latest checkpoint.
     * @param more - what else to prove: that the log grew from a tree size, what it says of a grant.
     * @throws MetersealError MS_NOT_FOUND where the log never had that size, MS_PRUNED for a record whose
     * bytes are gone.
     */
    async evidenceFor(
        subject: Uint8Array,
        rows: readonly RecordRow[],
        more: { readonly sinceSize: number | null; readonly grant: GrantName | null },
    ): Promise<Evidence> {
        const { size, statements = [], ...evidence } = await this.#assemble(subject, rows);
        const { grant, sinceSize } = more;
        const path = sinceSize === null ? [] : this.#engine.log.consistencyPath(sinceSize, size);
        const said = grant === null ? [] : await this.#statements(grant, size);
        const all = [...statements, ...said];
        return {
            ...evidence,
            ...(sinceSize === null ? {} : { growth: { fromSize: sinceSize, path } }),
            ...(grant === null && all.length === 0 ? {} : { statements: all }),
        };
    }

    /** The household of a stream in all its messages, and what it said of a grant. */
    async #statements({ hash, stream }: GrantName, size: number): Promise<LogLeaf[]> {
        const { notices, owners, partyKeys } = this.#engine.state;
        const owner = owners.get(toHex(stream));
        if (owner === undefined) return [];
        const parties = [...partyKeys.values()].filter(({ id }) => toHex(id) === owner);
        const hashes = parties.map(({ message }) => message.hash);
        for (const kind of [NOTICE_KIND.grant, NOTICE_KIND.override, NOTICE_KIND.revocation]) {
            const notice = notices.get(noticeKey(fromHex(owner), kind, hash));
            if (notice !== undefined) hashes.push(notice.hash);
        }
        return await this.#leavesOf(hashes, size);
    }

    /** The entry by which the youngest records were pruned, as far as a tree of a size holds it. */
    async #pruning(size: number): Promise<LogLeaf[]> {
        const index = this.#facts.pruning?.leafIndex ?? size;
        return index < size ? await this.#leavesAt([index], size) : [];
    }

    /** Log entries of messages by their hashes, as far as a tree of a size holds them. */
    async #leavesOf(hashes: readonly Uint8Array[], size: number): Promise<LogLeaf[]> {
        const indexes = hashes.map((hash) => this.#facts.leaves.get(toHex(hash)) ?? size);
        return await this.#leavesAt(
            indexes.filter((index) => index < size),
            size,
        );
    }

    async #leavesAt(indexes: readonly number[], size: number): Promise<LogLeaf[]> {
        const leaves: LogLeaf[] = [];
        for (const index of indexes) {
            for await (const row of this.#reader.log(index)) {
                if (row.item !== null) leaves.push(this.#leaf(row, row.item, size));
                break;
            }
        }
        return leaves;
    }

    async #assemble(
        subject: Uint8Array,
        rows: AsyncIterable<RecordRow> | Iterable<RecordRow>,
    ): Promise<Evidence & { readonly size: number }> {
        const checkpoint = await this.#latestCheckpoint();
        const enrolments = await this.#enrolments(subject, checkpoint.size);
        const removal = await this.#removalOf(subject, checkpoint.size);
        const isRefused = this.#refusals(subject, removal?.index ?? checkpoint.size);
        const vertices: LogLeaf[] = [];
        const records: RecordLeaf[] = [];
        const places = new Map<number, VertexPlace | null>();
        const placeOf = async (vertex: number): Promise<VertexPlace | null> => {
            let place = places.get(vertex);
            if (place === undefined) {
                place = await this.#placeVertex(vertex, checkpoint.size);
                places.set(vertex, place);
            }
            return place;
        };
        for await (const row of distinctRecords(withPlace(rows, placeOf, isRefused))) {
            const place = row.vertex === null ? null : await placeOf(row.vertex);
            if (place === null) continue;
            if (isSummary(row.bytes)) throw prunedAt(row);
            place.leaf ??= vertices.push(place.entry) - 1;
            const position = place.positions.get(row.n) ?? 0;
            const path = place.tree.inclusionPath(position);
            records.push({ bytes: row.bytes, vertex: place.leaf, position, path });
        }
        return {
            genesis: this.#genesis,
            checkpoint: checkpoint.note,
            enrolments,
            vertices,
            records,
            ...(removal === null ? {} : { statements: [removal] }),
            size: checkpoint.size,
        };
    }

    /** Entry that removed a subject; null where none did, as far as a tree of a size holds it. */
    async #removalOf(subject: Uint8Array, size: number): Promise<LogLeaf | null> {
        if (!this.#engine.state.revoked.has(toHex(subject))) return null;
        for (const row of await this.#reader.revocations()) {
            const removal = row.item === null ? null : parseRevocation(row.item);
            if (row.item === null || removal?.ok !== true || row.index >= size) continue;
            if (bytesEqual(removal.value.id, subject)) return this.#leaf(row, row.item, size);
        }
        return null;
    }

    /**
     * Tells records that the ledger refused for good as their place alone shows: after the entry that
     * removed their meter, or in an epoch of another key. A reader would take them for forged.
     */
    #refusals(subject: Uint8Array, removedAt: number): IsRefused {
        const { keyEnds, keys } = this.#engine.state;
        const own = [...keys.values()].filter(({ id }) => bytesEqual(id, subject));
        return ({ bytes, chainEpoch }, { entry }) => {
            if (entry.index > removedAt) return true;
            const record = own.length > 1 ? parseStoredRecord(bytes) : null;
            if (record?.ok !== true) return false;
            const kid = toHex(record.value.message.kid);
            const { epoch = 0 } = keys.get(kid) ?? {};
            return chainEpoch < epoch || chainEpoch >= (keyEnds.get(kid) ?? Infinity);
        };
    }

    async #latestCheckpoint(): Promise<{ size: number; note: string }> {
        const row = await this.#reader.checkpointUpTo(this.#engine.head().size);
        if (row === null) throw error("MS_NOT_FOUND", { where: "checkpoint" });
        return row;
    }

    /** All enrolments of the subject and of the collectors, ended ones too: they signed what is old. */
    async #enrolments(subject: Uint8Array, size: number): Promise<LogLeaf[]> {
        const wanted = [...this.#engine.state.keys.values()].filter(
            ({ id, role }) => role === ROLE.collector || bytesEqual(id, subject),
        );
        return await this.#leavesOf(
            wanted.map(({ message }) => message.hash),
            size,
        );
    }

    async #placeVertex(n: number, size: number): Promise<VertexPlace | null> {
        const row = await this.#reader.logOfVertex(n);
        if (row === null || row.index >= size) return null; // not final yet
        const { bytes } = await this.#reader.vertex(n);
        const body = await this.#reader.bodyOf(n);
        return {
            entry: this.#leaf(row, bytes, size),
            leaf: null,
            positions: new Map(body.map((record, position) => [record.n, position])),
            tree: MerkleLog.of(body.map(({ bytes }) => storedLeafHash(bytes))),
        };
    }

    #leaf(row: LogRow, item: Uint8Array, size: number): LogLeaf {
        const entry: LogEntry = { timeMs: row.timeMs, item };
        const path = this.#engine.log.inclusionPath(row.index, size);
        return { index: row.index, entry: encodeEntry(entry), path };
    }
}

/** A grant by its hash on the ledger, of a stream. */
export type GrantName = { readonly hash: Uint8Array; readonly stream: Uint8Array };

type VertexPlace = {
    readonly entry: LogLeaf;
    /** Position in the evidence's list of vertices, once one of its records needs it. */
    leaf: number | null;
    /** Leaf index in the vertex by record row. */
    readonly positions: ReadonlyMap<number, number>;
    readonly tree: MerkleLog;
};

/** Whether the ledger refused a record that a vertex of the log carries. */
type IsRefused = (row: RecordRow, place: VertexPlace) => boolean;

function prunedAt({ chainEpoch, seq, subject }: RecordRow) {
    const where = `record ${toHex(subject)}/${chainEpoch}/${seq}`;
    return error("MS_PRUNED", { where, todo: "Ask for a later range." });
}

/**
 * Rows whose vertex is in the log, without those that the ledger refused there: of several copies of a
 * record one of those that are final.
 */
async function* withPlace(
    rows: AsyncIterable<RecordRow> | Iterable<RecordRow>,
    placeOf: (vertex: number) => Promise<VertexPlace | null>,
    isRefused: IsRefused,
): AsyncGenerator<RecordRow, void, undefined> {
    for await (const row of rows) {
        const place = row.vertex === null ? null : await placeOf(row.vertex);
        if (place !== null && !isRefused(row, place)) yield row;
    }
}
