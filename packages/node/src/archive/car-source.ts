import { compareBytes, error, LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    type CarMessage,
    type CarRoot,
    parseCheckpointPage,
    parseEntryPage,
    parseItem,
    parseRemains,
    parseRoot,
    parseStoredRecord,
    parseWaitingPage,
} from "@meterseal/ledger";
import { isSummary, sign1HeadBytes, splitSequence } from "@meterseal/record";
import {
    type CheckpointRow,
    type LogRow,
    type RecordRow,
    slotsOf,
    type VertexRow,
} from "@meterseal/stores/sqlite";
import type { LedgerSource } from "../verify/source.ts";
import { CarFile } from "./car-file.ts";

/** A vertex or record that is not in the log yet. */
export type WaitingItem =
    | { readonly kind: "vertex"; readonly row: VertexRow; readonly body: readonly RecordRow[] }
    | { readonly kind: "record"; readonly row: RecordRow };

const NO_SUBJECT = new Uint8Array(16);

/**
 * The ledger of an archive, read once from its front to its end: log, then checkpoints, then what
 * waits. Only the vertices of rows that nobody has asked for yet are held in memory.
 */
export class CarSource implements LedgerSource {
    readonly genesis: Uint8Array;
    readonly root: CarRoot;
    /** What validators signed; null where none of it is there. */
    readonly commits: Uint8Array | null;
    readonly #file: CarFile;
    readonly #kept: ReadonlyMap<string, RecordRow[]>;
    readonly #vertices = new Map<number, { row: VertexRow; body: RecordRow[] }>();
    #records = 0;
    #rows = 0;

    /**
     * @param subjects - meters whose records are kept for {@link recordsOf}, 16 bytes each.
     * @throws MetersealError MS_NOT_FOUND, MS_ARCHIVE, MS_VERSION
     */
    constructor(path: string, subjects: readonly Uint8Array[]) {
        this.#kept = new Map(subjects.map((subject) => [toHex(subject), []]));
        this.#file = CarFile.open(path);
        try {
            this.root = unwrap(parseRoot(this.#file.next(this.#file.root, "root")));
            this.genesis = this.#file.next(this.root.genesis, "genesis");
            const { commits } = this.root.block ?? {};
            this.commits = commits === undefined ? null : this.#file.next(commits, "commits");
        } catch (cause) {
            this.#file.close();
            throw cause;
        }
    }

    /** How much of the file is read, 0 … 1. */
    get done(): number {
        return this.#file.done;
    }

    *log(): Generator<LogRow, void, undefined> {
        let index = 0;
        for (const link of this.root.entries) {
            const what = `page of leaf ${index}`;
            for (const entry of unwrap(parseEntryPage(this.#file.next(link, what)))) {
                const where = `leaf ${index}`;
                const item = this.#file.next(entry.message, where);
                requireKind(entry, item, where);
                const place = { index, timeMs: entry.time };
                if (entry.kind === "vertex") {
                    const vertex = this.#takeVertex(entry, item, where);
                    yield { ...place, vertex, item: null };
                } else yield { ...place, vertex: null, item };
                index++;
            }
        }
        if (index === this.root.size) return;
        const [expected, got] = [`${this.root.size} entries`, `${index}`];
        throw error("MS_ARCHIVE", { where: "root", expected, got });
    }

    /** A vertex of the last rows; each can be asked for until its body was. */
    vertex(n: number): Promise<VertexRow> {
        const held = this.#vertices.get(n);
        if (held === undefined) throw error("MS_NOT_FOUND", { where: `vertex row ${n}` });
        return Promise.resolve(held.row);
    }

    bodyOf(n: number): Promise<RecordRow[]> {
        const held = this.#vertices.get(n);
        this.#vertices.delete(n);
        return Promise.resolve(held?.body ?? []);
    }

    *checkpoints(): Generator<CheckpointRow, void, undefined> {
        for (const [i, link] of this.root.checkpoints.entries()) {
            yield* unwrap(parseCheckpointPage(this.#file.next(link, `page ${i} of checkpoints`)));
        }
    }

    /** Proofs of contradictions, behind what waits. */
    *contradictions(): Generator<Uint8Array, void, undefined> {
        for (const [i, link] of this.root.contradictions.entries()) {
            yield this.#file.next(link, `contradiction ${i}`);
        }
    }

    /** Proofs of anchors; the last part of the file. */
    *anchors(): Generator<Uint8Array, void, undefined> {
        for (const [i, link] of (this.root.anchors ?? []).entries()) {
            yield this.#file.next(link, `anchor ${i}`);
        }
        this.#file.end();
    }

    /** What is not in the log yet. */
    async *waiting(): AsyncGenerator<WaitingItem, void, undefined> {
        for (const [i, link] of this.root.waiting.entries()) {
            const what = `page ${i} of what waits`;
            for (const item of unwrap(parseWaitingPage(this.#file.next(link, what)))) {
                const bytes = this.#file.next(item.message, item.kind);
                if (item.kind === "vertex") {
                    const n = this.#takeVertex(item, bytes, "waiting vertex");
                    const row = await this.vertex(n);
                    yield { kind: "vertex", row, body: await this.bodyOf(n) };
                } else yield { kind: "record", row: this.#recordRow(bytes, null) };
            }
        }
    }

    /** Records of a meter that were kept on the way, in chain order. */
    *recordsOf(subject: Uint8Array): Generator<RecordRow, void, undefined> {
        const rows = this.#kept.get(toHex(subject)) ?? [];
        yield* rows.toSorted(
            (a, b) =>
                a.chainEpoch - b.chainEpoch || a.seq - b.seq || compareBytes(a.bytes, b.bytes),
        );
    }

    close(): void {
        this.#file.close();
    }

    /** Takes header and body of a vertex; returns the number of its row. */
    #takeVertex({ body, remains, vertex }: CarMessage, bytes: Uint8Array, where: string): number {
        const link = body ?? remains;
        if (vertex === undefined || link === undefined) throw error("MS_ARCHIVE", { where });
        this.#file.next(vertex, `header of ${where}`);
        const records = this.#file.next(link, `body of ${where}`);
        const items = unwrap(
            body === undefined
                ? parseRemains(records)
                : splitSequence(records, LIMITS.vertexRecords),
        );
        const n = ++this.#rows;
        const row = { n, id: vertex.bytes, bytes };
        this.#vertices.set(n, { row, body: items.map((item) => this.#recordRow(item, n)) });
        return n;
    }

    /** Row as a store would hold it: every column from the bytes. */
    #recordRow(bytes: Uint8Array, vertex: number | null): RecordRow {
        const record = parseStoredRecord(bytes);
        const n = ++this.#records;
        if (!record.ok) {
            const none = { subject: NO_SUBJECT, chainEpoch: 0, seq: 0, head: bytes };
            return { n, ...none, fork: 0, firstSlot: null, lastSlot: null, vertex, bytes };
        }
        const { chainEpoch, seq, subject } = record.value;
        const head = isSummary(bytes)
            ? record.value.message.kid
            : bytes.subarray(0, sign1HeadBytes(bytes));
        const columns = { subject, chainEpoch, seq, head };
        const row = { n, ...columns, fork: 0, ...slotsOf(record.value), vertex, bytes };
        this.#kept.get(toHex(subject))?.push(row);
        return row;
    }
}

/** An archive names the kind of each entry for readers that know no more; it must be the true one. */
function requireKind({ kind }: CarMessage, item: Uint8Array, where: string): void {
    const parsed = parseItem(item);
    if (!parsed.ok || parsed.value.kind === kind) return; // bytes of no kind are for the log's check
    throw error("MS_ARCHIVE", { where, expected: `a ${kind}`, got: `a ${parsed.value.kind}` });
}
