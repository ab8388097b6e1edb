/**
 * The parts of core that need Node: keys from PEM files and signature checks in the thread pool.
 *
 * @packageDocumentation
 */
export { verifySignatureInPool } from "./crypto/node.ts";
export { type FileKeyKind, generatePrivateKeyPem, signerFromPem } from "./crypto/signer.ts";
