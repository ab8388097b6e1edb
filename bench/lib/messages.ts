import type { Collector } from "@meterseal/collector";
import { concatBytes, LIMITS, toHex } from "@meterseal/core";
import { type BenchMeter, ChainWriter } from "./meters.ts";

/** A message and its sender. */
export type PackedMessage = { readonly subjectHex: string; readonly message: Uint8Array };

const MESSAGES_UNDER_WAY = 16;

/** Hands messages to a collector in this process; resolves when all are durable. */
export async function feed(
    collector: Collector,
    messages: readonly PackedMessage[],
): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
        for (let each = messages[next++]; each !== undefined; each = messages[next++]) {
            await collector.receive(each.subjectHex, each.message);
        }
    };
    await Promise.all(Array.from({ length: MESSAGES_UNDER_WAY }, lane));
}

/** Messages of as many whole records as the limit of a message allows, meters in turn. */
export async function packMessages(
    meters: readonly BenchMeter[],
    anchors: readonly Uint8Array[],
    recordsPerMeter: number,
    readingsPerRecord: number,
): Promise<PackedMessage[]> {
    const perMeter: Uint8Array[][] = [];
    for (const [i, meter] of meters.entries()) {
        const writer = new ChainWriter(meter, i, anchors[i] ?? new Uint8Array(32));
        const messages: Uint8Array[] = [];
        let records: Uint8Array[] = [];
        let size = 0;
        for (let n = 0; n < recordsPerMeter; n++) {
            const record = await writer.next(readingsPerRecord);
            const isFull = records.length >= LIMITS.messageRecords;
            if (isFull || size + record.length > LIMITS.messageBytes) {
                messages.push(concatBytes(...records));
                records = [];
                size = 0;
            }
            records.push(record);
            size += record.length;
        }
        messages.push(concatBytes(...records));
        perMeter.push(messages);
    }
    const longest = Math.max(...perMeter.map((messages) => messages.length));
    return Array.from({ length: longest }, (_, turn) =>
        perMeter.flatMap((messages, i) => {
            const message = messages[turn];
            const subjectHex = toHex(meters[i]?.subject ?? new Uint8Array());
            return message === undefined ? [] : [{ subjectHex, message }];
        }),
    ).flat();
}
