/**
 * Layer 1: the signed envelope (COSE_Sign1), records and their bodies, receipts, enrolments.
 * Pure and browser-safe. The formats are frozen in vectors/record and docs/reference/formats.cddl.
 *
 * @packageDocumentation
 */
export {
    type AddressException,
    type AddressedBoundaries,
    type BoundaryAddress,
    coarseAddresses,
    exceptionsOf,
    LEVEL,
} from "./address.ts";
export { decodeCbor, encodeCbor } from "./cbor.ts";
export {
    type Correction,
    type CorrectionNote,
    type CorrectionValues,
    decodeCorrection,
    decodeCorrectionNote,
    encodeCorrection,
    encodeCorrectionNote,
    isReason,
} from "./correction.ts";
export { decodeCoseKey, encodeCoseKey, kidOf } from "./cose-key.ts";
export {
    createEnrolment,
    type Enrolment,
    type EnrolPayload,
    isMeteringPoint,
    parseEnrolment,
    ROLE,
    STREAM_MODE,
    type StreamDescriptor,
} from "./enrol.ts";
export {
    decodeEvent,
    type EpochBefore,
    EVENT_KIND,
    EVENT_REASON,
    type EventValues,
    encodeEvent,
    eventOf,
    type RegisterEvent,
} from "./event.ts";
export type { BoxAccess, BoxItem, BoxMessage, GrantBox } from "./grant-box.ts";
export { lastRegistersUnix } from "./instants.ts";
export { createLinkToken, type LinkToken, parseLinkToken } from "./link-token.ts";
export {
    MEDIUM,
    type MediumName,
    type MediumUnit,
    mediumOfName,
    unitOfMedium,
} from "./medium.ts";
export type { MeterStore, OutboxRecord } from "./meter-store.ts";
export {
    COHORT_BYTES,
    createNotice,
    NOTICE_KIND,
    type Notice,
    type NoticeContent,
    type NoticePayload,
    parseNotice,
    topicOf,
} from "./notice.ts";
export { attempt, MapReader, malformed, toArray, toBytes, toInteger, toRegister } from "./parse.ts";
export {
    createParty,
    isPartyName,
    PARTY_ROLE,
    type Party,
    type PartyPayload,
    parseParty,
    RECIPIENT_SUITE,
    type RecipientKey,
} from "./party.ts";
export { formatPartyKey, type PartyKey, parsePartyKey } from "./party-key.ts";
export { createPruning, type Pruning, type PruningPayload, parsePruning } from "./pruning.ts";
export {
    createReceipt,
    encodeReceipt,
    parseReceipt,
    parseUnsignedReceipt,
    RECEIPT_LEVEL,
    type Receipt,
} from "./receipt.ts";
export {
    createRecord,
    createUsageRecord,
    type EpochBody,
    encodeEpoch,
    epochOf,
    fitsMessage,
    isSummary,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    type RecordPayload,
    SUMMARY_FIRST_BYTE,
    usageOf,
} from "./record.ts";
export {
    createRevocation,
    parseRevocation,
    type Revocation,
    type RevocationPayload,
} from "./revocation.ts";
export {
    byteStringEnd,
    createSign1,
    MESSAGE_TYPE,
    type MessageType,
    messageTypeOf,
    parseSign1,
    type Sign1,
    sign1HeadBytes,
    splitSequence,
    verifySign1,
} from "./sign1.ts";
export {
    isSummarized,
    parseSummary,
    type SummarizedRecord,
    summarizeRecord,
} from "./summary.ts";
export {
    createTariff,
    parseTariff,
    type TariffMessage,
    type TariffPayload,
} from "./tariff.ts";
export {
    channelCount,
    channelsOfGroup,
    decodeUsage,
    encodeUsage,
    FLAG,
    type FlagRun,
    GROUP,
    type UsageBody,
} from "./usage.ts";
export { decodeWarning, encodeWarning, WARNING_KIND, type Warning } from "./warning.ts";
