import { writeFileSync } from "node:fs";
import { error, LIMITS, toHex, unwrap } from "@meterseal/core";
import { parseBill } from "@meterseal/tariff";
import {
    type BillEvidence,
    decodeBillEvidence,
    encodeBillEvidence,
    fetchBillEvidence,
} from "../billing/bill-evidence.ts";
import { billJson, describeBill } from "../billing/bill-words.ts";
import { checkWithEvidence, requireNetwork } from "../billing/check.ts";
import { type Command, type OptionSpec, type Options, textOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";

/** Options of the commands that need what a bill is checked against. */
export const EVIDENCE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
    url: {
        kind: "value",
        value: "URL",
        help: "server whose ledger has the records and the tariff",
    },
    evidence: {
        kind: "value",
        value: "FILE",
        help: "what --save-evidence wrote: no server is asked",
    },
    "save-evidence": {
        kind: "value",
        value: "FILE",
        help: "keeps what the server answered, to check again without it",
    },
};

const FROM_FILE =
    "A file cannot show that the meter signed no second history, or was not removed: --url asks a server.";

/** `meterseal bill check`: whether a bill follows from what a meter signed, without a reading. */
export const billCheckCommand: Command = {
    name: "bill check",
    positional: "FILE",
    summary: "checks a bill against the signed commitments and the published tariff",
    options: {
        ...EVIDENCE_OPTIONS,
        network: {
            kind: "value",
            value: "HEX",
            help: "id of the network that the bill has to be of (the one that it names)",
        },
        json: { kind: "flag", help: "prints the bill as JSON; amounts are decimal text" },
    },
    examples: [
        "meterseal bill check bill.json --url http://127.0.0.1:8480",
        "meterseal bill check bill.json --evidence bill.evidence --json",
    ],
    async run(options, [path]) {
        if (path === undefined) throw error("MS_USAGE", { expected: "FILE: a bill" });
        const text = readBounded(path, LIMITS.billCharacters).toString("utf8");
        const bill = unwrap(parseBill(text));
        requireNetwork(bill, textOption(options, "network"));
        const evidence = await readEvidence(options, toHex(bill.meter), toHex(bill.tariff));
        const report = checkWithEvidence(bill, evidence);
        if (options.json === true) out(JSON.stringify({ verified: true, ...billJson(report) }));
        else {
            out(describeBill(report).join("\n"));
            say("The bill holds: amount and blind fit what the meter signed, to the last unit.");
            if (options.evidence !== undefined) say(FROM_FILE);
            if (options.network === undefined) say(`It is of network ${toHex(bill.network)}.`);
        }
        return EXIT.ok;
    },
};

/**
 * What a bill is checked against, from a server or a file, kept in a file where that was asked for.
 * @throws MetersealError MS_USAGE unless one of both is named; MS_LINK, MS_NOT_FOUND, MS_MALFORMED.
 */
export async function readEvidence(
    options: Options,
    meter: string,
    tariff: string,
): Promise<BillEvidence> {
    const url = textOption(options, "url");
    const path = textOption(options, "evidence");
    if ((url === undefined) === (path === undefined)) {
        throw error("MS_USAGE", { expected: "either --url URL or --evidence FILE" });
    }
    const evidence =
        path === undefined
            ? await fetchBillEvidence(url ?? "", meter, tariff)
            : unwrap(decodeBillEvidence(readBounded(path, LIMITS.billEvidenceBytes)));
    const copy = textOption(options, "save-evidence");
    if (copy !== undefined) writeFileSync(copy, encodeBillEvidence(evidence), { flush: true });
    return evidence;
}
