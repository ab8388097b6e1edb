/**
 * Compliance suites of the store ports. Every implementation of a port runs the same cases, so a
 * role that works with the double works with the real store.
 *
 * @packageDocumentation
 */
export { describeGrantBoxCompliance } from "./grant-box-compliance.ts";
export { describeMeterStoreCompliance } from "./meter-store-compliance.ts";
export type { ServerStoreUnderTest } from "./server-store-cases.ts";
export { describeServerStoreCompliance } from "./server-store-compliance.ts";
export type { CommitHooks, StoreBed } from "./store-bed.ts";
export { type SampleRecord, StoreSamples } from "./store-samples.ts";
