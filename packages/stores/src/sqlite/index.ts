/**
 * Durable stores on SQLite: the server's `store.db` and `grants.db`, and a meter's `outbox.db`.
 *
 * @packageDocumentation
 */
export { type CopyOptions, copyServerFile } from "./backup.ts";
export { compactServerStore, isCompactionDue, noteCompactionDue } from "./compact.ts";
export { BOX_FILE, openGrantBox, type SqliteGrantBox } from "./grant-box.ts";
export {
    lockMeter,
    METER_FILE,
    type MeterStoreOptions,
    openMeterStore,
    type SqliteMeterStore,
} from "./meter-store.ts";
export type { StoreReader } from "./read.ts";
export { joinRecord, type RecordParts } from "./record-bytes.ts";
export type { CheckpointRow, LoggedVertexRow, LogRow, RecordRow, VertexRow } from "./rows.ts";
export {
    type Durability,
    openServerStore,
    SERVER_FILE,
    type ServerStore,
    type ServerStoreOptions,
} from "./server-store.ts";
export { type SlotColumns, slotsOf } from "./slots.ts";
export type { StoreCounts } from "./summary.ts";
