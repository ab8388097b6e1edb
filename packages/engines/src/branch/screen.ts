import {
    bytesEqual,
    error,
    fail,
    LIMITS,
    ok,
    type Result,
    type SignatureJob,
    toHex,
} from "@meterseal/core";
import {
    authorFault,
    bodyFault,
    type LedgerState,
    parseVertex,
    type SentVertex,
    type Vertex,
} from "@meterseal/ledger";
import { type MeterRecord, parseRecord, ROLE, splitSequence } from "@meterseal/record";
import { jobOf, type VerifySignatures } from "../signature-jobs.ts";

/** A vertex whose shape, author, body and signatures hold; its parents are not looked at. */
export type ScreenedVertex = { readonly vertex: Vertex; readonly records: readonly MeterRecord[] };

/** Parses the records of a body; one that does not parse fails the whole. */
export function parseBody(body: Uint8Array): Result<MeterRecord[]> {
    const items = splitSequence(body, LIMITS.vertexRecords);
    if (!items.ok) return items;
    const records: MeterRecord[] = [];
    for (const item of items.value) {
        const record = parseRecord(item);
        if (!record.ok) return record;
        records.push(record.value);
    }
    return ok(records);
}

/**
 * All checks of a vertex that need no other vertex, cheapest first, so that what no member signed costs
 * a parser and a map look-up. A key that our log does not know yet may be known later.
 */
export async function screenVertex(
    state: LedgerState,
    sent: SentVertex,
    verify: VerifySignatures,
): Promise<Result<ScreenedVertex>> {
    const parsed = parseVertex(sent.bytes);
    if (!parsed.ok) return parsed;
    const vertex = parsed.value;
    const author = state.authors.get(toHex(vertex.author));
    const fault = authorFault(state, vertex, author, () => true);
    if (fault !== null || author === undefined) return fail(fault ?? error("MS_VERTEX_AUTHOR"));
    const where = `vertex ${vertex.id}`;
    const [signed] = await verify([jobOf(vertex.message, author.enrolment.key)]);
    if (signed !== true) return fail(error("MS_SIGNATURE_BAD", { where }));
    const records = parseBody(sent.body);
    if (!records.ok) return records;
    const mismatch = bodyFault(vertex, records.value);
    if (mismatch !== null) return fail(mismatch);
    const jobs: SignatureJob[] = [];
    for (const { message, subject } of records.value) {
        const enrolment = state.keys.get(toHex(message.kid));
        if (enrolment === undefined) return fail(error("MS_KEY_UNKNOWN", { where }));
        if (!bytesEqual(enrolment.id, subject) || enrolment.role === ROLE.collector) {
            return fail(error("MS_NOT_ALLOWED", { where, got: `subject ${toHex(subject)}` }));
        }
        jobs.push(jobOf(message, enrolment.key));
    }
    const verdicts = await verify(jobs);
    if (!verdicts.every((valid) => valid)) return fail(error("MS_SIGNATURE_BAD", { where }));
    return ok({ vertex, records: Object.freeze(records.value) });
}
