import { error, ok, type Result } from "@meterseal/core";
import { type Fault, recordName, type Verdict, verdictOf } from "@meterseal/ledger";
import { type MeterRecord, RECORD_CLASS, usageOf } from "@meterseal/record";
import { expandAddresses, falseCommitments, ownerKeys } from "@meterseal/seal";
import type { KeyFile } from "./key-file.ts";

/**
 * Whether the commitments that the meter signed hide the registers that it sealed, which is what a bill
 * over them rests on: 0.4 ms for each boundary and group. A stream without commitments holds nothing.
 * @param records - of the key's meter and stream.
 */
export function checkCommitments(key: KeyFile, records: Iterable<MeterRecord>): Verdict {
    const faults: Fault[] = [];
    let checked = 0;
    for (const record of records) {
        const found = checkRecord(key, record);
        const name = recordName(record);
        if (!found.ok) {
            faults.push({ error: found.error, where: name });
            continue;
        }
        checked += found.value.checked;
        for (const place of found.value.wrong) {
            const where = `${name}, boundary ${place}`;
            const expected = "a commitment to the sealed register";
            faults.push({ error: error("MS_COMMITMENT", { where, expected }), where });
        }
    }
    return verdictOf(checked, faults);
}

/** Boundaries of a record that have commitments, and the places of those that are wrong. */
type Checked = { readonly checked: number; readonly wrong: readonly number[] };

function checkRecord({ master, stream }: KeyFile, record: MeterRecord): Result<Checked> {
    const nothing = ok({ checked: 0, wrong: [] });
    if (record.recordClass !== RECORD_CLASS.usage || master === null) return nothing;
    const usage = usageOf(record);
    if (!usage.ok) return usage;
    const { commitments, count, sealEpoch, values } = usage.value;
    if (commitments === undefined || values.mode !== "sealed") return nothing;
    const owner = ownerKeys(master, { ...stream, sealEpoch });
    if (!owner.ok) return owner;
    const addresses = expandAddresses(usage.value);
    if (!addresses.ok) return addresses;
    const boundaries = { addresses: addresses.value, sealed: values.bytes };
    const wrong = falseCommitments(owner.value, boundaries, commitments);
    return wrong.ok ? ok({ checked: count, wrong: wrong.value }) : wrong;
}
