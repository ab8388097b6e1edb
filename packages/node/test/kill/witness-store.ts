import { toHex, unwrap } from "@meterseal/core";
import { type MeterStore, type OutboxRecord, parseReceipt, type Receipt } from "@meterseal/record";
import { openMeterStore } from "@meterseal/stores/sqlite";

/** Everything that one meter wrote and everything that it was told, in memory. */
export class WitnessStore implements MeterStore {
    /** Records by sequence number. */
    readonly records: Map<number, OutboxRecord> = new Map();
    readonly heard: Receipt[] = [];
    readonly #store: MeterStore;

    private constructor(store: MeterStore) {
        this.#store = store;
    }

    /** Opens a meter's real store with a witness around it. */
    static async open(meterDir: string): Promise<WitnessStore> {
        const witness = new WitnessStore(await openMeterStore(meterDir));
        for (const record of await witness.outbox()) witness.records.set(record.seq, record);
        return witness;
    }

    /** Hashes (hexadecimal) of the records that the collector has acknowledged. */
    acknowledged(): string[] {
        const last = Math.max(0, ...this.heard.map((receipt) => receipt.seq));
        return [...this.records.values()]
            .filter((record) => record.seq <= last)
            .map((record) => toHex(record.hash));
    }

    state(): Promise<Uint8Array | null> {
        return this.#store.state();
    }

    async append(state: Uint8Array, record: OutboxRecord | null): Promise<void> {
        await this.#store.append(state, record);
        if (record === null) return;
        if (this.records.has(record.seq)) throw new Error(`record ${record.seq} twice`);
        this.records.set(record.seq, record);
    }

    outbox(): Promise<OutboxRecord[]> {
        return this.#store.outbox();
    }

    keepStored(receipt: Uint8Array): Promise<void> {
        this.heard.push(unwrap(parseReceipt(receipt)));
        return this.#store.keepStored(receipt);
    }

    keepFinal(receipt: Uint8Array, chainEpoch: number, seq: number): Promise<void> {
        this.heard.push(unwrap(parseReceipt(receipt)));
        return this.#store.keepFinal(receipt, chainEpoch, seq);
    }

    receipts(): ReturnType<MeterStore["receipts"]> {
        return this.#store.receipts();
    }

    close(): Promise<void> {
        return this.#store.close();
    }
}
