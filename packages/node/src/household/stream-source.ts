import { unwrap } from "@meterseal/core";
import { decodeEntry, decodeEvidence, parseItem } from "@meterseal/ledger";
import { kidOf, type MeterRecord, ROLE } from "@meterseal/record";
import { type KeyFile, openHousehold, type StreamEpoch, streamEpochs } from "@meterseal/wallet";

/** What a household has to know of its stream before it grants anything of it. */
export type StreamSource = {
    /** Verified records, in chain order. */
    readonly records: readonly MeterRecord[];
    readonly epochs: readonly StreamEpoch[];
    /** Ids and key ids of the collectors that carried the records. */
    readonly stores: readonly Uint8Array[];
};

/**
 * Reads evidence of the household's meter, all of which must hold: keys of a stream that is not what
 * it seems would be given away for nothing.
 * @throws MetersealError the first fault, or MS_KEY_FOREIGN for another network or meter.
 */
export function sourceOfEvidence(bytes: Uint8Array, key: KeyFile): StreamSource {
    const evidence = unwrap(decodeEvidence(bytes));
    const report = unwrap(openHousehold(evidence, key));
    const { clock, continuity, plausibility, signature } = report.verdicts;
    const fault = [signature, continuity, clock, plausibility].flatMap(({ faults }) => faults)[0];
    if (fault !== undefined) throw fault.error;
    const records = report.records.map(({ record }) => record);
    const stores = evidence.enrolments.flatMap(({ entry }) => storeIn(entry));
    return { records, stores, epochs: unwrap(streamEpochs(key, records)) };
}

/** Id and key id of a collector that an entry of the log admits; nothing of another entry. */
function storeIn(entry: Uint8Array): Uint8Array[] {
    const item = parseItem(unwrap(decodeEntry(entry)).item);
    if (!item.ok || item.value.kind !== "enrolment") return [];
    const { id, key, role } = item.value.enrolment;
    return role === ROLE.collector ? [id, kidOf(key)] : [];
}

/** The source of a household of which no record is at hand: one seal epoch, as the key file says. */
export function sourceOfKey(key: KeyFile): StreamSource {
    return { records: [], stores: [], epochs: unwrap(streamEpochs(key, [])) };
}
