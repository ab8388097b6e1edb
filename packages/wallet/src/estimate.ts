import { FLAG } from "@meterseal/record";
import { isUnmeasured, LOST } from "@meterseal/seal";
import type { OpenBoundary } from "./series.ts";

/**
 * The series with each catch-up spread evenly over its gap, slot by slot, and flagged as estimated:
 * the missing intervals and the one in which their energy landed. Where the power was off nothing
 * flowed, and what is lost landed nowhere. Registers never fall, and every total over whole gaps stays what it was, exactly. What is
 * missing at the end stays missing: nobody knows yet what flowed.
 */
export function estimateGaps(series: readonly OpenBoundary[]): OpenBoundary[] {
    const estimated = [...series];
    let known = 0;
    for (let i = 1; i < series.length; i++) {
        if (isUnmeasured((series[i] as OpenBoundary).flag)) continue;
        const isMissing = series.slice(known + 1, i).some(({ flag }) => flag === FLAG.missing);
        if (isMissing) spread(estimated, known, i);
        known = i;
    }
    return estimated;
}

/** Spreads what flowed between two boundaries over the slots between them. */
function spread(series: OpenBoundary[], from: number, to: number): void {
    const weights = series.slice(from + 1, to + 1).map(({ flag, slot }, i) => {
        return takesNothing(flag) ? 0 : slot - (series[from + i] as OpenBoundary).slot;
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const start = series[from] as OpenBoundary;
    const end = series[to] as OpenBoundary;
    let passed = 0;
    for (const [i, weight] of weights.entries()) {
        passed += weight;
        const boundary = series[from + 1 + i] as OpenBoundary;
        const share = (first: bigint, last: bigint): bigint =>
            first + ((last - first) * BigInt(passed)) / BigInt(total);
        series[from + 1 + i] = {
            ...boundary,
            importWh: share(start.importWh, end.importWh),
            exportWh:
                start.exportWh === null || end.exportWh === null
                    ? null
                    : share(start.exportWh, end.exportWh),
            flag: takesNothing(boundary.flag) ? boundary.flag : FLAG.estimated,
        };
    }
}

/** True for an interval of which nothing is in a later register. */
function takesNothing(flag: number): boolean {
    return flag === FLAG.powerOff || flag === LOST;
}
