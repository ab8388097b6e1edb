/**
 * Layer 2: sealed registers. A register R at a boundary becomes P = (R + ρ − k) mod 2^64, where k
 * comes from a key tree; the sum over a range is the difference of two boundaries, which a store
 * computes without keys and a reader opens with two keys. Keys of a level of the ladder (slot,
 * hour, day, month) open sums at that level and coarser, never finer.
 *
 * A meter seals with {@link planBoundaries} and {@link sealBoundaries}; a reader opens with
 * {@link openRegisters} (owner) or {@link openShifted} and {@link openDifference} (grant). A household
 * grants with {@link coverBody}, {@link keyBody} or {@link differenceBody} and {@link sealGrant}; a
 * recipient reads with {@link parseGrant}, {@link checkGrant} and {@link openGrant}. Pure and
 * browser-safe: reading needs no time zone.
 *
 * @packageDocumentation
 */

export { compactAddresses, expandAddresses } from "./addresses.ts";
export { type Balance, balanceOf, metersOutside } from "./cohort/balance.ts";
export {
    type Cohort,
    type CohortMember,
    CROWD_MIN,
    cohortHash,
    encodeCohort,
    parseCohort,
} from "./cohort/body.ts";
export { type CohortWindowDescription, describeCohort } from "./cohort/description.ts";
export { masksOf, memberOf, pairSecrets } from "./cohort/masks.ts";
export { type MemberReading, memberPart } from "./cohort/part.ts";
export { type CohortSum, type MemberPart, openCohort } from "./cohort/sums.ts";
export { cohortTokens, type GroupTokens } from "./cohort/tokens.ts";
export { type CohortBoundaries, cohortBoundaries } from "./cohort/windows.ts";
export { commitBoundaries, falseCommitments } from "./commit/commit.ts";
export {
    addBlinds,
    opensTo,
    openWeighted,
    type WeightedAddress,
    type WeightedCommitment,
    type WeightedRow,
    weighBlinds,
    weighKeys,
    weighSealed,
} from "./commit/weigh.ts";
export { type NotePlace, openNote, sealNote } from "./correction-note.ts";
export { coverOf, type NodePlace } from "./cover.ts";
export { type CohortHolding, smallestCrowd } from "./derive/crowd.ts";
export { type EpochBegin, knownWithin } from "./derive/epochs.ts";
export { findingsHash } from "./derive/findings-hash.ts";
export {
    type Agreement,
    DAY_SECONDS_MIN,
    type Finding,
    type FindingCode,
    type Holding,
    judgeGrant,
} from "./derive/judge.ts";
export { hullOf, type Known, type KnownSpan, type Stretch } from "./derive/known.ts";
export { durationWords, findingWords } from "./derive/words.ts";
export { encodeFlags, expandFlags, type Flag } from "./flags.ts";
export { coverBody, type GrantEpoch, keyBody } from "./grant/body.ts";
export type {
    Bridge,
    BridgeEnds,
    EpochAddress,
} from "./grant/bridge.ts";
export { checkGrant, type GrantContext, type GrantNotice } from "./grant/check.ts";
export { differenceBody } from "./grant/difference-body.ts";
export { type Grant, parseGrant, sealGrant } from "./grant/message.ts";
export { type GrantKeys, type GrantSource, openGrant, parseGrantBody } from "./grant/open.ts";
export {
    createStandingPolicy,
    LEASE_PERIODS,
    type LeasePeriod,
    type PolicyTerms,
    parseStandingPolicy,
    type StandingPolicy,
} from "./grant/standing-policy.ts";
export {
    GRANT_KIND,
    type GrantKind,
    type GrantSpan,
    type GrantTerms,
} from "./grant/terms.ts";
export { blindAt, encodeTokenBody, type TokenTable } from "./grant/token-body.ts";
export { type GroupWeights, weightedBody } from "./grant/weighted-body.ts";
export type { Window } from "./grant/windows.ts";
export {
    coverKeys,
    type KeySource,
    type OwnerKeys,
    ownerKeys,
    type TreeCover,
} from "./key-source.ts";
export {
    differenceOf,
    openDifference,
    openRegisters,
    openShifted,
    type SealedBoundaries,
} from "./open.ts";
export {
    type BoundaryPlan,
    newSealState,
    planBoundaries,
    planEvent,
    type SealState,
} from "./plan.ts";
export { type Boundaries, REGISTER_END, sealBoundaries } from "./seal.ts";
export {
    type ChannelGroup,
    checkStream,
    MASTER_BYTES,
    type SealedStream,
    TREE_DEPTH,
    type Tree,
    type TreeAddress,
} from "./stream.ts";
export { BoundaryLine } from "./sums/boundary-line.ts";
export { describeSum, type SumDescription } from "./sums/description.ts";
export {
    isUnmeasured,
    knownSlots,
    LOST,
    type Mark,
    marksOf,
    type Quality,
    qualityOf,
    type Tally,
    tallyOf,
} from "./sums/quality.ts";
export { type SumEnd, sumEndOf } from "./sums/registers.ts";
export {
    type BoundaryPoint,
    type EpochLine,
    flagOfHandover,
    type Handover,
    handoverOf,
    type Part,
    type PlacedEvent,
    type Point,
    type RecordPlace,
    StreamLine,
} from "./sums/stream-line.ts";
export {
    type Nearest,
    type RegisterSource,
    type SumInput,
    type SumPart,
    sumWindows,
    type WindowSum,
} from "./sums/sums.ts";
