import type { Ladder } from "@meterseal/core";
import { isOfLevel } from "../src/derive/boundaries.ts";
import type { Known, Stretch } from "../src/derive/known.ts";

/** Exact fraction; the elimination under test works modulo a prime instead. */
type Fraction = readonly [numerator: bigint, denominator: bigint];

function reduced(numerator: bigint, denominator: bigint): Fraction {
    let [a, b] = [numerator, denominator];
    while (b !== 0n) [a, b] = [b, a % b];
    const sign = denominator / a < 0n ? -1n : 1n;
    return [(sign * numerator) / a, (sign * denominator) / a];
}

function minus([a, b]: Fraction, [c, d]: Fraction, [e, f]: Fraction): Fraction {
    const [p, q] = [c * e, d * f];
    return a * q === p * b ? [0n, 1n] : reduced(a * q - p * b, b * q);
}

/** Every row that items give, written out over the registers at `slots` and the shifts. */
function rowsOf(items: readonly Known[], slots: readonly number[], ladder: Ladder): bigint[][] {
    const epochs = 3;
    const width = slots.length + epochs;
    const at = (slot: number): number => slots.indexOf(slot);
    const row = (...entries: [number, bigint][]): bigint[] => {
        const made = new Array<bigint>(width).fill(0n);
        for (const [column, value] of entries) made[column] = (made[column] as bigint) + value;
        return made;
    };
    const rowsOfItem = (item: Known): bigint[][] => {
        switch (item.kind) {
            case "keys":
                return [
                    ...item.spans.flatMap(({ sealEpoch, fromSlot, toSlot }) =>
                        slots
                            .filter((slot) => slot >= fromSlot && slot <= toSlot)
                            .filter((slot) => isOfLevel(ladder, slot, item.level))
                            .map((slot) => row([at(slot), 1n], [slots.length + sealEpoch, 1n])),
                    ),
                    ...item.spans.slice(1).map((span, i) => {
                        const before = item.spans[i]?.sealEpoch as number;
                        return row(
                            [slots.length + before, 1n],
                            [slots.length + span.sealEpoch, -1n],
                        );
                    }),
                ];
            case "boundaries":
                return item.epochs.flatMap(({ sealEpoch, slots: named }) =>
                    named.map((slot) => row([at(slot), 1n], [slots.length + sealEpoch, 1n])),
                );
            case "differences":
                return item.windows.map(({ fromSlot, toSlot }) =>
                    row([at(toSlot), 1n], [at(fromSlot), -1n]),
                );
            case "sums":
                return item.rows.map((parts) =>
                    row(
                        ...parts.flatMap(({ fromSlot, toSlot }): [number, bigint][] => [
                            [at(toSlot), 1n],
                            [at(fromSlot), -1n],
                        ]),
                    ),
                );
        }
    };
    return items.flatMap(rowsOfItem);
}

/** What is left of the sum over a stretch beside a row space: nothing, where all are zero. */
type Residue = readonly Fraction[];

/** Residues of the stretches between slots, by plain Gauss over fractions. */
function residuesOf(
    items: readonly Known[],
    slots: readonly number[],
    ladder: Ladder,
): (fromSlot: number, toSlot: number) => Residue {
    const rows = rowsOf(items, slots, ladder).map((row) =>
        row.map((value): Fraction => [value, 1n]),
    );
    const echelon: { pivot: number; row: Fraction[] }[] = [];
    const reduce = (row: Fraction[]): Fraction[] => {
        let rest = row;
        for (const { pivot, row: other } of echelon) {
            const factor = rest[pivot] as Fraction;
            if (factor[0] === 0n) continue;
            rest = rest.map((value, i) => minus(value, other[i] as Fraction, factor));
        }
        return rest;
    };
    for (const row of rows) {
        const rest = reduce(row);
        const pivot = rest.findIndex(([numerator]) => numerator !== 0n);
        if (pivot === -1) continue;
        const [over, under] = rest[pivot] as Fraction;
        const row1 = rest.map(
            ([a, b]): Fraction => (a === 0n ? [a, b] : reduced(a * under, b * over)),
        );
        echelon.push({ pivot, row: row1 });
    }
    const boundaries = slots.map((_, at) =>
        reduce([...slots, 0, 0, 0].map((_, i): Fraction => [i === at ? 1n : 0n, 1n])),
    );
    const of = (slot: number): Residue => boundaries[slots.indexOf(slot)] as Residue;
    return (fromSlot, toSlot) =>
        of(toSlot).map((value, i) => minus(value, of(fromSlot)[i] as Fraction, [1n, 1n]));
}

function isZero(residue: Residue): boolean {
    return residue.every(([numerator]) => numerator === 0n);
}

function stretchesOf(slots: readonly number[]): Stretch[] {
    return slots.flatMap((fromSlot) =>
        slots.filter((toSlot) => fromSlot < toSlot).map((toSlot) => ({ fromSlot, toSlot })),
    );
}

/** Pairs "a b" of slots whose difference lies in the row space. */
export function derivablePairs(
    items: readonly Known[],
    slots: readonly number[],
    ladder: Ladder,
): Set<string> {
    const residueOf = residuesOf(items, slots, ladder);
    const known = stretchesOf(slots).filter(({ fromSlot, toSlot }) =>
        isZero(residueOf(fromSlot, toSlot)),
    );
    return new Set(known.map(({ fromSlot, toSlot }) => `${fromSlot} ${toSlot}`));
}

/**
 * Fewest slots of two stretches, of which neither sum follows alone, whose sum or difference follows from
 * `after` and not from `before`; null where there are none. Left out are two that share an end, so that
 * they are one stretch, and those of which one goes on beyond a boundary that is equal to its end.
 */
export function fewestPairSlots(
    after: readonly Known[],
    before: readonly Known[],
    slots: readonly number[],
    ladder: Ladder,
): number | null {
    const [late, early] = [residuesOf(after, slots, ladder), residuesOf(before, slots, ladder)];
    const known = derivablePairs(after, slots, ladder);
    const isKnown = (a: number, b: number): boolean => a === b || known.has(`${a} ${b}`);
    const open = stretchesOf(slots).filter(
        ({ fromSlot, toSlot }) =>
            !isKnown(fromSlot, toSlot) &&
            slots.every(
                (slot) =>
                    slot <= fromSlot ||
                    slot >= toSlot ||
                    !(isKnown(fromSlot, slot) || isKnown(slot, toSlot)),
            ),
    );
    const text = (residue: Residue, sign: bigint): string =>
        residue.map(([a, b]) => `${sign * a}/${b}`).join(" ");
    const texts = (residue: Residue) => ({ 1: text(residue, 1n), [-1]: text(residue, -1n) });
    const parts = open.map(({ fromSlot, toSlot }) => ({
        ...{ fromSlot, toSlot },
        late: texts(late(fromSlot, toSlot)),
        early: texts(early(fromSlot, toSlot)),
    }));
    let fewest: number | null = null;
    for (const [i, a] of parts.entries()) {
        for (const b of parts.slice(i + 1)) {
            for (const sign of [1, -1] as const) {
                const isOne =
                    sign === 1
                        ? a.fromSlot === b.fromSlot || a.toSlot === b.toSlot
                        : a.fromSlot === b.toSlot || a.toSlot === b.fromSlot;
                if (isOne || a.late[1] !== b.late[sign] || a.early[1] === b.early[sign]) continue;
                const length = a.toSlot - a.fromSlot + b.toSlot - b.fromSlot;
                fewest = Math.min(fewest ?? length, length);
            }
        }
    }
    return fewest;
}
