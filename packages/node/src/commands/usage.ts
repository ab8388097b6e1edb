import { readFileSync } from "node:fs";
import { error, formatInstant, parseInstant, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { openServerStore } from "@meterseal/stores/sqlite";
import {
    type KeyFile,
    type OpenBoundary,
    openHousehold,
    openSeries,
    parseKeyFile,
    USAGE_LEVELS,
    type Usage,
    type UsageLevel,
    usageOfSeries,
} from "@meterseal/wallet";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { PLACES, reasonOf, requireDirectory } from "../files.ts";
import { readOwnRecords } from "./own-records.ts";

/** `meterseal usage`: a household's own energy, opened with its key. */
export const usageCommand: Command = {
    name: "usage",
    summary: "opens a household's energy with its key file",
    options: {
        key: { kind: "value", value: "FILE", help: "key file of the household" },
        data: { kind: "value", value: "DIR", help: "reads the data directory, without a server" },
        url: { kind: "value", value: "URL", help: "asks a server, and checks what it answers" },
        level: { kind: "value", value: "LEVEL", help: "slot, hour, day or month (day)" },
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
        json: { kind: "flag", help: "prints JSON; energy in whole Wh" },
    },
    examples: [
        "meterseal usage --key key.json --data .meterseal/demo --level month",
        "meterseal usage --key key.json --url http://127.0.0.1:8480 --from 2013-01-07 --to 2013-01-14 --json",
    ],
    async run(options) {
        const key = unwrap(parseKeyFile(readText(requiredOption(options, "key", "FILE"))));
        const level = parseLevel(textOption(options, "level") ?? "day");
        const instant = (name: string): number | undefined => {
            const text = textOption(options, name);
            return text === undefined ? undefined : unwrap(parseInstant(text, key.zone));
        };
        const from = instant("from");
        const to = instant("to");
        if (from !== undefined && to !== undefined && from >= to) {
            throw error("MS_USAGE", { expected: "--from before --to" });
        }
        const usage = usageOfSeries(await readSeries(options, key), level, from, to);
        if (options.json === true) out(JSON.stringify(toJson(key, usage)));
        else printTable(key, usage);
        return EXIT.ok;
    },
};

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

async function readSeries(options: Options, key: KeyFile): Promise<readonly OpenBoundary[]> {
    const dir = textOption(options, "data");
    const url = textOption(options, "url");
    if ((dir === undefined) === (url === undefined)) {
        throw error("MS_USAGE", { expected: "either --data DIR or --url URL" });
    }
    return dir === undefined ? await askServer(url ?? "", key) : await readDirectory(dir, key);
}

async function readDirectory(dir: string, key: KeyFile): Promise<OpenBoundary[]> {
    requireDirectory(dir);
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    try {
        return unwrap(openSeries(key, await readOwnRecords(dir, store.reader, key)));
    } finally {
        await store.close();
    }
}

async function askServer(url: string, key: KeyFile): Promise<readonly OpenBoundary[]> {
    const path = `/api/v1/meters/${toHex(key.meter)}/evidence`;
    if (!/^https?:/i.test(url) || !URL.canParse(path, url)) {
        throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: url });
    }
    const address = new URL(path, url);
    const answer = await fetch(address).catch((cause: unknown) => {
        throw error("MS_LINK", { where: url, todo: "Is the server running?", cause });
    });
    if (answer.status === 404)
        throw error("MS_KEY_FOREIGN", {
            where: url,
            got: "a server that does not know this meter",
        });
    if (!answer.ok) throw error("MS_LINK", { where: url, got: `HTTP status ${answer.status}` });
    const evidence = unwrap(decodeEvidence(new Uint8Array(await answer.arrayBuffer())));
    const report = unwrap(openHousehold(evidence, key));
    const { signature, continuity, clock, plausibility } = report.verdicts;
    const fault = [signature, continuity, clock, plausibility].flatMap(
        (verdict) => verdict.faults,
    )[0];
    if (fault !== undefined) throw fault.error;
    if (report.series.length === 0) {
        throw error("MS_KEY_FOREIGN", { where: url, got: "no reading of this meter" });
    }
    return report.series;
}

/** JSON number of an amount of energy; refused where it would be rounded. */
function exactNumber(wh: bigint): number {
    const number = Number(wh);
    if (Number.isSafeInteger(number)) return number;
    throw error("MS_REGISTER_CAP", { expected: "energy below 2^53 Wh in JSON" });
}

function toJson(key: KeyFile, usage: Usage): unknown {
    const exports = (wh: bigint | null): { exportWh?: number } =>
        wh === null ? {} : { exportWh: exactNumber(wh) };
    return {
        meter: toHex(key.meter),
        zone: key.zone,
        level: usage.level,
        intervals: usage.intervals.map((interval) => ({
            from: formatInstant(interval.fromUnix, key.zone),
            to: formatInstant(interval.toUnix, key.zone),
            importWh: interval.importWh === null ? null : exactNumber(interval.importWh),
            ...exports(interval.exportWh),
            quality: interval.quality,
        })),
        totalImportWh: exactNumber(usage.totalImportWh),
        ...(usage.totalExportWh === null
            ? {}
            : { totalExportWh: exactNumber(usage.totalExportWh) }),
        coverage: Number(usage.coverage.toFixed(6)),
    };
}

function printTable(key: KeyFile, usage: Usage): void {
    const kwh = (wh: bigint): string => `${wh / 1000n}.${String(wh % 1000n).padStart(3, "0")}`;
    for (const interval of usage.intervals) {
        const amount = interval.importWh === null ? "no reading" : `${kwh(interval.importWh)} kWh`;
        const note = interval.quality === "partial" ? "  (partly measured)" : "";
        out(`${formatInstant(interval.fromUnix, key.zone)}  ${amount.padStart(14)}${note}`);
    }
    if (usage.intervals.length === 0) {
        say("There is no reading in this range.");
        return;
    }
    out(
        `total ${kwh(usage.totalImportWh)} kWh, ${(usage.coverage * 100).toFixed(1)} % of the slots measured`,
    );
}
