/** Edits that still count as a slip: two, or one for names of up to four letters. */
function slipOf(name: string): number {
    return name.length <= 4 ? 1 : 2;
}

/** The known name that somebody most likely meant; null when none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
    let nearest: string | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const candidate of known) {
        const edits = editsBetween(name.toLowerCase().replaceAll("_", "-"), candidate);
        if (edits < least) [nearest, least] = [candidate, edits];
    }
    return nearest !== null && least <= slipOf(nearest) ? nearest : null;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editsBetween(a: string, b: string): number {
    let beforeLast: number[] = [];
    let last = Array.from({ length: b.length + 1 }, (_, j) => j);
    for (let i = 1; i <= a.length; i++) {
        const row = [i];
        for (let j = 1; j <= b.length; j++) {
            const same = a[i - 1] === b[j - 1];
            let least = Math.min(
                (last[j] ?? 0) + 1,
                (row[j - 1] ?? 0) + 1,
                (last[j - 1] ?? 0) + (same ? 0 : 1),
            );
            const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
            if (swapped) least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1);
            row.push(least);
        }
        [beforeLast, last] = [last, row];
    }
    return last[b.length] ?? 0;
}
