/**
 * Witnesses: who cosigns checkpoints after checking that a log only grew (C2SP tlog-witness), and
 * how a log gathers their cosignatures.
 *
 * @packageDocumentation
 */
export { httpPost } from "./http-post.ts";
export { WitnessQuorum } from "./quorum.ts";
export {
    Witness,
    type WitnessAnswer,
    type WitnessedHead,
    type WitnessOptions,
    type WitnessStore,
} from "./witness.ts";
