/** Longest run between two zeros that one code byte stands for (Cheshire and Baker, 1999). */
const RUN_BYTES = 254;

/** Bytes that {@link encodeCobs} adds to as many bytes, at most. */
export function cobsOverhead(lengthBytes: number): number {
    return 1 + Math.floor(lengthBytes / RUN_BYTES);
}

/** Consistent overhead byte stuffing: the same bytes without a zero among them, one longer in 254. */
export function encodeCobs(bytes: Uint8Array): Uint8Array {
    const out = new Uint8Array(bytes.length + cobsOverhead(bytes.length));
    let code = 0; // where the length of the present run goes
    let at = 1;
    for (let i = 0; i < bytes.length; i++) {
        const byte = bytes[i] ?? 0;
        if (byte !== 0) out[at++] = byte;
        const isFull = at - code > RUN_BYTES;
        if (byte !== 0 && !(isFull && i < bytes.length - 1)) continue;
        out[code] = at - code;
        code = at++;
    }
    out[code] = at - code;
    return out.subarray(0, at);
}

/** What {@link encodeCobs} was given; null for what it never makes. */
export function decodeCobs(bytes: Uint8Array): Uint8Array | null {
    const out = new Uint8Array(bytes.length);
    let length = 0;
    for (let at = 0; at < bytes.length; ) {
        const code = bytes[at] ?? 0;
        const end = at + code;
        if (code === 0 || end > bytes.length) return null;
        const run = bytes.subarray(at + 1, end);
        if (run.includes(0)) return null;
        out.set(run, length);
        length += run.length;
        at = end;
        if (code <= RUN_BYTES && at < bytes.length) length++; // the zero behind the run
    }
    return out.subarray(0, length);
}
