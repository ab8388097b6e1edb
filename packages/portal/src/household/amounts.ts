import type { Usage } from "@meterseal/wallet";
import type { Period } from "./periods.ts";

/** Totals of a period, in Wh; null where the home has no such register, or nothing of it is known. */
export type KnownTotals = { readonly importWh: bigint | null; readonly exportWh: bigint | null };

/** Totals of a period. A blank is not zero: without any interval that has a value there is none. */
export function knownTotals({ intervals, totalExportWh, totalImportWh }: Usage): KnownTotals {
    const isKnown = (register: keyof KnownTotals): boolean =>
        intervals.some((interval) => interval[register] !== null);
    return {
        importWh: isKnown("importWh") ? totalImportWh : null,
        exportWh: isKnown("exportWh") ? totalExportWh : null,
    };
}

/** Slots of a period by how they are known; together they are all of them. */
export type SlotCounts = {
    readonly slots: number;
    readonly measured: number;
    readonly estimated: number;
    readonly missing: number;
};

/** Counts the slots of a period by how they are known. */
export function slotCounts(
    { coverage, estimated: estimatedShare }: Usage,
    { fromUnix, toUnix }: Period,
    slotSeconds: number,
): SlotCounts {
    const slots = (toUnix - fromUnix) / slotSeconds;
    const measured = Math.round(coverage * slots);
    const estimated = Math.round(estimatedShare * slots);
    return { slots, measured, estimated, missing: slots - measured - estimated };
}
