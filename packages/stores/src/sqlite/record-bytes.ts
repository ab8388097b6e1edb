import { concatBytes } from "@meterseal/core";
import { byteStringEnd, encodeCbor, type MeterRecord, sign1HeadBytes } from "@meterseal/record";

/** A record's bytes as they are stored: what other records share with it stands elsewhere. */
export type RecordParts = {
    /** All before the payload: the same in every record of a key. */
    readonly head: Uint8Array;
    /** Payload and signature without the last field of the payload, which holds the subject. */
    readonly rest: Uint8Array;
};

/** Key 8 and 16 bytes: keys ascend, so the field is the last of every payload. */
const SUBJECT_FIELD_BYTES = 18;
const SUBJECT_KEY = encodeCbor(8);
/** Key 8 and the head of 16 bytes, made once: rows are joined by the thousand. */
const SUBJECT_START = encodeCbor(new Map([[8, new Uint8Array(16)]])).slice(1, 3);

/** Takes a record apart that was parsed. */
export function splitRecord({ message: { bytes } }: MeterRecord): RecordParts {
    const headBytes = sign1HeadBytes(bytes);
    const end = byteStringEnd(bytes, headBytes);
    return {
        head: bytes.subarray(0, headBytes),
        rest: concatBytes(
            bytes.subarray(headBytes, end - SUBJECT_FIELD_BYTES),
            bytes.subarray(end),
        ),
    };
}

/** Inverse of {@link splitRecord}. Of bytes that somebody altered it makes some that no reader takes. */
export function joinRecord({ head, rest }: RecordParts, subject: Uint8Array): Uint8Array {
    const at = subjectOffset(rest);
    const isWhole = SUBJECT_START.length + subject.length === SUBJECT_FIELD_BYTES;
    const field = isWhole ? [SUBJECT_START, subject] : [SUBJECT_KEY, encodeCbor(subject)];
    return concatBytes(head, rest.subarray(0, at), ...field, rest.subarray(at));
}

function subjectOffset(rest: Uint8Array): number {
    try {
        return Math.max(0, byteStringEnd(rest, 0) - SUBJECT_FIELD_BYTES);
    } catch {
        return 0;
    }
}
