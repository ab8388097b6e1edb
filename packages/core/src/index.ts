/**
 * Layer 0: units, time, byte helpers, the table of errors, limits, ports and primitives.
 * Pure and browser-safe; the one platform difference is `#crypto`.
 *
 * @packageDocumentation
 */

export {
    aes128Blocks,
    hkdfSha256,
    openAes128Gcm,
    sealAes128Gcm,
    sha256,
    verifyMlDsa44,
    verifySignature,
    x25519,
} from "#crypto";
export {
    bytesEqual,
    compareBytes,
    concatBytes,
    fromBase64,
    fromHex,
    plainBytes,
    toBase64,
    toHex,
    u32be,
    u64be,
    utf8,
} from "./bytes.ts";
export { isLowS, toLowS } from "./crypto/ecdsa-form.ts";
export {
    generateHpkeKeyPair,
    HPKE_ENC_BYTES,
    HPKE_PUBLIC_KEY_BYTES,
    HPKE_SUITE,
    HPKE_TAG_BYTES,
    type HpkeContext,
    type HpkeKeyPair,
    type HpkeSealed,
    openHpke,
    recipientKeyId,
    sealHpke,
} from "./crypto/hpke.ts";
export { isRsa2048Modulus, RSA_BYTES, RSA_EXPONENT } from "./crypto/rsa-form.ts";
export {
    assert,
    ERRORS,
    type ErrorCode,
    type ErrorDetails,
    type ErrorEntry,
    error,
    MetersealError,
} from "./errors.ts";
export { hostOf } from "./host.ts";
export { LIMITS } from "./limits.ts";
export type { CollectorLink, LinkHandler, MeterLink, MeterLinkHandler } from "./link-port.ts";
export {
    ALGORITHM,
    type Algorithm,
    type Clock,
    type Log,
    type PublicKey,
    type Random,
    type SignatureJob,
    type Signer,
    type Timers,
} from "./ports.ts";
export { type Failure, fail, ok, type Result, unwrap } from "./result.ts";
export { sparingLog } from "./sparing-log.ts";
export * from "./time/civil.ts";
export { monthOfDay } from "./time/month.ts";
export * from "./time/slot.ts";
export {
    isWindowName,
    WINDOW_LEVELS,
    WINDOW_NAMES,
    type WindowEdges,
    type WindowName,
    windowEdges,
} from "./time/windows.ts";
export {
    CIVIL_END_UNIX,
    CIVIL_START_UNIX,
    readZoneOffsets,
    type ZoneOffsets,
} from "./time/zone-offsets.ts";
