import { bytesEqual } from "@meterseal/core";
import { chainKey, type Finality, type RecordOutcome } from "@meterseal/ledger";
import type { MeterRecord } from "@meterseal/record";

/** A record that the ledger has accepted, and the entry that carries it; null for one not told of. */
export type FinalRecord = { readonly record: MeterRecord; readonly finality: Finality | null };

/**
 * Knows which entries carry records that wait in the ledger for an earlier one of their chain: such a
 * record is accepted with an entry that does not carry it. They are as few as the ledger's own
 * ({@link LIMITS.pendingRecords} a chain).
 */
export class PendingPlaces {
    readonly #leaves = new Map<string, number>();

    /** Takes in a final vertex; the records of earlier ones that it has let in, in chain order. */
    follow(
        records: readonly MeterRecord[],
        outcomes: readonly RecordOutcome[],
        { checkpoint, leafIndex }: Finality,
    ): FinalRecord[] {
        const released: FinalRecord[] = [];
        for (const [i, outcome] of outcomes.entries()) {
            const record = records[i];
            if (record === undefined) continue;
            if (outcome.kind === "pending") {
                const name = placeOf(record);
                if (!this.#leaves.has(name)) this.#leaves.set(name, leafIndex);
            }
            if (outcome.kind !== "accepted") continue;
            for (const each of outcome.released) {
                const isHere = records.some(({ message }) =>
                    bytesEqual(message.hash, each.message.hash),
                );
                const carriedBy = this.#leaves.get(placeOf(each)) ?? (isHere ? leafIndex : null);
                this.#leaves.delete(placeOf(each));
                const finality = carriedBy === null ? null : { leafIndex: carriedBy, checkpoint };
                released.push({ record: each, finality });
            }
        }
        return released;
    }
}

function placeOf({ chainEpoch, seq, subject }: MeterRecord): string {
    return `${chainKey(subject, chainEpoch)}/${seq}`;
}
