import {
    chainKey,
    isPrunable,
    type LedgerState,
    type PruningRange,
    PruningSums,
    pruningFault,
    type RecordOutcome,
    recordName,
} from "@meterseal/ledger";
import { isSummarized, type MeterRecord, type Pruning, parsePruning } from "@meterseal/record";
import type { Findings } from "./findings.ts";

/** Prunings among items of a log; bytes that are none count for nothing. */
export function pruningsOf(rows: readonly { readonly item: Uint8Array | null }[]): Pruning[] {
    return rows.flatMap(({ item }) => {
        const parsed = item === null ? null : parsePruning(item);
        return parsed?.ok ? [parsed.value] : [];
    });
}

/** The summary that stands last in a chain so far, and whether a pruning of the log was about it. */
type LastSummary = {
    readonly record: MeterRecord;
    readonly leafIndex: number;
    isBound: boolean;
};

/**
 * Holds what is left of pruned records against the entries of the log that bind it, and against the state
 * of the ledger: what may be evidence, or what a chain goes on from, was not to be pruned. Whoever walks the
 * log hands over each record of it, and each of those entries, behind what the rules say of it.
 */
export class PruningCheck {
    readonly #findings: Findings;
    readonly #state: LedgerState;
    readonly #sums: PruningSums;
    /** Ranges that are said to be in the log, and were not met yet. */
    readonly #expected: PruningRange[];
    readonly #met: PruningRange[] = [];
    /** By chain. */
    readonly #last = new Map<string, LastSummary>();

    /**
     * @param state - of the ledger, kept up with the walk.
     * @param expected - ranges of the prunings in the log, by whoever has the ledger.
     */
    constructor(findings: Findings, state: LedgerState, expected: readonly PruningRange[]) {
        this.#findings = findings;
        this.#state = state;
        this.#sums = new PruningSums(expected);
        this.#expected = [...expected];
    }

    /**
     * Takes a record of a vertex in the log.
     * @param outcome - what the rules made of it; undefined where they were not judged.
     */
    addRecord(record: MeterRecord, leafIndex: number, outcome: RecordOutcome | undefined): void {
        const isBound = this.#sums.add(record, leafIndex);
        if (!isSummarized(record)) return;
        this.#findings.counts.pruned++;
        if (!isBound) {
            const message = "Its bytes are gone, and no entry of the log binds what is left.";
            this.#findings.fault("MS_PRUNING", recordName(record), message);
        }
        const kind = outcome?.kind ?? "accepted";
        if (kind !== "accepted" && kind !== "duplicate") {
            this.#refuse(record, "the rules did not simply take it");
        }
        const chain = chainKey(record.subject, record.chainEpoch);
        const last = this.#last.get(chain);
        // Boundaries grow along a chain, so prunings are about the last summary of it last.
        if (last !== undefined && last.record.seq >= record.seq) return;
        this.#last.set(chain, { record, leafIndex, isBound: false });
    }

    /** Takes an entry that binds the records before it. */
    addPruning(pruning: Pruning, leafIndex: number): void {
        this.#bind(pruning);
        const where = `leaf ${leafIndex}`;
        const found = this.#sums.totalsOf(pruning);
        if (found === undefined || pruning.size > leafIndex) {
            const message = "It is about entries behind it, or was not expected here.";
            this.#findings.fault("MS_PRUNING", where, message);
            return;
        }
        const fault = pruningFault(pruning, found);
        if (fault !== null) this.#findings.failed(fault, where);
        else this.#met.push(pruning);
    }

    /** A chain that was frozen before the first pruning about it keeps its bytes, one frozen later has lost them. */
    #bind(range: PruningRange): void {
        for (const [name, last] of this.#last) {
            if (last.isBound || !isPrunable(last.record, last.leafIndex, range)) continue;
            last.isBound = true;
            const isFrozen = (this.#state.chains.get(name)?.frozenAt ?? null) !== null;
            if (isFrozen) this.#refuse(last.record, "its chain is frozen");
        }
    }

    /**
     * Ends the walk: what was expected must have come.
     * @param isJudged - whether the rules were judged to the end, so that the state is the log's.
     */
    finish(isJudged: boolean): void {
        if (isJudged) this.#checkHeads();
        for (const { beforeUnix, size } of this.#expected) {
            const isMet = this.#met.some(
                (each) => each.beforeUnix === beforeUnix && each.size === size,
            );
            if (isMet) continue;
            const message = "No entry of the log binds what is left of pruned records.";
            this.#findings.fault("MS_PRUNING", `first ${size} entries`, message);
        }
        if (this.#findings.counts.pruned === 0) return;
        this.#findings.notes.push(
            "Signatures and registers of pruned records were not checked: their bytes are gone.",
        );
    }

    #checkHeads(): void {
        for (const [name, { record }] of this.#last) {
            const chain = this.#state.chains.get(name);
            // The head of a frozen chain went back to what was pruned before it froze.
            const isHead = chain?.headSeq === record.seq && chain.frozenAt === null;
            if (isHead) this.#refuse(record, "it is the head of its chain");
        }
    }

    #refuse(record: MeterRecord, why: string): void {
        const message = `Its bytes are gone although ${why}.`;
        this.#findings.fault("MS_PRUNING", recordName(record), message);
    }
}
