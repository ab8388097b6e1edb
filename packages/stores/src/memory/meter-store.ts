import { error } from "@meterseal/core";
import type { MeterStore, OutboxRecord } from "@meterseal/record";
import type { StoreHooks } from "../hooks.ts";
import { Life } from "./life.ts";

/** What survives a crash. */
type Disk = {
    state: Uint8Array | null;
    stored: Uint8Array | null;
    final: Uint8Array | null;
    /** By {@link keyOf}. */
    readonly outbox: Map<string, OutboxRecord>;
};

/** Double of a meter's durable memory, with the rules of the real one and a crash. */
export class MemoryMeterStore implements MeterStore {
    readonly #life: Life;
    readonly #disk: Disk;

    constructor(
        hooks: StoreHooks = {},
        disk: Disk = { state: null, stored: null, final: null, outbox: new Map() },
    ) {
        this.#life = new Life(hooks);
        this.#disk = disk;
    }

    /** Ends this store and opens another one on what was durable. */
    crash(hooks: StoreHooks = {}): MemoryMeterStore {
        this.#life.end("crashed");
        return new MemoryMeterStore(hooks, this.#disk);
    }

    state(): Promise<Uint8Array | null> {
        return this.#life.read(() => this.#disk.state?.slice() ?? null);
    }

    append(state: Uint8Array, record: OutboxRecord | null): Promise<void> {
        return this.#life.write("append", () => {
            const next = state.slice();
            const row = record === null ? null : copyOf(record);
            if (row !== null && this.#disk.outbox.has(keyOf(row))) {
                throw error("MS_REPLAYED", { where: `outbox record ${keyOf(row)}` });
            }
            return () => {
                this.#disk.state = next;
                if (row !== null) this.#disk.outbox.set(keyOf(row), row);
            };
        });
    }

    outbox(): Promise<OutboxRecord[]> {
        return this.#life.read(() =>
            [...this.#disk.outbox.values()]
                .sort((a, b) => a.chainEpoch - b.chainEpoch || a.seq - b.seq)
                .map(copyOf),
        );
    }

    keepStored(receipt: Uint8Array): Promise<void> {
        return this.#life.write("keepStored", () => {
            const copy = receipt.slice();
            return () => {
                this.#disk.stored = copy;
            };
        });
    }

    keepFinal(receipt: Uint8Array, chainEpoch: number, seq: number): Promise<void> {
        return this.#life.write("keepFinal", () => {
            const copy = receipt.slice();
            return () => {
                this.#disk.final = copy;
                for (const [key, row] of this.#disk.outbox) {
                    const covered =
                        row.chainEpoch < chainEpoch ||
                        (row.chainEpoch === chainEpoch && row.seq <= seq);
                    if (covered) this.#disk.outbox.delete(key);
                }
            };
        });
    }

    receipts(): Promise<{ readonly stored: Uint8Array | null; readonly final: Uint8Array | null }> {
        return this.#life.read(() => ({
            stored: this.#disk.stored?.slice() ?? null,
            final: this.#disk.final?.slice() ?? null,
        }));
    }

    /** Ends the store without losing anything: {@link crash} opens it again. */
    close(): Promise<void> {
        this.#life.end("closed");
        return Promise.resolve();
    }
}

function keyOf(record: OutboxRecord): string {
    return `${record.chainEpoch}/${record.seq}`;
}

function copyOf(record: OutboxRecord): OutboxRecord {
    return { ...record, hash: record.hash.slice(), bytes: record.bytes.slice() };
}
