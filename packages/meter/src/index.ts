/**
 * Layer 4: the meter's own software and its simulator. I/O through ports.
 *
 * @packageDocumentation
 */
export { adjustmentCount, measuredOf } from "./adjustments.ts";
export { MeterAgent } from "./agent.ts";
export type { ClockAhead, ClockWatcher } from "./clock-ahead.ts";
export type { MonotonicCounter } from "./counter.ts";
export {
    LONDON_INTERVALS_PER_DAY,
    LONDON_SLOT_SECONDS,
    type LondonHome,
    londonSeries,
    parseLondonCsv,
} from "./csv/london-csv.ts";
export type { PlainCsvOptions } from "./csv/plain-csv.ts";
export { parseReadingsCsv, type ReadingsOptions } from "./csv/readings-csv.ts";
export {
    boundsOf,
    type ReadingSeries,
    type SeriesBoundary,
    seriesBoundaries,
} from "./csv/series.ts";
export { type EpochClosing, type EpochOpening, endFault, firstSlotFrom } from "./epoch-ends.ts";
export { createLinkToken } from "./link-token.ts";
export type { MeterAgentOptions, MeterMemory } from "./options.ts";
export { Outbox } from "./outbox.ts";
export { type MeterProfile, sealedStreamOf } from "./profile.ts";
export { conditionReadings, type ReadingSegment } from "./readings/condition.ts";
export {
    type ReadingBreak,
    ReadingConditioner,
    type ReadingStart,
    type Taken,
} from "./readings/conditioner.ts";
export type { RawReading, ReadingRules } from "./readings/raw-reading.ts";
export type { Boundary } from "./sealer.ts";
export { parseCaliforniaCsv } from "./simulator/california-csv.ts";
export {
    LONDON_YEAR,
    type RegisterBoundary,
    registerSeries,
} from "./simulator/register-series.ts";
export { decodeMeterState, type MeterState } from "./state.ts";
