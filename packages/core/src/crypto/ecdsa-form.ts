import { compareBytes } from "../bytes.ts";

/** Half the order of P-256, big-endian; a signature with a larger s is malleated (formats 2). */
const HALF_ORDER = Uint8Array.fromHex(
    "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8",
);
const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");

/** True when the s half of a 64-byte P-256 signature is at most half the order. */
export function isLowS(signature: Uint8Array): boolean {
    return signature.length === 64 && compareBytes(signature.subarray(32), HALF_ORDER) <= 0;
}

/** The same signature with low s: s is replaced by n − s where it is high. */
export function toLowS(signature: Uint8Array): Uint8Array {
    if (isLowS(signature)) return signature;
    const s = ORDER - BigInt(`0x${signature.subarray(32).toHex()}`);
    const out = new Uint8Array(signature); // a copy, also of a Buffer
    out.set(Uint8Array.fromHex(s.toString(16).padStart(64, "0")), 32);
    return out;
}

/**
 * DER form (RFC 3279 section 2.2.3) of a 64-byte r ‖ s signature. OpenSSL verifies DER with a bare
 * key object faster than IEEE P1363, which needs an options object (docs/adr).
 */
export function toDerSignature(signature: Uint8Array): Uint8Array {
    const r = derInteger(signature.subarray(0, 32));
    const s = derInteger(signature.subarray(32, 64));
    const out = new Uint8Array(2 + r.length + s.length);
    out[0] = 0x30;
    out[1] = r.length + s.length;
    out.set(r, 2);
    out.set(s, 2 + r.length);
    return out;
}

function derInteger(value: Uint8Array): Uint8Array {
    let start = 0;
    while (start < value.length - 1 && value[start] === 0) start++;
    const padded = (value[start] as number) >= 0x80 ? 1 : 0;
    const out = new Uint8Array(2 + padded + value.length - start);
    out[0] = 0x02;
    out[1] = padded + value.length - start;
    out.set(value.subarray(start), 2 + padded);
    return out;
}
