/**
 * Layer 4: the head-end. Takes messages from links, admits records in the order of formats 6,
 * answers with receipts, and carries records to the ledger in vertices. I/O through ports.
 *
 * @packageDocumentation
 */
export { Collector, type CollectorOptions } from "./collector.ts";
export { type Rate, RateLimit } from "./rate-limit.ts";
export type { NextTurn } from "./turns.ts";
export type { SignatureVerifier } from "./verify-window.ts";
