import { error, ok, type Result } from "@meterseal/core";
import { type Fault, recordName, type Verdict, verdictOf } from "@meterseal/ledger";
import {
    eventOf,
    LEVEL,
    type MeterRecord,
    RECORD_CLASS,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import { expandAddresses, falseCommitments, ownerKeys, type TreeAddress } from "@meterseal/seal";
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
    const body = committedBody(record);
    if (!body.ok) return body;
    if (body.value === null || master === null) return ok({ checked: 0, wrong: [] });
    const { addresses, commitments, sealEpoch, values } = body.value;
    if (commitments === undefined || values.mode !== "sealed") return ok({ checked: 0, wrong: [] });
    const owner = ownerKeys(master, { ...stream, sealEpoch });
    if (!owner.ok) return owner;
    const boundaries = { addresses, sealed: values.bytes };
    const wrong = falseCommitments(owner.value, boundaries, commitments);
    return wrong.ok ? ok({ checked: addresses.length, wrong: wrong.value }) : wrong;
}

/** Registers of a record and where they take their keys from. */
type Body = Pick<UsageBody, "commitments" | "sealEpoch" | "values"> & {
    readonly addresses: readonly TreeAddress[];
};

/** Usage, or the registers at the end of a seal epoch; null for a record of anything else. */
function committedBody(record: MeterRecord): Result<Body | null> {
    if (record.recordClass === RECORD_CLASS.billing) {
        const event = eventOf(record);
        if (!event.ok) return event;
        return ok({
            ...event.value,
            addresses: [{ level: LEVEL.event, index: event.value.index }],
        });
    }
    if (record.recordClass !== RECORD_CLASS.usage) return ok(null);
    const usage = usageOf(record);
    if (!usage.ok) return usage;
    const addresses = expandAddresses(usage.value);
    return addresses.ok ? ok({ ...usage.value, addresses: addresses.value }) : addresses;
}
