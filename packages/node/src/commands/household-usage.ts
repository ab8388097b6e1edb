import { readFileSync } from "node:fs";
import { error, formatInstant, MetersealError, parseInstant, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import {
    estimateGaps,
    type KeyFile,
    type OwnCorrection,
    openHousehold,
    openServicePoint,
    parseKeyFile,
    type ServicePoint,
    USAGE_LEVELS,
    type Usage,
    type UsageLevel,
    usageOfSeries,
} from "@meterseal/wallet";
import { type OptionSpec, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { say } from "../console.ts";
import { PLACES, reasonOf, requireDirectory } from "../files.ts";
import { askProvisional, type ProvisionalUsage } from "../household/provisional.ts";
import { fetchEvidence } from "../http-client.ts";
import { readOwnRecords } from "./own-records.ts";

/** Options of the commands that open a household's energy. */
export const USAGE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    key: { kind: "value", value: "FILE", help: "key file of the household" },
    data: { kind: "value", value: "DIR", help: "reads the data directory, without a server" },
    url: { kind: "value", value: "URL", help: "asks a server, and checks what it answers" },
    level: { kind: "value", value: "LEVEL", help: "slot, hour, day or month (day; export: slot)" },
    from: {
        kind: "value",
        value: "TIME",
        help: "ISO 8601, civil in the stream's zone or with offset",
    },
    to: {
        kind: "value",
        value: "TIME",
        help: "end, not included; a date is its first instant",
    },
    estimate: { kind: "flag", help: "spreads a catch-up evenly over its gap, as estimated" },
};

/** A household's energy over a range, and the corrections that count or are about something in it. */
export type OwnUsage = {
    readonly key: KeyFile;
    readonly usage: Usage;
    readonly corrections: readonly OwnCorrection[];
    /** What is behind the signed readings, where the range is open at its end; null where nothing is. */
    readonly provisional: ProvisionalUsage | null;
};

/**
 * A household's energy over the asked range, opened with the key file; `estimate` spreads gaps.
 * @throws MetersealError MS_PRUNED for a range that begins before what pruning has left; and as
 * {@link askServer}.
 */
export async function readUsage(options: Options, defaultLevel: UsageLevel): Promise<OwnUsage> {
    const key = readKey(options);
    const level = parseLevel(textOption(options, "level") ?? defaultLevel);
    const instant = (name: string): number | undefined => {
        const text = textOption(options, name);
        return text === undefined ? undefined : unwrap(parseInstant(text, key.zone));
    };
    const from = instant("from");
    const to = instant("to");
    if (from !== undefined && to !== undefined && from >= to) {
        throw error("MS_USAGE", { expected: "--from before --to" });
    }
    const read = await readPoint(options, key);
    if (read.isPruned) requireLeft(read, from, key);
    // Before the range is cut: a catch-up outside it may hold energy that flowed inside.
    const series = options.estimate === true ? estimateGaps(read.series) : read.series;
    const [begin, end] = [from ?? Number.NEGATIVE_INFINITY, to ?? Number.POSITIVE_INFINITY];
    const corrections = read.corrections.filter(({ countedUnix, fromUnix, toUnix }) => {
        const isCounted = countedUnix === null || (countedUnix > begin && countedUnix <= end);
        return isCounted || (fromUnix < end && toUnix > begin);
    });
    const provisional = to === undefined ? read.provisional : null;
    return { key, usage: usageOfSeries(series, level, from, to), corrections, provisional };
}

/** The key file of the option `key`. */
export function readKey(options: Options): KeyFile {
    return unwrap(parseKeyFile(readText(requiredOption(options, "key", "FILE"))));
}

/** Watt-hours as kWh, exact; litres as cubic metres. */
export function kwh(wh: bigint): string {
    return `${wh / 1000n}.${String(wh % 1000n).padStart(3, "0")}`;
}

function readText(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch (cause) {
        const got = reasonOf(cause);
        throw error("MS_NOT_FOUND", { where: path, expected: "a readable key file", got, cause });
    }
}

function parseLevel(text: string): UsageLevel {
    if (Object.hasOwn(USAGE_LEVELS, text)) return text as UsageLevel;
    throw error("MS_USAGE", {
        expected: `--level ${Object.keys(USAGE_LEVELS).join("|")}`,
        got: text,
    });
}

/** What is opened of a household's records; and whether older ones are missing, because they were pruned. */
type OwnPoint = Pick<ServicePoint, "corrections" | "series"> & { readonly isPruned: boolean };
type ReadPoint = OwnPoint & Pick<OwnUsage, "provisional">;

/** Takes no part of a range for the whole of it. */
function requireLeft({ series }: OwnPoint, from: number | undefined, { zone }: KeyFile): void {
    const [first] = series;
    if (first === undefined) return;
    const begin = formatInstant(first.unix, zone);
    if (from === undefined) say(`Older records were pruned: what is shown begins at ${begin}.`);
    else if (from < first.unix) {
        const todo = `Ask from ${begin} on, or a copy that was made before.`;
        throw error("MS_PRUNED", { where: "--from", expected: `${begin} or later`, todo });
    }
}

async function readPoint(options: Options, key: KeyFile): Promise<ReadPoint> {
    const dir = textOption(options, "data");
    const url = textOption(options, "url");
    if ((dir === undefined) === (url === undefined)) {
        throw error("MS_USAGE", { expected: "either --data DIR or --url URL" });
    }
    if (dir !== undefined) return { ...(await readDirectory(dir, key)), provisional: null };
    const { records, ...point } = await askServer(url ?? "", key);
    const last = point.series.at(-1);
    const provisional =
        last === undefined ? null : await askProvisional(url ?? "", key, records, last);
    return { ...point, provisional };
}

async function readDirectory(dir: string, key: KeyFile): Promise<OwnPoint> {
    requireDirectory(dir);
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    try {
        const { isPruned, records } = await readOwnRecords(dir, store.reader, key);
        const { corrections, faults, series } = unwrap(openServicePoint(key, records));
        const [fault] = faults;
        if (fault !== undefined) throw fault.error;
        return { corrections, isPruned, series };
    } finally {
        await store.close();
    }
}

/**
 * Evidence of the household's meter as a server has it, and what it holds; every check was made.
 * @throws MetersealError the first fault, MS_LINK, or MS_KEY_FOREIGN for another network or meter.
 */
export async function askServer(
    url: string,
    key: KeyFile,
): Promise<OwnPoint & { readonly bytes: Uint8Array; readonly records: readonly MeterRecord[] }> {
    const bytes = await fetchEvidence(url, key.meter).catch((cause: unknown) => {
        const isUnknown = cause instanceof MetersealError && cause.code === "MS_NOT_FOUND";
        if (!isUnknown) throw cause;
        const got = "a server that does not know this meter";
        throw error("MS_KEY_FOREIGN", { where: url, got });
    });
    const report = unwrap(openHousehold(unwrap(decodeEvidence(bytes)), key));
    const { signature, continuity, clock, plausibility } = report.verdicts;
    const fault = [signature, continuity, clock, plausibility].flatMap(
        (verdict) => verdict.faults,
    )[0];
    if (fault !== undefined) throw fault.error;
    if (report.series.length === 0) {
        throw error("MS_KEY_FOREIGN", { where: url, got: "no reading of this meter" });
    }
    const records = report.records.map(({ record }) => record);
    const { corrections, prunedBeforeUnix, series } = report;
    const isPruned = prunedBeforeUnix !== null;
    return { bytes, records, series: [...series], corrections, isPruned };
}
