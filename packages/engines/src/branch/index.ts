/**
 * Branches: collectors that follow a log which another server writes, and go on while they are cut
 * off from it.
 *
 * @packageDocumentation
 */

export type { VerifySignatures } from "../signature-jobs.ts";
export { BranchEngine, type BranchEngineOptions, type BranchPeer } from "./engine.ts";
export type { LogEvidence } from "./followed-log.ts";
export type { ForkEvidence } from "./inbox.ts";
export type { Connection } from "./loop.ts";
export { SequencerDoor, type SequencerDoorOptions } from "./sequencer-door.ts";
export type { BranchStatus } from "./status.ts";
