import { assert, bytesEqual, error, LIMITS, type MetersealError, toHex } from "@meterseal/core";
import {
    accept,
    applyRecord,
    type Chain,
    chainKey,
    Draft,
    type Entry,
    freezeChain,
    hashAt,
    isBreach,
    type LedgerState,
    type RecordState,
} from "@meterseal/ledger";
import type { Enrolment, MeterRecord } from "@meterseal/record";
import { AheadState } from "./ahead-state.ts";
import { earliestMs } from "./record-time.ts";

/** What became of a record that was offered for admission. */
export type AdmissionOutcome =
    /** To be stored in this order: the record and those that waited for it. */
    | {
          readonly kind: "accepted";
          readonly records: readonly MeterRecord[];
          /** A record that waited for these and then broke a rule; it is forgotten. */
          readonly refused: { readonly record: MeterRecord; readonly error: MetersealError } | null;
      }
    | { readonly kind: "duplicate" }
    | { readonly kind: "pending"; readonly nextSeq: number }
    /** To be stored as evidence: one key signed two histories. */
    | { readonly kind: "conflict"; readonly evidence: readonly MeterRecord[] }
    | { readonly kind: "refused"; readonly error: MetersealError };

/**
 * What the place of a record says before its signature is checked: seen before, beyond a frozen
 * point, or where another record was accepted; null for a place that is still open.
 */
export type KnownPlace = "duplicate" | "frozen" | "taken" | null;

/**
 * The collector's own view: what the ledger has accepted, plus what is stored here and on its way
 * there. It runs the ledger's record rules, so a record that got its `stored` receipt is one that
 * the ledger will accept. Records that wait for an earlier one wait here and nowhere else: they
 * meet the rules as if they had come in order.
 */
export class Admission {
    #state: RecordState;
    /** Own state of the ledger, followed here; null where the engine's is shared. */
    #own: LedgerState | null;
    #ahead: AheadState | null = null;
    /** By chain and sequence number, at most {@link LIMITS.pendingRecords} a chain. */
    readonly #waiting = new Map<string, Map<number, MeterRecord>>();

    /** @param state an initial state of the network; the admission owns it from now on. */
    constructor(state: LedgerState) {
        this.#state = state;
        this.#own = state;
    }

    /** Judges by the engine's state from now on, which has taken in each entry before it is told here. */
    share(base: LedgerState): void {
        this.#ahead = new AheadState(base);
        this.#state = this.#ahead;
        this.#own = null;
    }

    /**
     * Follows an entry of the log. Records of our own vertices are here already: duplicates.
     * @param nowMs time by which records are judged that waited for one of the entry.
     * @returns those that waited and are admitted now, in the order in which they are to be stored.
     */
    follow(entry: Entry, timeMs: number, nowMs: number): readonly MeterRecord[] {
        if (entry.kind !== "vertex") {
            this.#followMember(entry, timeMs);
            return [];
        }
        const released = entry.records.flatMap((record) =>
            this.#followRecord(record, timeMs) ? this.#releasedBy(record, nowMs) : [],
        );
        for (const { subject } of entry.records) this.#ahead?.settle(subject);
        return released;
    }

    /** Follows an enrolment or a revocation; what parties say is no matter of a collector. */
    #followMember(entry: Entry, timeMs: number): void {
        if (entry.kind !== "enrolment" && entry.kind !== "revocation") return;
        const member = entry.kind === "enrolment" ? entry.enrolment : entry.revocation;
        const fromEpoch = entry.kind === "enrolment" ? entry.enrolment.epoch : 0;
        if (this.#own !== null) {
            // The key before may have gone on here, in epochs that the log does not have and never will.
            if (fromEpoch > 0) reopen(this.#own, member.id, fromEpoch - 1);
            const accepted = accept(this.#own, entry, timeMs, () => true);
            assert(accepted.ok, "the log holds valid enrolments and revocations");
        }
        this.#forget(member.id, fromEpoch);
        this.#ahead?.forgetEpochs(member.id, fromEpoch);
    }

    /** Takes a record of the log in; true where others of its chain may have waited for it here. */
    #followRecord(record: MeterRecord, timeMs: number): boolean {
        const ahead = this.#ahead;
        // A duplicate changes nothing; and a shared state has taken in already what it accepts.
        if (this.holds(record)) return ahead !== null;
        if (ahead !== null && !ahead.has(record.subject)) return false;
        const draft = new Draft(this.#state);
        const outcome = applyRecord(draft, record, timeMs);
        const breach = outcome.kind === "refused" && isBreach(outcome.error);
        if (outcome.kind === "conflict" || breach) freezeChain(draft, record);
        if (breach || (outcome.kind !== "refused" && outcome.kind !== "duplicate")) draft.commit();
        return outcome.kind === "accepted";
    }

    /** Records that waited for one that is in its chain now, admitted. */
    #releasedBy(record: MeterRecord, nowMs: number): readonly MeterRecord[] {
        return this.#release(record, nowMs).records.slice(1);
    }

    /** Enrolment behind a key id; undefined for an unknown key: one map look-up. */
    enrolmentOf(kid: Uint8Array): Enrolment | undefined {
        return this.#state.keys.get(toHex(kid));
    }

    /** Sequence number that the chain of a record needs next. */
    nextSeq(record: MeterRecord): number {
        return (this.#chainOf(record)?.headSeq ?? 0) + 1;
    }

    /** What can be said of a record before its signature is checked. */
    knownPlace(record: MeterRecord): KnownPlace {
        const chain = this.#chainOf(record);
        if (chain === undefined) return null;
        if (isAccepted(chain, record)) return "duplicate";
        if (record.seq <= chain.headSeq) return "taken";
        return chain.frozenAt !== null && record.seq >= chain.frozenAt ? "frozen" : null;
    }

    /**
     * Applies a record whose signature holds; a conflict freezes its chain. Its expiry counts here
     * and nowhere later: what was taken in time must not block its chain in the ledger.
     */
    admit(record: MeterRecord, timeMs: number): AdmissionOutcome {
        if (record.expiresUnix !== undefined && record.expiresUnix < Math.floor(timeMs / 1000)) {
            return { kind: "refused", error: error("MS_EXPIRED") };
        }
        return this.#apply(record, timeMs);
    }

    #apply(record: MeterRecord, timeMs: number): AdmissionOutcome {
        const draft = new Draft(this.#state);
        const outcome = applyRecord(draft, record, timeMs);
        switch (outcome.kind) {
            case "accepted":
                draft.commit();
                return { kind: "accepted", ...this.#release(record, timeMs) };
            case "conflict":
                return this.#freeze(draft, record, [record]);
            case "pending":
                return this.#hold(record, outcome.nextSeq, timeMs);
            default:
                return outcome;
        }
    }

    /** Admits a record again that was stored before a restart, when the clock was good for it. */
    readmit(record: MeterRecord): AdmissionOutcome {
        return this.#apply(record, earliestMs(record));
    }

    /** True when the record is part of its chain here. */
    holds(record: MeterRecord): boolean {
        return holdsRecord(this.#state, record);
    }

    #hold(record: MeterRecord, nextSeq: number, timeMs: number): AdmissionOutcome {
        const key = chainKey(record.subject, record.chainEpoch);
        const waiting = this.#waiting.get(key) ?? new Map<number, MeterRecord>();
        const other = waiting.get(record.seq);
        if (other !== undefined && !bytesEqual(other.message.hash, record.message.hash)) {
            const draft = new Draft(this.#state);
            applyRecord(draft, other, timeMs);
            return this.#freeze(draft, record, [other, record]);
        }
        if (other === undefined && waiting.size >= LIMITS.pendingRecords) {
            const expected = `record ${nextSeq} first`;
            return { kind: "refused", error: error("MS_GAP", { expected }) };
        }
        waiting.set(record.seq, other ?? record);
        this.#waiting.set(key, waiting);
        return { kind: "pending", nextSeq };
    }

    #release(
        first: MeterRecord,
        timeMs: number,
    ): Omit<AdmissionOutcome & { kind: "accepted" }, "kind"> {
        const records = [first];
        if (this.#waiting.size === 0) return { records, refused: null };
        const key = chainKey(first.subject, first.chainEpoch);
        const waiting = this.#waiting.get(key);
        waiting?.delete(first.seq);
        for (let seq = first.seq + 1; waiting !== undefined; seq++) {
            const record = waiting.get(seq);
            if (waiting.size === 0) this.#waiting.delete(key);
            if (record === undefined) break;
            waiting.delete(seq);
            const draft = new Draft(this.#state);
            const outcome = applyRecord(draft, record, timeMs);
            if (outcome.kind === "refused") {
                return { records, refused: { record, error: outcome.error } };
            }
            draft.commit();
            records.push(record);
        }
        return { records, refused: null };
    }

    #freeze(draft: Draft, record: MeterRecord, evidence: readonly MeterRecord[]): AdmissionOutcome {
        freezeChain(draft, record);
        draft.commit();
        this.#waiting.delete(chainKey(record.subject, record.chainEpoch));
        return { kind: "conflict", evidence };
    }

    /** Forgets what waits in chain epochs that the ledger takes of another key now, or of nobody. */
    #forget(subject: Uint8Array, fromEpoch: number): void {
        for (const key of this.#waiting.keys()) {
            const [subjectHex, epoch] = key.split("/"); // see chainKey
            const isGone = subjectHex === toHex(subject) && Number(epoch) >= fromEpoch;
            if (isGone) this.#waiting.delete(key);
        }
    }

    #chainOf(record: MeterRecord): Chain | undefined {
        return this.#state.chains.get(chainKey(record.subject, record.chainEpoch));
    }
}

/** Takes back that a chain has ended, which only its successor's epochs say. */
function reopen(state: LedgerState, subject: Uint8Array, epoch: number): void {
    const draft = new Draft(state);
    const chain = draft.chain(subject, epoch);
    if (chain?.closed !== true) return;
    chain.closed = false;
    chain.closedBy = null;
    draft.commit();
}

/** True when a record is part of its chain in a state: accepted, and not disputed since. */
export function holdsRecord(state: Pick<RecordState, "chains">, record: MeterRecord): boolean {
    const chain = state.chains.get(chainKey(record.subject, record.chainEpoch));
    return chain !== undefined && isAccepted(chain, record);
}

function isAccepted(chain: Chain, record: MeterRecord): boolean {
    const hash = hashAt(chain, record.seq);
    return hash !== undefined && bytesEqual(hash, record.message.hash);
}
