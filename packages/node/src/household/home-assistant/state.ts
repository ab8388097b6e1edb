import type { Fault } from "@meterseal/ledger";
import { type MediumUnit, unitOfMedium } from "@meterseal/record";
import type { HouseholdReport, KeyFile, OpenBoundary } from "@meterseal/wallet";

/** What a home's dashboard shows of a metering point. */
export type HomeState = {
    /** Register in kWh or m³, with three decimals; null before the first reading. */
    readonly import: string | null;
    readonly export: string | null;
    /** Mean of the last slot in W, export below zero, or in m³/h; null where that was not measured. */
    readonly flow: string | null;
    /** ISO 8601; null before the first reading. */
    readonly lastReading: string | null;
    /** Whether every record, proof and register holds. */
    readonly sealValid: "ON" | "OFF";
    /** Whether something was altered, left out, or shown otherwise than before. */
    readonly tamper: "ON" | "OFF";
};

/** Last boundary that was shown. */
export type Shown = Pick<OpenBoundary, "unix" | "importWh" | "exportWh">;

/** A state, the boundary that it shows, and what is wrong, in words. */
export type HomeReading = {
    readonly state: HomeState;
    readonly shown: Shown | null;
    readonly faults: readonly string[];
};

const MS_PER_SECOND = 1_000;
const PER_UNIT = 1_000n;
const SECONDS_PER_HOUR = 3_600n;

/**
 * What to show after a check of what a server says. A total never goes back: Home Assistant would take
 * that for a new meter and count it again. A server that shows less than it did keeps the old totals on
 * the dashboard, and is called by name.
 * @param before - what was shown last; null for nothing.
 */
export function homeReading(
    report: HouseholdReport,
    { medium }: Pick<KeyFile, "medium">,
    before: Shown | null,
): HomeReading {
    const { clock, continuity, plausibility, signature } = report.verdicts;
    const altered = wordsOf(signature.faults, continuity.faults, plausibility.faults);
    const last = report.series.at(-1) ?? null;
    const isLess = before !== null && (last === null || isBehind(last, before));
    if (isLess) altered.push("the server shows less than before");
    const faults = [...altered, ...wordsOf(clock.faults)];
    const shown = isLess ? before : last;
    const isChecked = report.records.length > 0 && faults.length === 0;
    return {
        state: {
            import: shown === null ? null : thousandths(shown.importWh),
            export: shown === null || shown.exportWh === null ? null : thousandths(shown.exportWh),
            flow: isLess ? null : flowOf(report.series, unitOfMedium(medium)),
            lastReading: shown === null ? null : new Date(shown.unix * MS_PER_SECOND).toISOString(),
            sealValid: isChecked ? "ON" : "OFF",
            tamper: altered.length > 0 ? "ON" : "OFF",
        },
        shown,
        faults,
    };
}

function wordsOf(...lists: readonly (readonly Fault[])[]): string[] {
    return lists.flat().map(({ error }) => error.message);
}

function isBehind(last: OpenBoundary, before: Shown): boolean {
    const exportWh = (of: Shown): bigint => of.exportWh ?? 0n;
    const isEarlier = last.unix < before.unix;
    return isEarlier || last.importWh < before.importWh || exportWh(last) < exportWh(before);
}

/** Mean power or flow of the last slot; null where it was not measured. */
function flowOf(series: readonly OpenBoundary[], { label }: MediumUnit): string | null {
    const [from, to] = [series.at(-2), series.at(-1)];
    if (from === undefined || to === undefined || to.flag !== 0 || to.unix <= from.unix)
        return null;
    const exported = (to.exportWh ?? 0n) - (from.exportWh ?? 0n);
    const flowed = to.importWh - from.importWh - exported;
    const anHour = (flowed * SECONDS_PER_HOUR) / BigInt(to.unix - from.unix);
    return label === "kWh" ? `${anHour}` : thousandths(anHour);
}

/** Base units as kWh or m³. */
function thousandths(wh: bigint): string {
    return `${wh / PER_UNIT}.${String(wh % PER_UNIT).padStart(3, "0")}`;
}
