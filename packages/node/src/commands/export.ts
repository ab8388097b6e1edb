import { existsSync, writeFileSync } from "node:fs";
import { error, formatInstant, toHex } from "@meterseal/core";
import { unitOfMedium } from "@meterseal/record";
import type { KeyFile, Usage } from "@meterseal/wallet";
import { exportCar } from "../archive/export-car.ts";
import { type Command, type Options, requiredOption, textOption } from "../cli/arguments.ts";
import { out, Progress, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { askServer, kwh, readKey, readUsage, USAGE_OPTIONS } from "./household-usage.ts";

const FORMATS = ["csv", "evidence", "car"];

/** `meterseal export`: a household's data, or a server's whole ledger, in a form for other programs. */
export const exportCommand: Command = {
    name: "export",
    summary: "writes a household's energy as CSV, its evidence, or the whole ledger as an IPLD CAR",
    options: {
        format: {
            kind: "value",
            value: "FORMAT",
            help: "csv, evidence: signed records with proofs, or car: the ledger of --data (csv)",
        },
        ...USAGE_OPTIONS,
        out: { kind: "value", value: "FILE", help: "writes a new file (csv: standard output)" },
        json: { kind: "flag", help: "prints what was written as JSON; with --out" },
    },
    examples: [
        "meterseal export --key key.json --data .meterseal/demo > readings.csv",
        "meterseal export --key key.json --url http://127.0.0.1:8480 --level day --from 2013-01-01 --out days.csv",
        "meterseal export --format evidence --key key.json --url http://127.0.0.1:8480 --out evidence.cbor",
        "meterseal export --format car --data .meterseal/demo --out ledger.car",
    ],
    async run(options) {
        const format = textOption(options, "format") ?? "csv";
        const path = textOption(options, "out");
        if (!FORMATS.includes(format))
            throw error("MS_USAGE", { expected: `--format ${FORMATS.join("|")}`, got: format });
        if (path !== undefined && existsSync(path))
            throw error("MS_USAGE", {
                where: path,
                expected: "--out with a file that is not there yet",
            });
        if (format === "car") return await writeCar(options, path);
        const { content, rows } =
            format === "csv" ? await readCsv(options) : await readEvidence(options, path);
        if (path === undefined) {
            out(content.toString().trimEnd());
            return EXIT.ok;
        }
        writeFileSync(path, content, { mode: 0o600, flush: true, flag: "wx" });
        if (options.json === true)
            out(JSON.stringify({ path, format, bytes: content.length, rows }));
        else
            say(
                `Written to ${path}: ${rows} rows. It is your load curve: whoever reads it sees your days.`,
            );
        return EXIT.ok;
    },
};

/** Options that choose among a household's data; a ledger is whole. */
const OF_HOUSEHOLD = ["key", "url", "level", "from", "to", "estimate"];

async function writeCar(options: Options, path: string | undefined): Promise<number> {
    const foreign = OF_HOUSEHOLD.find((name) => options[name] !== undefined);
    if (path === undefined || foreign !== undefined) {
        const expected = "--data DIR and --out FILE with --format car";
        throw error(
            "MS_USAGE",
            foreign === undefined ? { expected } : { expected, got: `--${foreign}` },
        );
    }
    const bar = new Progress();
    const dataDir = requiredOption(options, "data", "DIR");
    const written = await exportCar(dataDir, path, (done, text) => bar.show(done, text));
    bar.finish(`written in ${bar.seconds.toFixed(1)} s`);
    const { blocks, bytes, entries, networkId, root } = written;
    const network = toHex(networkId);
    if (options.json === true) {
        out(JSON.stringify({ path, format: "car", network, root, entries, blocks, bytes }));
    } else {
        say(`Written to ${path}: ${entries} log entries in ${blocks} blocks, ${bytes} bytes.`);
        say(`Root ${root}`);
        say(`Check it with: meterseal verify ${path} --network ${network}`);
    }
    return EXIT.ok;
}

type Export = { readonly content: Buffer; readonly rows: number };

async function readCsv(options: Options): Promise<Export> {
    const { key, usage } = await readUsage(options, "slot");
    return { content: Buffer.from(formatCsv(key, usage)), rows: usage.intervals.length };
}

async function readEvidence(options: Options, path: string | undefined): Promise<Export> {
    if (options.estimate === true)
        throw error("MS_USAGE", {
            expected: "--estimate with --format csv: evidence is as signed",
        });
    const url = textOption(options, "url");
    if (url === undefined || path === undefined)
        throw error("MS_USAGE", { expected: "--url URL and --out FILE with --format evidence" });
    const { bytes, series } = await askServer(url, readKey(options));
    return { content: Buffer.from(bytes), rows: series.length };
}

/**
 * Rows as `meter run` and `npm start -- --household` read them: start of the interval with its
 * offset, exact kWh or m³, blank where nothing was measured, how much of it was, and what corrections that
 * count from the interval on add, which those commands leave alone (RFC 4180).
 */
function formatCsv({ medium, zone }: KeyFile, usage: Usage): string {
    const unit = unitOfMedium(medium).base === "Wh" ? "kwh" : "m3";
    const hasExport = usage.totalExportWh !== null;
    const hasCorrections = usage.totalCorrectionWh !== undefined;
    const columns = [
        ...["timestamp", `import_${unit}`],
        ...(hasExport ? ["export_kwh"] : []),
        "quality",
        ...(hasCorrections ? [`correction_${unit}`] : []),
    ];
    const field = (wh: bigint | null): string =>
        wh === null ? "" : wh < 0n ? `-${kwh(-wh)}` : kwh(wh);
    const rows = usage.intervals.map(({ correctionWh, exportWh, fromUnix, importWh, quality }) =>
        [
            ...[formatInstant(fromUnix, zone), field(importWh)],
            ...(hasExport ? [field(exportWh)] : []),
            quality,
            ...(hasCorrections ? [field(correctionWh ?? null)] : []),
        ].join(),
    );
    return `${[columns.join(), ...rows].join("\r\n")}\r\n`;
}
