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
    epochOf,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    ROLE,
    usageOf,
} from "@meterseal/record";
import type { Draft } from "./draft.ts";
import { type Chain, hashAt, isAccepted } from "./state.ts";
import { applyUsage, lastBoundaryUnix } from "./usage-rules.ts";

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
 * Puts a record whose signature holds into its chain. Pure apart from the draft; a refusal changes
 * nothing. Records that were waiting for this one follow it (`released`).
 */
export function applyRecord(draft: Draft, record: MeterRecord, timeMs: number): RecordOutcome {
    const signer = signerOf(draft, record);
    if (!signer.ok) return { kind: "refused", error: signer.error };
    const opened = openChain(draft, record, signer.value);
    if (!opened.ok) return { kind: "refused", error: opened.error };
    const { chain, closes } = opened.value;
    const place = placeOf(chain, record);
    if (place !== "next") return place;
    const fault = applyNext(draft, chain, record, timeMs);
    if (fault !== null) return { kind: "refused", error: fault };
    if (closes !== null) closes.closed = true;
    return { kind: "accepted", released: releasePending(draft, chain, timeMs) };
}

/**
 * Freezes the chain of a record from its sequence number on, whichever of two records came first,
 * and the streams of its subject: a meter that signed two histories may have sealed a boundary
 * twice, so only a new seal epoch may go on (formats 8).
 */
export function freezeChain(draft: Draft, record: MeterRecord): void {
    const chain = draft.chain(record.subject, record.chainEpoch);
    const signer = signerOf(draft, record);
    if (chain === undefined || !signer.ok) return;
    chain.frozenAt = Math.min(chain.frozenAt ?? record.seq, record.seq);
    if (chain.headSeq >= chain.frozenAt) {
        const last = hashAt(chain, chain.frozenAt - 1) ?? signer.value.message.hash;
        chain.headSeq = chain.frozenAt - 1;
        chain.headHash = last.slice();
    }
    for (const waiting of chain.pending.keys()) {
        if (waiting >= chain.frozenAt) chain.pending.delete(waiting);
    }
    for (const { stream, sealEpoch } of signer.value.streams) {
        const state = draft.stream(stream, sealEpoch);
        if (state !== undefined) state.frozen = true;
    }
}

type OpenedChain = { readonly chain: Chain; readonly closes: Chain | null };

function openChain(draft: Draft, record: MeterRecord, signer: Enrolment): Result<OpenedChain> {
    const existing = draft.chain(record.subject, record.chainEpoch);
    const begin = (): Chain =>
        draft.beginChain(record.subject, record.chainEpoch, signer.message.hash);
    const before =
        record.chainEpoch > signer.epoch
            ? (draft.chain(record.subject, record.chainEpoch - 1) ?? null)
            : null;
    if (existing !== undefined) {
        return ok({ chain: existing, closes: record.seq === 1 ? before : null });
    }
    if (record.chainEpoch === signer.epoch) return ok({ chain: begin(), closes: null });
    if (record.chainEpoch < signer.epoch)
        return fail(error("MS_FROZEN", { got: "an ended epoch" }));
    if (record.seq !== 1) return fail(error("MS_GAP", { expected: "record 1 of the epoch first" }));
    const fault = epochFault(before, record);
    return fault === null ? ok({ chain: begin(), closes: before }) : fail(fault);
}

/** Rule of a later chain epoch: its first record names the last accepted record of the one before. */
function epochFault(before: Chain | null, record: MeterRecord): MetersealError | null {
    if (before === null || record.recordClass !== RECORD_CLASS.epoch) {
        return error("MS_CHAIN_MISMATCH", { expected: "an epoch record after the last epoch" });
    }
    const body = epochOf(record);
    if (!body.ok) return body.error;
    const named =
        body.value.chainEpoch === before.epoch &&
        body.value.lastSeq === before.headSeq &&
        bytesEqual(body.value.lastHash, before.headHash);
    if (!named) {
        return error("MS_CHAIN_MISMATCH", { expected: `record ${before.headSeq} as the last` });
    }
    return before.frozenAt === null ? null : error("MS_FROZEN");
}

function placeOf(chain: Chain, record: MeterRecord): RecordOutcome | "next" {
    const where = `record ${record.seq} of chain epoch ${chain.epoch}`;
    if (record.seq <= chain.headSeq) {
        if (isAccepted(chain, record.seq, record.message.hash)) return { kind: "duplicate" };
        return { kind: "conflict", error: error("MS_REPLAYED", { where, got: "another record" }) };
    }
    if (chain.frozenAt !== null && record.seq >= chain.frozenAt) {
        return { kind: "refused", error: error("MS_FROZEN", { where }) };
    }
    if (chain.closed) return { kind: "refused", error: error("MS_FROZEN", { where }) };
    return record.seq === chain.headSeq + 1 ? "next" : holdPending(chain, record, where);
}

function holdPending(chain: Chain, record: MeterRecord, where: string): RecordOutcome {
    const waiting = chain.pending.get(record.seq);
    const nextSeq = chain.headSeq + 1;
    if (waiting !== undefined && !bytesEqual(waiting, record.message.bytes)) {
        const parsed = parseRecord(waiting);
        if (parsed.ok && !bytesEqual(parsed.value.message.hash, record.message.hash)) {
            return {
                kind: "conflict",
                error: error("MS_REPLAYED", { where, got: "another record" }),
            };
        }
        return { kind: "pending", nextSeq };
    }
    if (chain.pending.size >= LIMITS.pendingRecords && waiting === undefined) {
        const expected = `record ${nextSeq} first`;
        return { kind: "refused", error: error("MS_GAP", { where, expected }) };
    }
    chain.pending.set(record.seq, record.message.bytes.slice());
    return { kind: "pending", nextSeq };
}

function applyNext(
    draft: Draft,
    chain: Chain,
    record: MeterRecord,
    timeMs: number,
): MetersealError | null {
    if (!bytesEqual(record.prev, chain.headHash)) {
        return error("MS_CHAIN_MISMATCH", {
            where: `record ${record.seq}`,
            expected: `prev ${toHex(chain.headHash)}`,
            got: toHex(record.prev),
        });
    }
    const fault = clockFault(record, record.timeUnix, timeMs) ?? applyBody(draft, record, timeMs);
    if (fault !== null) return fault;
    chain.headSeq = record.seq;
    chain.headHash = record.message.hash.slice();
    chain.appended.push(chain.headHash);
    chain.pending.delete(record.seq);
    return null;
}

function clockFault(record: MeterRecord, unix: number, timeMs: number): MetersealError | null {
    const nowUnix = Math.floor(timeMs / 1000);
    if (unix > nowUnix + LIMITS.clockAheadSeconds) {
        const expected = `at most ${LIMITS.clockAheadSeconds} s after ${nowUnix}`;
        return error("MS_CLOCK", { where: `record ${record.seq}`, expected, got: String(unix) });
    }
    if (record.expiresUnix !== undefined && record.expiresUnix < nowUnix) {
        return error("MS_EXPIRED", { where: `record ${record.seq}` });
    }
    return null;
}

function applyBody(draft: Draft, record: MeterRecord, timeMs: number): MetersealError | null {
    if (record.recordClass !== RECORD_CLASS.usage) return null;
    const usage = usageOf(record);
    if (!usage.ok) return usage.error;
    const ahead = clockFault(record, lastBoundaryUnix(usage.value), timeMs);
    if (ahead !== null) return ahead;
    const stream = draft.stream(usage.value.stream, usage.value.sealEpoch);
    if (stream === undefined || !bytesEqual(stream.subject, record.subject)) {
        return error("MS_STREAM_RULE", { expected: "a stream enrolled for this subject" });
    }
    if (stream.frozen) return error("MS_FROZEN", { where: "stream" });
    const next = applyUsage(stream, usage.value);
    if (!next.ok) return next.error;
    Object.assign(stream, next.value);
    return null;
}

/** Accepts waiting records that now have their predecessor; a faulty one freezes the chain. */
function releasePending(draft: Draft, chain: Chain, timeMs: number): MeterRecord[] {
    const released: MeterRecord[] = [];
    for (;;) {
        const bytes = chain.pending.get(chain.headSeq + 1);
        if (bytes === undefined) return released;
        const record = parseRecord(bytes);
        if (!record.ok) return released;
        const fault = applyNext(draft, chain, record.value, timeMs);
        if (fault !== null) {
            freezeChain(draft, record.value);
            return released;
        }
        released.push(record.value);
    }
}
