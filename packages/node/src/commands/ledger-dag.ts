import { error } from "@meterseal/core";
import { type Command, integerOption } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { drawDag, formatDot } from "../dag/draw.ts";
import { latestVertices } from "../dag/source.ts";
import { EXIT } from "../exit-codes.ts";
import { LEDGER_OPTIONS, withLedger } from "./ledger-source.ts";

const LAST = { min: 1, max: 100_000, byDefault: 40 } as const;

/** `meterseal ledger dag`: draws the latest part of the DAG. */
export const ledgerDagCommand: Command = {
    name: "ledger dag",
    summary: "draws the latest vertices of the ledger, and which ones they follow",
    options: {
        ...LEDGER_OPTIONS,
        last: { kind: "value", value: "N", help: `vertices at most (${LAST.byDefault})` },
        json: { kind: "flag", help: "prints JSON" },
        dot: { kind: "flag", help: "prints a graph for Graphviz" },
    },
    examples: [
        "meterseal ledger dag --url http://127.0.0.1:8480",
        "meterseal ledger dag --data .meterseal/demo --last 200 --dot > dag.dot",
    ],
    async run(options) {
        if (options.json === true && options.dot === true) {
            throw error("MS_USAGE", { expected: "either --json or --dot", got: "both" });
        }
        const last = integerOption(options, "last", LAST);
        const page = await withLedger(options, (source) => latestVertices(source, last));
        if (options.json === true) out(JSON.stringify(page));
        else if (options.dot === true) out(formatDot(page.vertices));
        else
            out(page.vertices.length === 0 ? "There are no vertices yet." : drawDag(page.vertices));
        return EXIT.ok;
    },
};
