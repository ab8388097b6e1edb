import { toHex, unwrap } from "@meterseal/core";
import type { MeterRecord } from "@meterseal/record";
import { differenceOf, type TreeAddress } from "@meterseal/seal";
import { type RecordedStream, readStream } from "@meterseal/tariff";

/** The sum of a range as a store has it: two addresses, and a number that means nothing without keys. */
export type SealedSum = {
    readonly from: TreeAddress;
    readonly to: TreeAddress;
    readonly difference: BigUint64Array;
};

/** A server without keys: it holds signed records and adds up what it cannot read. */
export class Store {
    readonly #streams = new Map<string, RecordedStream>();

    /** Takes the records of a stream. */
    put(streamId: Uint8Array, records: readonly MeterRecord[]): void {
        this.#streams.set(toHex(streamId), unwrap(readStream(records, streamId)));
    }

    /** Everything that the store has of a stream: addresses, sealed registers, commitments. */
    recorded(streamId: Uint8Array): RecordedStream {
        const found = this.#streams.get(toHex(streamId));
        if (found === undefined) throw new Error("a stream of the store");
        return found;
    }

    /** Boundaries of a stream, ascending. */
    boundaries(streamId: Uint8Array): RecordedStream["epochs"][number]["boundaries"] {
        return this.recorded(streamId).epochs[0]?.boundaries ?? [];
    }

    /** The sealed sum between two instants. */
    sum(streamId: Uint8Array, fromUnix: number, toUnix: number): SealedSum {
        const at = (unix: number) => {
            const found = this.boundaries(streamId).find(({ atUnix }) => atUnix === unix);
            if (found === undefined) throw new Error("a boundary of the store");
            return found;
        };
        const [from, to] = [at(fromUnix), at(toUnix)];
        const difference = unwrap(differenceOf(from.sealed, to.sealed));
        return { from: from.address, to: to.address, difference };
    }
}
