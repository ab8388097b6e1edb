/**
 * The embedded engine: one sequencer with an append-only log and signed checkpoints.
 *
 * @packageDocumentation
 */
export type { ImagedViews } from "../image.ts";
export { EmbeddedEngine, type EmbeddedEngineOptions } from "./engine.ts";
export type { CheckpointCosigner, Witnesses } from "./finality.ts";
