import {
    bytesEqual,
    error,
    fail,
    fromHex,
    LIMITS,
    type MetersealError,
    ok,
    type PublicKey,
    type Result,
    toHex,
} from "@meterseal/core";
import { type MeterRecord, parseRecord, splitSequence } from "@meterseal/record";
import type { Admission } from "./admission.ts";
import type { RateLimit } from "./rate-limit.ts";
import { jobOf, type VerifyWindow } from "./verify-window.ts";

/** Verdict of the pipeline on one record of a message. */
export type Screened =
    /** New and signed: to be admitted in order. */
    | { readonly kind: "verified"; readonly record: MeterRecord }
    /** Here already, byte for byte the same statement. */
    | { readonly kind: "duplicate"; readonly record: MeterRecord }
    | { readonly kind: "refused"; readonly record: MeterRecord; readonly error: MetersealError };

/** What the pipeline works with. */
export type PipelineOptions = {
    readonly admission: Admission;
    readonly window: VerifyWindow;
    /** Narrow window for records that contradict an accepted one (formats 6). */
    readonly conflictWindow: VerifyWindow;
    readonly rate: RateLimit;
};

/**
 * Splits a message of a link into records, strictly.
 * @returns MS_TOO_LARGE, MS_VERSION or MS_MALFORMED; then no part of the message is used.
 */
export function parseMessage(message: Uint8Array): Result<MeterRecord[]> {
    if (message.length > LIMITS.messageBytes) {
        return fail(error("MS_TOO_LARGE", { expected: `at most ${LIMITS.messageBytes} bytes` }));
    }
    const items = splitSequence(message, LIMITS.messageRecords);
    if (!items.ok) return items;
    if (items.value.length === 0) return fail(error("MS_MALFORMED", { expected: "a record" }));
    const records: MeterRecord[] = [];
    for (const item of items.value) {
        const record = parseRecord(item);
        if (!record.ok) return record;
        records.push(record.value);
    }
    return ok(records);
}

/**
 * The checks of formats 6 that need no order among records, cheapest first: known key, rate, own
 * subject, place in the chain, and only then the signatures, those of the message together. A
 * message counts once for the rate; one without any known key costs map look-ups.
 */
export async function screen(
    options: PipelineOptions,
    senderHex: string,
    records: readonly MeterRecord[],
): Promise<Screened[]> {
    const { admission, conflictWindow, rate, window } = options;
    const known = records.some(({ message }) => admission.enrolmentOf(message.kid) !== undefined);
    if (known && !rate.take(senderHex)) {
        return records.map((record) => ({ kind: "refused", record, error: error("MS_BUSY") }));
    }
    const sender = fromHex(senderHex);
    const screened = records.map((record) => screenRecord(admission, sender, record));
    const claims = screened.filter((item) => item.kind === "claim");
    const valid = new Set<MeterRecord>();
    await Promise.all([
        verify(
            window,
            claims.filter(({ place }) => place === null),
            valid,
        ),
        verify(
            conflictWindow,
            claims.filter(({ place }) => place === "taken"),
            valid,
        ),
    ]);
    return screened.map((item) => {
        if (item.kind !== "claim") return item;
        const { record } = item;
        return valid.has(record)
            ? { kind: "verified", record }
            : { kind: "refused", record, error: error("MS_SIGNATURE_BAD") };
    });
}

/** A record for which only the signature speaks so far. */
type Claim = {
    readonly kind: "claim";
    readonly record: MeterRecord;
    readonly key: PublicKey;
    readonly place: "taken" | null;
};

function screenRecord(
    admission: Admission,
    sender: Uint8Array,
    record: MeterRecord,
): Screened | Claim {
    const refuse = (refusal: MetersealError): Screened => ({
        kind: "refused",
        record,
        error: refusal,
    });
    const enrolment = admission.enrolmentOf(record.message.kid);
    if (enrolment === undefined) return refuse(error("MS_KEY_UNKNOWN"));
    if (!bytesEqual(record.subject, sender) || !bytesEqual(enrolment.id, record.subject)) {
        return refuse(error("MS_NOT_ALLOWED", { expected: `subject ${toHex(sender)}` }));
    }
    const place = admission.knownPlace(record);
    if (place === "duplicate") return { kind: "duplicate", record };
    if (place === "frozen") return refuse(error("MS_FROZEN"));
    return { kind: "claim", record, key: enrolment.key, place };
}

/** Adds the records whose signature holds to a set. */
async function verify(
    window: VerifyWindow,
    claims: readonly Claim[],
    valid: Set<MeterRecord>,
): Promise<void> {
    const jobs = claims.map(({ key, record: { message } }) => jobOf(message, key));
    const verdicts = await window.verify(jobs);
    for (const [i, { record }] of claims.entries()) if (verdicts[i] === true) valid.add(record);
}
