/** Consecutive row numbers, both ends included. */
export type Run = { readonly first: number; readonly last: number };

/** The fewest runs of some row numbers, which need no order and do not repeat; ascending. */
export function runsOf(rows: readonly number[]): Run[] {
    const runs: Run[] = [];
    let open: { first: number; last: number } | undefined;
    for (const n of [...rows].sort((a, b) => a - b)) {
        if (open !== undefined && open.last + 1 === n) open.last = n;
        else {
            open = { first: n, last: n };
            runs.push(open);
        }
    }
    return runs;
}
