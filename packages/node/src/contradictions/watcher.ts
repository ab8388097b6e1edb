import { type Log, toHex } from "@meterseal/core";
import {
    type Contradiction,
    CULPRIT,
    type Entry,
    findFork,
    findOther,
    type LedgerState,
    type RecordOutcome,
    type Vertex,
} from "@meterseal/ledger";
import { type Enrolment, type MeterRecord, parseRecord } from "@meterseal/record";
import type { StoreReader } from "@meterseal/stores/sqlite";
import type { ContradictionFiles } from "./files.ts";

/** What a watcher works with. */
export type WatcherOptions = {
    readonly files: ContradictionFiles;
    readonly genesis: Uint8Array;
    readonly reader: Pick<StoreReader, "recordsAt" | "recordsOf" | "vertexBytes">;
    readonly log: Log;
};

/**
 * Makes a proof of what the ledger's rule calls a conflict or a fork, one at a time and beside the
 * work of the server. What the log holds is told again at each start, so a crash loses no proof of it.
 */
export class ContradictionWatcher {
    readonly #options: WatcherOptions;
    readonly #begun = Promise.withResolvers<LedgerState>();
    #queue: Promise<unknown> = this.#begun.promise;

    constructor(options: WatcherOptions) {
        this.#options = options;
    }

    /** Begins to work, on what was told before too. */
    start(state: LedgerState): void {
        this.#begun.resolve(state);
    }

    /** Looks at what became of the records of an entry. */
    entryFinal(entry: Entry, outcomes: readonly RecordOutcome[]): void {
        if (entry.kind !== "vertex") return;
        for (const [at, outcome] of outcomes.entries()) {
            const record = entry.records[at];
            if (outcome.kind === "conflict" && record !== undefined) {
                this.#enqueue((state) => this.#ofMeter(record, state));
            }
        }
    }

    /** Looks at a vertex that the rule refused because its author has forked. */
    vertexForked(vertex: Vertex): void {
        this.#enqueue((state) => this.#ofCollector(vertex, state));
    }

    /** Resolves when nothing is under way; only after {@link start}. */
    async settled(): Promise<void> {
        await this.#queue;
    }

    #enqueue(find: (state: LedgerState) => Promise<Contradiction | null>): void {
        const { files, log } = this.#options;
        this.#queue = this.#queue.then(async () => {
            try {
                const found = await find(await this.#begun.promise);
                const proven = found === null ? null : files.keep(found);
                if (proven === null) return;
                const { culprit, id, where } = proven;
                log.warn(`a ${culprit} signed what contradicts itself; the proof is kept`, {
                    id,
                    where,
                });
            } catch (cause) {
                log.warn("no proof could be made of a contradiction", { cause: String(cause) });
            }
        });
    }

    async #ofMeter(record: MeterRecord, state: LedgerState): Promise<Contradiction | null> {
        const { files, genesis, reader } = this.#options;
        const { chainEpoch, message, seq, subject } = record;
        const enrolment = state.keys.get(toHex(message.kid));
        const signer = { culprit: "meter", id: toHex(subject), epoch: chainEpoch } as const;
        if (enrolment === undefined || files.has(signer)) return null;
        const atPlace = await reader.recordsAt(subject, chainEpoch, seq);
        let other = findOther(record, parsed(atPlace));
        if (other === null) {
            for await (const row of reader.recordsOf(subject)) {
                other = findOther(record, parsed([row]));
                if (other !== null) break;
            }
        }
        if (other === null) return null;
        return contradictionOf(CULPRIT.meter, genesis, enrolment, [
            other.message.bytes,
            message.bytes,
        ]);
    }

    async #ofCollector(vertex: Vertex, state: LedgerState): Promise<Contradiction | null> {
        const { files, genesis, reader } = this.#options;
        const id = toHex(vertex.author);
        const author = state.authors.get(id);
        const signer = { culprit: "collector", id, epoch: vertex.keyEpoch } as const;
        if (author?.lastVertex == null || files.has(signer)) return null;
        const fork = await findFork(vertex, author.lastVertex, (id) => reader.vertexBytes(id));
        if (fork === null) return null;
        const [a, b] = fork.vertices;
        const statements = [a.message.bytes, b.message.bytes] as const;
        const made = contradictionOf(CULPRIT.collector, genesis, author.enrolment, statements);
        return { ...made, context: fork.headers };
    }
}

function contradictionOf(
    culprit: Contradiction["culprit"],
    genesis: Uint8Array,
    enrolment: Enrolment,
    statements: Contradiction["statements"],
): Contradiction {
    return { culprit, genesis, enrolment: enrolment.message.bytes, statements, context: [] };
}

function* parsed(rows: Iterable<{ readonly bytes: Uint8Array }>): Iterable<MeterRecord> {
    for (const { bytes } of rows) {
        const record = parseRecord(bytes);
        if (record.ok) yield record.value;
    }
}
