import { bytesEqual, toHex, unwrap } from "@meterseal/core";
import { parseVertex, type RecordStore } from "@meterseal/ledger";
import { type MeterRecord, parseRecord } from "@meterseal/record";
import type { Admission } from "./admission.ts";
import type { ReceiptBook } from "./receipts.ts";
import type { VertexBuilder } from "./vertex-builder.ts";

/** What {@link takeUp} works with. */
export type TakeUpOptions = {
    readonly store: RecordStore;
    /** Author id of this collector, 16 bytes. */
    readonly author: Uint8Array;
    readonly admission: Admission;
    readonly receipts: ReceiptBook;
    /** Own records that the ledger passed over so far and does not hold, in the order of their chains. */
    readonly passed: readonly MeterRecord[];
    readonly builder: VertexBuilder;
};

/**
 * Takes up at start what is on disk and not in the ledger: own vertices on their way, records in none,
 * and those that the ledger passed over, which may have been on their way back when the collector stopped.
 */
export async function takeUp(options: TakeUpOptions): Promise<void> {
    const { admission, author, builder, passed, receipts, store } = options;
    const disputed = new Set<MeterRecord>();
    const readmit = (records: readonly MeterRecord[]): void => {
        for (const record of records) {
            if (admission.readmit(record).kind === "conflict") disputed.add(record);
            if (admission.holds(record)) receipts.noteStored(record);
        }
    };
    readmit(passed);
    const underWay = new Set<string>();
    for await (const { bytes, body } of store.openVertices()) {
        const vertex = unwrap(parseVertex(bytes));
        if (!bytesEqual(vertex.author, author)) continue; // the engine's, from another collector
        const records = body.map((each) => unwrap(parseRecord(each)));
        readmit(records);
        for (const { message } of records) underWay.add(toHex(message.hash));
        builder.resume({ vertex, records });
    }
    const loose = (await store.looseRecords()).map((each) => unwrap(parseRecord(each)));
    readmit(loose);
    // Evidence that the ledger does not take now, it takes never.
    const again = passed.filter(
        (record) =>
            !underWay.has(toHex(record.message.hash)) &&
            (admission.holds(record) || disputed.has(record)),
    );
    const added = again.length === 0 ? [] : await store.insertRecords(again);
    builder.add([...loose, ...added]);
}
