import type { Ladder } from "@meterseal/core";
import { isOfLevel } from "../src/derive/boundaries.ts";
import type { Known } from "../src/derive/known.ts";

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

/** Pairs "a b" of slots whose difference lies in the row space, by plain Gauss over fractions. */
export function derivablePairs(
    items: readonly Known[],
    slots: readonly number[],
    ladder: Ladder,
): Set<string> {
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
    const pairs = new Set<string>();
    for (const a of slots) {
        for (const b of slots) {
            if (a >= b) continue;
            const query = [...slots, 0, 0, 0].map((slot, i): Fraction => {
                if (i >= slots.length) return [0n, 1n];
                return [slot === b ? 1n : slot === a ? -1n : 0n, 1n];
            });
            if (reduce(query).every(([numerator]) => numerator === 0n)) pairs.add(`${a} ${b}`);
        }
    }
    return pairs;
}
