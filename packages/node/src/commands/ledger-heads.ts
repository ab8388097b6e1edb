import type { Command } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { formatHeads } from "../dag/draw.ts";
import { EXIT } from "../exit-codes.ts";
import { LEDGER_OPTIONS, withLedger } from "./ledger-source.ts";

/** `meterseal ledger heads`: where each author of the DAG stands. */
export const ledgerHeadsCommand: Command = {
    name: "ledger heads",
    summary: "shows the latest vertex of each author of the ledger",
    options: { ...LEDGER_OPTIONS, json: { kind: "flag", help: "prints JSON" } },
    examples: [
        "meterseal ledger heads --url http://127.0.0.1:8480",
        "meterseal ledger heads --data .meterseal/demo --json",
    ],
    async run(options) {
        const { heads, size } = await withLedger(options, (source) => source.heads());
        out(options.json === true ? JSON.stringify({ size, heads }) : formatHeads(size, heads));
        return EXIT.ok;
    },
};
