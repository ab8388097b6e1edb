import { bytesEqual, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import {
    checkCommitments,
    checkPlausibility,
    type KeyFile,
    openServicePoint,
} from "@meterseal/wallet";
import { distinctRecords } from "../distinct-records.ts";
import type { Findings } from "./findings.ts";
import type { LedgerSource } from "./source.ts";

/** What the check of a household's registers works with. */
export type KeyCheck = {
    readonly state: LedgerState;
    readonly reader: Pick<LedgerSource, "recordsOf">;
    readonly findings: Findings;
    /** Whether the commitments to the registers are looked at too. */
    readonly commitments: boolean;
};

/**
 * Opens a household's registers and checks that none runs backwards or beyond what a connection
 * carries, that a note explains each correction, and on request that each commitment hides its register.
 */
export async function checkKey(
    key: KeyFile,
    { commitments, findings, reader, state }: KeyCheck,
): Promise<void> {
    const where = `key file of ${key.name}`;
    if (!bytesEqual(key.network, state.networkId)) {
        findings.fault("MS_KEY_FOREIGN", where, "It belongs to another network.");
        return;
    }
    const records: MeterRecord[] = [];
    for await (const row of distinctRecords(reader.recordsOf(key.meter))) {
        const record = parseRecord(row.bytes);
        if (record.ok) records.push(record.value);
    }
    const point = openServicePoint(key, records);
    if (!point.ok) {
        findings.failed(point.error, `${where}, meter ${toHex(key.meter)}`);
        return;
    }
    const { faults, series } = point.value;
    const verdict = checkPlausibility(series, key, faults);
    for (const fault of verdict.faults) findings.failed(fault.error, `${where}, ${fault.where}`);
    if (verdict.checked > 0) findings.counts.keys++;
    else {
        const message = `It opened nothing: there are no readings of meter ${toHex(key.meter)}.`;
        findings.fault("MS_KEY_FOREIGN", where, message);
    }
    if (!commitments) return;
    const committed = checkCommitments(key, records);
    for (const fault of committed.faults) findings.failed(fault.error, `${where}, ${fault.where}`);
    findings.counts.commitments += committed.checked;
    if (committed.checked === 0) findings.notes.push(`${where}: its meter makes no commitments.`);
}
