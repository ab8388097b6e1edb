/**
 * Contracts on a chain of the Ethereum kind, the rules that they enforce, and their client: tree heads
 * of a log anchored on a chain (profile root-anchor), open registers written to it (profiles
 * single-write and committed-batch).
 *
 * @packageDocumentation
 */
export {
    type AnchorOutcome,
    type AnchorPlace,
    AnchorWriter,
    type AnchorWriterOptions,
    deployAnchors,
    logName,
    readAnchor,
    requireAnchorContract,
    requireChain,
} from "./client/anchors.ts";
export { blockDepth, type MinedTransaction } from "./client/chain.ts";
export { gwei } from "./client/fees.ts";
export {
    formatPending,
    type PendingStore,
    type PendingTransaction,
    parsePending,
} from "./client/pending.ts";
export { type SenderOptions, TransactionSender } from "./client/sender.ts";
export { digestSigner, type EvmSigner, keySigner, remoteSigner } from "./client/signer.ts";
export {
    CONTRACTS,
    decodeAnswer,
    decodeRefusal,
    type EvmContract,
    encodeCall,
    encodeEvmCall,
} from "./contracts.ts";
export { type Address, type Hex, NO_ADDRESS, NO_HASH } from "./hex.ts";
export {
    type AnchorProof,
    checkAnchorProof,
    formatAnchorProof,
    type ProvenAnchor,
    parseAnchorProof,
} from "./proof/anchor-proof.ts";
export {
    type AnchoredAt,
    fetchAnchorProof,
    findAnchor,
    requireBlock,
} from "./proof/fetch-proof.ts";
export { type OpenRegister, openRegisters } from "./registers.ts";
export { EvmRpc, type EvmRpcAnswer } from "./rpc.ts";
export { acceptEvm, type EvmProfile, type EvmProfiles } from "./rules/accept-evm.ts";
export {
    type CommittedBatchCall,
    type CommittedBatchState,
    emptyCommittedBatch,
    packRegisters,
} from "./rules/committed-batch.ts";
export { type EvmRefusal, type EvmVerdict, errorOfRefusal } from "./rules/refusal.ts";
export {
    type AnchorCall,
    type EvmHead,
    emptyRootAnchor,
    NO_HEAD,
    type RootAnchorCall,
    type RootAnchorState,
} from "./rules/root-anchor.ts";
export {
    emptySingleWrite,
    type SingleWriteCall,
    type SingleWriteState,
} from "./rules/single-write.ts";
