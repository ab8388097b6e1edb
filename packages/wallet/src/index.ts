/**
 * Layer 4: the household's side. Opens its own registers and verifies what a server claims, in the
 * browser as on the command line.
 *
 * @packageDocumentation
 */
export type { Verdict } from "@meterseal/ledger";

export { isUnmeasured, type Mark, type Quality } from "@meterseal/seal";
export { exchangeKeyOf } from "./cohort/check-cohort.ts";
export {
    type CohortContext,
    type CohortGrant,
    type CohortHousehold,
    makeCohortGrant,
} from "./cohort/make-tokens.ts";
export { checkCommitments } from "./commitments.ts";
export type { OwnCorrection } from "./corrections.ts";
export { estimateGaps } from "./estimate.ts";
export {
    createGrant,
    type GrantOrder,
    type GrantRecipient,
} from "./grant/create-grant.ts";
export { type StreamEpoch, streamEpochs } from "./grant/epochs.ts";
export { type IssueContext, prepareGrants, type ReadyGrant } from "./grant/issue.ts";
export { knownOfTerms } from "./grant/known.ts";
export { type GrantAsk, type GrantPlan, kindOfWindow, planGrant } from "./grant/plan.ts";
export {
    changesWithin,
    knownOfTariff,
    planWeighted,
    type WeightedAsk,
    type WeightedPlan,
} from "./grant/weighted.ts";
export { dateOf, grantWords, policyWords } from "./grant/words.ts";
export type { Join } from "./join.ts";
export { formatKeyFile, type KeyFile, parseKeyFile } from "./key-file.ts";
export { dueLeases, firstLease, type Lease, startOfPeriod } from "./lease/leases.ts";
export {
    checkOwnGrant,
    keptGrant,
    type NoticeRow,
    type OwnChecked,
    type OwnLedger,
    ownFaultWords,
    type ProvenMessage,
    type ProvenNotice,
    provenNotice,
    unseenGrants,
} from "./own/own-grants.ts";
export { isAway, OwnKeys } from "./own/own-keys.ts";
export { admitCohort } from "./policy/admit-cohort.ts";
export {
    type EpochChange,
    formatIssued,
    formatPosted,
    type IssuedCohort,
    type IssuedGrant,
    type Journal,
    parseJournal,
    type Released,
    unposted,
} from "./policy/journal.ts";
export { type Judgement, judgeIssue, type Proposal } from "./policy/judge-issue.ts";
export { NO_POLICY, type Policy, parsePolicy } from "./policy/policy.ts";
export { releasedOf } from "./policy/released.ts";
export { formatScope, type GreenButtonScope, parseScope } from "./profiles/green-button.ts";
export { askOfProfile, GRANT_PROFILES } from "./profiles/profiles.ts";
export { asksOfScope, scopeOfAsk, scopeOfTerms } from "./profiles/scope-asks.ts";
export { openProvisional } from "./provisional.ts";
export {
    type OpenBoundary,
    openSeries,
    openServicePoint,
    type ServicePoint,
} from "./series.ts";
export {
    USAGE_LEVELS,
    type Usage,
    type UsageInterval,
    type UsageLevel,
    usageOfSeries,
} from "./usage.ts";
export {
    checkPlausibility,
    type HouseholdReport,
    openHousehold,
    type Verdicts,
} from "./verify.ts";
