import { error, fail, ok, type Result } from "@meterseal/core";
import { FLAG, type FlagRun } from "@meterseal/record";

/** Quality of the interval that ends at a boundary: 0 measured, else one of {@link FLAG}. */
export type Flag = 0 | (typeof FLAG)[keyof typeof FLAG];

/**
 * Runs of a list with one flag per boundary (key 8 of formats 4): the fewest, ascending, none for
 * boundaries without.
 */
export function encodeFlags(flags: readonly Flag[]): FlagRun[] {
    const runs: FlagRun[] = [];
    for (let offset = 0; offset < flags.length; ) {
        const flag = flags[offset] ?? 0;
        let end = offset + 1;
        while (end < flags.length && flags[end] === flag) end++;
        if (flag !== 0) runs.push({ offset, length: end - offset, flag });
        offset = end;
    }
    return runs;
}

/**
 * One flag per boundary; inverse of {@link encodeFlags}.
 * @returns MS_MALFORMED where the runs are not the ones that encodeFlags makes: out of the record,
 * out of order, overlapping, split, or of an unknown flag.
 */
export function expandFlags(runs: readonly FlagRun[], count: number): Result<Flag[]> {
    const flags: Flag[] = new Array(count).fill(0);
    let end = 0;
    for (const { offset, length, flag } of runs) {
        const isWhole = Number.isInteger(offset) && Number.isInteger(length);
        const isKnown = Number.isInteger(flag) && flag >= FLAG.missing && flag <= FLAG.estimated;
        const fits = offset >= end && length >= 1 && offset + length <= count;
        const isSplit = end > 0 && offset === end && flags[end - 1] === flag;
        if (!isWhole || !isKnown || !fits || isSplit) {
            const got = `offset ${offset}, length ${length}, flag ${flag} of ${count} boundaries`;
            return fail(error("MS_MALFORMED", { where: "flag run", got }));
        }
        end = offset + length;
        flags.fill(flag as Flag, offset, end);
    }
    return ok(flags);
}
