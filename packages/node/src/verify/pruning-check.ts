import { type PruningRange, PruningSums, pruningFault } from "@meterseal/ledger";
import { isSummarized, type MeterRecord, type Pruning, parsePruning } from "@meterseal/record";
import type { Findings } from "./findings.ts";

/** Prunings among items of a log; bytes that are none count for nothing. */
export function pruningsOf(rows: readonly { readonly item: Uint8Array | null }[]): Pruning[] {
    return rows.flatMap(({ item }) => {
        const parsed = item === null ? null : parsePruning(item);
        return parsed?.ok ? [parsed.value] : [];
    });
}

/**
 * Holds what is left of pruned records against the entries of the log that bind it. Whoever walks the
 * log hands over each record of it, and each of those entries.
 */
export class PruningCheck {
    readonly #findings: Findings;
    readonly #sums: PruningSums;
    /** Ranges that are said to be in the log, and were not met yet. */
    readonly #expected: PruningRange[];
    readonly #met: PruningRange[] = [];

    /** @param expected - ranges of the prunings in the log, by whoever has the ledger. */
    constructor(findings: Findings, expected: readonly PruningRange[]) {
        this.#findings = findings;
        this.#sums = new PruningSums(expected);
        this.#expected = [...expected];
    }

    /** Takes a record of a vertex in the log. */
    addRecord(record: MeterRecord, leafIndex: number, where: () => string): void {
        const isBound = this.#sums.add(record, leafIndex);
        if (!isSummarized(record)) return;
        this.#findings.counts.pruned++;
        if (isBound) return;
        const message = "Its bytes are gone, and no entry of the log binds what is left.";
        this.#findings.fault("MS_PRUNING", where(), message);
    }

    /** Takes an entry that binds the records before it. */
    addPruning(pruning: Pruning, leafIndex: number): void {
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

    /** Ends the walk: what was expected must have come. */
    finish(): void {
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
}
