/**
 * Layer 4: the side of whoever holds a grant. Opens granted sums with coverage and quality, and
 * verifies them from the network id up, in the browser as on the command line: signatures, chain,
 * inclusion in the ledger, what the ledger says of the grant, and the store's own word.
 *
 * @packageDocumentation
 */
export type { GroupAmounts } from "./amounts.ts";
export { compareClaim } from "./claims.ts";
export type { AmountsBy } from "./committed.ts";
export {
    planPath,
    planReading,
    type ReadingPlan,
    type ReadingRange,
    type ReadingRequest,
    weightedPath,
    weightedRange,
} from "./plan.ts";
export {
    type GrantedSum,
    type GrantReading,
    type ReadingInput,
    readGrant,
} from "./reading.ts";
export type { ReaderTrust } from "./verify-records.ts";
export { readWeighted, type WeightedInput, type WeightedReading } from "./weighted.ts";
