/**
 * The parts of core that need Node: keys from PEM files and signature checks in threads of their own.
 *
 * @packageDocumentation
 */
export { verifySignatureInPool } from "./crypto/node.ts";
export {
    type FileKeyKind,
    generatePrivateKeyPem,
    type RawSigner,
    rawSignerFromPem,
    signerFromPem,
} from "./crypto/signer.ts";
export { VerifierPool, type VerifierPoolOptions } from "./crypto/verifier-pool.ts";
