import { createHash } from "node:crypto";
import { ALGORITHM, fromHex, toHex, unwrap } from "@meterseal/core";
import { checkEvidence, decodeEvidence } from "@meterseal/ledger";
import { type MeterRecord, parseRecord } from "@meterseal/record";

/** A node's rows of the ledger, and whether all of it holds. */
export type LedgerTable = { readonly records: readonly MeterRecord[]; readonly holds: boolean };

/**
 * Fetches a node's rows with their proofs, and checks them here: the signatures, the chain, and that each
 * row is in the log that the server signed.
 */
export async function fetchTable(
    portalUrl: string,
    networkId: Uint8Array,
    subjectHex: string,
): Promise<LedgerTable> {
    const response = await fetch(`${portalUrl}/api/v1/meters/${subjectHex}/evidence`);
    if (!response.ok) return { records: [], holds: true };
    const evidence = unwrap(decodeEvidence(new Uint8Array(await response.arrayBuffer())));
    const report = checkEvidence(evidence, { networkId, subject: fromHex(subjectHex) });
    const records = evidence.records.map(({ bytes }) => unwrap(parseRecord(bytes)));
    const holds = [report.signatures, report.continuity].every(({ faults }) => faults.length === 0);
    return { records, holds };
}

const short = (bytes: Uint8Array): string => toHex(bytes).slice(0, 8);
const NAMES = new Map<number, string>(
    Object.entries(ALGORITHM).map(([name, number]) => [number, name.toUpperCase()]),
);

/** The table as a person reads it: each row names the hash of the one before. */
export function printTable({ records }: LedgerTable, most: number): string {
    const rows = records.slice(0, most).map(({ message, prev, recordClass, seq }) => {
        const kind = recordClass === 4 ? "usage" : `class ${recordClass}`;
        const name = NAMES.get(message.algorithm) ?? "";
        const payload = createHash("sha256").update(message.payload).digest();
        return [
            String(seq).padStart(4),
            short(prev),
            short(message.hash),
            kind.padEnd(8),
            name.padEnd(6),
            `${String(message.bytes.length).padStart(4)} B`,
            short(new Uint8Array(payload)),
        ].join("  ");
    });
    const head = ["row ", "prev    ", "hash    ", "what    ", "signed", "  size", "payload"];
    const rest = records.length > most ? [`  … and ${records.length - most} more`] : [];
    return [head.join("  "), ...rows, ...rest].map((line) => `  ${line}`).join("\n");
}
