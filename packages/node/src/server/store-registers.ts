import { bytesEqual, error, toHex, unwrap } from "@meterseal/core";
import { chainKey, hashAt, type LedgerState, parseStoredRecord } from "@meterseal/ledger";
import { isSummarized, type MeterRecord, RECORD_CLASS, usageOf } from "@meterseal/record";
import { type Point, type SumEnd, sumEndOf } from "@meterseal/seal";
import type { StoreReader } from "@meterseal/stores/sqlite";
import type { IndexedStream } from "./indexed-stream.ts";

/** Records of one stream as its sums need them: those that the ledger accepted, parsed once. */
export class StoreRegisters {
    readonly #stream: IndexedStream;
    readonly #state: LedgerState;
    readonly #reader: StoreReader;
    /** The last record that was asked for: neighbours mostly stand in one. */
    #last: MeterRecord | null = null;

    constructor(stream: IndexedStream, state: LedgerState, reader: StoreReader) {
        this.#stream = stream;
        this.#state = state;
        this.#reader = reader;
    }

    /** Registers of a point of the stream's line, with the record that carries them. */
    async endOf(point: Point): Promise<SumEnd> {
        return unwrap(sumEndOf(await this.recordOf(point), point));
    }

    /**
     * Record that carries a point of the stream's line.
     * @throws MetersealError MS_NOT_FOUND where the store lacks a record that the log has, MS_PRUNED where
     * it has given up its bytes.
     */
    async recordOf(point: Point): Promise<MeterRecord> {
        if (point.kind === "boundary" && carries(this.#last, point.sealEpoch, point.slot)) {
            return this.#last as MeterRecord;
        }
        const found =
            point.kind === "boundary"
                ? await this.#atSlot(point.sealEpoch, point.slot)
                : await this.#atPlace(point.placed.place.chainEpoch, point.placed.place.seq);
        if (found === null) {
            throw error("MS_NOT_FOUND", {
                where: `stream ${toHex(this.#stream.stream)}, seal epoch ${point.sealEpoch}`,
            });
        }
        this.#last = found;
        return found;
    }

    async #atSlot(sealEpoch: number, slot: number): Promise<MeterRecord | null> {
        const rows = this.#reader.recordsInSlots(this.#stream.subject, slot, slot);
        for await (const { bytes } of rows) {
            const record = this.#accepted(bytes);
            if (!carries(record, sealEpoch, slot) || !this.#isOwn(record)) continue;
            if (record !== null && isSummarized(record)) {
                const where = `records of stream ${toHex(this.#stream.stream)} at slot ${slot}`;
                throw error("MS_PRUNED", { where, todo: "Ask for a later range." });
            }
            return record;
        }
        return null;
    }

    async #atPlace(chainEpoch: number, seq: number): Promise<MeterRecord | null> {
        for (const row of await this.#reader.recordsAt(this.#stream.subject, chainEpoch, seq)) {
            const record = this.#accepted(row.bytes);
            if (record?.recordClass === RECORD_CLASS.billing) return record;
        }
        return null;
    }

    /** The record, where it is the one that the ledger accepted at its place. */
    #accepted(bytes: Uint8Array): MeterRecord | null {
        const record = parseStoredRecord(bytes);
        if (!record.ok) return null;
        const { chainEpoch, message, seq, subject } = record.value;
        const chain = this.#state.chains.get(chainKey(subject, chainEpoch));
        const accepted = chain === undefined ? undefined : hashAt(chain, seq);
        return accepted !== undefined && bytesEqual(accepted, message.hash) ? record.value : null;
    }

    #isOwn(record: MeterRecord | null): boolean {
        const usage = record === null ? null : usageOf(record);
        return usage?.ok === true && bytesEqual(usage.value.stream, this.#stream.stream);
    }
}

function carries(record: MeterRecord | null, sealEpoch: number, slot: number): boolean {
    if (record?.recordClass !== RECORD_CLASS.usage) return false;
    const usage = usageOf(record);
    if (!usage.ok || usage.value.sealEpoch !== sealEpoch) return false;
    const { count, firstSlot } = usage.value;
    return slot >= firstSlot && slot < firstSlot + count;
}
