import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { decodeGenesis, networkIdOf, parseItem, recordName } from "@meterseal/ledger";
import {
    type Enrolment,
    kidOf,
    type MeterRecord,
    parseRecord,
    verifySign1,
} from "@meterseal/record";
import type { StoreReader } from "@meterseal/stores/sqlite";
import type { KeyFile } from "@meterseal/wallet";
import { distinctRecords } from "../distinct-records.ts";

/**
 * Records of a household's meter in chain order, each signed by a key that the network of the key
 * file admitted and naming the one before; where some were pruned those behind the last of them. The
 * whole check, with proofs, is `verify`.
 * @throws MetersealError MS_KEY_FOREIGN where the store is of another network or knows no such
 * meter, MS_SIGNATURE_BAD or MS_CHAIN_MISMATCH naming the first record that does not hold.
 */
export async function readOwnRecords(
    where: string,
    reader: StoreReader,
    key: KeyFile,
): Promise<{ readonly records: readonly MeterRecord[]; readonly isPruned: boolean }> {
    const enrolments = await readEnrolments(where, reader, key);
    const pruned = await reader.lastPruned(key.meter);
    const from = pruned === null ? undefined : { ...pruned, seq: pruned.seq + 1 };
    const records: MeterRecord[] = [];
    for await (const row of distinctRecords(reader.recordsOf(key.meter, from))) {
        const record = unwrap(parseRecord(row.bytes));
        const enrolment = enrolments.get(toHex(record.message.kid));
        const place = recordName(record);
        if (enrolment === undefined || !verifySign1(record.message, enrolment.key)) {
            throw error("MS_SIGNATURE_BAD", { where: place, todo: "Run: meterseal verify" });
        }
        const before = records.at(-1);
        const isCut = before === undefined && pruned !== null;
        const anchor = before === undefined || before.chainEpoch !== record.chainEpoch;
        const prev = anchor ? enrolment.message.hash : before.message.hash;
        if (!isCut && !bytesEqual(record.prev, prev)) {
            throw error("MS_CHAIN_MISMATCH", { where: place, todo: "Run: meterseal verify" });
        }
        records.push(record);
    }
    if (records.length > 0) return { records, isPruned: pruned !== null };
    throw error("MS_KEY_FOREIGN", { where, got: `no record of meter ${toHex(key.meter)}` });
}

/** Enrolments of the household's meter by key id, signed by the operator whom the key file pins. */
async function readEnrolments(
    where: string,
    reader: StoreReader,
    key: KeyFile,
): Promise<ReadonlyMap<string, Enrolment>> {
    const bytes = (await reader.meta()).find((row) => row.key === "genesis")?.value;
    if (bytes === undefined || !bytesEqual(networkIdOf(bytes), key.network)) {
        throw error("MS_KEY_FOREIGN", { where, expected: `network ${toHex(key.network)}` });
    }
    const { operator } = unwrap(decodeGenesis(bytes));
    const enrolments = new Map<string, Enrolment>();
    for await (const { item } of reader.log()) {
        const parsed = item === null ? null : parseItem(item);
        if (!parsed?.ok || parsed.value.kind !== "enrolment") continue;
        const { enrolment } = parsed.value;
        if (!bytesEqual(enrolment.id, key.meter)) continue;
        if (!verifySign1(enrolment.message, operator)) continue;
        enrolments.set(toHex(kidOf(enrolment.key)), enrolment);
    }
    return enrolments;
}
