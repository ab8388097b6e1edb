import { plainBytes } from "../bytes.ts";
import { assert, error } from "../errors.ts";
import { ALGORITHM, type Algorithm, type PublicKey, type SignatureJob } from "../ports.ts";

/** Byte in the place of a verdict; anything else is no verdict. */
export const VERDICT = { open: 0, valid: 1, invalid: 2 } as const;

/** Bytes in front of the jobs: their number, then one verdict each. */
const COUNT_BYTES = 4;
/** Lengths of key, message and signature, and the algorithm. */
const JOB_HEAD_BYTES = 13;

/**
 * Puts jobs into one buffer that can change its thread without a copy. A key that serves several
 * jobs in a row stands once. Verdicts are open.
 */
export function packJobs(jobs: readonly SignatureJob[]): ArrayBuffer {
    let size = COUNT_BYTES + jobs.length;
    let last: PublicKey | null = null;
    for (const { key, message, signature } of jobs) {
        size += JOB_HEAD_BYTES + message.length + signature.length;
        if (key !== last) size += keyLength(key);
        last = key;
    }
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, jobs.length);
    let at = COUNT_BYTES + jobs.length;
    last = null;
    for (const { algorithm, key, message, signature } of jobs) {
        const keyBytes = key === last ? 0 : keyLength(key);
        last = key;
        view.setInt8(at, algorithm);
        view.setUint32(at + 1, keyBytes);
        view.setUint32(at + 5, message.length);
        view.setUint32(at + 9, signature.length);
        at += JOB_HEAD_BYTES;
        if (keyBytes > 0) writeKey(key, bytes, at);
        at += keyBytes;
        bytes.set(message, at);
        at += message.length;
        bytes.set(signature, at);
        at += signature.length;
    }
    return bytes.buffer;
}

/** A job as its buffer holds it; all bytes are views. */
export type PackedJob = {
    /** Algorithm and parts of the key, see {@link unpackKey}; null for that of the job before. */
    readonly keyBytes: Uint8Array | null;
    readonly algorithm: Algorithm;
    readonly message: Uint8Array;
    readonly signature: Uint8Array;
};

/** Takes the jobs of {@link packJobs} apart again. */
export function* unpackJobs(buffer: ArrayBuffer): Generator<PackedJob> {
    const view = new DataView(buffer);
    const count = view.getUint32(0);
    let at = COUNT_BYTES + count;
    const part = (length: number): Uint8Array => {
        at += length;
        return new Uint8Array(buffer, at - length, length);
    };
    for (let i = 0; i < count; i++) {
        const head = at;
        at += JOB_HEAD_BYTES;
        const keyBytes = view.getUint32(head + 1);
        yield {
            algorithm: view.getInt8(head) as Algorithm,
            keyBytes: keyBytes === 0 ? null : part(keyBytes),
            message: part(view.getUint32(head + 5)),
            signature: part(view.getUint32(head + 9)),
        };
    }
}

/** The verdicts of a buffer, one byte a job, for writing and reading. */
export function verdictsOf(buffer: ArrayBuffer): Uint8Array {
    return new Uint8Array(buffer, COUNT_BYTES, new DataView(buffer).getUint32(0));
}

/**
 * Reads the verdicts of a buffer that came back.
 * @throws MetersealError MS_INTERNAL unless each of so many jobs has one.
 */
export function readVerdicts(buffer: ArrayBuffer, count: number): boolean[] {
    const verdicts = verdictsOf(buffer);
    if (verdicts.length !== count) throw error("MS_INTERNAL", { where: "signature check" });
    return Array.from(verdicts, (verdict) => {
        if (verdict === VERDICT.valid || verdict === VERDICT.invalid) {
            return verdict === VERDICT.valid;
        }
        throw error("MS_INTERNAL", { where: "signature check", got: "no verdict" });
    });
}

function keyLength(key: PublicKey): number {
    switch (key.algorithm) {
        case ALGORITHM.es256:
            return 1 + key.x.length + key.y.length;
        case ALGORITHM.edDsa:
            return 1 + key.x.length;
        case ALGORITHM.ps256:
            return 1 + key.n.length;
    }
}

function writeKey(key: PublicKey, bytes: Uint8Array, at: number): void {
    new DataView(bytes.buffer).setInt8(at, key.algorithm);
    switch (key.algorithm) {
        case ALGORITHM.es256:
            bytes.set(key.x, at + 1);
            bytes.set(key.y, at + 1 + key.x.length);
            break;
        case ALGORITHM.edDsa:
            bytes.set(key.x, at + 1);
            break;
        case ALGORITHM.ps256:
            bytes.set(key.n, at + 1);
    }
}

/** Key of {@link PackedJob.keyBytes}, with bytes of its own. */
export function unpackKey(bytes: Uint8Array): PublicKey {
    const algorithm = new DataView(bytes.buffer, bytes.byteOffset).getInt8(0);
    const rest = plainBytes(bytes).slice(1);
    switch (algorithm) {
        case ALGORITHM.es256:
            return {
                algorithm,
                x: rest.subarray(0, rest.length / 2),
                y: rest.subarray(rest.length / 2),
            };
        case ALGORITHM.edDsa:
            return { algorithm, x: rest };
        default:
            assert(algorithm === ALGORITHM.ps256, "a key of a known algorithm");
            return { algorithm, n: rest };
    }
}
