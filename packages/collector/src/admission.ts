import { assert, toHex } from "@meterseal/core";
import {
    accept,
    applyRecord,
    chainKey,
    Draft,
    type Entry,
    freezeChain,
    type LedgerState,
    type RecordOutcome,
} from "@meterseal/ledger";
import type { Enrolment, MeterRecord } from "@meterseal/record";

/**
 * The collector's own view: what the ledger has accepted, plus what is stored here and on its way
 * there. It runs the ledger's record rules, so a record that got its `stored` receipt is one that
 * the ledger will accept.
 */
export class Admission {
    readonly #state: LedgerState;

    /** @param state an initial state of the network; the admission owns it from now on. */
    constructor(state: LedgerState) {
        this.#state = state;
    }

    /** Follows an entry of the log. Records of our own vertices are here already: duplicates. */
    follow(entry: Entry, timeMs: number): void {
        if (entry.kind === "enrolment") {
            assert(
                accept(this.#state, entry, timeMs, () => true).ok,
                "the log holds valid enrolments",
            );
            return;
        }
        for (const record of entry.records) this.admit(record, timeMs);
    }

    /** Enrolment behind a key id; undefined for an unknown key: one map look-up. */
    enrolmentOf(kid: Uint8Array): Enrolment | undefined {
        return this.#state.keys.get(toHex(kid));
    }

    /** Head of a record's chain, if the chain has begun. */
    head(record: MeterRecord): { seq: number; hash: Uint8Array } | null {
        const chain = this.#state.chains.get(chainKey(record.subject, record.chainEpoch));
        return chain === undefined ? null : { seq: chain.headSeq, hash: chain.headHash };
    }

    /** What {@link admit} would answer about the place of a record, before its signature is checked. */
    preview(record: MeterRecord, timeMs: number): RecordOutcome {
        return applyRecord(new Draft(this.#state), record, timeMs);
    }

    /** Applies a record whose signature holds; a conflict freezes its chain. */
    admit(record: MeterRecord, timeMs: number): RecordOutcome {
        const draft = new Draft(this.#state);
        const outcome = applyRecord(draft, record, timeMs);
        if (outcome.kind === "conflict") freezeChain(draft, record);
        if (outcome.kind !== "refused" && outcome.kind !== "duplicate") draft.commit();
        return outcome;
    }
}
