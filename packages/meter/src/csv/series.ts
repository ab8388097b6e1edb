/** Stands for an interval without a value: a blank is not zero. */
export const MISSING_MICRO_WH = -1n;

/** Micro-watt-hours in one watt-hour, the unit of the registers. */
const MICRO_WH = 1_000_000n;

/** Metered intervals of one home, all of one length, without holes. */
export type ReadingSeries = {
    /** Length of an interval: a divisor of 3600. */
    readonly slotSeconds: number;
    /** Start of the first interval, in slots since 2000-01-01T00:00Z. */
    readonly firstSlot: number;
    /** Import of each interval in 10^-6 Wh (10^-9 kWh), exact; {@link MISSING_MICRO_WH} where blank. */
    readonly importMicroWh: BigInt64Array;
    /** Export likewise; null where the source has none. */
    readonly exportMicroWh: BigInt64Array | null;
    /** 1 for each interval whose source calls it missing or partly measured although it has a value. */
    readonly unmeasured: Uint8Array | null;
};

/** What a meter's registers show at one slot boundary. */
export type SeriesBoundary = {
    /** Slots since 2000-01-01T00:00Z. */
    readonly slot: number;
    /** Import and, where the source has it, export since the first boundary: whole Wh, rounded down. */
    readonly registers: readonly bigint[];
    /** Whether the interval that **ends** here is missing, wholly or in one of its channels. */
    readonly missing: boolean;
};

/**
 * Walks through the registers of a series, one slot boundary after the other, first and last included.
 *
 * A register is `floor(exact sum / 1 Wh)`: what is below 1 Wh is carried on, never lost. An interval
 * without a value leaves its register where it stood; one with a value in one channel only is flagged
 * missing, and the other channel still counts what it has.
 *
 * @param range First and last boundary in slots; where it leaves the series, intervals are missing.
 */
export function* seriesBoundaries(
    series: ReadingSeries,
    range: { readonly fromSlot: number; readonly toSlot: number } = boundsOf(series),
): Generator<SeriesBoundary, void, undefined> {
    const channels = [series.importMicroWh];
    if (series.exportMicroWh !== null) channels.push(series.exportMicroWh);
    const sums = channels.map(() => 0n);
    yield { slot: range.fromSlot, registers: sums.map(() => 0n), missing: false };
    for (let slot = range.fromSlot + 1; slot <= range.toSlot; slot++) {
        const index = slot - 1 - series.firstSlot;
        let missing = series.unmeasured?.[index] === 1;
        const registers: bigint[] = [];
        for (let channel = 0; channel < channels.length; channel++) {
            const value = channels[channel]?.[index] ?? MISSING_MICRO_WH;
            if (value === MISSING_MICRO_WH) missing = true;
            else sums[channel] = (sums[channel] ?? 0n) + value;
            registers.push((sums[channel] ?? 0n) / MICRO_WH);
        }
        yield { slot, registers, missing };
    }
}

/** First and last boundary of a series, in slots. */
export function boundsOf(series: ReadingSeries): { fromSlot: number; toSlot: number } {
    const { firstSlot, importMicroWh } = series;
    return { fromSlot: firstSlot, toSlot: firstSlot + importMicroWh.length };
}
