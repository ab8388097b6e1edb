import {
    bytesEqual,
    error,
    fail,
    LIMITS,
    type MetersealError,
    ok,
    type Result,
    toHex,
} from "@meterseal/core";
import {
    type Enrolment,
    type EpochBody,
    epochOf,
    eventOf,
    lastRegistersUnix,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    type RegisterEvent,
    ROLE,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import type { Draft } from "./draft.ts";
import { applyEvent } from "./event-rules.ts";
import { type Chain, hashAt, isAccepted } from "./state.ts";
import { applyUsage } from "./usage-rules.ts";

/** What became of a record. */
export type RecordOutcome =
    | { readonly kind: "accepted"; readonly released: readonly MeterRecord[] }
    | { readonly kind: "duplicate" }
    | { readonly kind: "pending"; readonly nextSeq: number }
    | { readonly kind: "conflict"; readonly error: MetersealError }
    | { readonly kind: "refused"; readonly error: MetersealError };

/** Enrolment whose key may sign a record: right key id, right subject, right role. */
export function signerOf(draft: Draft, record: MeterRecord): Result<Enrolment> {
    const enrolment = draft.enrolmentOf(toHex(record.message.kid));
    if (enrolment === undefined) {
        return fail(error("MS_KEY_UNKNOWN", { got: toHex(record.message.kid) }));
    }
    if (!bytesEqual(enrolment.id, record.subject) || enrolment.role === ROLE.collector) {
        const where = `key ${toHex(record.message.kid)}`;
        const got = `subject ${toHex(record.subject)}`;
        return fail(error("MS_NOT_ALLOWED", { where, expected: "its own subject", got }));
    }
    return ok(enrolment);
}

/**
 * Puts a record whose signature holds into its chain. Pure apart from the draft, which a refusal
 * leaves as it was. Records that were waiting for this one follow it (`released`).
 */
export function applyRecord(draft: Draft, record: MeterRecord, timeMs: number): RecordOutcome {
    const signer = signerOf(draft, record);
    if (!signer.ok) return { kind: "refused", error: signer.error };
    const known = draft.chain(record.subject, record.chainEpoch);
    if (known !== undefined && isAccepted(known, record.seq, record.message.hash)) {
        return { kind: "duplicate" };
    }
    if (draft.state.revoked.has(toHex(record.subject))) {
        return { kind: "refused", error: error("MS_FROZEN", { got: "a revoked meter" }) };
    }
    const body = bodyOfClass(record);
    const early = clockFault(record, timeMs) ?? epochFault(draft, record, signer.value);
    if (early !== null) return { kind: "refused", error: early };
    const place = placeOf(draft, record, signer.value);
    const verdict = judge(place, record);
    if (verdict !== "next") return verdict;
    const fault = applyNext(draft, place, record, body, signer.value);
    if (fault !== null) return { kind: "refused", error: fault };
    return { kind: "accepted", released: releasePending(draft, record, signer.value, timeMs) };
}

/**
 * Freezes the chain of a record from the record's place on, whichever of two records came first,
 * with every later epoch of the chain and the streams of its key: a meter that signed two
 * histories may have sealed a boundary twice, so only a new key with a new seal epoch may go on
 * (formats 8).
 */
export function freezeChain(draft: Draft, record: MeterRecord): void {
    const signer = signerOf(draft, record);
    if (!signer.ok) return;
    const { chain, seq } = placeOf(draft, record, signer.value);
    const end = chain.closed ? Math.min(seq, chain.headSeq + 1) : seq;
    chain.frozenAt = Math.min(chain.frozenAt ?? end, end);
    if (chain.headSeq >= chain.frozenAt) {
        chain.headHash = (hashAt(chain, chain.frozenAt - 1) ?? chain.anchor).slice();
        chain.headSeq = chain.frozenAt - 1;
    }
    chain.closed = false;
    chain.closedBy = null;
    for (const waiting of chain.pending.keys()) {
        if (waiting >= chain.frozenAt) chain.pending.delete(waiting);
    }
    forgetLater(draft, chain);
    for (const { stream, sealEpoch } of signer.value.streams) {
        const state = draft.stream(stream, sealEpoch);
        if (state !== undefined) state.frozen = true;
    }
}

const NO_BREACH = new Set(["MS_FROZEN", "MS_GAP", "MS_CLOCK"]);

/** True when the meter itself broke a rule by signing the record; a race or a date is no breach. */
export function isBreach(fault: MetersealError): boolean {
    return !NO_BREACH.has(fault.code);
}

/** Epochs of one chain that may wait for the one before to end, like pending records (formats 8). */
export const EPOCHS_AHEAD = 4;

/** Place that a record claims: a sequence number, or the end of the epoch before its own. */
type Place = {
    readonly chain: Chain;
    readonly seq: number;
    /** Body of a record that opens the epoch after {@link chain}. */
    readonly opens: EpochBody | null;
};

/** Descendants of a place in dispute are in dispute: later epochs count as not begun. */
function forgetLater(draft: Draft, chain: Chain): void {
    let missing = 0;
    for (let epoch = chain.epoch + 1; missing < EPOCHS_AHEAD; epoch++) {
        if (draft.chain(chain.subject, epoch) === undefined) missing++;
        else draft.beginChain(chain.subject, epoch, chain.anchor);
    }
}

/** Why a key may not write in the record's chain epoch, or not yet. */
function epochFault(draft: Draft, record: MeterRecord, signer: Enrolment): MetersealError | null {
    const { subject, chainEpoch } = record;
    const end = draft.state.keyEnds.get(toHex(record.message.kid));
    if (chainEpoch < signer.epoch || (end !== undefined && chainEpoch >= end)) {
        return error("MS_FROZEN", {
            where: `chain epoch ${chainEpoch}`,
            got: "another key's epoch",
        });
    }
    let open = signer.epoch;
    while (open < chainEpoch && draft.chain(subject, open)?.closed) open++;
    if (chainEpoch > open + EPOCHS_AHEAD) {
        return error("MS_GAP", { expected: `the end of chain epoch ${open} first` });
    }
    const place = openingOf(record, signer)?.chainEpoch ?? chainEpoch;
    for (let before = open; before < place; before++) {
        if ((draft.chain(subject, before)?.frozenAt ?? null) !== null) {
            return error("MS_FROZEN", { where: `chain epoch ${before}` });
        }
    }
    return null;
}

function placeOf(draft: Draft, record: MeterRecord, signer: Enrolment): Place {
    const opens = openingOf(record, signer);
    const epoch = opens?.chainEpoch ?? record.chainEpoch;
    const chain =
        draft.chain(record.subject, epoch) ??
        draft.beginChain(record.subject, epoch, signer.message.hash);
    return { chain, seq: opens === null ? record.seq : opens.lastSeq + 1, opens };
}

/** Body of a record that ends one epoch and opens the next; null for every other record. */
function openingOf(record: MeterRecord, signer: Enrolment): EpochBody | null {
    if (!isFirstOfLater(record, signer) || record.recordClass !== RECORD_CLASS.epoch) return null;
    const body = epochOf(record);
    return body.ok && body.value.chainEpoch === record.chainEpoch - 1 ? body.value : null;
}

/** True for the first record of an epoch that the key did not begin with by its enrolment. */
function isFirstOfLater(record: MeterRecord, signer: Enrolment): boolean {
    return record.seq === 1 && record.chainEpoch > signer.epoch;
}

/** What the place of a record says about it; "next" when its content decides. */
function judge(place: Place, record: MeterRecord): RecordOutcome | "next" {
    const { chain, seq } = place;
    const where = `place ${seq} of chain epoch ${chain.epoch}`;
    if (seq <= chain.headSeq) return conflictAt(where);
    if (chain.closedBy !== null) {
        const same = bytesEqual(chain.closedBy, record.message.hash);
        return same && seq === chain.headSeq + 1 ? { kind: "duplicate" } : conflictAt(where);
    }
    if (chain.frozenAt !== null && seq >= chain.frozenAt) {
        return { kind: "refused", error: error("MS_FROZEN", { where }) };
    }
    if (seq > chain.headSeq + 1) return holdPending(place, record, where);
    const beyond = place.opens !== null && chain.pending.size > 0;
    return beyond ? conflictAt(where) : "next"; // the meter went on in an epoch that it ended
}

function conflictAt(where: string): RecordOutcome {
    return { kind: "conflict", error: error("MS_REPLAYED", { where, got: "another record" }) };
}

function holdPending(place: Place, record: MeterRecord, where: string): RecordOutcome {
    const { chain, seq } = place;
    const nextSeq = chain.headSeq + 1;
    const waiting = chain.pending.get(seq);
    if (waiting !== undefined) {
        const same = bytesEqual(waiting.hash, record.message.hash);
        return same ? { kind: "pending", nextSeq } : conflictAt(where);
    }
    if (chain.pending.size >= LIMITS.pendingRecords) {
        const expected = `record ${nextSeq} first`;
        return { kind: "refused", error: error("MS_GAP", { where: `record ${seq}`, expected }) };
    }
    const { hash, bytes } = record.message;
    chain.pending.set(seq, { hash: hash.slice(), bytes: bytes.slice() });
    return { kind: "pending", nextSeq };
}

/** Takes the record into the place after the head, or says why it may not stand there. */
function applyNext(
    draft: Draft,
    place: Place,
    record: MeterRecord,
    body: Result<RegisterBody> | null,
    signer: Enrolment,
): MetersealError | null {
    const { chain, opens } = place;
    if (opens === null && isFirstOfLater(record, signer)) {
        const expected = "an epoch record that ends the epoch before";
        return error("MS_CHAIN_MISMATCH", { where: "record 1", expected });
    }
    const prev = opens === null ? chain.headHash : chain.anchor;
    const last = opens === null ? chain.headHash : opens.lastHash;
    if (!bytesEqual(record.prev, prev) || !bytesEqual(last, chain.headHash)) {
        return error("MS_CHAIN_MISMATCH", {
            where: `record ${record.seq}`,
            expected: `prev ${toHex(prev)}, after ${toHex(chain.headHash)}`,
            got: toHex(record.prev),
        });
    }
    const fault = body === null ? null : applyBody(draft, record, body, signer);
    if (fault !== null) return fault;
    chain.pending.delete(place.seq);
    if (opens === null) {
        appendTo(chain, record);
        return null;
    }
    chain.closed = true;
    chain.closedBy = record.message.hash.slice();
    const { subject, chainEpoch } = record;
    const next = draft.chain(subject, chainEpoch) ?? draft.beginChain(subject, chainEpoch, prev);
    if (next.frozenAt !== 1) appendTo(next, record);
    return null;
}

function appendTo(chain: Chain, record: MeterRecord): void {
    chain.headSeq = record.seq;
    chain.headHash = record.message.hash.slice();
    chain.appended.push(chain.headHash);
}

/** A body that carries registers of a stream. */
type RegisterBody = UsageBody | RegisterEvent;

function bodyOfClass(record: MeterRecord): Result<RegisterBody> | null {
    if (record.recordClass === RECORD_CLASS.usage) return usageOf(record);
    return record.recordClass === RECORD_CLASS.billing ? eventOf(record) : null;
}

/** Dates are judged before places: a record that comes too early leaves no trace. */
function clockFault(record: MeterRecord, timeMs: number): MetersealError | null {
    const nowUnix = Math.floor(timeMs / 1000);
    const latest = Math.max(record.timeUnix, lastRegistersUnix(record));
    const where = `record ${record.seq}`;
    if (latest > nowUnix + LIMITS.clockAheadSeconds) {
        const expected = `at most ${LIMITS.clockAheadSeconds} s after ${nowUnix}`;
        return error("MS_CLOCK", { where, expected, got: String(latest) });
    }
    return null;
}

function applyBody(
    draft: Draft,
    record: MeterRecord,
    body: Result<RegisterBody>,
    signer: Enrolment,
): MetersealError | null {
    if (!body.ok) return body.error;
    const { stream, sealEpoch } = body.value;
    const own = signer.streams.some(
        (each) => each.sealEpoch === sealEpoch && bytesEqual(each.stream, stream),
    );
    const state = own ? draft.stream(stream, sealEpoch) : undefined;
    if (state === undefined) {
        const where = `record ${record.seq}`;
        return error("MS_STREAM_RULE", { where, expected: "a stream enrolled with this key" });
    }
    const next =
        "kind" in body.value ? applyEvent(state, body.value) : applyUsage(state, body.value);
    if (!next.ok) return next.error;
    Object.assign(state, next.value);
    return null;
}

/** Takes in the records that now have their predecessor; one that breaks a rule freezes the chain. */
function releasePending(
    draft: Draft,
    after: MeterRecord,
    signer: Enrolment,
    timeMs: number,
): MeterRecord[] {
    const released: MeterRecord[] = [];
    let last = after;
    for (;;) {
        const chain = draft.chain(last.subject, last.chainEpoch);
        const next = chain?.pending.get(chain.headSeq + 1);
        const parsed = next === undefined ? null : parseRecord(next.bytes);
        if (chain === undefined || parsed === null || !parsed.ok) return released;
        const record = parsed.value;
        const fault = applyWaiting(draft, record, signer, timeMs);
        if (fault !== null && isBreach(fault)) freezeChain(draft, record);
        if (fault !== null) {
            chain.pending.delete(chain.headSeq + 1);
            return released;
        }
        released.push(record);
        last = record;
    }
}

function applyWaiting(
    draft: Draft,
    record: MeterRecord,
    signer: Enrolment,
    timeMs: number,
): MetersealError | null {
    const body = bodyOfClass(record);
    const early = clockFault(record, timeMs) ?? epochFault(draft, record, signer);
    if (early !== null) return early;
    const place = placeOf(draft, record, signer);
    if (place.opens !== null && place.chain.pending.size > 1) {
        return error("MS_REPLAYED", { where: `place ${place.seq}`, got: "records after the end" });
    }
    return applyNext(draft, place, record, body, signer);
}
