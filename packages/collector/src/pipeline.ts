import {
    bytesEqual,
    error,
    fail,
    fromHex,
    LIMITS,
    type MetersealError,
    ok,
    type Result,
} from "@meterseal/core";
import { type MeterRecord, parseRecord, splitSequence } from "@meterseal/record";
import type { Admission } from "./admission.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { VerifyWindow } from "./verify-window.ts";

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
 * subject, place in the chain, and only then the signature. A message counts once for the rate; one
 * without any known key costs map look-ups.
 */
export async function screen(
    options: PipelineOptions,
    senderHex: string,
    records: readonly MeterRecord[],
): Promise<Screened[]> {
    const { admission, rate } = options;
    const known = records.some(({ message }) => admission.enrolmentOf(message.kid) !== undefined);
    const allowed = !known || rate.take(senderHex);
    return await Promise.all(
        records.map((record) =>
            allowed
                ? screenRecord(options, senderHex, record)
                : { kind: "refused" as const, record, error: error("MS_BUSY") },
        ),
    );
}

async function screenRecord(
    options: PipelineOptions,
    senderHex: string,
    record: MeterRecord,
): Promise<Screened> {
    const refuse = (refusal: MetersealError): Screened => ({
        kind: "refused",
        record,
        error: refusal,
    });
    const enrolment = options.admission.enrolmentOf(record.message.kid);
    if (enrolment === undefined) return refuse(error("MS_KEY_UNKNOWN"));
    const sender = fromHex(senderHex);
    if (!bytesEqual(record.subject, sender) || !bytesEqual(enrolment.id, record.subject)) {
        return refuse(error("MS_NOT_ALLOWED", { expected: `subject ${senderHex}` }));
    }
    const place = options.admission.knownPlace(record);
    if (place === "duplicate") return { kind: "duplicate", record };
    if (place === "frozen") return refuse(error("MS_FROZEN"));
    const window = place === "taken" ? options.conflictWindow : options.window;
    const valid = await window.verify(record.message, enrolment.key);
    return valid ? { kind: "verified", record } : refuse(error("MS_SIGNATURE_BAD"));
}
