import { createLadder, unwrap, windowEdges } from "@meterseal/core";
import { sealedStreamOf } from "@meterseal/meter";
import { parseRecord, usageOf } from "@meterseal/record";
import {
    BoundaryLine,
    coverKeys,
    type KeySource,
    openDifference,
    ownerKeys,
    type Point,
    StreamLine,
    type SumEnd,
    sumEndOf,
    sumWindows,
    type WindowSum,
} from "@meterseal/seal";
import type { StoreReader } from "@meterseal/stores/sqlite";
import { type BenchMeter, SLOT_SECONDS, ZONE } from "./meters.ts";

const ladder = unwrap(createLadder(ZONE, SLOT_SECONDS));

/** Boundaries of a meter as a server's index holds them. */
export async function lineOfMeter(reader: StoreReader, meter: BenchMeter): Promise<StreamLine> {
    const line = new BoundaryLine();
    for await (const { bytes } of reader.recordsOf(meter.subject)) {
        const { count, firstSlot, flags } = unwrap(usageOf(unwrap(parseRecord(bytes))));
        line.append(firstSlot, count, flags);
    }
    const ends = { opening: null, closing: null };
    return unwrap(StreamLine.of([{ sealEpoch: 0, line, endSlot: line.last ?? 0, ...ends }]));
}

/** Sums of the civil months of a range, as the API answers them: with coverage and records. */
export function monthSums(
    reader: StoreReader,
    meter: BenchMeter,
    line: StreamLine,
    range: { readonly from: number; readonly to: number },
): Promise<WindowSum[]> {
    const { edges } = unwrap(windowEdges(ladder, "month", range.from, range.to, 100));
    const source = async (point: Point): Promise<SumEnd> => {
        const slot = point.kind === "boundary" ? point.slot : 0;
        for await (const { bytes } of reader.recordsInSlots(meter.subject, slot, slot)) {
            const end = sumEndOf(unwrap(parseRecord(bytes)), point);
            if (end.ok) return end.value;
        }
        throw new Error(`no record holds slot ${slot}`);
    };
    return sumWindows({ line, ladder, edges, nearest: 3, source });
}

/** What the holder of a grant of days has: covers of the trees of days and months. */
export function dayGrant(meter: BenchMeter): KeySource {
    const stream = sealedStreamOf(meter.stream);
    const owner = unwrap(ownerKeys(meter.master, stream));
    const covers = [
        unwrap(owner.coverOf(0, 2, 4_700, 5_200)),
        unwrap(owner.coverOf(0, 3, 150, 172)),
    ];
    return unwrap(coverKeys(stream, covers));
}

/** The amount of a window, opened by the holder of a grant. */
export function openWindow(source: KeySource, { parts }: WindowSum): bigint {
    const [part] = parts;
    if (part === undefined) throw new Error("a window without an answer");
    const { difference, from, to } = part;
    return unwrap(openDifference(source, 0, from.address, to.address, difference))[0] ?? 0n;
}
