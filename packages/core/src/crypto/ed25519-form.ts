/** The eight small-order points of Ed25519 and their non-canonical encodings, sign bit cleared. */
const SMALL_ORDER = new Set([
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);
const FIELD_PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/**
 * True when key and signature have the one encoding that we accept: R and the key are canonical
 * and not of small order, and S is below the group order (RFC 8032 section 5.1.7, formats 2).
 */
export function isCanonicalEd25519(publicKey: Uint8Array, signature: Uint8Array): boolean {
    if (publicKey.length !== 32 || signature.length !== 64) return false;
    if (littleEndian(signature.subarray(32)) >= ORDER) return false;
    return isCanonicalPoint(publicKey) && isCanonicalPoint(signature.subarray(0, 32));
}

function isCanonicalPoint(encoded: Uint8Array): boolean {
    const y = new Uint8Array(encoded); // a copy, also of a Buffer
    y[31] = (y[31] as number) & 0x7f;
    return !SMALL_ORDER.has(y.toHex()) && littleEndian(y) < FIELD_PRIME;
}

function littleEndian(bytes: Uint8Array): bigint {
    return BigInt(`0x${new Uint8Array(bytes).reverse().toHex()}`);
}
