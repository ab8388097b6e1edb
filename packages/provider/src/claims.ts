import { error } from "@meterseal/core";
import type { Fault } from "@meterseal/ledger";
import type { SumDescription } from "@meterseal/seal";

/**
 * Holds what a store says of some windows against what the signed records make of them.
 * @param claimed - `windows` of the store's answer, as it came.
 * @returns MS_SUM for each window that differs, naming the field; none where all is the same.
 */
export function compareSums(expected: readonly SumDescription[], claimed: unknown): Fault[] {
    const windows: readonly unknown[] = Array.isArray(claimed) ? claimed : [];
    const faults: Fault[] = [];
    if (windows.length !== expected.length) {
        const where = "the store's sums";
        const details = { expected: `${expected.length} windows`, got: `${windows.length}` };
        faults.push({ error: error("MS_SUM", { where, ...details }), where });
    }
    for (const [i, sum] of expected.entries()) {
        const field = i < windows.length ? findDifference(sum, windows[i]) : null;
        if (field === null) continue;
        const where = `window from ${new Date(sum.fromUnix * 1000).toISOString()}${field}`;
        faults.push({ error: error("MS_SUM", { where }), where });
    }
    return faults;
}

/** Holds what a store says in one answer against what the signed records make of it; MS_SUM. */
export function compareClaim(expected: object, claimed: unknown): Fault[] {
    const field = findDifference(expected, claimed);
    if (field === null) return [];
    const where = `the store's sum${field}`;
    return [{ error: error("MS_SUM", { where }), where }];
}

/** Path of the first field that differs, such as `, parts, 0, difference`; null where none does. */
function findDifference(expected: unknown, got: unknown): string | null {
    if (typeof expected !== "object" || expected === null) return expected === got ? null : "";
    if (typeof got !== "object" || got === null) return "";
    if (Array.isArray(expected) !== Array.isArray(got)) return "";
    const [own, other] = [expected, got] as Record<string, unknown>[];
    for (const name of new Set([...Object.keys(expected), ...Object.keys(got)])) {
        const inside = Object.hasOwn(expected, name) && Object.hasOwn(got, name);
        const found = inside ? findDifference(own?.[name], other?.[name]) : "";
        if (found !== null) return `, ${name}${found}`;
    }
    return null;
}
