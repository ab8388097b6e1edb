import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { error, parseInstant, toHex, unwrap } from "@meterseal/core";
import { formatBill, periodOf, proveBill, readStream } from "@meterseal/tariff";
import { type HouseholdReport, type KeyFile, openHousehold } from "@meterseal/wallet";
import { recordsOf } from "../billing/bill-evidence.ts";
import { type BillRelease, billHousehold, releaseBill } from "../billing/bill-journal.ts";
import { billJson, describeBill } from "../billing/bill-words.ts";
import { checkOverRecords } from "../billing/check.ts";
import {
    isIndependent,
    type LedgerTariff,
    ledgerTariff,
    MARKET_OPTION,
    readProofs,
    trustIn,
} from "../billing/ledger-tariff.ts";
import {
    type Command,
    hexOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { EVIDENCE_OPTIONS, readEvidence } from "./bill-check.ts";
import { readKey } from "./household-usage.ts";

/** `meterseal bill prove`: a household's bill, which tells its amount and no reading. */
export const billProveCommand: Command = {
    name: "bill prove",
    summary: "makes the bill of a period with a household's key file; anybody can check it",
    options: {
        key: { kind: "value", value: "FILE", help: "key file of the household" },
        tariff: {
            kind: "value",
            value: "HASH",
            help: "tariff on the ledger, as tariff show lists it",
        },
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
        ...EVIDENCE_OPTIONS,
        override: {
            kind: "flag",
            help: "makes the bill in spite of what its reader could compute from it and earlier ones",
        },
        market: MARKET_OPTION,
        out: { kind: "value", value: "FILE", help: "the bill; not written over" },
        json: { kind: "flag", help: "prints the bill as JSON; amounts are decimal text" },
    },
    examples: [
        "meterseal bill prove --key key.json --tariff HASH --from 2013-01-01 --to 2013-02-01 --url http://127.0.0.1:8480 --out bill.json",
    ],
    async run(options) {
        const key = readKey(options);
        const path = requiredOption(options, "out", "FILE");
        if (existsSync(path)) {
            const expected = "--out with a file that is not there yet";
            throw error("MS_USAGE", { where: path, expected });
        }
        const hash = hexOption(options, "tariff", 32);
        if (hash === null) throw error("MS_USAGE", { expected: "--tariff HASH", got: "none" });
        const evidence = await readEvidence(options, toHex(key.meter), toHex(hash));
        const bundle = recordsOf(evidence);
        const household = unwrap(openHousehold(bundle, key));
        const { clock, continuity, plausibility, signature } = household.verdicts;
        const checks = [signature, continuity, clock, plausibility];
        const [fault] = checks.flatMap(({ faults }) => faults);
        if (fault !== undefined) throw fault.error;
        const trust = trustIn(bundle.genesis, key.network);
        const tariff = ledgerTariff(hash, readProofs(evidence.proofs, trust), trust);
        const release = prove(key, options, tariff, household);
        const { bill } = release;
        const householdDir = dirname(requiredOption(options, "key", "FILE"));
        const releases = billHousehold(householdDir, textOption(options, "url"));
        await releaseBill(releases, release, options.override === true);
        writeFileSync(path, formatBill(bill), { mode: 0o600, flush: true, flag: "wx" });
        const report = checkOverRecords(bill, household, evidence, trust);
        if (options.json === true) out(JSON.stringify({ path, ...billJson(report) }));
        else {
            out(describeBill(report).join("\n"));
            say(`Written to ${path}. It tells the amount and nothing else of what you use; with it anybody can check:
  meterseal bill check ${path} --url URL`);
        }
        return EXIT.ok;
    },
};

function prove(
    key: KeyFile,
    options: Options,
    tariff: LedgerTariff,
    { prunedBeforeUnix, records }: HouseholdReport,
): BillRelease {
    const { master, meter, network, stream, zone } = key;
    if (master === null) {
        const todo = "The registers of an open stream are there to read: anybody can add them up.";
        throw error("MS_STREAM_RULE", { expected: "a sealed stream", todo });
    }
    const instant = (name: string): number =>
        unwrap(parseInstant(requiredOption(options, name, "TIME"), zone));
    const own = records.map(({ record }) => record);
    const recorded = unwrap(readStream(own, stream.streamId));
    const period = unwrap(periodOf(instant("from"), instant("to"), recorded.slotSeconds));
    const named = hexOption(options, "market", 16);
    const isMarketSeries = isIndependent(named, tariff, tariff.provider);
    const prover = { network, meter, master, stream, isMarketSeries };
    const isPruned = prunedBeforeUnix !== null;
    const bill = unwrap(proveBill(prover, { recorded, isPruned, tariff, period }));
    return { bill, recorded, period, tariff, zone, isMarketSeries };
}
