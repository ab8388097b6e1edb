import { bytesEqual, error, fail, ok, type Result } from "@meterseal/core";
import { type CheckpointHead, type CheckpointTrust, verifyCheckpoint } from "./checkpoint.ts";

/** Two signed checkpoints of one log that cannot both be true, the smaller one first. */
export type SplitView = {
    /** Signed notes, verbatim. */
    readonly notes: readonly [string, string];
    readonly heads: readonly [CheckpointHead, CheckpointHead];
};

/**
 * Checks the proof that a log showed two histories: two notes under its key with the same size and
 * different roots. Anybody can check it without any other state. Two different sizes are no proof by
 * themselves: whether the larger tree grows out of the smaller one only the log's own consistency
 * proof can show, and a log that gives none is refused by witnesses and readers.
 * @returns MS_CHECKPOINT where a note is not signed by the log, or both can be true.
 */
export function checkSplitView(
    first: string,
    second: string,
    trust: CheckpointTrust,
): Result<SplitView> {
    const one = verifyCheckpoint(first, trust);
    if (!one.ok) return one;
    const other = verifyCheckpoint(second, trust);
    if (!other.ok) return other;
    const contradicts =
        one.value.size === other.value.size && !bytesEqual(one.value.root, other.value.root);
    if (contradicts) return ok({ notes: [first, second], heads: [one.value, other.value] });
    const expected = "two different roots of one size";
    return fail(error("MS_CHECKPOINT", { where: trust.origin, expected }));
}
