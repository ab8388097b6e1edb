import { error, formatInstant, toHex } from "@meterseal/core";
import { unitOfMedium } from "@meterseal/record";
import type { KeyFile, Usage, UsageInterval } from "@meterseal/wallet";
import type { Command } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { kwh, type OwnUsage, readUsage, USAGE_OPTIONS } from "./household-usage.ts";

/** `meterseal usage`: a household's own energy, opened with its key. */
export const usageCommand: Command = {
    name: "usage",
    summary: "opens a household's energy with its key file",
    options: {
        ...USAGE_OPTIONS,
        json: { kind: "flag", help: "prints JSON; energy in whole Wh, gas and water in litres" },
    },
    examples: [
        "meterseal usage --key key.json --data .meterseal/demo --level month",
        "meterseal usage --key key.json --url http://127.0.0.1:8480 --from 2013-01-07 --to 2013-01-14 --json",
    ],
    async run(options) {
        const own = await readUsage(options, "day");
        if (options.json === true) out(JSON.stringify(toJson(own)));
        else printTable(own);
        return EXIT.ok;
    },
};

/** JSON number of an amount of energy; refused where it would be rounded. */
function exactNumber(wh: bigint): number {
    const number = Number(wh);
    if (Number.isSafeInteger(number)) return number;
    throw error("MS_REGISTER_CAP", { expected: "an amount below 2^53 in JSON" });
}

function toJson({ corrections, key, provisional, usage }: OwnUsage): unknown {
    const { base, name } = unitOfMedium(key.medium);
    const exports = (wh: bigint | null): { exportWh?: number } =>
        wh === null ? {} : { exportWh: exactNumber(wh) };
    return {
        meter: toHex(key.meter),
        ...(key.medium === undefined ? {} : { medium: name }),
        zone: key.zone,
        level: usage.level,
        intervals: usage.intervals.map((interval) => ({
            from: formatInstant(interval.fromUnix, key.zone),
            to: formatInstant(interval.toUnix, key.zone),
            [`import${base}`]: interval.importWh === null ? null : exactNumber(interval.importWh),
            ...exports(interval.exportWh),
            ...(interval.correctionWh === undefined
                ? {}
                : { [`correction${base}`]: exactNumber(interval.correctionWh) }),
            quality: interval.quality,
            marks: interval.marks,
        })),
        [`totalImport${base}`]: exactNumber(usage.totalImportWh),
        ...(usage.totalExportWh === null
            ? {}
            : { totalExportWh: exactNumber(usage.totalExportWh) }),
        ...correctionsJson(key, usage, corrections),
        coverage: Number(usage.coverage.toFixed(6)),
        estimated: Number(usage.estimated.toFixed(6)),
        ...(provisional === null
            ? {}
            : {
                  provisional: {
                      from: formatInstant(provisional.fromUnix, key.zone),
                      to: formatInstant(provisional.toUnix, key.zone),
                      readings: provisional.readings,
                      [`import${base}`]: exactNumber(provisional.importWh),
                  },
              }),
    };
}

/** Nothing for a stream without adjustments. */
function correctionsJson(
    { medium, zone }: KeyFile,
    { totalCorrectionWh, totalImportWh }: Usage,
    corrections: OwnUsage["corrections"],
): object {
    const { base } = unitOfMedium(medium);
    if (totalCorrectionWh === undefined) return {};
    return {
        [`totalCorrection${base}`]: exactNumber(totalCorrectionWh),
        [`correctedImport${base}`]: exactNumber(totalImportWh + totalCorrectionWh),
        corrections: corrections.map((each) => ({
            from: formatInstant(each.fromUnix, zone),
            to: formatInstant(each.toUnix, zone),
            [`plus${base}`]: exactNumber(each.plusWh),
            [`minus${base}`]: exactNumber(each.minusWh),
            reason: each.reason,
            entered: formatInstant(each.enteredUnix, zone),
            counts: each.countedUnix === null ? null : formatInstant(each.countedUnix, zone),
        })),
    };
}

function printTable({ corrections, key, provisional, usage }: OwnUsage): void {
    const { label } = unitOfMedium(key.medium);
    for (const interval of usage.intervals) {
        const amount =
            interval.importWh === null ? "no reading" : `${kwh(interval.importWh)} ${label}`;
        const exported =
            interval.exportWh === null
                ? ""
                : `  ${kwh(interval.exportWh).padStart(10)} kWh exported`;
        const notes = notesOf(interval, label);
        const note = notes.length === 0 ? "" : `  (${notes.join(", ")})`;
        out(
            `${formatInstant(interval.fromUnix, key.zone)}  ${amount.padStart(14)}${exported}${note}`,
        );
    }
    if (usage.intervals.length === 0) {
        say("There is no reading in this range.");
        return;
    }
    const exported =
        usage.totalExportWh === null ? "" : `, ${kwh(usage.totalExportWh)} kWh exported`;
    const share = (part: number): string => `${(part * 100).toFixed(1)} %`;
    const estimated = usage.estimated === 0 ? "" : `, ${share(usage.estimated)} estimated`;
    out(
        `total ${kwh(usage.totalImportWh)} ${label}${exported}, ${share(usage.coverage)} of the slots measured${estimated}`,
    );
    printCorrections(key, usage, corrections);
    if (provisional === null) return;
    const [since, until] = [provisional.fromUnix, provisional.toUnix].map((unix) =>
        formatInstant(unix, key.zone),
    );
    out(
        `provisional ${kwh(provisional.importWh)} ${label} from ${since} to ${until}: the meter has not signed it yet, and no total counts it`,
    );
}

function printCorrections(
    { medium, zone }: KeyFile,
    { totalCorrectionWh, totalImportWh }: Usage,
    corrections: OwnUsage["corrections"],
): void {
    const { label } = unitOfMedium(medium);
    if (totalCorrectionWh === undefined || (corrections.length === 0 && totalCorrectionWh === 0n))
        return;
    out(
        `corrected ${signedKwh(totalCorrectionWh)} ${label}: import ${kwh(totalImportWh + totalCorrectionWh)} ${label}`,
    );
    for (const {
        countedUnix,
        enteredUnix,
        fromUnix,
        minusWh,
        plusWh,
        reason,
        toUnix,
    } of corrections) {
        const [from, to, entered] = [fromUnix, toUnix, enteredUnix].map((unix) =>
            formatInstant(unix, zone),
        );
        const counts =
            countedUnix === null
                ? "counts from the next reading on"
                : `counts from ${formatInstant(countedUnix, zone)} on`;
        out(`  ${signedKwh(plusWh - minusWh)} ${label} for ${from} to ${to}: ${reason}`);
        out(`    entered ${entered}, ${counts}`);
    }
}

/** With its sign; in a total below zero too. */
function signedKwh(wh: bigint): string {
    return wh < 0n ? `-${kwh(-wh)}` : `+${kwh(wh)}`;
}

/** What to know of an interval, in words; nothing where it was measured throughout. */
function notesOf(
    { correctionWh, importWh, marks, quality }: UsageInterval,
    label: string,
): string[] {
    const words = {
        measured: [],
        estimated: ["estimated"],
        partial: ["partly measured"],
        // "No reading" stands in place of the amount already.
        missing: importWh === null ? [] : ["not measured"],
    };
    const corrected =
        correctionWh === undefined || correctionWh === 0n
            ? []
            : [`correction ${signedKwh(correctionWh)} ${label}`];
    return [...words[quality], ...marks, ...corrected];
}
