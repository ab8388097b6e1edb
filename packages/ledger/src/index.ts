/**
 * Layer 2: vertices, the one acceptance rule, the log with its proofs, and checkpoints. One pure
 * deterministic state machine, browser-safe.
 *
 * @packageDocumentation
 */
export {
    type Accepted,
    accept,
    authorFault,
    bodyFault,
    type Entry,
    parentsFault,
    recordName,
    type SignatureCheck,
} from "./accept/accept.ts";
export { Draft } from "./accept/draft.ts";
export {
    applyRecord,
    freezeChain,
    isBreach,
    type RecordOutcome,
} from "./accept/record-rules.ts";
export {
    type AcceptedHashes,
    type Chain,
    chainKey,
    hashAt,
    type LedgerState,
    type NoticeState,
    noticeKey,
    type RecordState,
    type StreamState,
    streamKey,
} from "./accept/state.ts";
export { stateRoot } from "./accept/state-root.ts";
export {
    CAR_LIMITS,
    type CarBlock,
    type CarLink,
    decodeCarHeader,
    decodeLength,
    encodeBlockHead,
    encodeCarHeader,
    isContentOf,
    rawBlock,
} from "./car/blocks.ts";
export {
    type CarCheckpoint,
    type CarEntry,
    type CarMessage,
    type CarRoot,
    messageBlocks,
    PAGE_ITEMS,
    pageBlock,
    parseCheckpointPage,
    parseEntryPage,
    parseRemains,
    parseRoot,
    parseWaitingPage,
    rootBlock,
} from "./car/contents.ts";
export {
    type CheckpointHead,
    type CheckpointTrust,
    readCheckpoint,
    signCheckpoint,
    verifyCheckpoint,
} from "./checkpoint/checkpoint.ts";
export {
    COSIGNATURE,
    type Cosigner,
    type CosignerKey,
    cosign,
    findCosignature,
    formatCosignerKey,
    verifyCosignature,
} from "./checkpoint/cosignature.ts";
export { formatEntryProof, type ProvenEntry, verifyEntryProof } from "./checkpoint/entry-proof.ts";
export {
    formatNote,
    formatSignatureLine,
    type NoteSignature,
    parseNote,
} from "./checkpoint/note.ts";
export { formatVerifierKey, type NoteKey, parseVerifierKey } from "./checkpoint/note-key.ts";
export {
    judgeQuorum,
    POLICY_LIMITS,
    type Policy,
    parsePolicy,
    smallestQuorum,
} from "./checkpoint/policy.ts";
export { checkSplitView } from "./checkpoint/split-view.ts";
export {
    formatTlogProof,
    parseTlogProof,
    type TlogProof,
    type TlogProofTrust,
    type VerifiedTlogProof,
    verifyTlogProof,
} from "./checkpoint/tlog-proof.ts";
export {
    type AddCheckpoint,
    formatAddCheckpoint,
    judgeAddCheckpoint,
    parseAddCheckpoint,
    WITNESS_LIMITS,
    type WitnessedLogs,
} from "./checkpoint/witness.ts";
export {
    checkContradiction,
    genesisOf,
    type ProvenContradiction,
} from "./contradiction/check.ts";
export {
    type Contradiction,
    CULPRIT,
    decodeContradiction,
    encodeContradiction,
} from "./contradiction/contradiction.ts";
export { findFork, findOther } from "./contradiction/find.ts";
export {
    decodeEntry,
    encodeEntry,
    entryLeafHash,
    type LogEntry,
    type LogItem,
    messageOf,
    type PlainItem,
    parseItem,
} from "./entry.ts";
export {
    type CheckedNotice,
    type CheckedRecord,
    checkEvidence,
    type EvidenceExtent,
    type EvidenceReport,
    type EvidenceTrust,
    type Fault,
    type Verdict,
    verdictOf,
} from "./evidence/check.ts";
export {
    decodeEvidence,
    type Evidence,
    encodeEvidence,
    type LogGrowth,
    type LogLeaf,
    type RecordLeaf,
} from "./evidence/evidence.ts";
export { formatReceipt, parseReceipt } from "./evidence/receipt.ts";
export { loggedHeads } from "./exchange/heads.ts";
export {
    decodeAnswers,
    decodeHeads,
    decodeLogPage,
    decodeVertices,
    encodeAnswers,
    encodeHeads,
    encodeLogPage,
    encodeVertices,
} from "./exchange/messages.ts";
export type {
    AuthorHead,
    Exchange,
    Heads,
    LogPage,
    SentEntry,
    SentVertex,
    VertexAnswer,
} from "./exchange/port.ts";
export {
    decodeGenesis,
    encodeGenesis,
    type Genesis,
    NETWORK_MODE,
    networkIdOf,
    originOf,
} from "./genesis.ts";
export { TreeGrowth } from "./merkle/growth.ts";
export { emptyRoot, leafHash } from "./merkle/hash.ts";
export { ItemPages } from "./merkle/item-pages.ts";
export { MerkleLog } from "./merkle/log.ts";
export { verifyConsistency, verifyInclusion } from "./merkle/verify.ts";
export { IntList } from "./packed/int-list.ts";
export { KeyIndex } from "./packed/key-index.ts";
export { type ImagedLedger, imageOfLedger, ledgerOfImage } from "./packed/state-image.ts";
export type {
    BlockAppend,
    BlockHead,
    BlockStore,
    BranchStore,
    Engine,
    EngineObserver,
    Finality,
    FollowedEntry,
    ImageStore,
    LogAppend,
    LogStore,
    RecordPlaceName,
    RecordStore,
    StoredEntry,
    StoredVertex,
    TakenVertex,
    TreeHead,
} from "./ports.ts";
export {
    isPrunable,
    type PruningRange,
    PruningSums,
    type PruningTotals,
    pruningFault,
    storedLeafHash,
    summaryOf,
} from "./pruning.ts";
export {
    parseEntry,
    parseStoredEntry,
    parseStoredRecord,
    replayEntry,
    stateOfGenesis,
} from "./replay.ts";
export { compareRecords, describeBody, recordLeafHash, summarizeBody } from "./vertex/body.ts";
export { genesisVertexIds, vertexIdOfName } from "./vertex/cid.ts";
export { Tips } from "./vertex/tips.ts";
export { createVertex, parseVertex, type Vertex, type VertexHeader } from "./vertex/vertex.ts";
