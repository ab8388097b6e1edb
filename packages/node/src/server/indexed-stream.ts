import { toHex } from "@meterseal/core";
import { chainKey, type LedgerState } from "@meterseal/ledger";
import {
    EVENT_KIND,
    eventOf,
    type MeterRecord,
    RECORD_CLASS,
    type RegisterEvent,
    type StreamDescriptor,
    type UsageBody,
    usageOf,
} from "@meterseal/record";
import { BoundaryLine, type EpochLine, type PlacedEvent, StreamLine } from "@meterseal/seal";
import type { StoreReader } from "@meterseal/stores/sqlite";

/** Slots of one chain epoch in a line: from the first one on, up to its last record. */
type ChainSpan = { readonly chainEpoch: number; readonly firstSlot: number; lastSeq: number };

type EpochEntry = {
    readonly line: BoundaryLine;
    readonly chains: ChainSpan[];
    opening: PlacedEvent | null;
    closing: PlacedEvent | null;
};

/** A stream as the index knows it: its boundaries, and no register. */
export class IndexedStream {
    readonly stream: Uint8Array;
    readonly subject: Uint8Array;
    /** Of the latest seal epoch. */
    readonly descriptor: StreamDescriptor;
    /** Seal epochs by number. */
    readonly epochs: ReadonlyMap<number, EpochEntry>;
    /** Last record that was taken in, by chain epoch: each comes once, in the order of its chain. */
    readonly #lastSeq = new Map<number, number>();

    /** @param descriptors - of all seal epochs, ascending; at least one. */
    constructor(
        subject: Uint8Array,
        descriptors: readonly [StreamDescriptor, ...StreamDescriptor[]],
    ) {
        this.subject = subject;
        this.descriptor = descriptors.at(-1) ?? descriptors[0];
        this.stream = this.descriptor.stream;
        this.epochs = new Map(
            descriptors.map(({ sealEpoch }) => [
                sealEpoch,
                { line: new BoundaryLine(), chains: [], opening: null, closing: null },
            ]),
        );
    }

    /** True for a record that is in, or that a later one of its chain is behind. */
    has({ chainEpoch, seq }: Pick<MeterRecord, "chainEpoch" | "seq">): boolean {
        return seq <= (this.#lastSeq.get(chainEpoch) ?? 0);
    }

    /** Takes in an accepted record of the subject; one that is in changes nothing. */
    add(record: MeterRecord): void {
        if (this.has(record)) return;
        const { chainEpoch, seq } = record;
        this.#lastSeq.set(chainEpoch, seq);
        const body = registersOf(record);
        if (body === null || toHex(body.stream) !== toHex(this.stream)) return;
        const epoch = this.epochs.get(body.sealEpoch);
        if (epoch === undefined) return;
        if ("kind" in body) {
            const end = body.kind === EVENT_KIND.opening ? "opening" : "closing";
            epoch[end] = { event: body, place: { chainEpoch, seq } };
            return;
        }
        const { count, firstSlot, flags } = body;
        epoch.line.append(firstSlot, count, flags);
        const chain = epoch.chains.at(-1);
        if (chain?.chainEpoch === chainEpoch) chain.lastSeq = seq;
        else epoch.chains.push({ chainEpoch, firstSlot, lastSeq: seq });
    }
}

/** The registers that a record carries, as far as they parse; null for none. */
export function registersOf(record: MeterRecord): UsageBody | RegisterEvent | null {
    const { recordClass } = record;
    if (recordClass !== RECORD_CLASS.usage && recordClass !== RECORD_CLASS.billing) return null;
    const body = recordClass === RECORD_CLASS.usage ? usageOf(record) : eventOf(record);
    return body.ok ? body.value : null;
}

/**
 * The boundaries of a stream that count now: records of a chain that was frozen since count up to the
 * place in dispute.
 * @throws MetersealError MS_RESEALED where seal epochs overlap.
 */
export async function lineOf(
    { epochs, subject }: IndexedStream,
    state: LedgerState,
    reader: StoreReader,
): Promise<StreamLine> {
    const headSeq = (chainEpoch: number): number =>
        state.chains.get(chainKey(subject, chainEpoch))?.headSeq ?? 0;
    const counts = (placed: PlacedEvent | null): PlacedEvent | null =>
        placed !== null && placed.place.seq <= headSeq(placed.place.chainEpoch) ? placed : null;
    const lines: EpochLine[] = [];
    for (const [sealEpoch, { chains, closing, line, opening }] of epochs) {
        let endSlot = line.last ?? 0;
        for (const { chainEpoch, firstSlot, lastSeq } of chains) {
            const head = headSeq(chainEpoch);
            if (lastSeq <= head) continue;
            const last = await reader.lastUsage(subject, chainEpoch, head);
            endSlot = Math.min(endSlot, last?.lastSlot ?? firstSlot - 1);
        }
        const ends = { opening: counts(opening), closing: counts(closing) };
        lines.push({ sealEpoch, line, endSlot, ...ends });
    }
    const joined = StreamLine.of(lines);
    if (!joined.ok) throw joined.error;
    return joined.value;
}
