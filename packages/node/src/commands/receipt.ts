import { existsSync, writeFileSync } from "node:fs";
import { error, formatInstant, fromHex, toHex, unwrap } from "@meterseal/core";
import {
    checkEvidence,
    decodeEvidence,
    type Evidence,
    type EvidenceReport,
    type EvidenceTrust,
    formatReceipt,
    judgeQuorum,
    parseReceipt,
} from "@meterseal/ledger";
import { parseRecord } from "@meterseal/record";
import {
    type Command,
    integerOption,
    type Options,
    requiredOption,
    textOption,
} from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readBounded } from "../files.ts";
import { fetchEvidence } from "../http-client.ts";
import { readPolicy } from "../server/witnesses.ts";
import { readKey } from "./household-usage.ts";

const WHOSE = {
    key: {
        kind: "value",
        value: "FILE",
        help: "key file of the household: names network and meter",
    },
    network: { kind: "value", value: "HEX", help: "network id, where there is no key file" },
    meter: {
        kind: "value",
        value: "HEX",
        help: "subject of the meter, where there is no key file",
    },
} as const;
const POLICY = {
    "witness-policy": {
        kind: "value",
        value: "FILE",
        help: "asks for the cosignatures of this policy (C2SP tlog-policy)",
    },
} as const;
/** Bytes of an answer with evidence. */
const EVIDENCE_BYTES = 268_435_456;
/** Bytes of a receipt file: the bound of a proof text. */
const RECEIPT_BYTES = 262_144;

/** `meterseal receipt get`: a file that proves offline that a record is in the ledger. */
export const receiptGetCommand: Command = {
    name: "receipt get",
    summary: "writes a file that proves offline that a record is in the ledger",
    options: {
        ...WHOSE,
        url: { kind: "value", value: "URL", help: "server to ask; what it answers is checked" },
        epoch: { kind: "value", value: "N", help: "chain epoch of the record (0)" },
        seq: { kind: "value", value: "N", help: "sequence number of the record (the last one)" },
        out: { kind: "value", value: "FILE", help: "file to write, such as record.tlog-proof" },
        json: { kind: "flag", help: "prints JSON" },
    },
    examples: [
        "meterseal receipt get --key key.json --url http://127.0.0.1:8480 --out record.tlog-proof",
    ],
    async run(options) {
        const path = requiredOption(options, "out", "FILE");
        if (existsSync(path)) {
            throw error("MS_USAGE", {
                where: path,
                expected: "--out with a file that is not there yet",
            });
        }
        const trust = trustOf(options);
        const url = requiredOption(options, "url", "URL");
        const { evidence, prunedBeforeUnix } = await soundEvidence(url, trust);
        const at = findRecord(evidence, options, prunedBeforeUnix);
        const text = unwrap(formatReceipt(evidence, at));
        writeFileSync(path, text, { flag: "wx" });
        const report = requireSound(unwrap(parseReceipt(text)), { ...trust, extent: "single" });
        print(options, report, { file: path });
        return EXIT.ok;
    },
};

/** `meterseal receipt verify`: checks such a file without any server. */
export const receiptVerifyCommand: Command = {
    name: "receipt verify",
    positional: "FILE",
    summary: "checks offline that the record of a receipt is in the ledger",
    options: { ...WHOSE, ...POLICY, json: { kind: "flag", help: "prints JSON" } },
    examples: [
        "meterseal receipt verify record.tlog-proof --key key.json",
        "meterseal receipt verify record.tlog-proof --network 7c… --meter 0a… --witness-policy policy.txt",
    ],
    // biome-ignore lint/suspicious/useAwait: every command is asynchronous to its caller
    async run(options, [path]) {
        if (path === undefined)
            throw error("MS_USAGE", { expected: "a receipt FILE", got: "none" });
        const trust = trustOf(options);
        const evidence = unwrap(parseReceipt(readBounded(path, RECEIPT_BYTES)));
        const report = requireSound(evidence, { ...trust, extent: "single" });
        const policyPath = textOption(options, "witness-policy");
        let cosigned: readonly string[] | null = null;
        if (policyPath !== undefined) {
            const verdict = judgeQuorum(readPolicy(policyPath), evidence.checkpoint);
            if (!verdict.met) {
                throw error("MS_WITNESS", {
                    where: path,
                    expected: "the cosignatures that the policy asks for",
                    got: verdict.cosigned.length === 0 ? "none" : verdict.cosigned.join(", "),
                });
            }
            cosigned = verdict.cosigned;
        }
        print(options, report, cosigned === null ? {} : { cosigned });
        return EXIT.ok;
    },
};

/** Network and meter that the reader knows beforehand. */
function trustOf(options: Options): EvidenceTrust {
    if (textOption(options, "key") !== undefined) {
        const key = readKey(options);
        return { networkId: key.network, subject: key.meter };
    }
    const hex = (name: "network" | "meter", digits: number): Uint8Array => {
        const text = requiredOption(options, name, "HEX, or --key FILE");
        if (new RegExp(`^[0-9a-f]{${digits}}$`).test(text)) return fromHex(text);
        throw error("MS_USAGE", { expected: `--${name} with ${digits} hexadecimal digits` });
    };
    return { networkId: hex("network", 64), subject: hex("meter", 32) };
}

async function soundEvidence(
    url: string,
    trust: EvidenceTrust,
): Promise<{ readonly evidence: Evidence; readonly prunedBeforeUnix: number | null }> {
    const bytes = await fetchEvidence(url, trust.subject);
    if (bytes.length > EVIDENCE_BYTES) throw error("MS_TOO_LARGE", { where: url });
    const evidence = unwrap(decodeEvidence(bytes));
    const { prunedBeforeUnix } = requireSound(evidence, trust);
    return { evidence, prunedBeforeUnix };
}

/** @throws MetersealError the first fault of the evidence. */
function requireSound(evidence: Evidence, trust: EvidenceTrust): EvidenceReport {
    const report = checkEvidence(evidence, trust);
    const [fault] = [...report.signatures.faults, ...report.continuity.faults];
    if (fault !== undefined) throw fault.error;
    return report;
}

function findRecord(evidence: Evidence, options: Options, prunedBeforeUnix: number | null): number {
    const bounds = { min: 0, max: Number.MAX_SAFE_INTEGER, byDefault: 0 };
    if (textOption(options, "seq") === undefined) return evidence.records.length - 1;
    const [epoch, seq] = [
        integerOption(options, "epoch", bounds),
        integerOption(options, "seq", bounds),
    ];
    const at = evidence.records.findIndex(({ bytes }) => {
        const record = unwrap(parseRecord(bytes));
        return record.chainEpoch === epoch && record.seq === seq;
    });
    if (at >= 0) return at;
    const where = `record ${epoch}/${seq}`;
    const first = evidence.records[0] && unwrap(parseRecord(evidence.records[0].bytes));
    const isBefore = first !== undefined && (epoch - first.chainEpoch || seq - first.seq) < 0;
    if (prunedBeforeUnix !== null && isBefore) throw error("MS_PRUNED", { where });
    throw error("MS_NOT_FOUND", { where, expected: "a final record" });
}

function print(
    options: Options,
    { checkpoint, records }: EvidenceReport,
    more: { file?: string; cosigned?: readonly string[] },
): void {
    const [first] = records;
    if (first === undefined || checkpoint === null) throw error("MS_PROOF");
    const { record, entryTimeMs } = first;
    const facts = {
        subject: toHex(record.subject),
        chainEpoch: record.chainEpoch,
        seq: record.seq,
        recordHash: toHex(record.message.hash),
        accepted: formatInstant(Math.floor(entryTimeMs / 1000), "UTC"),
        ledgerSize: checkpoint.size,
        ledgerRoot: toHex(checkpoint.root),
        ...more,
    };
    if (options.json === true) {
        out(JSON.stringify({ verified: true, ...facts }));
        return;
    }
    out(`record ${facts.subject}/${facts.chainEpoch}/${facts.seq}  ${facts.recordHash}`);
    out(`in the ledger since ${facts.accepted}, under a root of ${facts.ledgerSize} entries`);
    if (more.cosigned !== undefined)
        out(`cosigned by ${more.cosigned.join(", ") || "nobody, as the policy allows"}`);
    if (more.file !== undefined)
        say(`Written: ${more.file}. Check it with: meterseal receipt verify`);
}
