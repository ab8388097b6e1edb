import { bytesEqual, toHex } from "@meterseal/core";
import {
    accept,
    type Entry,
    entryLeafHash,
    type LedgerState,
    MerkleLog,
    messageOf,
    type PlainItem,
    type PruningRange,
    parseItem,
    parseStoredRecord,
    parseVertex,
    type RecordOutcome,
    recordName,
    type Vertex,
} from "@meterseal/ledger";
import {
    isSummarized,
    kidOf,
    type MeterRecord,
    RECORD_CLASS,
    type Sign1,
    usageOf,
    verifySign1,
} from "@meterseal/record";
import type { LogRow, RecordRow, VertexRow } from "@meterseal/stores/sqlite";
import type { ChainCheck } from "./chain-check.ts";
import { contradictedColumns } from "./column-check.ts";
import type { Findings } from "./findings.ts";
import { PassedOver } from "./passed-over.ts";
import { PruningCheck } from "./pruning-check.ts";
import { RecordLeaves } from "./record-leaves.ts";
import { RecordSignatures } from "./record-signatures.ts";
import type { LedgerSource } from "./source.ts";
import { FIRST_ROW } from "./vertex-check.ts";

/** What each kind of entry without a body counts as. */
const COUNTERS = {
    enrolment: "enrolments",
    party: "parties",
    notice: "notices",
    tariff: "tariffs",
    revocation: "revocations",
    pruning: "prunings",
} as const;

/** Vertices that are read and whose signatures are under way while the one before them is judged. */
const VERTICES_AHEAD = 8;

/** A vertex of the log that was read: its signatures are under way. */
type BegunVertex = {
    readonly row: LogRow & { readonly item: null };
    /** Null where the store has no such vertex. */
    readonly stored: VertexRow | null;
    readonly bodyRows: number;
    /** Those that parse, in the order of the body. */
    readonly records: readonly MeterRecord[];
    readonly verdicts: Promise<ReadonlyMap<Sign1, boolean>>;
};

/** Name of a record row by its columns, for rows whose bytes do not parse. */
export function rowName(row: RecordRow): string {
    return `record ${toHex(row.subject)}/${row.chainEpoch}/${row.seq}`;
}

/**
 * Walks the log from its beginning: every row against its bytes, every signature, every rule of
 * `accept()`, and the tree that the checkpoints must state.
 */
export class LogCheck {
    readonly tree: MerkleLog = new MerkleLog();
    /** Times of its entries, in milliseconds since 1970. */
    readonly timesMs: number[] = [];
    /** Rows of `records` that were judged with their vertex. */
    readonly seen: Set<number> = new Set();
    readonly #findings: Findings;
    readonly #state: LedgerState;
    readonly #reader: LedgerSource;
    readonly #chains: ChainCheck;
    readonly #pruning: PruningCheck;
    readonly #passedOver = new PassedOver();
    readonly #signatures: RecordSignatures;
    readonly #leaves = new RecordLeaves();
    #begun: BegunVertex[] = [];
    #rulesJudged = true;
    #watched: { readonly size: number; readonly take: () => void } | null = null;

    /** @param records - in the ledger, where that is known before. */
    constructor(
        findings: Findings,
        state: LedgerState,
        reader: LedgerSource,
        chains: ChainCheck,
        prunings: readonly PruningRange[],
        records = 0,
    ) {
        this.#signatures = new RecordSignatures(state, records);
        this.#pruning = new PruningCheck(findings, state, prunings);
        this.#findings = findings;
        this.#state = state;
        this.#reader = reader;
        this.#chains = chains;
    }

    /** Whether the acceptance rules could be judged for the whole log, so that its state is known. */
    get rulesJudged(): boolean {
        return this.#rulesJudged;
    }

    /** Has something done when the log has a size, before its next entry. */
    whenSize(size: number, take: () => void): void {
        this.#watched = { size, take };
    }

    /** Size that was waited for and did not come; null where there is none. */
    get unreachedSize(): number | null {
        return this.#watched?.size ?? null;
    }

    /** Checks every row of the log, in order; signatures in threads, some vertices ahead. Once only. */
    async run(onProgress: (done: number) => void, size: number): Promise<void> {
        const show = (index: number): void => onProgress((index + 1) / Math.max(1, size));
        try {
            await this.#walk(show);
            await this.#finishBegun(0, show);
            this.#pruning.finish(this.#rulesJudged);
            this.#passedOver.note(this.#findings);
        } finally {
            await this.#signatures.close();
        }
    }

    async #walk(show: (index: number) => void): Promise<void> {
        let next = 0;
        this.#tellSize();
        for await (const row of this.#reader.log(FIRST_ROW)) {
            if (row.index < 0) {
                const where = `leaf ${row.index}`;
                this.#findings.fault("MS_LOG_LEAF", where, "The log begins with entry 0.");
                continue;
            }
            if (row.index !== next) {
                const missing = `leaf ${next}`;
                this.#findings.fault("MS_LOG_LEAF", missing, `The log has no entry ${next}.`);
            }
            next = row.index + 1;
            this.timesMs.push(row.timeMs);
            if (row.item === null) {
                this.#begun.push(await this.#beginVertex(row));
                await this.#finishBegun(VERTICES_AHEAD, show);
                continue;
            }
            // What comes behind it may need its key, and it the state before it.
            await this.#finishBegun(0, show);
            this.tree.append(entryLeafHash({ timeMs: row.timeMs, item: row.item }));
            this.#findings.counts.leaves++;
            this.#checkItem(row, row.item);
            this.#tellSize();
            show(row.index);
        }
    }

    /** Judges what was begun, oldest first, until so many are left. */
    async #finishBegun(left: number, show: (index: number) => void): Promise<void> {
        for (let i = this.#begun.length; i > left; i--) {
            const begun = this.#begun.shift() as BegunVertex;
            await this.#finishVertex(begun);
            this.#tellSize();
            show(begun.row.index);
        }
    }

    #tellSize(): void {
        const watched = this.#watched;
        if (watched?.size !== this.tree.size) return;
        this.#watched = null;
        watched.take();
    }

    /** True where an entry of the log carries a record, by its hash, of whichever collector. */
    isUnderLeaf(recordHash: Uint8Array, leafIndex: number): boolean {
        return this.#leaves.has(recordHash, leafIndex);
    }

    /** Checks the signature of a record against the keys that the log admits. */
    async checkSignature(record: MeterRecord, where: string): Promise<boolean> {
        const verdict = await this.#signatures.verdictOn(record);
        return this.#judge(verdict, () => where);
    }

    /** Notes the verdict on a record's signature, undefined for one by no key of the log. */
    #judge(verdict: boolean | undefined, where: () => string): boolean {
        if (verdict === undefined) {
            const message = "No enrolment in the log admits its key.";
            this.#findings.fault("MS_KEY_UNKNOWN", where(), message);
            return false;
        }
        this.#findings.counts.signatures++;
        if (!verdict) {
            this.#findings.fault("MS_SIGNATURE_BAD", where(), "Its signature does not hold.");
        }
        return verdict;
    }

    /** Parses a row's bytes and compares every column with them. */
    checkColumns(row: RecordRow): MeterRecord | null {
        const parsed = parseStoredRecord(row.bytes);
        if (!parsed.ok) {
            this.#findings.failed(parsed.error, rowName(row));
            return null;
        }
        const record = parsed.value;
        for (const name of contradictedColumns(row, record)) {
            const place = `${recordName(record)}, column ${name}`;
            this.#findings.fault("MS_STORE_COLUMN", place, "It contradicts the signed bytes.");
        }
        return record;
    }

    /** Reads a vertex and its body, and has the signatures of its records checked. */
    async #beginVertex(row: LogRow & { readonly item: null }): Promise<BegunVertex> {
        const stored = await this.#reader.vertex(row.vertex).catch(() => null);
        const body = stored === null ? [] : await this.#reader.bodyOf(row.vertex);
        const records: MeterRecord[] = [];
        for (const item of body) {
            this.seen.add(item.n);
            this.#findings.counts.records++;
            const record = this.checkColumns(item);
            if (record !== null) records.push(record);
        }
        const verdicts = this.#signatures.verdictsOn(records);
        verdicts.catch(() => undefined); // whoever awaits it hears of it
        return { row, stored, bodyRows: body.length, records, verdicts };
    }

    async #finishVertex({ bodyRows, records, row, stored, verdicts }: BegunVertex): Promise<void> {
        this.#findings.counts.leaves++;
        const where = `leaf ${row.index}, vertex row ${row.vertex}`;
        if (stored === null) {
            this.tree.append(new Uint8Array(32));
            this.#findings.fault("MS_LOG_LEAF", where, "The vertex of this entry is missing.");
            this.#stopRules(where);
            return;
        }
        this.tree.append(entryLeafHash({ timeMs: row.timeMs, item: stored.bytes }));
        const vertex = parseVertex(stored.bytes);
        if (vertex.ok && !bytesEqual(vertex.value.id.bytes, stored.id)) {
            this.#findings.fault(
                "MS_STORE_COLUMN",
                `${where}, column id`,
                "It contradicts the vertex bytes.",
            );
        }
        if (!vertex.ok) this.#findings.failed(vertex.error, where);
        const settled = await verdicts;
        for (const record of records) this.#takeRecord(record, row, settled);
        const read = vertex.ok ? vertex.value : null;
        const outcomes = this.#checkVertex(row, read, bodyRows, records, settled);
        for (const [i, record] of records.entries()) {
            const kind = outcomes[i]?.kind;
            this.#pruning.addRecord(record, row.index, outcomes[i]);
            this.#chains.add(record, row.vertex, kind === "refused" || kind === "conflict");
        }
    }

    #checkItem(row: LogRow, item: Uint8Array): void {
        const where = `leaf ${row.index}`;
        const parsed = parseItem(item);
        if (!parsed.ok || parsed.value.kind === "vertex") {
            const message =
                "The entry is no enrolment, revocation, party, notice, tariff or pruning.";
            this.#findings.fault("MS_LOG_LEAF", where, message);
            this.#stopRules(where);
            return;
        }
        const entry = parsed.value;
        const { counts } = this.#findings;
        counts[COUNTERS[entry.kind]]++;
        counts.signatures++;
        this.#accept(entry, row, where, verifySign1);
        if (entry.kind === "pruning") this.#pruning.addPruning(entry.pruning, row.index);
        this.#remember(entry, where);
    }

    /**
     * Later messages are judged by the keys that the operator signed even where the rules stopped
     * before; there a notice or tariff is held against its key here, for nobody else does.
     */
    #remember(entry: PlainItem, where: string): void {
        const { genesis, keys, partyKeys } = this.#state;
        const message = messageOf(entry);
        if (entry.kind === "enrolment") {
            const kid = toHex(kidOf(entry.enrolment.key));
            if (!keys.has(kid) && verifySign1(message, genesis.operator)) {
                keys.set(kid, entry.enrolment);
            }
        } else if (entry.kind === "party") {
            const kid = toHex(kidOf(entry.party.key));
            if (!partyKeys.has(kid) && verifySign1(message, genesis.operator)) {
                partyKeys.set(kid, entry.party);
            }
        } else if (entry.kind === "revocation") {
            this.#state.revoked.add(toHex(entry.revocation.id));
        } else if (!this.#rulesJudged && entry.kind !== "pruning") {
            const signer = partyKeys.get(toHex(message.kid));
            const valid = signer !== undefined && verifySign1(message, signer.key);
            if (!valid) this.#findings.fault("MS_SIGNATURE_BAD", where, "No party signed it.");
        }
    }

    #takeRecord(record: MeterRecord, row: LogRow, settled: ReadonlyMap<Sign1, boolean>): void {
        const where = (): string => recordName(record);
        if (!isSummarized(record)) this.#judge(settled.get(record.message), where);
        this.#leaves.add(record.message.hash, row.index);
        const usage = record.recordClass === RECORD_CLASS.usage ? usageOf(record) : null;
        if (usage?.ok) this.#findings.counts.readings += usage.value.count;
    }

    /** What the rules say of each record; nothing where they were not judged. */
    #checkVertex(
        row: LogRow,
        vertex: Vertex | null,
        bodyRows: number,
        records: readonly MeterRecord[],
        settled: ReadonlyMap<Sign1, boolean>,
    ): readonly RecordOutcome[] {
        const where =
            vertex === null ? `leaf ${row.index}` : `leaf ${row.index}, vertex ${vertex.id}`;
        if (vertex === null || records.length < bodyRows) {
            this.#stopRules(where);
            return [];
        }
        this.#findings.counts.vertices++;
        this.#findings.counts.signatures++;
        const entry: Entry = { kind: "vertex", vertex, records };
        const summarized = new Set(records.filter(isSummarized).map(({ message }) => message));
        return this.#accept(
            entry,
            row,
            where,
            (message, key) =>
                summarized.has(message) || (settled.get(message) ?? verifySign1(message, key)),
        );
    }

    #accept(
        entry: Entry,
        row: LogRow,
        where: string,
        check: typeof verifySign1,
    ): readonly RecordOutcome[] {
        if (!this.#rulesJudged) return [];
        const accepted = accept(this.#state, entry, row.timeMs, check);
        if (!accepted.ok) {
            this.#findings.failed(accepted.error, where);
            this.#stopRules(where);
            return [];
        }
        for (const outcome of accepted.value.outcomes) {
            if (outcome.kind === "conflict") {
                this.#findings.notes.push(
                    `${where}: a meter signed two histories; its chain is frozen.`,
                );
            } else if (outcome.kind === "refused") this.#passedOver.add(outcome.error, where);
        }
        return accepted.value.outcomes;
    }

    #stopRules(where: string): void {
        if (!this.#rulesJudged) return;
        this.#rulesJudged = false;
        this.#findings.notes.push(
            `The acceptance rules were not judged after ${where}; signatures, links and hashes were.`,
        );
    }
}
